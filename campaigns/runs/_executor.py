"""What carries runs out."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from ._child_process import ChildRequest, Outcome


@runtime_checkable
class Executor(Protocol):
    """Takes batches of requests, gives their outcomes in the order in which they come."""

    @property
    def patience(self) -> int:
        """Batches in a row that came back undone, until it is believed that no machine can do any."""

    def slots(self) -> int:
        """Runs that go on at a time."""

    def submit(self, batch: Sequence[ChildRequest]) -> None:
        """Perform requests, one after another."""

    def next(self) -> list[Outcome]:
        """Wait for the next batch to be over."""
