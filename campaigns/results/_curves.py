"""Training runs of a study in the two files that the report reads."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ...files import read_json_lines, write_text
from ..planning import Plan, PlannedRun
from ..runs import Record
from ..studies import Study


def gather(folder: Path, study: Study, plan: Plan, records: Sequence[Record | None]) -> None:
    """Write `training/runs.jsonl` (an entry for each run) and `training/curves.jsonl` (losses against steps)."""
    rows = [(run, record) for run, record in zip(plan.runs, records, strict=True) if record and "entry" in record]
    entries = [{**record["entry"], **_names(run)} for run, record in rows]
    write_text(folder / "training" / "runs.jsonl", _lines(entries))
    curves = [{**row, **_names(run)} for run, record in rows for row in _curve(folder, run)]
    write_text(folder / "training" / "curves.jsonl", _lines(curves))


def _names(run: PlannedRun) -> dict[str, Any]:
    values = [f"{name.rsplit('.', 1)[-1]}={_text(value)}" for name, value in run.values.items()]
    return {"run": "-".join([*values, f"s{run.chip}"]), **run.values}


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _curve(folder: Path, run: PlannedRun) -> Iterator[dict[str, Any]]:
    path = folder / "training" / run.key[:16] / "curves.jsonl"
    if path.exists():
        yield from read_json_lines(path)


def _lines(rows: Sequence[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)
