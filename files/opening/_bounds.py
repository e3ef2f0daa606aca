"""How much may be asked for at once: what does not fit into this machine is refused before anything of it is made."""

import functools
import os
from numbers import Integral
from pathlib import Path

from .._exceptions import BoundError, FileError
from ._opening import FileKind, read_text

MOST_SEED = 2**53
"""A larger seed is another one after it went through a floating-point number, and later does not fit a netCDF file."""

MOST_RUNS = 100_000
"""Of a study, seeds of an experiment, chips of a process: a month of one core at half a minute each."""

# More is refused even where it is there, since the work grows faster than the memory: a dense solution of what fills
# 64 GiB takes a day.
_MOST_MEMORY = 64 << 30

_GROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
_NUMBER = FileKind("a number", 64)


@functools.cache
def most_memory() -> int:
    """Bytes that the arrays of one piece of work may take: half of what the machine, or this process's group, has."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(whole, _limit_of_group() or whole, 2 * _MOST_MEMORY) // 2


def in_gigabytes(size: int | float) -> str:
    """A number of bytes for a message."""
    gigabytes = size / 1e9
    return f"{gigabytes:.3g} GB" if gigabytes < 1000 or gigabytes > 1e9 else f"{gigabytes:,.0f} GB"


def seed_fault(seed: int) -> str | None:
    """Why a number is no seed; None where it is one."""
    if isinstance(seed, bool) or not isinstance(seed, Integral):
        return f"expected a whole number, got {' '.join(repr(seed).split()):.40}"
    if 0 <= seed <= MOST_SEED:
        return None
    return f"expected a seed from 0 to 2^53 = {MOST_SEED}, got {shortened(seed)}"


def shortened(number: int) -> str:
    """A whole number for a message, which need not be printable as one line."""
    return f"{number}" if abs(number) < 10**20 else f"about {number:.3g}" if abs(number) < 10**300 else "a larger one"


def _limit_of_group() -> int | None:
    try:
        text = read_text(_GROUP_LIMIT, _NUMBER).strip()
    except FileError:
        return None
    return int(text) if text.isdecimal() else None


def check_seed(seed: int, name: str = "seed") -> None:
    """Raise `BoundError` for what is no seed."""
    if (fault := seed_fault(seed)) is not None:
        raise BoundError(f"{name}: {fault}")


def check_count(name: str, count: int, most: int = MOST_RUNS, because: str = "") -> None:
    """Raise `BoundError` when more of something is asked for than is done."""
    if count > most:
        raise BoundError(f"{name}: expected at most {most:,}{because}, got {shortened(count)}")
