"""A measurement as its labels say: sorted by them, in the units of this package, without gaps or unsaid noise."""

import numpy as np
import xarray as xr
from jaxtyping import Float

from ...files.quantities import unit_factor
from .._exceptions import MeasurementError

SORTED = ("time", "frequency")
"""Dimensions whose labels are numbers with a unit; those of all others count from zero."""

_FILL = 9.9e36
"""netCDF fills what was never written with 9.97e36."""

_PACKED = ("scale_factor", "add_offset", "_FillValue", "missing_value")

_LEAST_SAMPLES = 30
"""From so many on, the second differences of white noise are told from those of a smooth curve."""

_NOISE_CORRELATION = (-0.8, -0.35)
"""Of neighbouring second differences: -2/3 for white noise, -1/2 for a random walk, and positive for a smooth curve."""

_STEADY = 3.0
"""Noise at the end of a record is as large as at its begin; an oscillation that is sampled coarsely dies out."""


def aligned(dataset: xr.Dataset, where: str) -> xr.Dataset:
    """The same values in the order of their labels: rising times and frequencies, cells from zero.

    Raises:
        MeasurementError: labels that are not those of the cells, or one given twice.
    """
    for dim in map(str, dataset.dims):
        if dim in dataset.coords:
            dataset = dataset.isel({dim: _order(dataset[dim], dim, where)})
    return dataset


def _order(labels: xr.DataArray, dim: str, where: str) -> np.ndarray:
    values = labels.values
    if values.dtype.kind not in "iufm" or (values.dtype.kind == "f" and not np.isfinite(values).all()):
        raise MeasurementError(f"{where}: {dim}: expected numbers as labels, got {values.dtype}")
    order = np.argsort(values, kind="stable")
    if dim not in SORTED and not np.array_equal(values[order], np.arange(len(values))):
        shown = ", ".join(str(value) for value in values[:8]) + (", ..." if len(values) > 8 else "")
        raise MeasurementError(f"{where}: {dim}: expected each of the labels 0 to {len(values) - 1} once, got {shown}")
    return np.asarray(order)


def real_values(variable: xr.DataArray, name: str, unit: str, required: bool, where: str) -> Float[np.ndarray, "..."]:
    """The numbers of a variable in a unit, a key of `UNITS`.

    Raises:
        MeasurementError: another unit, packed or missing values, or what is no real number.
    """
    if packed := [key for key in _PACKED if key in variable.attrs]:
        raise MeasurementError(
            f"{where}: {name}: expected plain values, got packed ones ({', '.join(packed)}); read the file with"
            " its mask and scale"
        )
    values = variable.values
    if values.dtype.kind == "m":
        return np.asarray(values / np.timedelta64(1, "s"), dtype=float)
    if values.dtype.kind not in "iuf":
        raise MeasurementError(f"{where}: {name}: expected real numbers, got {values.dtype}")
    _check_unit(variable, name, unit, required, where)
    found = np.asarray(values, dtype=float)
    missing = ~np.isfinite(found) | (np.abs(found) > _FILL)
    if missing.any():
        count = "" if missing.all() or found.size == 1 else f" in {int(missing.sum())} of {found.size} places"
        raise MeasurementError(f"{where}: {name}: expected finite values, got nan, inf or a fill value{count}")
    _check_range(variable, values, name, where)
    return found


def _check_unit(variable: xr.DataArray, name: str, unit: str, required: bool, where: str) -> None:
    """Any spelling of the unit will do, and no prefix: who writes `mV` beside volts is not known."""
    given = variable.attrs.get("units")
    if given is None and not required:
        return
    if not isinstance(given, str) or unit_factor(given, unit) != 1.0:
        raise MeasurementError(f"{where}: {name}: expected values in {unit or '1'}, got the unit {given!r}")


def _check_range(variable: xr.DataArray, values: np.ndarray, name: str, where: str) -> None:
    low, high = variable.attrs.get("valid_range", (-np.inf, np.inf))
    low = max(low, variable.attrs.get("valid_min", -np.inf))
    high = min(high, variable.attrs.get("valid_max", np.inf))
    if values.size and not (low <= values.min() and values.max() <= high):
        raise MeasurementError(f"{where}: {name}: expected values from {low:g} to {high:g}, as its attributes say")


def scatter(times: Float[np.ndarray, " times"], v: Float[np.ndarray, "times n"]) -> float:
    """Standard deviation of noise about a smooth curve, the largest of the cells [V]; zero where none is seen.

    Each sample is compared with the straight line between its neighbours. Of white noise two neighbouring deviations
    are correlated by -2/3, of a random walk by -1/2, of a smooth curve they have one sign.
    """
    if len(times) < _LEAST_SAMPLES:
        return 0.0
    weight = ((times[1:-1] - times[:-2]) / (times[2:] - times[:-2]))[:, None]
    deviations = v[1:-1] - (1 - weight) * v[:-2] - weight * v[2:]
    deviations = deviations / np.sqrt(1 + weight**2 + (1 - weight) ** 2)
    power = (deviations**2).mean(axis=0)
    neighbours = (deviations[1:] * deviations[:-1]).mean(axis=0)
    third = len(deviations) // 3
    first, last = (np.sqrt((part**2).mean(axis=0)) for part in (deviations[:third], deviations[-third:]))
    low, high = _NOISE_CORRELATION
    with np.errstate(divide="ignore", invalid="ignore"):
        noisy = (neighbours / power > low) & (neighbours / power < high)
        noisy &= (first < _STEADY * last) & (last < _STEADY * first)
    return float(np.sqrt(power[noisy].max(initial=0.0)))
