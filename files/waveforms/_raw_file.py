"""Reader for binary raw files of ngspice, and of VACASK: every plot in the file, real or complex.

The format is that of the ngspice manual, chapter "Output file formats": a text header for each plot, the line
`Binary:`, then rows of float64 in the machine's byte order, two of them for each complex value.
"""

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Inexact

from .._exceptions import FileError

_BINARY = b"Binary:\n"
_HEADER_LIMIT = 64 << 20
_COUNT = re.compile(r"\d{1,12}")


@dataclass(frozen=True, eq=False)
class Plot:
    """One analysis: `values[row, k]` belongs to `variables[k]` (lower case, as `v(out0)`)."""

    name: str
    variables: tuple[str, ...]
    values: Inexact[np.ndarray, "rows variables"]

    def __getitem__(self, variable: str) -> Inexact[np.ndarray, " rows"]:
        """Raises `KeyError` when the plot lacks the variable."""
        return self.values[:, self._places[variable]]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: k for k, name in enumerate(self.variables)}

    @property
    def scale(self) -> Float[np.ndarray, " rows"]:
        """The first variable: time or frequency. The imaginary part of ngspice's frequency is garbage."""
        return np.ascontiguousarray(self.values[:, 0].real)

    @property
    def finite(self) -> bool:
        """Whether the scale and every value are; the garbage beside a frequency may be anything and does not count."""
        return bool(np.isfinite(self.scale).all() and np.isfinite(self.values[:, 1:]).all())


def read_raw(data: bytes) -> tuple[Plot, ...]:
    """Every plot of a raw file.

    Raises:
        FileError: the file is malformed or ends early.
    """
    plots = []
    position = 0
    while position < len(data):
        plot, position = _read_plot(data, position)
        plots.append(plot)
    return tuple(plots)


def _read_plot(data: bytes, start: int) -> tuple[Plot, int]:
    end = data.find(_BINARY, start, start + _HEADER_LIMIT)
    if end < 0:
        raise malformed("a plot has no data")
    fields, variables = _header(data[start:end])
    dtype = _dtype(fields)
    width = len(variables) * dtype.itemsize
    rows = _rows(fields, len(data) - end - len(_BINARY), width)
    body = end + len(_BINARY)
    values = np.frombuffer(data, dtype, rows * len(variables), body).reshape(rows, len(variables))
    return Plot(fields["plotname"], variables, values), body + rows * width


def parse_header(text: str) -> tuple[dict[str, str], tuple[str, ...], int | None]:
    """Fields, variables and the number of rows of a header, whichever encoding it had.

    Raises:
        FileError: it is malformed.
    """
    fields, variables = _header(text.encode("ascii", "replace"), strict=False)
    if "plotname" not in fields or not {"real", "complex"} & set(fields.get("flags", "").split()):
        raise malformed("the header names no plot, or no kind of numbers")
    count = fields.get("no. points", "")
    return fields, variables, int(count) if _COUNT.fullmatch(count) else None


def _header(block: bytes, strict: bool = True) -> tuple[dict[str, str], tuple[str, ...]]:
    try:
        lines = block.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise malformed("the header is not text") from None
    fields: dict[str, str] = {}
    for number, line in enumerate(lines):
        key, colon, value = line.partition(":")
        if not colon and not strict and not line.strip():
            continue
        if not colon:
            raise malformed(f"expected 'key: value' in the header, got {line[:40]!r}")
        if key == "Variables":
            _refuse_offset(fields.get("offset", "0"))
            return fields, _variables(fields, lines[number + 1 :])
        fields[key.strip().lower()] = value.strip()
    raise malformed("the header lists no variables")


def _refuse_offset(offset: str) -> None:
    """Of LTspice: nobody says what is counted from it."""
    try:
        shifted = float(offset) != 0
    except ValueError:
        raise malformed(f"expected a number at 'offset', got {offset[:40]!r}") from None
    if shifted:
        raise FileError(
            f"the raw file has an Offset of {offset[:40]}, and its times may count from there; save from 0 on (leave"
            " the start out of .tran), or export it as text"
        )


def _variables(fields: dict[str, str], lines: list[str]) -> tuple[str, ...]:
    expected = _count(fields, "no. variables")
    rows = [line.split() for line in lines if line.strip()]
    if expected < 1 or len(rows) != expected:
        raise malformed(f"expected {expected} variables, at least 1, the header lists {len(rows)}")
    if any(len(row) < 3 or row[0] != str(k) for k, row in enumerate(rows)):
        raise malformed("the list of variables is out of order")
    names = tuple(row[1].lower() for row in rows)
    if len(set(names)) != len(names):
        raise malformed("two variables have the same name")
    return names


def _dtype(fields: dict[str, str]) -> "np.dtype[np.inexact]":
    flags = fields.get("flags", "").split()
    if "unpadded" in flags or ("real" in flags) == ("complex" in flags):
        raise malformed(f"expected flags 'real' or 'complex', got {' '.join(flags)[:40]!r}")
    return np.dtype(np.complex128 if "complex" in flags else np.float64)


def _rows(fields: dict[str, str], available: int, width: int) -> int:
    if "plotname" not in fields:
        raise malformed("the header names no plot")
    rows = _count(fields, "no. points")
    # The count is written at the end of a run; 0 means that the run was cut short, or that the header was never
    # rewritten: the plot is then the last one, and the size of the file counts.
    if rows == 0:
        rows, rest = divmod(available, width)
        if rest:
            raise malformed("the last row is not complete")
    if rows * width > available:
        raise malformed(f"expected {rows} rows of {width} bytes, {available} bytes are left")
    return rows


def _count(fields: dict[str, str], key: str) -> int:
    text = fields.get(key, "")
    if not _COUNT.fullmatch(text):
        raise malformed(f"expected a number at {key!r}, got {text[:40]!r}")
    return int(text)


def malformed(reason: str) -> FileError:
    """Why a raw file cannot be read."""
    return FileError(f"the simulator's raw file is malformed: {reason}")
