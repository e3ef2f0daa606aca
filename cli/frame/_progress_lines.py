"""Progress where nobody watches a bar: now and then a line, with the time that is left."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ...files.quantities import duration_text

EVERY = 60.0
"""Between two lines [s]."""


@dataclass(eq=False)
class ProgressLines:
    """Says how far a piece of work is, by its own pace."""

    what: str
    say: Callable[[str], None]
    _began: float = field(default_factory=lambda: time.monotonic())
    _said: float = field(default_factory=lambda: time.monotonic())
    _first: int | None = None
    """Parts that were done when it began."""

    def advance(self, done: int, total: int) -> None:
        """So many parts of all are done."""
        now = time.monotonic()
        self._first = done if self._first is None else self._first
        if now - self._said < EVERY or done <= self._first:
            return
        self._said = now
        left = (now - self._began) * (total - done) / (done - self._first)
        self.say(f"  {self.what}: {done} of {total}, about {duration_text(left)} left")
