"""Raw files of ngspice and LTspice, binary or text, as people bring them.

LTspice writes its header in UTF-16, time as float64 and everything else as float32 (`double` in the flags: all as
float64), complex values as two float64; the sign of a time is a flag of its compression.
"""

import numpy as np
from jaxtyping import Inexact

from .._exceptions import FileError
from ._raw_file import Plot, malformed, parse_header, read_raw

_UTF16 = "Title:".encode("utf-16-le")


def read_any_raw(data: bytes) -> tuple[Plot, ...]:
    """Every plot of a raw file, whoever wrote it.

    Raises:
        FileError: the file is malformed, ends early, or holds several runs of a stepped simulation.
    """
    if data.removeprefix(b"\xff\xfe").startswith(_UTF16):
        return (_ltspice(data.removeprefix(b"\xff\xfe")),)
    text = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
    if b"\nValues:" in text and b"\nBinary:" not in text:
        return tuple(_plain(part) for part in _plots(text))
    return read_raw(data)


def _plots(text: bytes) -> list[str]:
    try:
        parts = text.decode("utf-8").split("\nTitle:")
    except UnicodeDecodeError:
        raise malformed("the text is not UTF-8") from None
    return [parts[0], *(f"Title:{part}" for part in parts[1:])]


def _plain(part: str) -> Plot:
    """One plot in text: a row is its number and its first value, then the other values, one a line."""
    head, found, body = part.partition("\nValues:")
    if not found:
        raise malformed("a plot has no data")
    fields, variables, rows = parse_header(head)
    words = body.split()
    width = len(variables) + 1
    if rows is None or len(words) != rows * width:
        raise malformed(f"expected {rows} rows of {width} numbers, got {len(words)} numbers")
    # Each row begins with its number.
    rest = [word for k, word in enumerate(words) if k % width]
    values = _numbers(rest, "complex" in fields["flags"].split())
    return Plot(fields["plotname"], variables, values.reshape(rows, width - 1))


def _numbers(words: list[str], is_complex: bool) -> Inexact[np.ndarray, " values"]:
    try:
        if not is_complex:
            return np.array([float(word) for word in words])
        return np.array([complex(*map(float, word.split(","))) for word in words])
    except (ValueError, TypeError):
        raise malformed("a value is not a number") from None


def _ltspice(data: bytes) -> Plot:
    for mark in ("Binary:\n", "Values:\n", "Binary:\r\n", "Values:\r\n"):
        at = data.find(mark.encode("utf-16-le"))
        if at >= 0:
            break
    else:
        raise malformed("a plot has no data")
    body = at + 2 * len(mark)
    try:
        head = data[:at].decode("utf-16-le").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise malformed("the header is not text") from None
    if mark.startswith("Values"):
        try:
            return _plain(f"{head}\nValues:{data[body:].decode('utf-16-le')}")
        except UnicodeDecodeError:
            raise malformed("the values are not text") from None
    fields, variables, rows = parse_header(head)
    flags = fields["flags"].split()
    if "stepped" in flags:
        raise FileError("the raw file holds several runs of a stepped simulation; write one file for each")
    row = _row_type(len(variables), flags)
    if rows is None or rows * row.itemsize != len(data) - body:
        raise malformed(f"expected {rows} rows of {row.itemsize} bytes, {len(data) - body} bytes are left")
    found = np.frombuffer(data, row, rows, body)
    values = np.column_stack([found["x"].reshape(rows, -1), found["v"].reshape(rows, len(variables) - 1)])
    if "complex" not in flags and variables[0] == "time":
        values[:, 0] = np.abs(values[:, 0])
    return Plot(fields["plotname"], variables, values)


def _row_type(count: int, flags: list[str]) -> "np.dtype[np.void]":
    if "fastaccess" in flags:
        raise FileError("the raw file is in LTspice's fast access format; write it without .options fastaccess")
    first, rest = ("<c16", "<c16") if "complex" in flags else ("<f8", "<f8" if "double" in flags else "<f4")
    return np.dtype([("x", first), ("v", rest, (count - 1,))])
