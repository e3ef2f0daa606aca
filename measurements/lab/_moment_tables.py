"""Tables of second moments: which entry of which matrix each column shows, in SI units and at the chip."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from .._exceptions import MeasurementError
from ..layout import MomentPart, Moments
from ._cells import check_axis, column_factor
from ._columns import MOMENTS, Column
from ._description import RecordFacts
from ._sources import Source

_PART: dict[str, MomentPart] = {
    "cross re": "re",
    "cross im": "im",
    "density": "re",
    "root density": "re",
    "covariance": "covariance",
    "correlation": "correlation",
    "rms": "rms",
}

Place = Callable[[str], int | None]
"""From a name in a column to the number of its output; None for a name of none."""


def moments_of(path: Path, table: Source, facts: RecordFacts, place: Place, gain: Float[np.ndarray, " n"]) -> Moments:
    """The moments of a table; `gain` are volts of the record for a volt of each output.

    Raises:
        MeasurementError: a name of no output, bands or frequencies that do not rise, moments or errors that are none.
    """
    shown = [k for k, column in enumerate(table.columns) if column.kind in MOMENTS or column.kind in _PART]
    pairs = [_pair(path, table.columns[k], place, len(gain)) for k in shown]
    first, second = (np.array([pair[side] for pair in pairs], dtype=int) for side in (0, 1))
    part = tuple(_PART[table.columns[k].kind] for k in shown)
    _check_once(path, table, shown, pairs, part)
    scale = np.array([_scale(kind, gain[i], gain[j]) for kind, i, j in zip(part, first, second, strict=True)])
    values = np.column_stack([_numbers(path, table, k, facts) for k in shown]) / scale
    sigma = np.column_stack([_errors(path, table, k, facts) for k in shown]) / scale
    if table.kind == "cross" and facts.conjugate == "first":
        values[:, [kind == "im" for kind in part]] *= -1.0
    _check_values(path, table, values, part, first == second)
    if table.kind == "cross":
        frequencies = np.asarray(table.values[:, 0].real * column_factor(path, table.columns[0], facts), dtype=float)
        check_axis(path, table, frequencies)
        return Moments(first, second, part, values, sigma, frequencies)
    return Moments(first, second, part, values, sigma, None, _bands(path, table, facts))


def scale_free(table: Source) -> bool:
    """Whether a table has correlations alone, which no probe changes."""
    return {column.kind for column in table.columns} <= {"correlation", "sigma", "band low", "band high"}


def unnamed_errors(table: Source) -> bool:
    """Whether some covariance has no column of its error behind it."""
    return table.kind == "covariance" and any(
        column.kind in MOMENTS and (k + 1 == len(table.columns) or table.columns[k + 1].kind != "sigma")
        for k, column in enumerate(table.columns)
    )


def _pair(path: Path, column: Column, place: Place, n: int) -> tuple[int, int]:
    if column.kind == "correlation" and column.pair is None:
        if n != 2:
            raise MeasurementError(f"{path}: {column.name}: expected the two outputs that it is of, as in rho(v1,v2)")
        return (0, 1)
    names = column.pair or (column.name, column.name)
    found = [place(name) for name in names]
    wrong = [name for name, k in zip(names, found, strict=True) if k is None]
    if wrong:
        raise MeasurementError(
            f"{path}: {column.name}: expected names of outputs, got {wrong[0]!r}; say in `columns` which one it is"
        )
    i, j = (int(k) for k in found if k is not None)
    if column.kind in ("correlation", "cross im") and i == j:
        what = "a correlation" if column.kind == "correlation" else "an imaginary part"
        raise MeasurementError(f"{path}: {column.name}: {what} is of two outputs")
    if column.kind == "rms" and i != j:
        raise MeasurementError(f"{path}: {column.name}: an rms value is of one output")
    return i, j


def _check_once(
    path: Path,
    table: Source,
    shown: Sequence[int],
    pairs: Sequence[tuple[int, int]],
    part: Sequence[MomentPart],
) -> None:
    seen: set[tuple[frozenset[int], str]] = set()
    for k, pair, kind in zip(shown, pairs, part, strict=True):
        if (key := (frozenset(pair), kind)) in seen:
            raise MeasurementError(f"{path}: {table.columns[k].name}: given twice")
        seen.add(key)


def _scale(part: MomentPart, a: float, b: float) -> float:
    return 1.0 if part == "correlation" else a if part == "rms" else a * b


def _numbers(path: Path, table: Source, k: int, facts: RecordFacts) -> Float[np.ndarray, " rows"]:
    values = np.asarray(table.values[:, k].real * column_factor(path, table.columns[k], facts), dtype=float)
    return values**2 if table.columns[k].kind == "root density" else values


def _errors(path: Path, table: Source, k: int, facts: RecordFacts) -> Float[np.ndarray, " rows"]:
    after = table.columns[k + 1] if k + 1 < len(table.columns) else None
    if after is None or after.kind != "sigma":
        return np.full(len(table.values), np.nan)
    # An error without a unit has that of its value.
    factor = column_factor(path, table.columns[k] if after.factor is None else after, facts)
    sigma = np.asarray(table.values[:, k + 1].real * factor, dtype=float)
    if not (sigma > 0).all():
        row = int(np.flatnonzero(~(sigma > 0))[0])
        raise MeasurementError(f"{path}: line {table.lines[row]}: {after.name}: expected an error above 0")
    return sigma


def _check_values(
    path: Path,
    table: Source,
    values: Float[np.ndarray, "rows k"],
    part: Sequence[MomentPart],
    own: "np.ndarray[tuple[int], np.dtype[np.bool_]]",
) -> None:
    for k, kind in enumerate(part):
        v = values[:, k]
        if kind == "correlation":
            wrong = np.flatnonzero(np.abs(v) > 1)
            expected = "a correlation from -1 to 1"
        elif kind == "rms" or own[k]:
            wrong = np.flatnonzero(~(v > 0))
            expected = "a value above 0"
        else:
            continue
        if len(wrong):
            raise MeasurementError(f"{path}: line {table.lines[wrong[0]]}: expected {expected}, got {v[wrong[0]]:.4g}")


def _bands(path: Path, table: Source, facts: RecordFacts) -> tuple[tuple[float, float] | None, ...]:
    if table.columns[0].kind != "band low":
        if len(table.values) != 1:
            raise MeasurementError(
                f"{path}: expected one row, or `band low [Hz], band high [Hz]` in front; got {len(table.values)} rows"
            )
        return (None,)
    low, high = (
        np.asarray(table.values[:, k].real * column_factor(path, table.columns[k], facts), float) for k in (0, 1)
    )
    wrong = np.flatnonzero(~((low >= 0) & (low < high)))
    if len(wrong):
        k = int(wrong[0])
        raise MeasurementError(
            f"{path}: line {table.lines[k]}: expected a band, its lower edge first, got {low[k]:g} and {high[k]:g} Hz"
        )
    return tuple((float(a), float(b)) for a, b in zip(low, high, strict=True))
