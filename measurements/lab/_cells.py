"""Which column shows which cell, and what was seen of each, in SI units."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Inexact

from ...files.quantities import unit_factor
from .._exceptions import MeasurementError
from ..layout import Analysis
from ._columns import PAIRED, Column
from ._description import RecordFacts
from ._outliers import outliers
from ._sources import Source

_CELL = re.compile(r"(?i)(?:v\(?(?:out|x)?|out|x|cell ?)([0-9]+)\)?")
_FROM_ONE = re.compile(r"(?i)v[0-9]+")
_SHOWN = 6


@dataclass(frozen=True, eq=False)
class Waveforms:
    """Readings of every cell, as the record has them: volts, or V^2/Hz; `axis` in seconds or hertz."""

    kind: Analysis
    axis: Float[np.ndarray, " rows"]
    cells: Inexact[np.ndarray, "rows n"]
    notes: tuple[str, ...] = ()


def cell_places(path: Path, table: Source, facts: RecordFacts, n: int) -> list[list[int]]:
    """Columns of each cell: one, or the two parts of a complex value.

    `v1` and those beside it count from one; `v0`, `out0`, `x0` and `V(out0)` from zero; others are told by `columns`.

    Raises:
        MeasurementError: a cell without a column, or with too many.
    """
    names = {k: column.name for k, column in enumerate(table.columns) if k not in table.axes}
    told = facts.columns
    if told is not None:
        return _told(path, names, told, n)
    numbers = {k: _CELL.fullmatch(name.strip()) for k, name in names.items()}
    plain = [name for name in names.values() if _FROM_ONE.fullmatch(name.strip())]
    first = 1 if plain and not any(int(name.strip()[1:]) == 0 for name in plain) else 0
    places: list[list[int]] = [[] for _ in range(n)]
    strange = [names[k] or f"column {k + 1}" for k, match in numbers.items() if match is None]
    cells = {k: int(match[1]) - first for k, match in numbers.items() if match is not None}
    if strange or any(not 0 <= cell < n for cell in cells.values()):
        shown = ", ".join((strange or list(names.values()))[:_SHOWN])
        raise MeasurementError(
            f"{path}: columns: expected v1 to v{n}, one for each cell, got {shown}; say in `columns` which cell each"
            " column shows, from 0"
        )
    for k, cell in cells.items():
        places[cell].append(k)
    _check_all(path, places, table)
    return places


def named_cells(table: Source, facts: RecordFacts, n: int) -> Callable[[str], int | None]:
    """A map from a name in a column of second moments to its cell, by the rules of `cell_places`."""
    told = {name.strip().lower(): cell for name, cell in (facts.columns or {}).items()}
    names = [name.strip() for column in table.columns for name in column.pair or (column.name,)]
    plain = [name for name in names if _FROM_ONE.fullmatch(name)]
    first = 1 if plain and not any(int(name[1:]) == 0 for name in plain) else 0

    def place(name: str) -> int | None:
        cell = told.get(name.strip().lower())
        if cell is None and (match := _CELL.fullmatch(name.strip())) is not None:
            cell = int(match[1]) - first
        return cell if isinstance(cell, int) and 0 <= cell < n else None

    return place


def _told(path: Path, names: Mapping[int, str], told: Mapping[str, int | str], n: int) -> list[list[int]]:
    places: list[list[int]] = [[] for _ in range(n)]
    for name, cell in told.items():
        found = [k for k, own in names.items() if own.strip().lower() == name.strip().lower()]
        if not found and name.isdecimal() and int(name) - 1 in names:
            found = [int(name) - 1]  # columns of a file without names are told by their number
        if not found or isinstance(cell, str) or cell >= n:
            shown = ", ".join(own or f"{k + 1}" for k, own in list(names.items())[:_SHOWN])
            raise MeasurementError(
                f"{path}: columns: {name}: {cell}: expected a column of the file ({shown}) and a cell from 0 to {n - 1}"
            )
        places[cell] += found
    if any(not cells for cells in places) or any(len(cells) > 2 for cells in places):
        raise MeasurementError(f"{path}: columns: expected each of the cells 0 to {n - 1} once, got {dict(told)}")
    return places


def _check_all(path: Path, places: Sequence[Sequence[int]], table: Source) -> None:
    parts = 2 if table.paired else 1
    wrong = [k for k, cells in enumerate(places) if len(cells) != parts]
    if wrong:
        k = wrong[0]
        raise MeasurementError(
            f"{path}: expected {parts} column{'s' if parts > 1 else ''} for each of {len(places)} cells, got"
            f" {len(places[k])} for cell {k}"
        )


def _check_parts(path: Path, columns: Sequence[Column]) -> None:
    """Raise `MeasurementError` unless columns are one real value, or the two parts of a complex one."""
    kinds = {column.kind for column in columns}
    polar = len(kinds & {"dB", "size"}) == 1 and len(kinds & {"degrees", "radians"}) == 1
    single = len(columns) == 1 and not kinds & PAIRED
    if not (single or (len(columns) == 2 and (kinds == {"re", "im"} or polar))):
        shown = ", ".join(column.head or column.name for column in columns)
        raise MeasurementError(
            f"{path}: expected one column of a real value, or two of a complex one (`v1 re [V], v1 im [V]` or `v1 mag"
            f" [dB], v1 phase [deg]`), got {shown}"
        )


def waveforms_of(path: Path, table: Source, places: Sequence[Sequence[int]], facts: RecordFacts) -> Waveforms:
    """Numbers in SI units, their axis checked.

    Raises:
        MeasurementError: an axis that does not rise, densities that are none, or too few values.
    """
    for place in places:
        _check_parts(path, [table.columns[k] for k in place])
    factors = [column_factor(path, column, facts) for column in table.columns]
    cells = np.column_stack([_one(table, place, factors) for place in places])
    if table.kind == "op":
        return Waveforms("op", np.zeros(1), cells)
    axis = np.asarray(table.values[:, 0].real * factors[0], dtype=float)
    check_axis(path, table, axis)
    if table.kind == "noise":
        _check_densities(path, table, cells)
    if table.kind in ("noise", "ac"):
        return Waveforms(table.kind, axis, cells)
    since = axis - facts.start
    kept = since >= -1e-12 * np.abs(axis).max(initial=0.0)
    if kept.sum() < 2:
        raise MeasurementError(f"{path}: expected at least 2 readings after start, {facts.start:g} s, got {kept.sum()}")
    dropped = int((~kept).sum())
    notes = [f"{dropped} readings before the start at {facts.start:g} s are not used"] if dropped else []
    since = np.maximum(since[kept], 0.0)
    cells = cells[kept].real
    lines = np.array(table.lines)[kept]
    if facts.noise == "readout" and (odd := outliers(since, cells, facts.readout_noise or 0.0)).any():
        shown = ", ".join(str(line) for line in lines[odd][:_SHOWN])
        notes.append(f"line {shown}: off its neighbours by far more than the noise, and left out")
        since = since[~odd]
        cells = cells[~odd]
    return Waveforms("tran", since, cells, tuple(notes))


def column_factor(path: Path, column: Column, facts: RecordFacts) -> float:
    """What the numbers of a column are multiplied with to be in SI units.

    Raises:
        MeasurementError: a unit in the description that is none.
    """
    if column.factor is not None:
        return column.factor
    text = (facts.units or {}).get(column.head or column.name)
    if text is None:
        return 1.0  # asked for before, or a column that shows no cell
    for unit in ("V", "s", "Hz", "V^2/Hz", "V/sqrt(Hz)", "V^2", "A"):
        if (factor := unit_factor(text, unit)) is not None:
            return factor
    raise MeasurementError(f"{path}: units: {column.name}: expected a unit such as mV, us or V^2/Hz, got {text!r}")


def _one(table: Source, place: Sequence[int], factors: Sequence[float]) -> Inexact[np.ndarray, " rows"]:
    columns = [table.columns[k] for k in place]
    values = [table.values[:, k] * factors[k] for k in place]
    kinds = [column.kind for column in columns]
    if len(place) == 1:
        return np.asarray(values[0] ** 2 if kinds[0] == "root density" else values[0])
    if set(kinds) == {"re", "im"}:
        return np.asarray(values[kinds.index("re")] + 1j * values[kinds.index("im")])
    by_kind = dict(zip(kinds, values, strict=True))
    size = by_kind["size"].real if "size" in by_kind else 10 ** (by_kind["dB"].real / 20)
    angle = by_kind["radians"].real if "radians" in by_kind else np.deg2rad(by_kind["degrees"].real)
    return np.asarray(size * np.exp(1j * angle))


def check_axis(path: Path, table: Source, axis: Float[np.ndarray, " rows"]) -> None:
    """Raise `MeasurementError` unless times or frequencies rise, frequencies from zero on."""
    falls = np.flatnonzero(np.diff(axis) <= 0)
    what = "time" if table.kind == "tran" else "frequency"
    if len(falls):
        k = int(falls[0])
        raise MeasurementError(
            f"{path}: line {table.lines[k + 1]}: {what}: expected rising values, got {axis[k + 1]:g} after {axis[k]:g}"
        )
    if what == "frequency" and axis[0] < 0:
        raise MeasurementError(f"{path}: frequency: expected values of at least 0, got {axis[0]:g}")


def _check_densities(path: Path, table: Source, cells: Inexact[np.ndarray, "rows n"]) -> None:
    if np.iscomplexobj(cells) and np.abs(cells.imag).max() > 0:
        raise MeasurementError(f"{path}: expected real densities, got complex ones; cross-spectra are not read here")
    wrong = np.argwhere(~(cells.real > 0))
    if len(wrong):
        row, cell = (int(k) for k in wrong[0])
        raise MeasurementError(
            f"{path}: line {table.lines[row]}: cell {cell}: expected a density above 0, got {cells[row, cell].real:g};"
            " densities in dB or with their noise floor taken away are not read"
        )
