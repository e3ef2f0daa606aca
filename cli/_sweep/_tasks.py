"""From a study to its runs: every run is one canonical description, addressed by its content."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ...circuits import DesignError, Program, ProgramError, make_topology
from ...files import JSON, UnreadableFile, read_bytes, reasons
from .._errors import InputError
from ._parameters import points
from ._size import check_size
from ._study import CircuitSettings, Study
from ._units import number, written

SCHEMA = 2
"""Raised whenever a change of the code changes what a run means; older results are then not taken for new ones."""

Task = dict[str, Any]
"""Plain JSON values: all that a run depends on, and nothing else."""

_NOT_PHYSICS = ("description", "sources")


@dataclass(frozen=True, slots=True)
class Run:
    """A row of the study's table."""

    index: int
    point: int
    chip: int
    """Seed of the chip, or of the training run."""
    values: Mapping[str, Any]
    """Of the parameters, as the fields have them."""
    task: Task
    key: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a study wants to know."""

    points: tuple[Mapping[str, Any], ...]
    chips: tuple[int, ...]
    runs: tuple[Run, ...]
    references: tuple[Run, ...] = ()
    """One for each chip: what the losses are divided by."""

    def axis(self, name: str) -> list[Any]:
        """The values of a parameter, each once, in the order of the points."""
        return list({repr(point[name]): point[name] for point in self.points}.values())

    def at(self, values: Mapping[str, Any], records: Sequence[Any]) -> list[Any]:
        """Those of the runs' records that belong to the point with these values."""
        return [record for run, record in zip(self.runs, records, strict=True) if self.points[run.point] == values]


def key_of(task: Task) -> str:
    """SHA-256 of the canonical description."""
    text = json.dumps(task, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def plan(study: Study, where: str) -> Plan:
    """The runs of a study, points first, chips within each point.

    Raises:
        InputError: a parameter that is not a field, a value that does not fit, too many runs.
    """
    base = _base(study, where)
    check_size(study, where)
    try:
        found = points(study.parameters, study.method, study.samples, study.seed, base.read)
    except ValueError as error:
        # An experiment's error names the file already.
        text = str(error).removeprefix(f"{where}: ")
        raise InputError(f"{where}: {text}") from None
    chips = tuple(range(study.seed, study.seed + study.instances))
    rows: list[dict[str, Any]] = []
    runs: list[Run] = []
    for p, values in enumerate(found):
        common, row = base.at({name: written(name, value) for name, value in values.items()})
        rows.append(row)
        runs += [_run(len(runs) + k, p, chip, row, common) for k, chip in enumerate(chips)]
    references = base.at(study.reference) if study.reference else None
    against = tuple(_run(-1, -1, chip, references[1], references[0]) for chip in chips) if references else ()
    return Plan(tuple(rows), chips, tuple(runs), against)


def _run(index: int, point: int, chip: int, row: Mapping[str, Any], common: Task) -> Run:
    task = {"schema": SCHEMA, **common, "instance": chip if common["instance"] else None}
    return Run(index, point, chip, row, task, key_of(task))


def _base(study: Study, where: str) -> "_CircuitBase | Any":
    if study.circuit is not None:
        return _CircuitBase(study.circuit, study.seed, where)
    from ._training import TrainingBase

    return TrainingBase(study.training or {}, where)


class _CircuitBase:
    """The fields of a circuit study, and how its points become tasks."""

    def __init__(self, settings: CircuitSettings, seed: int, where: str) -> None:
        self._plain, self._seed, self._where = settings.model_dump(mode="json"), seed, where

    def read(self, name: str, value: Any) -> Any:
        """A value as the field has it."""
        path = _path(name, "circuit")
        return number(name, get(self._settings({name: value}).model_dump(mode="json"), path))

    def at(self, values: Mapping[str, Any]) -> tuple[Task, dict[str, Any]]:
        """What the runs of a point have in common, and its parameters as the fields have them.

        `instance` says whether chips differ.
        """
        settings = self._settings(values)
        self._check_cells(settings)
        plain = settings.model_dump(mode="json")
        design = settings.design.corner(settings.corner).to_dict()
        task = {
            "kind": "circuit",
            **{key: value for key, value in plain.items() if key not in ("design", "corner", "mismatch", "program")},
            "design": {key: value for key, value in design.items() if key not in _NOT_PHYSICS},
            "program": self._program(settings),
            "instance": settings.mismatch,
        }
        return task, {name: number(name, get(plain, _path(name, "circuit"))) for name in values}

    def _check_cells(self, settings: CircuitSettings) -> None:
        try:
            make_topology(settings.topology, settings.size)
        except DesignError as error:
            raise InputError(f"{self._where}: circuit.size: {error}") from None

    def _program(self, settings: CircuitSettings) -> dict[str, Any]:
        given = settings.program
        if (given.A is None) != (given.b is None):
            raise InputError(f"{self._where}: circuit.program: A and b belong together; give both")
        if given.A is None:
            seed = self._seed if given.seed is None else given.seed
            return {"condition": given.condition, "symmetric": given.symmetric, "seed": seed}
        try:
            make_topology(settings.topology, settings.size).check(Program(given.A, given.b))
        except (ProgramError, DesignError) as error:
            raise InputError(f"{self._where}: circuit.program: {error}") from None
        return {"A": given.A, "b": given.b}

    def _settings(self, values: Mapping[str, Any]) -> CircuitSettings:
        plain = json.loads(json.dumps(self._plain))
        for name, value in values.items():
            put(plain, _path(name, "circuit"), value, f"{self._where}: parameters.{name}")
        try:
            return CircuitSettings.model_validate(plain)
        except ValidationError as error:
            names = ", ".join(f"{name} = {_short(value)}" for name, value in values.items())
            raise InputError(f"{self._where}: parameters: {names}: {reasons(error)}") from None


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _path(name: str, block: str) -> tuple[str, ...]:
    return tuple(name.removeprefix(f"{block}.").split("."))


def get(plain: Any, path: tuple[str, ...]) -> Any:
    """The value at a path of nested mappings."""
    for part in path:
        plain = plain[part]
    return plain


def put(plain: Any, path: tuple[str, ...], value: Any, where: str) -> None:
    """Replace the value at a path of nested mappings.

    Raises:
        InputError: there is no such field.
    """
    for k, part in enumerate(path):
        if not isinstance(plain, dict) or part not in plain:
            inside = ".".join(path[:k])
            fields = f"; the fields of {inside or 'a run'} are {', '.join(plain)}" if isinstance(plain, dict) else ""
            missing = f"; {inside} is {plain}" if not isinstance(plain, dict) else fields
            raise InputError(f"{where}: unknown field {part!r}{missing}")
        if k == len(path) - 1:
            if isinstance(plain[part], dict) and not isinstance(value, dict):
                raise InputError(f"{where}: expected one of its fields: {', '.join(plain[part])}")
            plain[part] = value
        else:
            plain = plain[part]


def digest_of(path: Path) -> str:
    """SHA-256 of a file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return hashlib.sha256(read_bytes(path, JSON)).hexdigest()
    except UnreadableFile as error:
        raise InputError(f"{path}: cannot be read: {error.reason}") from None
