"""Time and memory of a piece of work, to a factor of about three: in words, and against what there is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..quantities import duration_text

LONG, LARGE = 60.0, 1e9
"""Time [s] and memory [byte] from which on it is said."""

MARGIN = 3.0
"""How far a forecast may be off."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """`seconds`: of everything [s]; `memory`: held at once [byte]; `longest`: of what a time limit is for, such as one
    process or one run, by itself [s]."""

    seconds: float
    memory: float = 0.0
    longest: float = 0.0

    def after(self, seconds: float) -> "Forecast":
        """With so much more time [s] before it."""
        return replace(self, seconds=self.seconds + seconds)

    def text(self, what: str = "this takes") -> str | None:
        """A sentence on what is long or large; None where nothing is.

        Args:
            what: begins it, verb included.
        """
        if self.seconds < LONG and self.memory < LARGE:
            return None
        # Of what is short there may be no time at all, and little memory is no news.
        parts = [f"about {duration_text(self.seconds)}"] if self.seconds > 0.0 else []
        parts += [f"{self.memory / 1e9:.2g} GB of memory"] if self.memory >= LARGE else []
        return f"{what} {' and '.join(parts)}"

    def lack_of_memory(self, free: float | None, what: str = "this takes") -> str | None:
        """Why it cannot be done where so much is free [byte], with the numbers; None where it fits, or nobody knows."""
        if free is None or self.memory <= free:
            return None
        return f"{what} about {self.memory / 1e9:.3g} GB of memory, and {free / 1e9:.3g} GB are free"

    def lack_of_time(self, limit: float | None, what: str) -> str | None:
        """Why its longest part would be stopped at a time limit [s], even if it were `MARGIN` times as quick."""
        if limit is None or self.longest <= MARGIN * limit:
            return None
        return f"timeout: {what} takes about {duration_text(self.longest)}, and its limit is {limit:g} s"


def in_turn(parts: Sequence[Forecast]) -> Forecast:
    """Of work that is done one after the other."""
    return Forecast(
        sum(part.seconds for part in parts),
        max((part.memory for part in parts), default=0.0),
        max((part.longest for part in parts), default=0.0),
    )


def side_by_side(parts: Sequence[Forecast], workers: int) -> Forecast:
    """Of runs that share so many workers: as long as each of them is limited, a run is what its limit is for."""
    if not parts:
        return Forecast(0.0)
    count = max(1, min(workers, len(parts)))
    longest = max(part.seconds for part in parts)
    # Nothing is shorter than its longest part.
    seconds = max(sum(part.seconds for part in parts) / count, longest)
    return Forecast(seconds, count * max(part.memory for part in parts), longest)
