"""The results of a study as one labelled array file and one table."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Shaped

from ...files import write_bytes
from ...measurements.layout import content
from ..planning import SCHEMA, Plan
from ..runs import Record
from ..studies import ARRAYS, Study, to_plain, unit_of

MISSING = "missing"
"""Status of a run that was not done (the campaign was stopped)."""


def write_table(path: Path, study: Study, plan: Plan, records: Sequence[Record | None]) -> None:
    """CSV: a row for each run, in the order of the study; the same study always gives the same file."""
    names = list(study.parameters)
    metrics = list(study.metrics)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["run", "point", "instance", *names, "status", *metrics, "reason", "key"])
    for run, record in zip(plan.runs, records, strict=True):
        found: Mapping[str, Any] = record or {"status": MISSING, "metrics": {}}
        numbers = [found["metrics"].get(name, "") for name in metrics]
        values = [_cell(run.values[name]) for name in names]
        reason = found.get("reason", "")
        writer.writerow([run.index, run.point, run.chip, *values, found["status"], *numbers, reason, run.key])
    write_bytes(path, text.getvalue().encode())


def _cell(value: Any) -> Any:
    return "" if value is None else value if isinstance(value, str | int | float) else json.dumps(value)


def write_dataset(path: Path, study: Study, plan: Plan, records: Sequence[Record | None]) -> None:
    """netCDF: see `dataset`; written whole or not at all."""
    write_bytes(path, content(dataset(study, plan, records)))


def dataset(study: Study, plan: Plan, records: Sequence[Record | None]) -> xr.Dataset:
    """The results with named dimensions: the parameters of a grid (otherwise `point`), and `instance`.

    NaN is what was not computed; `status` and `reason` say why. Numbers for each cell also have the dimension `cell`.
    """
    dims, shape, coords = _dimensions(study, plan)
    data: dict[str, Any] = {}
    for name, metric in study.metrics.items():
        values = [float((r or {"metrics": {}})["metrics"].get(name, np.nan)) for r in records]
        attributes = {"units": metric.unit, "long_name": metric.meaning, "metric": name}
        # A slash, which KiCad has in the names of nodes, is a group of a netCDF file.
        data[name.replace("/", "_")] = (dims, np.reshape(values, shape), attributes)
    texts = {
        "status": [r["status"] if r else MISSING for r in records],
        "reason": [r.get("reason", "") if r else "" for r in records],
        "key": [run.key for run in plan.runs],
    }
    data |= {name: (dims, np.reshape(np.array(values, dtype=object), shape)) for name, values in texts.items()}
    cells = max((len(r["arrays"].get("x", ())) for r in records if r), default=0)
    for name, metric in ARRAYS.items():
        if any(r and name in r["arrays"] for r in records):
            rows = [_padded(r["arrays"].get(name, []) if r else [], cells) for r in records]
            attrs = {"units": metric.unit, "long_name": metric.meaning}
            data[name] = ((*dims, "cell"), np.reshape(rows, (*shape, cells)), attrs)
            coords["cell"] = ("cell", np.arange(cells))
    return xr.Dataset(
        {name: _variable(*parts) for name, parts in data.items()},
        {name: _coordinate(name, *parts) for name, parts in coords.items()},
        _attributes(study, records),
    )


def _variable(dims: tuple[str, ...], values: Any, attributes: Mapping[str, Any] | None = None) -> xr.Variable:
    """By the quick way in: xarray would load dask, where it is installed, to ask whether arrays are its own."""
    return xr.Variable(dims, np.asarray(values), attributes, fastpath=True)


def _coordinate(
    name: str, dim: str, values: Shaped[np.ndarray, " k"], attributes: Mapping[str, Any] | None = None
) -> xr.Variable:
    """Labels; those of a dimension as a finished index, as `_variable`."""
    if name != dim:
        return _variable((dim,), values, attributes)
    return xr.IndexVariable((dim,), pd.Index(values), attributes, fastpath=True)  # type: ignore[no-untyped-call]


def _dimensions(study: Study, plan: Plan) -> tuple[tuple[str, ...], tuple[int, ...], dict[str, Any]]:
    chips = ("instance", np.array(plan.chips), {"long_name": "seed of the chip or training run"})
    columns = {name: [row[name] for row in plan.points] for name in study.parameters}
    if study.method != "grid":
        coords = {name: ("point", *_labels(name, column)) for name, column in columns.items()}
        coords |= {"point": ("point", np.arange(len(plan.points)), {}), "instance": chips}
        return ("point", "instance"), (len(plan.points), len(plan.chips)), coords
    coords = {"instance": chips}
    shape = []
    block = len(plan.points)
    for name, column in columns.items():
        # In a grid's order each axis is found at its own stride.
        axis = list({json.dumps(value): value for value in column[:block]}.values())
        block //= len(axis)
        shape.append(len(axis))
        coords[name] = (name, *_labels(name, axis))
    return (*columns, "instance"), (*shape, len(plan.chips)), coords


def _labels(name: str, values: Sequence[Any]) -> tuple[Shaped[np.ndarray, " values"], dict[str, str]]:
    attrs = {"units": unit_of(name)}
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        return np.array(values, dtype=float), attrs
    return np.array([str(_cell(value)) if value is not None else "none" for value in values], dtype=object), attrs


def _padded(values: Sequence[float], cells: int) -> list[float]:
    return [float("nan") if v is None else float(v) for v in values] + [float("nan")] * (cells - len(values))


def _attributes(study: Study, records: Sequence[Record | None]) -> dict[str, Any]:
    return {
        "study": study.name,
        "kind": study.kind,
        "method": study.method,
        "seed": study.seed,
        "schema": SCHEMA,
        "engine": engines(records),
        "definition": json.dumps(to_plain(study)),
    }


def engines(records: Sequence[Record | None]) -> str:
    """The simulators with their versions that performed the runs; empty for training."""
    return ", ".join(sorted({str(record["engine"]) for record in records if record and "engine" in record}))
