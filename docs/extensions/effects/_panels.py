"""What a figure shows: the model's line, points of SPICE, a formula."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

Line = tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]


@dataclass(frozen=True)
class Panel:
    """One plot, with the difference of SPICE and model below it.

    Attributes:
        x, y: names of the axes, with units.
        line: of the model.
        points: of SPICE and, at the same places, of the model; None without a simulator.
        by_hand: the formula of the page.
        unit: of the difference; empty for one that is relative to the model.
        limit: a place on the x axis that the page speaks of.
    """

    x: str
    y: str
    line: Line
    points: tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"], Float[np.ndarray, " k"]] | None = None
    by_hand: Line | None = None
    unit: str = ""
    log_x: bool = False
    log_y: bool = False
    limit: float | None = None

    @property
    def differences(self) -> Float[np.ndarray, " k"]:
        """SPICE less model, relative unless there is a unit."""
        assert self.points is not None
        _, spice, model = self.points
        return spice - model if self.unit else spice / model - 1

    @property
    def residual(self) -> str:
        """The largest difference, as text."""
        if self.points is None:
            return ""
        worst = float(np.abs(self.differences).max())
        return f"{worst:.1e} {self.unit}" if self.unit else f"{worst:.1e} of the value"


def panel(
    x: str,
    y: str,
    places: Float[np.ndarray, " k"],
    model: Callable[[float], float],
    measure: Callable[[], Float[np.ndarray, " p"]] | None,
    at: Float[np.ndarray, " p"],
    by_hand: Callable[[float], float] | None = None,
    **looks: object,
) -> Panel:
    """A panel of functions: the model along a line, SPICE at some places of it."""
    points = None
    if measure is not None:
        points = (at, measure(), np.array([model(place) for place in at]))
    formula = None if by_hand is None else (places, np.array([by_hand(place) for place in places]))
    line = (places, np.array([model(place) for place in places]))
    return Panel(x, y, line, points, formula, **looks)  # type: ignore[arg-type]
