"""The report's parts on linear algebra on a device, on formulas, and on an exported chip."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from .. import figures
from ..results import AlgebraSummary, ExportSummary, Folder, SymbolicSummary, TuningSummary
from ..section_parts import Cell, Picture, Section, Table, number, picture
from ..wording import amount, counted, parameter_words, percent
from ._training import target_tables

_ALGEBRA = {
    "solve": "System of linear equations",
    "inverse": "Inverse of a matrix",
    "lyapunov": "Lyapunov equation",
    "determinant": "Determinant",
    "expm": "Exponential of a matrix",
}
_MOST_ENTRIES = 64
_LONGEST_FORMULA = 400


def algebra(folder: Folder) -> Section | None:
    """What `thermospice solve` says of a problem of linear algebra, or None."""
    if folder.summary.get("command") != "solve" or str(folder.summary.get("problem")) not in _ALGEBRA:
        return None
    summary = folder.summary_as(AlgebraSummary)
    title = _ALGEBRA[str(summary["problem"])]
    rows = counted(summary.get("n", "?"), "row")
    text = (f"{rows} on {summary.get('on', 'a device')}, {counted(summary.get('runs', '?'), 'run')}.",)
    return Section(title, text, tuple(_entry_pictures(summary)), (*_entries(summary), _cost(summary)))


def _columns(summary: Mapping[str, Any]) -> tuple[Any, Any, Any] | None:
    """Answer, error bar and exact answer of each entry; None where they do not go together."""
    if not {"value", "standard_error", "exact"} <= summary.keys():
        return None
    try:
        columns = [np.array(summary[name], dtype=float) for name in ("value", "standard_error", "exact")]
    except ValueError:  # rows of different lengths
        return None
    value, error, exact = columns
    return (value, error, exact) if value.shape == error.shape == exact.shape and value.size else None


def _entries(summary: Mapping[str, Any]) -> Iterator[Table]:
    columns = _columns(summary)
    if columns is None:
        return
    value, error, exact = columns
    rows = []
    for index in list(np.ndindex(value.shape))[:_MOST_ENTRIES]:
        bar = float(error[index])
        apart = (float(value[index]) - float(exact[index])) / bar if bar > 0 else None
        rows.append(
            (
                ", ".join(map(str, index)) or "–",
                number(float(value[index]), digits=6),
                number(bar, digits=2),
                number(float(exact[index]), digits=6),
                "–" if apart is None else Cell(f"{apart:+.2f}", apart),
            )
        )
    more = f"; the first {_MOST_ENTRIES} of {value.size}, answer.csv has all" if value.size > _MOST_ENTRIES else ""
    head = ("entry", "answer", "standard error", "exact", "standard errors apart")
    yield Table(f"Each entry with its error bar{more}", head, tuple(rows))


def _entry_pictures(summary: Mapping[str, Any]) -> Iterator[Picture]:
    columns = _columns(summary)
    if columns is not None and columns[0].size > 1:
        value, error, exact = (column.ravel() for column in columns)
        yield picture(
            lambda: figures.entries(value, error, exact),
            "Each entry less the exact one, bars of two standard errors: about 95 % of them hold zero.",
        )


def _cost(summary: Mapping[str, Any]) -> Table:
    errors = {
        "relative_error": "relative error",
        "relative_standard_error": "its error bar",
        "relative_noise_error": "of it noise",
        "relative_device_error": "of it the device's tolerances",
    }
    rows: list[tuple[str, str | Cell]] = [
        (label, Cell(percent(summary[name], 2), summary[name])) for name, label in errors.items() if name in summary
    ]
    units = {"analog_time_s": ("analog time", "s"), "energy_J": ("energy", "J"), "least_energy_J": ("least heat", "J")}
    rows += [(label, number(summary[name], unit)) for name, (label, unit) in units.items() if name in summary]
    return Table("What it came to, and what that took", ("what", "value"), tuple(rows))


def formulas(folder: Folder) -> Section | None:
    """What `thermospice symbolic` found, or None."""
    if folder.summary.get("command") != "symbolic":
        return None
    summary = folder.summary_as(SymbolicSummary)
    claims = {row["claim"]: row["holds"] for row in summary.get("proofs", ())} | dict(summary.get("checks", {}))
    tables = [Table("Formulas", ("what", "formula"), tuple(_expressions(summary)))]
    if claims:
        words = tuple((claim, "✓ holds" if holds else "✗ does not hold") for claim, holds in claims.items())
        tables.append(Table("Claims, each proved", ("claim", "verdict"), words, tuple(claims.values())))
    if omitted := summary.get("omitted"):
        tables.append(Table("Too large to write", ("formula",), tuple((text,) for text in omitted)))
    numbers = tuple(_numbers(summary.get("numbers") or {}))
    tables += [Table("Numbers instead", ("what", "value"), numbers)] if numbers else []
    text = ("symbolic.txt has all formulas in full, symbolic.tex in LaTeX.",)
    return Section("Formulas", text, (), tuple(table for table in tables if table.rows))


def _expressions(summary: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, text in (summary.get("expressions") or {}).items():
        if isinstance(text, str):
            yield name, text if len(text) <= _LONGEST_FORMULA else f"{text[:_LONGEST_FORMULA]} …"


def _numbers(found: Mapping[str, Any]) -> Iterator[tuple[str, str | Cell]]:
    for name, unit in (("temperature", "K"), ("time_constants", "s"), ("rms", "V"), ("settled", "V")):
        value = found.get(name)
        if isinstance(value, int | float):
            yield name, number(float(value), unit)
        elif isinstance(value, list) and value and all(isinstance(one, int | float) for one in value):
            yield name.replace("_", " "), ", ".join(amount(float(one), unit) for one in value[:8])


def exported(folder: Folder) -> Section | None:
    """What `thermospice export` wrote, or None."""
    if folder.summary.get("command") != "export":
        return None
    summary = folder.summary_as(ExportSummary)
    rows = tuple((what.replace("_", " "), name) for what, name in (summary.get("files") or {}).items())
    pins = (
        f"{summary.get('topology', 'A chip')} of {counted(summary.get('n', '?'), 'cell')}, as"
        f" {summary.get('to', '?')}: outputs {', '.join(summary.get('outputs', ()))},"
        f" drives {', '.join(summary.get('inputs', ()))}."
    )
    return Section("Exported chip", (pins,), (), (Table("Files", ("what", "file"), rows),))


def tuning(folder: Folder) -> Section | None:
    """What `thermospice train --tune` chose, or None."""
    if "chosen" not in folder.summary:
        return None
    summary = folder.summary_as(TuningSummary)
    chosen = summary.get("chosen") or {}
    names = list(dict.fromkeys(name for row in chosen.values() for name in row))
    rows = tuple((method, *(_setting(row.get(name)) for name in names)) for method, row in chosen.items())
    text = (f"Each optimiser by the same budget{_in_steps(summary)}, on validation data.", *_left_out(summary))
    tables = (Table("Chosen settings", ("optimiser", *map(parameter_words, names)), rows), *_when(summary))
    return Section("Tuning", text, (), tables)


def _in_steps(summary: Mapping[str, Any]) -> str:
    return f" in {summary['steps']} steps" if "steps" in summary else ""


def _left_out(summary: Mapping[str, Any]) -> Iterator[str]:
    for method, why in (summary.get("left_out") or {}).items():
        yield f"{method} is left out: {why}"


def _when(summary: Mapping[str, Any]) -> Iterator[Table]:
    """Steps and modelled time to the loss that all came to, of the final runs with the chosen settings."""
    target = summary.get("target_loss")
    entries = [
        {
            "run": method,
            "target_loss": target,
            **({} if one is None else _as_of_a_run(one)),
        }
        for method, seeds in (summary.get("reached") or {}).items()
        for one in seeds
    ]
    if target is not None:
        yield from (Table(*table) for table in target_tables(entries))


def _as_of_a_run(one: Mapping[str, Any]) -> dict[str, Any]:
    """By the names that entries of runs have."""
    found = {"steps_to_target": one["steps"], "modelled_time_to_target_s": one["modelled_time_s"]}
    above = one.get("last_step_above")  # folders of older versions do not say
    return found if above is None else {**found, "last_step_above_target": above}


def _setting(value: Any) -> str | Cell:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "–" if value is None else str(value)
    return number(float(value))
