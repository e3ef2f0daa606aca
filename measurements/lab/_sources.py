"""One file of a bench as columns, whichever program or instrument wrote it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Inexact

from ...files import FileError
from ...files.opening import MEASUREMENT, UnreadableFile, read_bytes
from ...files.quantities import unit_factor
from ...files.waveforms import read_any_raw
from .._exceptions import MeasurementError
from ..layout import Analysis
from ._columns import MOMENTS, PAIRED, Column, Kind, columns_of
from ._description import RecordFacts
from ._oscilloscopes import as_instruments_write
from ._text_table import TextTable, read_text_table
from ._touchstone import read_touchstone

_SIMULATOR = re.compile(r"(?i)(?:v|i)\([^()]*\)|onoise(?:_spectrum)?")
_FUNCTION = re.compile(r"([a-z_]\w*)\(")
"""Of a simulator: vdb(out), ph(v(out))."""
MOST_FILES = 10_000

_DENSITIES = {"density", "root density"}
_TOUCHSTONE = re.compile(r"(?i)\.(?:s[0-9]+p|ts)")


SourceKind = Analysis | Literal["cross", "covariance"]
"""What was measured; cross-spectra and covariances are of pairs of outputs."""


@dataclass(frozen=True, eq=False)
class Source:
    """Columns with their numbers; `lines` tell where each row stands."""

    kind: SourceKind
    columns: tuple[Column, ...]
    values: Inexact[np.ndarray, "rows columns"]
    lines: tuple[int, ...]

    @property
    def axes(self) -> frozenset[int]:
        """Columns that show no cell: the time, the frequency, the program."""
        return frozenset(k for k, c in enumerate(self.columns) if c.kind in ("time", "frequency", "program"))

    @property
    def paired(self) -> bool:
        """Whether a cell has two columns, the parts of a complex value."""
        return any(column.kind in PAIRED for column in self.columns)

    @property
    def names_programs(self) -> bool:
        """Whether each row is an operating point of a program that it names."""
        return bool(self.columns) and self.columns[0].kind == "program"

    def row(self, k: int) -> "Source":
        """One row alone."""
        return replace(self, values=self.values[k : k + 1], lines=self.lines[k : k + 1])

    def unknown_units(self, facts: RecordFacts) -> list[str]:
        """Columns whose unit nobody says."""
        told = {name.strip().lower() for name in facts.units or {}}
        return [
            c.head or f"column {k + 1}"
            for k, c in enumerate(self.columns)
            # An error that says none has that of its value.
            if c.factor is None and c.kind != "sigma" and (c.head.lower() or str(k + 1)) not in told
        ]


def check_paths(paths: Sequence[Path]) -> None:
    """Raise `MeasurementError` where there are no records, too many, or one twice."""
    if not paths:
        raise MeasurementError("measurements: expected at least one record, such as step.csv, got none")
    if len(paths) > MOST_FILES:
        raise MeasurementError(f"measurements: expected at most {MOST_FILES:,} files, got {len(paths):,}")
    seen: dict[Path, Path] = {}
    for path in paths:
        if (where := path.resolve()) in seen:
            raise MeasurementError(f"{path}: given twice (as {seen[where]}); a copy holds no more than its original")
        seen[where] = path


def read_source(path: Path, facts: RecordFacts) -> Source:
    """The columns of a file.

    Raises:
        MeasurementError: unreadable, or not of a form that is read; with what is expected.
    """
    if _TOUCHSTONE.fullmatch(path.suffix):
        columns, values = read_touchstone(path, facts)
        return Source("ac", columns, values, tuple(range(1, len(values) + 1)))
    if path.suffix.lower() == ".raw":
        return _raw(path, facts)
    table = as_instruments_write(path, read_text_table(path))
    simulated = bool(table.heads) and any(_SIMULATOR.fullmatch(cell) for cell in table.heads[-1])
    if simulated and table.heads[-1][0].lower() == "index":
        # As ngspice prints: the rows are numbered.
        table = replace(table, values=table.values[:, 1:], heads=(table.heads[-1][1:],))
    columns = columns_of(table.heads, table.values.shape[1], simulated, facts.units)
    _check_units(path, columns)
    if simulated:
        _check_functions(path, columns, facts)
    return _classified(path, columns, table)


def _classified(path: Path, columns: tuple[Column, ...], table: TextTable) -> Source:
    """What was measured, by the first column and the units of the others."""
    values = table.values
    first = columns[0].kind
    others = {column.kind for column in columns[1:]}
    if strange := [column.head for column in columns if column.pair is not None and column.kind == "other"]:
        raise MeasurementError(
            f"{path}: {strange[0]}: expected S(a,b) in V^2/Hz, cov(a,b) and var(a) in V^2, rms(a) in V, rho in none"
        )
    everything = {column.kind for column in columns}
    if everything & {"covariance", "correlation", "rms"}:
        kind: SourceKind = "covariance"
    elif first == "time":
        kind = "tran"
    elif first == "frequency":
        crossed = others & {"cross re", "cross im"}
        kind = "cross" if crossed else "noise" if others & {"density", "root density"} else "ac"
    elif first == "program" or (len(values) == 1 and "time" not in others):
        kind = "op"
    else:
        raise MeasurementError(
            f"{path}: expected a first column such as `time [us]` or `frequency [Hz]` (or `program`, for operating"
            f" points), got {columns[0].name or 'columns without names'!r}"
        )
    if kind == "covariance":
        _check_moments(path, columns)
        return Source(kind, columns, values, table.lines)
    read = {"voltage", "current", "other"}
    fitting = {"tran": read, "op": read, "noise": _DENSITIES, "cross": _DENSITIES | {"cross re", "cross im"}}
    allowed = fitting.get(kind, {*read, *PAIRED})
    if wrong := [column.name for column in columns[1:] if column.kind not in allowed]:
        raise MeasurementError(f"{path}: {wrong[0]}: expected one kind of column beside the {first}, got another unit")
    if kind == "ac" and not np.iscomplexobj(values) and not others & set(PAIRED):
        raise MeasurementError(
            f"{path}: expected densities [V^2/Hz] or [V/sqrt(Hz)], or a response as pairs `v1 re [V], v1 im [V]` or"
            " `v1 mag [dB], v1 phase [deg]`, beside the frequency; got real columns of another unit"
        )
    if kind == "ac" and np.iscomplexobj(values) and ((values[:, 0].imag != 0).any() or others & set(PAIRED)):
        # a decimal comma beside decimal points
        raise MeasurementError(f"{path}: expected one number in each cell of the {first} and of parts, got two, as 0,5")
    if kind != "ac" and np.iscomplexobj(values):
        raise MeasurementError(f"{path}: expected real values beside the {first}, got complex ones")
    return Source(kind, columns, values, table.lines)


def _check_moments(path: Path, columns: tuple[Column, ...]) -> None:
    """Raise `MeasurementError` unless bands come first, and every moment's error, if it has one, right behind it."""
    kinds = [column.kind for column in columns]
    edges = [kind for kind in kinds if kind.startswith("band")]
    rest = kinds[len(edges) :]
    after = [before in MOMENTS for kind, before in zip(rest[1:], rest, strict=False) if kind == "sigma"]
    if (
        edges not in ([], ["band low", "band high"])
        or kinds[: len(edges)] != edges
        or not all(kind == "sigma" or kind in MOMENTS for kind in rest)
        or rest[0] == "sigma"
        or not all(after)
    ):
        shown = ", ".join(column.name or "a column without a name" for column in columns[:6])
        raise MeasurementError(
            f"{path}: expected columns such as `cov(v1,v2) [V^2], sigma [V^2]`, also var, rms and rho, each error right"
            f" behind its value, and `band low [Hz], band high [Hz]` in front where they are of bands; got {shown}"
        )


