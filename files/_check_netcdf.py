"""Read netCDF files to their ends, as a process of its own: HDF5 never returns from some damaged ones.

python -P _check_netcdf.py MOST_BYTES SECONDS FILE [SECONDS FILE ...]

Each file that can be read is a line `ok` on standard output. The first that cannot ends the process, by a line that
says why it is refused, or without one. What a file holds is judged before any of it is read: nothing may lie outside
of it, no filter may be loaded from elsewhere, and unpacked it is not larger than MOST_BYTES.
"""

import ctypes
import math
import resource
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

_MOST_OBJECTS = 10_000

# Those that come with HDF5 and h5py: deflate, shuffle, checksum, szip, nbit, scale-offset, lzf. Any other is a library
# that HDF5 would look for on this machine, and run.
_FILTERS = frozenset({1, 2, 3, 4, 5, 6, 32000})

_OWN_MEMORY = 2 << 30
"""Address space of the interpreter with its libraries."""


_END_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of Linux."""


class Refused(Exception):
    """Says what is wrong with the file."""


def main(most_bytes: int, files: Sequence[tuple[int, str]]) -> None:
    """Judge each file within its time [s]."""
    with suppress(ValueError, OSError):  # a limit that is lower already, or a system without it
        limit = _OWN_MEMORY + 2 * most_bytes
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for seconds, path in files:
        _end_in_time(seconds)
        _read(path, most_bytes)
        print("ok", flush=True)


def _read(path: str, most_bytes: int) -> None:
    """Judge the file, then touch everything that a reader of measurements would."""
    import h5netcdf
    import h5py

    with h5py.File(path, "r") as file:
        _check(file, most_bytes)
    with h5netcdf.File(path, "r") as file:
        dict(file.attrs)
        for variable in file.variables.values():
            dict(variable.attrs)
            variable[...]


def _check(file: Any, most_bytes: int) -> None:
    import h5py

    total = 0
    for item in _objects(file):
        if isinstance(item, h5py.Dataset):
            _check_storage(item)
            total += math.prod(item.shape or ()) * item.dtype.itemsize
        if total > most_bytes:
            raise Refused(f"expected at most {most_bytes:,} bytes when unpacked, got more")


def _objects(file: Any) -> Iterator[Any]:
    """Every group and data set, each once."""
    import h5py

    seen: set[int] = set()
    waiting: list[Any] = [file]
    while waiting:
        item = waiting.pop()
        address = h5py.h5o.get_info(item.id).addr
        if address in seen:
            continue
        seen.add(address)
        if len(seen) > _MOST_OBJECTS:
            raise Refused(f"expected at most {_MOST_OBJECTS:,} variables and groups, got more")
        yield item
        if isinstance(item, h5py.Group):
            for name in item:
                if not isinstance(item.get(name, getlink=True), h5py.HardLink):
                    raise Refused(f"expected all data in the file itself, and {name!r} is a link")
                waiting.append(item[name])


def _check_storage(data: Any) -> None:
    import h5py

    plan = data.id.get_create_plist()
    if plan.get_external_count() or plan.get_layout() == h5py.h5d.VIRTUAL:
        raise Refused(f"expected all data in the file itself, and {data.name!r} lies in other files")
    for k in range(plan.get_nfilters()):
        if plan.get_filter(k)[0] not in _FILTERS:
            raise Refused(f"{data.name!r} is packed by a filter that does not come with HDF5")


def _end_in_time(seconds: int) -> None:
    """Nobody may be left to end this process, which then does not come back from HDF5 to see that."""
    signal.alarm(seconds)
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(_END_WITH_PARENT, signal.SIGKILL)


if __name__ == "__main__":
    seconds = map(int, sys.argv[2::2])
    paths = sys.argv[3::2]
    try:
        main(int(sys.argv[1]), list(zip(seconds, paths, strict=True)))
    except Refused as refused:
        print(refused)
        sys.exit(1)
