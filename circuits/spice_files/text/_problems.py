"""What a file has that cannot be taken: collected with its lines, told at once."""

from dataclasses import dataclass, field

from ..._exceptions import CircuitError

_MOST_TOLD = 12
_MOST_KEPT = 1000
"""Beyond, a file is no circuit, and reading on tells nothing."""
_LONGEST = 240
"""Characters of a reason; the rest of it repeats what came."""


@dataclass(slots=True)
class Problems:
    """Reasons against one file."""

    file: str
    found: dict[tuple[str, int, str], None] = field(default_factory=dict)

    def add(self, place: "Place", reason: str) -> None:
        """One more; the same reason of the same line is told once, however often a subcircuit is used.

        Raises:
            CircuitError: they are too many to go on.
        """
        shown = reason if len(reason) <= _LONGEST else reason[: _LONGEST - 4] + " ..."
        self.found.setdefault((place.file, place.line, shown))
        if len(self.found) >= _MOST_KEPT:
            self.check()

    def check(self) -> None:
        """Raise `CircuitError` with all of them."""
        if not self.found:
            return
        told = [f"line {line}: {reason}" for file, line, reason in sorted(self.found) if not file]
        told += [f"{file} line {line}: {reason}" for file, line, reason in sorted(self.found) if file]
        more = f"; and {len(told) - _MOST_TOLD} more" if len(told) > _MOST_TOLD else ""
        raise CircuitError(f"{self.file}: {'; '.join(told[:_MOST_TOLD])}{more}")


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file; `file` is empty for the one that was asked for."""

    file: str
    line: int
