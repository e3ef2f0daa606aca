"""From a study to its runs: every run is one canonical description, addressed by its content."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._exceptions import StudyError
from ..studies import Study, points, written
from ._circuit_tasks import CircuitBase
from ._netlist_tasks import NetlistBase
from ._size import check_size
from ._task import SCHEMA, RunTask, key_of


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A row of the study's table."""

    index: int
    point: int
    chip: int
    """Seed of the chip, or of the training run."""
    values: Mapping[str, Any]
    """Of the parameters, as the fields have them."""
    task: RunTask
    key: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a study wants to know."""

    points: tuple[Mapping[str, Any], ...]
    chips: tuple[int, ...]
    runs: tuple[PlannedRun, ...]
    references: tuple[PlannedRun, ...] = ()
    """One for each chip: what the losses are divided by."""

    def axis(self, name: str) -> list[Any]:
        """The values of a parameter, each once, in the order of the points."""
        return list({repr(point[name]): point[name] for point in self.points}.values())

    def at(self, values: Mapping[str, Any], records: Sequence[Any]) -> list[Any]:
        """Those of the runs' records that belong to the point with these values."""
        return [record for run, record in zip(self.runs, records, strict=True) if self.points[run.point] == values]


def plan(study: Study, where: str) -> Plan:
    """The runs of a study, points first, chips within each point.

    Raises:
        StudyError: a parameter that is not a field, a value that does not fit, too many runs.
    """
    base = _base(study, where)
    check_size(study, where)
    try:
        found = points(study.parameters, study.method, study.samples, study.seed, base.read)
    except ValueError as error:
        # An experiment's error names the file already.
        text = str(error).removeprefix(f"{where}: ")
        raise StudyError(f"{where}: {text}") from None
    chips = tuple(range(study.seed, study.seed + study.instances))
    rows: list[dict[str, Any]] = []
    runs: list[PlannedRun] = []
    for p, values in enumerate(found):
        common, row = base.at({name: written(name, value) for name, value in values.items()})
        rows.append(row)
        runs += [_run(len(runs) + k, p, chip, row, common) for k, chip in enumerate(chips)]
    references = base.at(study.reference) if study.reference else None
    against = tuple(_run(-1, -1, chip, references[1], references[0]) for chip in chips) if references else ()
    return Plan(tuple(rows), chips, tuple(runs), against)


def _run(index: int, point: int, chip: int, row: Mapping[str, Any], common: RunTask) -> PlannedRun:
    task = {"schema": SCHEMA, **common, "instance": chip if common["instance"] else None}
    return PlannedRun(index, point, chip, row, task, key_of(task))


def _base(study: Study, where: str) -> "CircuitBase | Any":
    if study.netlist is not None:
        return NetlistBase(study.netlist, where)
    if study.circuit is not None:
        return CircuitBase(study.circuit, study.seed, where)
    from ._training_tasks import TrainingBase

    return TrainingBase(study.training or {}, study.cases or {}, where)
