"""From a study to its runs: every run is one canonical description, addressed by its content."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._exceptions import StudyError
from ..studies import Study, points, written
from ._circuit_tasks import CircuitBase
from ._netlist_tasks import NetlistBase
from ._sensitivity_points import sensitivity_points, study_layout
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
    """The runs of a study, points first, chips within each point; of a search only those that are sure: none.

    Raises:
        StudyError: a parameter that is not a field, a value that does not fit, too many runs.
    """
    maker = PlanMaker(study, where)
    check_size(study, where)
    if study.optimise is not None:
        return maker.plan(())
    if study.sensitivity is not None:
        return maker.plan(maker.told(lambda: sensitivity_points(study, study_layout(study), maker.read)))
    return maker.plan(maker.told(lambda: _points(study, maker)))


def _points(study: Study, maker: "PlanMaker") -> list[dict[str, Any]]:
    return points(study.parameters, study.method, study.samples, study.seed, maker.read)


class PlanMaker:
    """Makes the runs of points."""

    def __init__(self, study: Study, where: str) -> None:
        self._study = study
        self._where = where
        self._base = _base(study, where)

    def read(self, name: str, value: Any) -> Any:
        """A parameter's value as its field has it."""
        return self._base.read(name, value)

    def told(self, make: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        """What a function makes of this study's parameters; what it cannot is told with the file."""
        try:
            return make()
        except ValueError as error:
            # An experiment's error names the file already.
            text = str(error).removeprefix(f"{self._where}: ")
            raise StudyError(f"{self._where}: {text}") from None

    def plan(self, found: Sequence[Mapping[str, Any]], chips: Sequence[int] | None = None) -> Plan:
        """The runs of some points, at which a parameter that is not named stays as the study's settings have it.

        Args:
            found: values by parameter.
            chips: their seeds; the study's own unless given.

        Raises:
            StudyError: a parameter that is not a field, a value that does not fit.
        """
        study = self._study
        seeds = tuple(range(study.seed, study.seed + study.instances)) if chips is None else tuple(chips)
        rows: list[dict[str, Any]] = []
        runs: list[PlannedRun] = []
        for p, values in enumerate(found):
            common, row = self._base.at({name: written(name, value) for name, value in values.items()})
            rows.append({name: row[name] if name in row else self._base.own(name) for name in study.parameters})
            runs += [_run(len(runs) + k, p, chip, rows[p], common) for k, chip in enumerate(seeds)]
        references = self._base.at(study.reference) if study.reference else None
        against = tuple(_run(-1, -1, chip, references[1], references[0]) for chip in seeds) if references else ()
        return Plan(tuple(rows), seeds, tuple(runs), against)


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