def _check_units(path: Path, columns: Sequence[Column]) -> None:
    """Raise `MeasurementError` where a unit is told of a column that has another one in the file."""
    for column in columns:
        if column.against:
            raise MeasurementError(
                f"{path}: units: {column.against}: the file itself has another unit of"
                f" {column.head or column.kind!r}; leave out one of the two, or write the same"
            )


def _as_density(column: Column, kind: Kind) -> Column:
    """A column of a raw file of noise, which says itself whether it holds squares; its unit may be told as well."""
    same = unit_factor(column.against, "V^2/Hz" if kind == "density" else "V/sqrt(Hz)") == 1.0
    return replace(column, kind=kind, against="" if same else column.against)


def _check_functions(path: Path, columns: Sequence[Column], facts: RecordFacts) -> None:
    """Raise `MeasurementError` for a part or another function of a voltage, of the columns that are used."""
    told = {name.strip().lower() for name in facts.columns or {}}
    for k, column in enumerate(columns):
        used = not told or {column.name.strip().lower(), str(k + 1)} & told
        if used and (wrong := set(_FUNCTION.findall(column.name.lower())) - {"v", "i"}):
            raise MeasurementError(
                f"{path}: {column.name}: expected a voltage such as v(out), complex in a response, got {min(wrong)}()"
                " of one; write the voltage itself"
            )


def _raw(path: Path, facts: RecordFacts) -> Source:
    try:
        plots = read_any_raw(read_bytes(path, MEASUREMENT))
    except UnreadableFile as error:
        raise MeasurementError(f"{path}: cannot read the record: {error.reason}") from None
    except FileError as error:
        raise MeasurementError(f"{path}: {error}") from None
    wanted = [plot for plot in plots if "integrated" not in plot.name.lower()]
    if len(wanted) != 1:
        raise MeasurementError(f"{path}: expected a raw file of one analysis, got {len(wanted)}")
    plot = wanted[0]
    if not plot.finite or not len(plot.values):
        raise MeasurementError(f"{path}: expected finite values, got {'others' if len(plot.values) else 'none'}")
    voltages = [k for k, name in enumerate(plot.variables) if k and not name.startswith("i(")]
    columns = columns_of([[plot.variables[k] for k in (0, *voltages)]], len(voltages) + 1, True, facts.units)
    _check_functions(path, columns, facts)
    if columns[0].kind == "frequency" and not np.iscomplexobj(plot.values):
        # with `set sqrnoise` ngspice writes squares, and says so in the name of the plot
        kind: Kind = "density" if "^2" in plot.name else "root density"
        columns = (columns[0], *(_as_density(column, kind) for column in columns[1:]))
    _check_units(path, columns)
    table = TextTable(plot.values[:, [0, *voltages]], tuple(range(1, len(plot.values) + 1)), (), ())
    return _classified(path, columns, table)
