"""A step, its loss and its cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from ..costs import Parts
from ..tasks import Split


@dataclass(frozen=True)
class Taken:
    """The loss before a step, and the parts of the time [s] and energy [J] that it would take."""

    loss: float
    time: Parts
    energy: Parts = field(default_factory=Parts)


@runtime_checkable
class Stepper(Protocol):
    @property
    def warning(self) -> str | None: ...

    def step(self, batches: Sequence[Split]) -> Taken:
        """One step on all of them together. Raises `Diverged` when it cannot be taken."""
        ...

    @property
    def stability(self) -> Mapping[str, float]: ...

    def set_learning_rate(self, lr: float) -> None: ...

    def set_damping(self, damping: float) -> None: ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...
