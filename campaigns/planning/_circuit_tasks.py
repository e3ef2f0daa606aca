"""Points of a circuit study."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from ...circuits import DesignError, Program, ProgramError, make_topology
from ...files import reasons
from .._exceptions import StudyError
from ..studies import CircuitSettings, number
from ._task import RunTask, get, path_of, put

_NOT_PHYSICS = ("description", "sources")


class CircuitBase:
    """The fields of a circuit study, and how its points become tasks."""

    def __init__(self, settings: CircuitSettings, seed: int, where: str) -> None:
        self._plain = settings.model_dump(mode="json")
        self._seed = seed
        self._where = where

    def read(self, name: str, value: Any) -> Any:
        """A value as the field has it."""
        path = path_of(name, "circuit")
        return number(name, get(self._settings({name: value}).model_dump(mode="json"), path))

    def own(self, name: str) -> Any:
        """The value that the study's settings have."""
        return number(name, get(self._plain, path_of(name, "circuit")))

    def at(self, values: Mapping[str, Any]) -> tuple[RunTask, dict[str, Any]]:
        """What the runs of a point have in common, and its parameters as the fields have them.

        `instance` says whether chips differ.
        """
        settings = self._settings(values)
        self._check_cells(settings)
        plain = settings.model_dump(mode="json")
        design = settings.design.corner(settings.corner).to_dict()
        apart = {"design", "corner", "mismatch", "program"}
        if settings.engine == "ngspice":
            # As in the studies from before there was a choice, whose runs stay what they are.
            apart.add("engine")
        task = {
            "kind": "circuit",
            **{key: value for key, value in plain.items() if key not in apart},
            "design": {key: value for key, value in design.items() if key not in _NOT_PHYSICS},
            "program": self._program(settings),
            "instance": settings.mismatch,
        }
        return task, {name: number(name, get(plain, path_of(name, "circuit"))) for name in values}

    def _check_cells(self, settings: CircuitSettings) -> None:
        try:
            make_topology(settings.topology, settings.size)
        except DesignError as error:
            raise StudyError(f"{self._where}: circuit.size: {error}") from None

    def _program(self, settings: CircuitSettings) -> dict[str, Any]:
        given = settings.program
        if (given.A is None) != (given.b is None):
            raise StudyError(f"{self._where}: circuit.program: A and b belong together; give both")
        if given.per_chip:
            return {"condition": given.condition, "symmetric": given.symmetric, "per_chip": True}
        if given.A is None:
            seed = self._seed if given.seed is None else given.seed
            return {"condition": given.condition, "symmetric": given.symmetric, "seed": seed}
        try:
            make_topology(settings.topology, settings.size).check(Program(given.A, given.b))
        except (ProgramError, DesignError) as error:
            raise StudyError(f"{self._where}: circuit.program: {error}") from None
        return {"A": given.A, "b": given.b}

    def _settings(self, values: Mapping[str, Any]) -> CircuitSettings:
        plain = json.loads(json.dumps(self._plain))
        for name, value in values.items():
            put(plain, path_of(name, "circuit"), value, f"{self._where}: parameters.{name}")
        try:
            return CircuitSettings.model_validate(plain)
        except ValidationError as error:
            names = ", ".join(f"{name} = {_short(value)}" for name, value in values.items())
            raise StudyError(f"{self._where}: parameters: {names}: {reasons(error)}") from None


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
