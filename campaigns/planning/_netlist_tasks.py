"""Points of a study of a netlist."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from ...files import reasons
from .._exceptions import StudyError
from ..studies import NetlistSettings, number
from ._task import RunTask, get, path_of, put

_NOT_PHYSICS = ("file", "include", "mismatch")


class NetlistBase:
    """The fields of a study of a netlist, and how its points become tasks."""

    def __init__(self, settings: NetlistSettings, where: str) -> None:
        self._plain = settings.model_dump(mode="json")
        self._where = where

    def read(self, name: str, value: Any) -> Any:
        """A value as the field has it."""
        plain = self._settings({name: value}).model_dump(mode="json")
        return number(name, get(plain, path_of(name, "netlist")))

    def own(self, name: str) -> Any:
        """The value that the study's settings have."""
        return number(name, get(self._plain, path_of(name, "netlist")))

    def at(self, values: Mapping[str, Any]) -> tuple[RunTask, dict[str, Any]]:
        """What the runs of a point have in common, and its parameters as the fields have them."""
        settings = self._settings(values)
        plain = settings.model_dump(mode="json")
        drawn = settings.mismatch and bool(settings.tolerances)
        task = {
            "kind": "netlist",
            **{key: value for key, value in plain.items() if key not in _NOT_PHYSICS},
            "instance": drawn,
        }
        return task, {name: number(name, get(plain, path_of(name, "netlist"))) for name in values}

    def _settings(self, values: Mapping[str, Any]) -> NetlistSettings:
        plain = json.loads(json.dumps(self._plain))
        for name, value in values.items():
            put(plain, path_of(name, "netlist"), value, f"{self._where}: parameters.{name}")
        try:
            return NetlistSettings.model_validate(plain)
        except ValidationError as error:
            names = ", ".join(f"{name} = {value}" for name, value in values.items())
            raise StudyError(f"{self._where}: parameters: {names}: {reasons(error)}") from None
