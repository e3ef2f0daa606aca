"""A verdict."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a command was asked, and what came of it, in sentences."""

    asked: str
    passed: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What to keep in mind: no verdict hangs on it."""
    next: tuple[str, ...] = ()

    @property
    def state(self) -> Literal["passed", "failed", "open"]:
        """`open` where nothing was judged."""
        if self.failed:
            return "failed"
        return "passed" if self.passed else "open"

    @property
    def headline(self) -> str:
        """The verdict in a few words."""
        return {"failed": "Falls short", "passed": "Passed", "open": "No limit was set"}[self.state]

    def __add__(self, other: "Verdict") -> "Verdict":
        """Both, under what the first was asked."""
        return Verdict(
            self.asked,
            self.passed + other.passed,
            self.failed + other.failed,
            self.notes + other.notes,
            self.next + other.next,
        )
