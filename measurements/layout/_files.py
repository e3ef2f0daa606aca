"""Measuring a chip for its calibration, and the fit."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from ...files import UnreadableFile, replacing
from ...files.netcdf import read_netcdf, readable_together
from .._exceptions import MeasurementError
from ._content import content
from ._layout import OPTIONAL, VARIABLES

if TYPE_CHECKING:
    import xarray as xr


MOST_PROGRAMS = 10_000
"""The readings of one take some hundred kilobytes."""


def load_measurements(paths: Sequence[Path]) -> list[xr.Dataset]:
    """Measurements from files.

    Raises:
        MeasurementError: as `load_measurement`, of the first that is none.
    """
    judged = readable_together(paths)
    return [_loaded(path, path in judged) for path in paths]


def save_measurements(measured: Sequence[xr.Dataset], folder: Path) -> None:
    """One numbered file for each measurement."""
    for k, data in enumerate(measured):
        write_dataset(folder / f"{k}.nc", data)


def load_numbered(folder: Path) -> list[xr.Dataset]:
    """What `save_all` wrote, in order."""
    return load_measurements(sorted(folder.glob("*.nc"), key=lambda p: int(p.stem)))


def write_dataset(path: Path, data: "xr.Dataset") -> None:
    """Write netCDF, as `write_text` does text."""

    path.parent.mkdir(parents=True, exist_ok=True)
    save_measurement(data, path)


def save_measurement(measurement: xr.Dataset, path: str | Path) -> None:
    """Write netCDF (HDF5), whole or not at all; `load_measurement` reads it back identical.

    Raises:
        MeasurementError: the file cannot be written.
    """
    target = Path(path)
    # In memory first: when the disk fills up under HDF5 itself, it brings the process down.
    whole = content(measurement)
    try:
        with replacing(target) as file:
            file.write(whole)
    except OSError as error:
        raise MeasurementError(f"{target}: cannot write the measurement: {error.strerror or error}") from None


def load_measurement(path: str | Path) -> xr.Dataset:
    """Read a measurement into memory.

    A process of its own reads the file first, since HDF5 never returns from some that are damaged.

    Raises:
        MeasurementError: no such file, or not a measurement.
    """
    return _loaded(path, judged=False)


def _loaded(path: str | Path, judged: bool) -> xr.Dataset:
    try:
        measurement = read_netcdf(path, judged)
    except UnreadableFile as error:
        raise MeasurementError(f"{path}: cannot read the measurement: {error.reason}") from None
    if "analysis" not in measurement.attrs or not {"A", "b"} <= set(measurement.variables):
        raise MeasurementError(f"{path}: not a measurement: expected A, b and the attribute 'analysis'")
    return measurement


def load_circuit_measurement(path: str | Path) -> xr.Dataset:
    """Read a measurement of a circuit that is no chip, with the attributes `network`, `outputs` and `analysis`.

    Raises:
        MeasurementError: no such file, or not such a measurement.
    """
    try:
        data = read_netcdf(path)
    except UnreadableFile as error:
        raise MeasurementError(f"{path}: cannot read the measurement: {error.reason}") from None
    if missing := [name for name in ("analysis", "network", "outputs") if name not in data.attrs]:
        raise MeasurementError(f"{path}: not a measurement of a circuit: expected the attributes {', '.join(missing)}")
    dimensions = VARIABLES.get(str(data.attrs["analysis"]))
    if dimensions is None:
        raise MeasurementError(f"{path}: analysis: expected one of {', '.join(VARIABLES)}")
    for name, dims in dimensions.items():
        if name in OPTIONAL:
            continue
        if name not in data.variables or data[name].dims != dims:
            raise MeasurementError(f"{path}: expected {name} by {', '.join(dims)}")
        if data[name].dtype.kind != "f" or not bool(np.isfinite(data[name].values).all()):
            raise MeasurementError(f"{path}: {name}: expected finite numbers")
    return data
