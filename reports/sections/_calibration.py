"""What was fitted: values with their error bars, residuals, and what the measurements do not tell."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .. import figures
from ..results import CalibrationSummary, ElementsSummary, FittedParameter, Folder, PopulationSummary
from ..section_parts import Cell, Picture, Section, Table, picture
from ..wording import amount, percent, plus_minus

_MOST_VALUES = 60
"""Rows that a person still reads; of more, a row for each kind, and the file has each."""

_OF_THE_CHIP = {"gain": "V/V", "gain_bandwidth": "Hz", "noise_scale": ""}
_NORMAL = 1.959964


def calibration_section(folder: Folder) -> Section | None:
    rows = folder.parameters
    if not rows:
        return None
    summary = folder.summary_as(CalibrationSummary)
    text = [f"{len(rows)} parameters were fitted.", *_scores(rows)]
    if left := summary.get("not_identified"):
        text.append(f"Not identified: {', '.join(left)}. Their values and error bars are those of the design.")
    text += folder.experiments
    tables = (_kinds(rows), *_values(rows), *_shared(summary), *_residuals(folder))
    return Section("Calibration", tuple(text), tuple(_pictures(rows)), tables)


def _scores(rows: Sequence[FittedParameter]) -> Iterator[str]:
    z = np.array([row.z for row in rows if row.z is not None])
    if len(z):
        yield (
            f"Against what was drawn: root mean square z-score {np.sqrt(np.mean(z**2)):.2f} (1 expected),"
            f" {np.mean(np.abs(z) < 2):.0%} within two standard errors (95 % expected), largest {np.abs(z).max():.1f}."
        )
        yield (
            "What the data cannot tell, such as a common factor of a row's conductances and its capacitor, is settled"
            " by the tolerances alone: the scores of such a group move together."
        )


def _pictures(rows: Sequence[FittedParameter]) -> Iterator[Picture]:
    if any(row.z is not None for row in rows):
        yield picture(
            lambda: figures.parameters(rows),
            "Fitted against drawn, bars of one standard error (often smaller than the dot). On the line: exact.",
        )
        yield picture(lambda: figures.z_scores(rows), "Distance from what was drawn, in standard errors.")
    else:
        yield picture(
            lambda: figures.fitted_values(rows), "Fitted deviations from the design, bars of two standard errors."
        )


def _deviation(value: float, error: float, unit: str) -> Cell:
    """A fitted value with its standard error; relative ones in percent."""
    low = value - _NORMAL * error
    high = value + _NORMAL * error
    return Cell(plus_minus(value, error, unit, relative=not unit), value, unit, low, high)


def _kinds(rows: Sequence[FittedParameter]) -> Table:
    names = dict.fromkeys(row.name for row in rows)
    cells = []
    for name in names:
        group = [row for row in rows if row.name == name]
        rms = float(np.sqrt(np.mean([row.estimate**2 for row in group])))
        error = float(np.sqrt(np.mean([row.standard_error**2 for row in group])))
        unit = group[0].unit
        cells.append((name.replace("_", " "), str(len(group)), _size(rms, unit), _size(error, unit)))
    head = ("deviation", "fitted", "rms", "standard error, rms")
    return Table("Deviations from the design, by kind", head, tuple(cells))


def _size(value: float, unit: str) -> Cell:
    return Cell(amount(value, unit) if unit else f"{100 * value:.3g} %", value, unit)


def _values(rows: Sequence[FittedParameter]) -> Iterator[Table]:
    if len(rows) > _MOST_VALUES:
        return
    drawn = any(row.true is not None for row in rows)
    head = ("parameter", "fitted ± standard error", *(("drawn", "standard errors apart") if drawn else ()))
    cells = []
    for row in rows:
        name = f"{row.name.replace('_', ' ')} {', '.join(map(str, row.index))}".strip()
        seen = (_drawn(row), _apart(row)) if drawn else ()
        cells.append((name, _deviation(row.estimate, row.standard_error, row.unit), *seen))
    yield Table("Fitted values with their error bars", head, tuple(cells))


def _drawn(row: FittedParameter) -> str | Cell:
    return "–" if row.true is None else _size(row.true, row.unit)


def _apart(row: FittedParameter) -> str | Cell:
    return "–" if row.z is None else Cell(f"{row.z:+.1f}", row.z)


def _shared(summary: Mapping[str, Any]) -> Iterator[Table]:
    """What all cells share, and what the bench was found to be."""
    cells = [
        (name.replace("_", " "), _with_error(summary[name], unit))
        for name, unit in _OF_THE_CHIP.items()
        if name in summary
    ]
    cells += [(f"bench: {name}", _with_error(found, "")) for name, found in (summary.get("bench") or {}).items()]
    if cells:
        yield Table("Of the whole chip", ("value", "fitted ± standard error"), tuple(cells))


def _with_error(found: Mapping[str, Any], unit: str) -> Cell:
    value = found["value"]
    error = found["standard_error"]
    return Cell(plus_minus(value, error, unit), value, unit, value - _NORMAL * error, value + _NORMAL * error)


def _residuals(folder: Folder) -> tuple[Table, ...]:
    rows = folder.residuals
    if not rows:
        return ()
    cells = tuple(
        (row["file"], row["analysis"], Cell(f"{row['rms']:.3g}", row["rms"]), row.get("why", "used")) for row in rows
    )
    caption = "Residuals by record, rms in units of what noise and error bars explain together (1 expected)."
    return (Table(caption, ("record", "analysis", "residual", ""), cells, tuple(row["used"] for row in rows)),)


def population_section(folder: Folder) -> Section | None:
    """The model of a process: means and spreads with their intervals."""
    if "spreads" not in folder.summary:
        return None
    summary = folder.summary_as(PopulationSummary)
    spreads = summary.get("spreads") or {}
    count = summary.get("instances", 0)
    head = ("deviation", "mean", "from chip to chip", "within a chip")
    cells = tuple(
        (_spread_name(name), *(_spread(found.get(part), name) for part in ("mean", "chip", "local")))
        for name, found in spreads.items()
    )
    text = (
        f"{count} chips of {summary.get('topology', 'a topology')}. Relative to the design; offsets in volts. ± is one"
        " standard error; the file has intervals of 95 %.",
        "A spread from n chips is known to about 1/sqrt(2 (n - 1)) of itself"
        + (f": {percent(1 / (2 * (count - 1)) ** 0.5, 0)} here." if count > 1 else "."),
    )
    drawn = picture(
        lambda: figures.spreads({_spread_name(n): found for n, found in spreads.items() if "offset" not in n}),
        "Relative spreads of the process, bars of two standard errors; a bar that reaches the left end reaches zero.",
    )
    tables = (Table("Means and spreads with standard errors", head, cells),)
    return Section("Process", text, (drawn,), tables)


def _spread_name(name: str) -> str:
    return name.replace("_", " ")


def _spread(found: Mapping[str, Any] | None, name: str) -> str | Cell:
    return (
        "–" if found is None else _deviation(found["value"], found["standard_error"], "V" if "offset" in name else "")
    )


def elements_section(folder: Folder) -> Section | None:
    """The elements of a circuit of one's own."""
    if "elements" not in folder.summary:
        return None
    summary = folder.summary_as(ElementsSummary)
    rows = summary.get("elements") or []
    drawn = any(row.get("truth") is not None for row in rows)
    head = ("element", "value", "deviation ± standard error", "tolerance (sd)", *(("drawn",) if drawn else ()), "")
    cells = tuple(
        (
            row["element"],
            Cell(f"{row['value']:.5g}", row["value"]),
            _deviation(row["deviation"], row["standard_error"], ""),
            _size(row["tolerance"], ""),
            *((_truth(row),) if drawn else ()),
            "identified" if row["identified"] else "not identified",
        )
        for row in rows
    )
    marks = tuple(None if row["identified"] else False for row in rows)
    misfit = ", ".join(f"{name} {value:.2f}" for name, value in (summary.get("misfit") or {}).items())
    text = (f"Misfit by kind of record, in standard deviations (1 expected): {misfit}.",) if misfit else ()
    table = Table("Elements, in SI units, with their error bars", head, cells, marks)
    crosses = " Crosses: as drawn." if drawn else ""
    caption = f"Deviations from the netlist, bars of two standard errors; grey: the tolerance.{crosses}"
    return Section("Elements", text, (picture(lambda: figures.elements(rows), caption),), (table, *_residuals(folder)))


def _truth(row: Mapping[str, Any]) -> str | Cell:
    return "–" if row.get("truth") is None else _size(row["truth"], "")
