"""Data sets from netCDF files: judged and read once by a process that can be stopped, before this one reads them."""

import os
import subprocess
import sys
from collections.abc import Sequence
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


_TOGETHER = 200
"""Files in one process: their paths fit on a command line."""


def read_netcdf(path: str | Path, judged: bool = False) -> xr.Dataset:
    """The content of a netCDF file (HDF5) in memory.

    A process of its own reads the file first (0.5 s), since HDF5 never returns from some that are damaged; not of a
    file that is one of `readable_together`, which is `judged`.

    Raises:
        UnreadableFile: missing, not a plain file, too large, or not netCDF; or a file that keeps data elsewhere.
    """
    if not judged:
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


def readable_together(paths: Sequence[Path]) -> frozenset[Path]:
    """Those of the files that one process for many of them has read: all, or those before the first bad one.

    What is wrong with that one, `read_netcdf` says.
    """
    found: list[Path] = []
    for k in range(0, len(paths), _TOGETHER):
        part = paths[k : k + _TOGETHER]
        fine = _how_many_are_fine(part) if len(part) > 1 else 0
        found += part[:fine]
        if fine < len(part):
            break
    return frozenset(found)


def _how_many_are_fine(paths: Sequence[Path]) -> int:
    """From the first on."""
    limits: list[float] = []
    for path in paths:
        try:
            limits.append(_limit(path))
        except UnreadableFile:
            break
    said = _judge(paths[: len(limits)], limits)[1] if limits else b""
    return said.split(b"\n").count(b"ok")


def _check(path: Path) -> None:
    limit = _limit(path)
    code, said = _judge([path], [limit])
    if code is None:
        raise UnreadableFile(path, f"damaged, it was not read within {limit:g} s")
    if code != 0:
        reason = said.decode("utf-8", "replace").strip()
        raise UnreadableFile(path, reason[:_LONGEST_REASON] or "not a netCDF file")


def _limit(path: Path) -> float:
    """Time to read a file [s].

    Raises:
        UnreadableFile: missing, not a plain file, or too large.
    """
    with opened(path, MEASUREMENT) as file:
        return round(TIME_LIMIT + os.fstat(file.fileno()).st_size / _BYTES_PER_SECOND, 1)


def _judge(paths: Sequence[Path], limits: Sequence[float]) -> tuple[int | None, bytes]:
    """Exit code of the process that reads them, None where it took too long; what it said."""
    program = Path(__file__).with_name("_check_netcdf.py")
    # -P: the script's folder is no place to import from.
    command = [sys.executable, "-P", str(program), str(MOST_UNPACKED)]
    for path, limit in zip(paths, limits, strict=True):
        command += [str(ceil(limit) + 1), str(path.absolute())]
    # No filter is looked for in other places.
    environment = child_environment(HDF5_PLUGIN_PRELOAD="::")
    try:
        done = subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, timeout=sum(limits), env=environment
        )
    except subprocess.TimeoutExpired as late:
        return None, late.stdout or b""
    return done.returncode, done.stdout


def _check_text(data: xr.Dataset) -> None:
    """Raise `UnicodeEncodeError` for bytes that are no text, which h5py turns into characters that no file can hold."""
    for attributes in (data.attrs, *(variable.attrs for variable in data.variables.values())):
        for name, value in attributes.items():
            f"{name}{value}".encode()
