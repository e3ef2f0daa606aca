"""Tables of oscilloscopes whose time axis stands in the lines above: Rigol's increments, older Tektronix' columns."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from .._exceptions import MeasurementError
from ._text_table import TextTable


def as_instruments_write(path: Path, table: TextTable) -> TextTable:
    """The table with a time axis, where the file gives a start and an increment instead of times.

    Raises:
        MeasurementError: an increment that is none.
    """
    lines = [[cell.lower() for cell in row] for row in table.preamble]
    for names, numbers in zip(lines, table.preamble[1:], strict=False):
        if "start" in names and "increment" in names:
            return _with_increment(path, table, names, numbers)
    return table


def _with_increment(path: Path, table: TextTable, names: list[str], units: tuple[str, ...]) -> TextTable:
    """Rigol: `X,CH1,CH2,Start,Increment`, then `Sequence,Volt,Volt,0.0,2e-6`, then rows that count."""
    try:
        start, step = (float(units[names.index(word)]) for word in ("start", "increment"))
    except (ValueError, IndexError):
        raise MeasurementError(f"{path}: expected numbers below Start and Increment, got {', '.join(units)}") from None
    if not (np.isfinite([start, step]).all() and step > 0):
        raise MeasurementError(f"{path}: Increment: expected a time above 0 s, got {step:g}")
    columns = table.values.shape[1]
    values = table.values.copy()
    values[:, 0] = start + step * (values[:, 0])
    heads = (("time", *names[1:columns]), ("s", *units[1:columns]))
    return replace(table, values=values, heads=heads)
