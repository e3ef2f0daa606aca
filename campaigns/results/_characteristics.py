"""What a circuit keeps under each condition: lowest, typical and highest value of each metric beside its limits."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...files import write_text
from ..planning import Plan
from ..runs import Record
from ..studies import Limit, Study, unit_of
from ._statistics import keeps, wilson_interval

_COLUMNS = (
    "condition",
    "metric",
    "unit",
    "min",
    "typ",
    "max",
    "limit_min",
    "limit_typ",
    "limit_max",
    "passed",
    "of",
    "yield",
    "yield_low",
    "yield_high",
    "required_yield",
    "verdict",
    "worst_chip",
    "worst_value",
    "reason",
)


@dataclass(frozen=True, slots=True)
class Characteristic:
    """One metric under one condition, over the chips; `typ` is that of the circuit without deviations, in it."""

    condition: str
    metric: str
    unit: str
    min: float | None
    typ: float | None
    max: float | None
    limit_min: float | None
    limit_typ: float | None
    limit_max: float | None
    passed: int
    of: int
    required_yield: float | None
    worst_chip: int | None
    """Its seed: the chip nearest to a limit, or furthest beyond one; a chip without the number comes first."""
    worst_value: float | None

    @property
    def share(self) -> float:
        """Yield."""
        return self.passed / self.of if self.of else 0.0

    @property
    def verdict(self) -> str:
        """`pass`, `fail`, or nothing where no limit is asked for."""
        if self.limit_min is None and self.limit_max is None:
            return ""
        required = 1.0 if self.required_yield is None else self.required_yield
        return "pass" if self.of and self.share >= required else "fail"

    @property
    def reason(self) -> str:
        """Why it fails; empty if it does not."""
        if self.verdict != "fail":
            return ""
        low, high = wilson_interval(self.passed, self.of)
        required = 1.0 if self.required_yield is None else self.required_yield
        bounds = _bounds(self.limit_min, self.metric, self.limit_max)
        told = (
            f"{bounds}: {self.passed} of {self.of} chips keep it, {self.share:.1%} (95 % between {low:.1%} and"
            f" {high:.1%}), required {required:.1%}"
        )
        if self.worst_chip is None:
            return told
        value = "has no such number" if self.worst_value is None else f"has {self.worst_value:.4g} {self.unit}".strip()
        return f"{told}; worst chip {self.worst_chip} {value}"

    def row(self) -> dict[str, Any]:
        """Plain; what is not known is absent."""
        low, high = wilson_interval(self.passed, self.of)
        found = {**asdict(self), "yield": self.share, "verdict": self.verdict, "reason": self.reason}
        if self.verdict:
            found |= {"yield_low": low, "yield_high": high}
        return {name: found[name] for name in _COLUMNS if found.get(name) not in (None, "")}


Nominal = Mapping[int, Mapping[str, float]]
"""Metrics of the circuit without deviations, by the number of the condition."""


def characteristics(
    study: Study, plan: Plan, records: Sequence[Record | None], nominal: Nominal
) -> list[Characteristic]:
    """Every metric under every condition of a study."""
    return list(_found(study, plan, records, nominal))


def _found(study: Study, plan: Plan, records: Sequence[Record | None], nominal: Nominal) -> Iterator[Characteristic]:
    limits = {limit.metric: limit for limit in study.limits}
    for p, values in enumerate(plan.points):
        here = [(run.chip, r) for run, r in zip(plan.runs, records, strict=True) if run.point == p and r is not None]
        condition = condition_of(values)
        for name, metric in study.metrics.items():
            numbers = {chip: r["metrics"][name] for chip, r in here if r["status"] == "done" and name in r["metrics"]}
            limit = limits.get(name)
            if not numbers and limit is None:
                continue
            unit = "" if metric.unit == "1" else metric.unit
            typ = nominal.get(p, {}).get(name)
            yield _characteristic(condition, name, unit, here, numbers, typ, limit)


def condition_of(values: Mapping[str, Any]) -> str:
    """The parameters of a point, for a person."""
    parts = (f"{_short(name)} {_shown(value)}{_unit(name, value)}" for name, value in values.items())
    return ", ".join(parts) or "as it is"


def _unit(name: str, value: Any) -> str:
    """Behind a number, the unit that it is kept in."""
    unit = unit_of(name)
    return f" {unit}" if unit != "1" and isinstance(value, int | float) and not isinstance(value, bool) else ""


def _characteristic(
    condition: str,
    name: str,
    unit: str,
    here: Sequence[tuple[int, Record]],
    numbers: Mapping[int, float],
    typ: float | None,
    limit: Limit | None,
) -> Characteristic:
    values = list(numbers.values())
    worst = None if limit is None else _worst(limit, [chip for chip, _ in here], numbers)
    return Characteristic(
        condition=condition,
        metric=name,
        unit=unit,
        min=min(values, default=None),
        typ=typ,
        max=max(values, default=None),
        limit_min=None if limit is None else limit.at_least,
        limit_typ=None if limit is None else limit.typical,
        limit_max=None if limit is None else limit.at_most,
        passed=len(here) if limit is None else sum(keeps(record, (limit,)) for _, record in here),
        of=len(here),
        required_yield=None if limit is None else limit.required_yield,
        worst_chip=worst,
        worst_value=None if worst is None else numbers.get(worst),
    )


def _worst(limit: Limit, chips: Sequence[int], numbers: Mapping[int, float]) -> int | None:
    """The chip with the least room to a limit."""

    return min(chips, key=lambda chip: limit.room(numbers.get(chip)), default=None)


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _bounds(low: float | None, name: str, high: float | None) -> str:
    below = "" if low is None else f"{low:.4g} <= "
    above = "" if high is None else f" <= {high:.4g}"
    return f"{below}{name}{above}"


def write_characteristics(path: Path, found: Sequence[Characteristic]) -> None:
    """CSV: a row for each condition and metric."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(one.row() for one in found)
    write_text(path, text.getvalue())
