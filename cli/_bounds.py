"""Numbers of the command line that say how much is done: refused at once when that is more than anybody waits for."""

from ..files import MOST_RUNS, seed_fault, shortened
from ._errors import InputError


def check_seed(seed: int, option: str = "--seed") -> None:
    """Raise `InputError` for what is no seed."""
    if (fault := seed_fault(seed)) is not None:
        raise InputError(f"{option}: {fault}")


def check_count(option: str, count: int, most: int = MOST_RUNS, because: str = "") -> None:
    """Raise `InputError` when more of something is asked for than is done."""
    if count > most:
        raise InputError(f"{option}: expected at most {most:,}{because}, got {shortened(count)}")
