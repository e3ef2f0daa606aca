"""A measurement as the bytes of a netCDF file (HDF5), written in memory."""

from io import BytesIO
from typing import Any

import numpy as np
import xarray as xr

_RESERVED = ("_FillValue", "missing_value", "scale_factor", "add_offset", "coordinates", "dtype")
"""Attributes that are instructions to whoever writes them, or to whoever reads the file."""


def content(data: xr.Dataset) -> bytes:
    """The file, as xarray writes it.

    What is plain goes to HDF5 at once: xarray would load dask first, where it is installed, to ask whether an array of
    numpy is one of dask's, which takes longer than many simulations.
    """
    buffer = BytesIO()
    if _is_plain(data):
        _write(data, buffer)
        return buffer.getvalue()
    # `to_netcdf` would load dask's clusters, too, to ask whether they hold a lock on memory of our own.
    store = xr.backends.H5NetCDFStore.open(buffer, mode="w", lock=False)
    try:
        data.dump_to_store(store)
    finally:
        store.close()
    return buffer.getvalue()


def _is_plain(data: xr.Dataset) -> bool:
    """Numbers and text under labels of their own dimension, attributes of the same kinds, and no wish of encoding."""
    if data.encoding or 0 in data.sizes.values() or any(name not in data.dims for name in data.coords):
        return False
    variables = data.variables.values()
    return all(_is_plain_variable(v) for v in variables) and _are_plain(data.attrs)


def _is_plain_variable(variable: xr.Variable) -> bool:
    known = variable.dtype.kind in "iuf" or _is_text(variable)
    return known and not variable.encoding and _are_plain(variable.attrs)


def _is_text(variable: xr.Variable) -> bool:
    return variable.dtype == object and all(type(value) is str for value in variable.values.flat)


def _are_plain(attributes: dict[Any, Any]) -> bool:
    return all(
        isinstance(name, str) and name not in _RESERVED and type(value) in (str, int, float)
        for name, value in attributes.items()
    )


def _write(data: xr.Dataset, buffer: BytesIO) -> None:
    # Loading them takes longer than a small simulation, and not everybody writes.
    import h5netcdf
    import h5py

    with h5netcdf.File(buffer, "w") as file:
        file.dimensions = {str(name): size for name, size in data.sizes.items()}
        for name, variable in data.variables.items():
            # Where nothing is said, xarray marks what is missing by nan.
            fill = np.nan if variable.dtype.kind == "f" else None
            dtype = h5py.string_dtype() if variable.dtype == object else variable.dtype
            written = file.create_variable(str(name), variable.dims, dtype=dtype, fillvalue=fill)
            for key, value in variable.attrs.items():
                written.attrs[key] = value
            written[...] = variable.values
        for key, value in data.attrs.items():
            file.attrs[key] = value
