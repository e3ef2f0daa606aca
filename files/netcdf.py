"""Data sets from netCDF files: judged and read once by a process that can be stopped, before this one reads them."""

import os
import subprocess
import sys
from math import ceil
from pathlib import Path

import xarray as xr

from ._exceptions import FileError
from .opening import MEASUREMENT, UnreadableFile, child_environment, opened

MOST_UNPACKED = 1 << 31
"""Bytes of all variables: twice of what a file may have, and as much as a machine of 8 GB can copy once."""

TIME_LIMIT = 20.0
"""To read a file [s], beside what a slow disk needs."""

_BYTES_PER_SECOND = 10e6
_LONGEST_REASON = 300


def read_netcdf(path: str | Path) -> xr.Dataset:
    """The content of a netCDF file (HDF5) in memory.

    A process of its own reads the file first (0.5 s), since HDF5 never returns from some that are damaged.

    Raises:
        UnreadableFile: missing, not a plain file, too large, or not netCDF; or a file that keeps data elsewhere.
    """
    _check(Path(path))
    try:
        data = xr.load_dataset(path, engine="h5netcdf", decode_times=False)
        _check_text(data)
    except FileError:
        raise
    except Exception:
        # The libraries raise whatever a damaged file makes them stumble over: nothing here is more than that.
        raise UnreadableFile(path, "not a netCDF file") from None
    return data


def _check(path: Path) -> None:
    with opened(path, MEASUREMENT) as file:
        size = os.fstat(file.fileno()).st_size
    limit = round(TIME_LIMIT + size / _BYTES_PER_SECOND, 1)
    program = Path(__file__).with_name("_check_netcdf.py")
    # -P: the script's folder is no place to import from.
    command = [sys.executable, "-P", str(program), str(path.absolute()), str(MOST_UNPACKED), str(ceil(limit) + 1)]
    try:
        # No filter is looked for in other places.
        environment = child_environment(HDF5_PLUGIN_PRELOAD="::")
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=limit, env=environment)
    except subprocess.TimeoutExpired:
        raise UnreadableFile(path, f"damaged, it was not read within {limit:g} s") from None
    if done.returncode != 0:
        said = done.stdout.decode("utf-8", "replace").strip()
        raise UnreadableFile(path, said[:_LONGEST_REASON] or "not a netCDF file")


def _check_text(data: xr.Dataset) -> None:
    """Raise `UnicodeEncodeError` for bytes that are no text, which h5py turns into characters that no file can hold."""
    for attributes in (data.attrs, *(variable.attrs for variable in data.variables.values())):
        for name, value in attributes.items():
            f"{name}{value}".encode()
