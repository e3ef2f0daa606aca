"""JSON to the parts of an instance, and back."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ...files import FileError, UnreadableFile, read_json
from .._exceptions import DesignError
from ..networks import Parasitics
from ..topologies import Errors, Topology, make_topology

_SCHEMA = 1

Made = TypeVar("Made")

Maker = Callable[[Any, Topology, Errors, Any, Parasitics], Made]
"""Makes an instance of a design's plain data, topology, deviations, seed and parasitics."""


def plain_instance(
    design: dict[str, Any], topology: Topology, errors: Errors, seed: int | None, parasitics: Parasitics
) -> dict[str, Any]:
    """Plain data that `made_of_plain` reads back without loss."""
    sizes = asdict(topology)  # type: ignore[call-overload]  # every topology is a dataclass of its sizes
    return {
        "schema": _SCHEMA,
        "design": design,
        "topology": {"name": topology.name, **sizes},
        "seed": seed,
        "errors": {name: values.tolist() for name, values in errors.items()},
        # Absent without any, so that such a chip keeps its digest.
        **({"parasitics": parasitics.to_dict()} if parasitics else {}),
    }


def made_of_plain(data: Any, where: str, make: Maker[Made]) -> Made:
    """The instance that plain data describe.

    Raises:
        DesignError: another schema, an unknown topology, or values that do not fit.
    """
    try:
        return _made(data, where, make)
    except (KeyError, TypeError, AttributeError) as error:
        hint = f"{error} is missing" if isinstance(error, KeyError) else "its parts have other types"
        raise DesignError(f"{where}: not an instance (instance.json, as `simulate` writes it): {hint}") from None
    except DesignError:
        raise
    except ValueError as error:
        raise DesignError(f"{where}: not an instance: {error}") from None


def _made(data: Any, where: str, make: Maker[Made]) -> Made:
    if data["schema"] != _SCHEMA:
        raise DesignError(f"{where}: expected schema {_SCHEMA}, got {data['schema']!r}")
    sizes = {key: value for key, value in data["topology"].items() if key != "name"}
    topology = make_topology(data["topology"]["name"], **sizes)
    errors = {str(name): np.array(values, dtype=float) for name, values in data["errors"].items()}
    _check_signs(errors, where)
    parasitics = Parasitics.from_dict(data["parasitics"]) if "parasitics" in data else Parasitics()
    return make(data["design"], topology, errors, data["seed"], parasitics)


def read_plain(path: str | Path) -> Any:
    """The content of an instance's file. Raises `DesignError` where it cannot be read."""
    try:
        return read_json(path)
    except UnreadableFile as error:
        raise DesignError(f"{path}: cannot read the instance: {error.reason}") from None
    except FileError as error:
        raise DesignError(str(error)) from None


def _check_signs(errors: Errors, where: str) -> None:
    """No component has less than nothing; offsets have any sign."""
    for name, values in errors.items():
        if "offset" not in name and bool((values <= -1).any()):
            raise DesignError(
                f"{where}: {name}: expected relative deviations above -1, a component above zero, got {values.min():g}"
            )
