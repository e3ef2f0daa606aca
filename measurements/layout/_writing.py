"""A measurement: an xarray.Dataset with named dimensions, units and provenance; kept as netCDF."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float, Shaped

from ...circuits import Instance, Level, Network, Program, Scaling
from ._layout import SCHEMA

Variables = Mapping[str, tuple[tuple[str, ...], Float[np.ndarray, "..."], str]]
"""Name: dimensions, values, unit."""

_COORDINATES = ("time", "frequency")


def dataset(
    instance: Instance,
    program: Program,
    level: Level,
    scaling: Scaling,
    variables: Variables,
    attributes: Mapping[str, Any],
) -> xr.Dataset:
    """A measurement of a program on a chip.

    Args:
        instance: the chip.
        program: A and b as given, before scaling.
        level: depth of the amplifiers.
        scaling: how the program was fitted to the device.
        variables: what was measured; `time` and `frequency` become coordinates.
        attributes: provenance; None is left out.
    """
    everything: Variables = {
        "A": (("cell", "cell_in"), np.asarray(program.A), "1"),
        "b": (("cell",), np.asarray(program.b), "V"),
        **_factors(program),
        **variables,
    }
    fitted = {
        "level": level,
        "conductance_scale": float(scaling.conductance),
        "drive_scale": float(scaling.drive),
    }
    cells = {"cell": np.arange(program.n), "cell_in": np.arange(program.n)}
    return _labelled(everything, cells, {**_of_instance(instance), **fitted, **attributes})


def network_dataset(network: Network, variables: Variables, attributes: Mapping[str, Any]) -> xr.Dataset:
    """A measurement of a network that is not a chip with a program; variables and attributes as those of `dataset`."""
    known = {"network": network.name, "temperature": float(network.temperature)}
    cells = {"cell": np.arange(len(network.outputs))}
    if any("cell_in" in dims for dims, _, _ in variables.values()):
        cells["cell_in"] = cells["cell"]
    return _labelled(variables, cells, {**known, **attributes})


def _labelled(variables: Variables, cells: Mapping[str, Any], attributes: Mapping[str, Any]) -> xr.Dataset:
    arrays = {
        name: xr.Variable(dims, np.asarray(values), {"units": unit}, fastpath=True)
        for name, (dims, values, unit) in variables.items()
        if name not in _COORDINATES
    }
    labels = {name: _label(name, values) for name, values in cells.items()}
    labels |= {name: _label(name, *variables[name][1:]) for name in _COORDINATES if name in variables}
    known = {name: value for name, value in attributes.items() if value is not None}
    return xr.Dataset(arrays, labels, {"schema": SCHEMA, **known})


def _label(name: str, values: Shaped[np.ndarray, " k"], unit: str | None = None) -> xr.IndexVariable:
    """Labels of a dimension.

    As a finished index, and arrays by the quick way in: xarray would load dask to ask whether they are its arrays.
    """
    attributes = None if unit is None else {"units": unit}
    return xr.IndexVariable((name,), pd.Index(values), attributes, fastpath=True)  # type: ignore[no-untyped-call]


def _factors(program: Program) -> Variables:
    if program.factors is None:
        return {}
    J, H, damping = program.factors
    return {
        "J": (("rank", "cell"), J, "1"),
        "H": (("rank", "rank_in"), H, "1"),
        "damping": ((), np.asarray(damping), "1"),
    }


def _of_instance(instance: Instance) -> dict[str, Any]:
    return {
        "topology": instance.topology.name,
        **asdict(instance.topology),  # type: ignore[call-overload]  # every topology is a dataclass of its sizes
        "design": json.dumps(instance.design.to_dict()),
        "temperature": float(instance.design.temperature),
        "instance_seed": instance.seed,
        "instance_digest": instance.digest,
    }


def provenance(analysis: str, simulator: str, version: str, deck: str, warnings: Sequence[str]) -> dict[str, Any]:
    """Attributes that say where the numbers come from."""
    return {
        "analysis": analysis,
        "netlist_sha256": hashlib.sha256(deck.encode()).hexdigest(),
        "simulator": simulator,
        "simulator_version": version,
        "warnings": json.dumps(list(warnings)),
    }
