"""Whether what a file holds is of the kind that the report reads, or an error in one line that names the field."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float
from pydantic import ConfigDict, TypeAdapter, ValidationError

from ...files import reasons
from .._exceptions import ReportError
from ._schema import DesignKey, DesignValue, DesignWords
from ._values import LARGEST, LONGEST_NAME

# Rows that are checked at a time: of a million that are wrong, each would be told.
_PART = 1000


@lru_cache
def _adapter(kind: Any) -> Any:
    return TypeAdapter(kind)


@lru_cache
def _adapter_of_rows(kind: Any) -> Any:
    return TypeAdapter(list[kind], config=ConfigDict(strict=True))


def checked(kind: Any, data: Any, where: str) -> Any:
    """Plain data that are of a kind.

    Args:
        kind: one of the kinds above, or a list of it.
        data: as JSON gives it.
        where: for the message, as `FILE`.

    Raises:
        ReportError: they are not; with the field.
    """
    try:
        return _adapter(kind).validate_python(data)
    except ValidationError as error:
        raise ReportError(f"{where}: {reasons(error)}") from None


def checked_rows(kind: Any, data: Any, where: str) -> Any:
    """A list of what `checked` gives.

    Raises:
        ReportError: as `checked`; with the number of the row among a thousand.
    """
    if not isinstance(data, list):
        raise ReportError(f"{where}: expected a list, got {type(data).__name__}")
    found: list[Any] = []
    for start in range(0, len(data), _PART):
        part = f", after row {start}" if start else ""
        try:
            found += _adapter_of_rows(kind).validate_python(data[start : start + _PART])
        except ValidationError as error:
            raise ReportError(f"{where}{part}: {reasons(error)}") from None
    return found


def check_waveforms(data: xr.Dataset, names: Sequence[str], where: str) -> None:
    """Raise `ReportError` unless the waves of every name, their times, and their spread belong together."""
    wanted = {**dict.fromkeys(names, ("time", "cell")), "sd": ("cell",), "time": ("time",)}
    for name, dims in wanted.items():
        if name not in data.variables:
            raise ReportError(f"{where}: expected the variable {name!r}, which is missing")
        found = data[name]
        if found.dims != dims or found.size == 0 or found.dtype.kind not in "iuf":
            raise ReportError(f"{where}: {name}: expected numbers along {', '.join(dims)}")
        if not (np.abs(found.values.astype(float)) <= LARGEST).all():
            raise ReportError(f"{where}: {name}: expected finite values")
    if (data["sd"].values < 0).any():
        raise ReportError(f"{where}: sd: expected standard deviations, got some below zero")


_OF_ANALYSIS = (("time", ("v",)), ("frequency", ("v_re", "v_im")), ("frequency", ("psd",)))
"""The axis of an analysis, and what it gives of each cell or output."""


def is_measurement(data: xr.Dataset) -> bool:
    """Whether it has finite waves, responses or spectra of every cell along their axis."""
    for axis, names in _OF_ANALYSIS:
        if all(name in data.variables for name in names):
            return all(_is_wave(data, name, axis) for name in names)
    return False


def _is_wave(data: xr.Dataset, name: str, axis: str) -> bool:
    found = data[name]
    if found.ndim != 2 or found.dims[0] != axis or found.size == 0 or axis not in data.variables:
        return False
    values = (found.values, data[axis].values)
    return all(v.dtype.kind in "iuf" and bool((np.abs(v.astype(float)) <= LARGEST).all()) for v in values)


def check_pair(x: list[Any], y: list[Any], names: str, where: str) -> None:
    """Raise `ReportError` unless two lists go together."""
    if len(x) != len(y):
        raise ReportError(f"{where}: {names}: expected as many values, got {len(x)} and {len(y)}")


def rectangle(rows: list[list[float]], name: str, where: str) -> Float[np.ndarray, "rows columns"]:
    """Rows of one length as an array.

    Raises:
        ReportError: they differ in length.
    """
    if len({len(row) for row in rows}) > 1:
        raise ReportError(f"{where}: {name}: expected rows of one length, got {sorted({len(row) for row in rows})}")
    return np.array(rows, dtype=float)


def check_design(data: Mapping[str, Any], where: str, prefix: str = "", depth: int = 0) -> None:
    """Check the values of a design: texts, numbers, and lists and mappings of them.

    Raises:
        ReportError: something else, or nested deeper than a design is.
    """
    if depth == 0:
        checked(DesignWords, dict(data), where)
    if depth > 5:
        raise ReportError(f"{where}: {prefix.rstrip('.')}: nested too deep for a design")
    for key, value in data.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            check_design(value, where, f"{name}.", depth + 1)
        else:
            checked(DesignValue, {"value": value}, f"{where}: {name[:LONGEST_NAME]}")
        checked(DesignKey, {"key": str(key)}, where)
