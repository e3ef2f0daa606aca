"""The loosest value of one parameter that keeps a bound, for every combination of the others."""

import csv
import io
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...files import write_bytes
from ..planning import Plan
from ..runs import Record
from ..studies import Specification, Study, unit_of
from . import _statistics

Row = dict[str, Any]


def specification(study: Study, asked: Specification, plan: Plan, records: Sequence[Record | None]) -> list[Row]:
    """A row for each combination of the other parameters, in the grid's order.

    A row has `parameters`, `loosest` (absent when no value keeps the bound), `mean` with its interval there, `surely`
    (the whole interval keeps the bound) and `next`, the first value that does not. A value counts only when every
    smaller one keeps the bound too, and when all of its runs were done.
    """
    others = [name for name in study.parameters if name != asked.loosest]
    axes = [plan.axis(name) for name in others]
    return [
        _row(study, asked, plan, records, dict(zip(others, values, strict=True))) for values in itertools.product(*axes)
    ]


def write_specification(path: Path, rows: Sequence[Row]) -> None:
    """CSV with the units in the header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = list(rows[0]["parameters"]) if rows else []
    results = ("loosest", "mean", "mean_low", "mean_high", "surely", "next")
    writer.writerow([*(_headed(name) for name in names), *results])
    for row in rows:
        values = ["exact" if value is None else value for value in row["parameters"].values()]
        writer.writerow([*values, *(row.get(name, "") for name in results)])
    write_bytes(path, text.getvalue().encode())


def _headed(name: str) -> str:
    unit = unit_of(name)
    return name if unit == "1" else f"{name} ({unit})"


def _row(
    study: Study, asked: Specification, plan: Plan, records: Sequence[Record | None], others: Mapping[str, Any]
) -> Row:
    row: Row = {"parameters": dict(others)}
    for value in sorted(plan.axis(asked.loosest)):
        found = _mean(asked, plan.at({**others, asked.loosest: value}, records), study.instances)
        if found is None or found["mean"] > asked.at_most:
            return {**row, "next": value}
        row |= {"loosest": value, **found, "surely": found["mean_high"] <= asked.at_most}
    return row


def _mean(asked: Specification, records: Sequence[Record | None], instances: int) -> dict[str, float] | None:
    """Mean and interval; None when a run failed or is missing: a device that diverges keeps no bound."""
    done = [r["metrics"] for r in records if r and r["status"] == "done"]
    values = [float(metrics[asked.metric]) for metrics in done if asked.metric in metrics]
    if len(values) < instances:
        return None
    mean = sum(values) / len(values)
    low, high = _statistics.mean_interval(values) or (mean, mean)
    return {"mean": mean, "mean_low": low, "mean_high": high}
