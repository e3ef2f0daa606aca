"""What tuning searches, and the settings that come of it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

RHO = "rho"
"""How far a step goes in all where there is no curvature: `lr reach / (1 - momentum)`.

A solver that relaxes for t from zero multiplies the gradient by `reach = (1 - exp(-damping t))/damping` there, about
`min(t, 1/damping)`; one that goes on from where it was read out last comes to `1/damping` in the end. Momentum repeats
it. A rate that is stable for one damping is far off for another; this number hardly is.
"""


@dataclass(frozen=True)
class Range:
    """Searched uniformly in the logarithm; with `from_one`, in the logarithm of the distance to one."""

    low: float
    high: float
    from_one: bool = False

    def at(self, u: float) -> float:
        """The value at the fraction `u` of the range, rounded to three digits."""
        low, high = (1 - self.low, 1 - self.high) if self.from_one else (self.low, self.high)
        value = low * (high / low) ** u
        return rounded(1 - value if self.from_one else value)

    @property
    def described(self) -> list[float]:
        return [self.low, self.high]


@dataclass(frozen=True)
class Choice:
    """Searched with equal weights."""

    values: tuple[str, ...]

    def at(self, u: float) -> str:
        """The value at the fraction `u` of all."""
        return self.values[min(int(u * len(self.values)), len(self.values) - 1)]

    @property
    def described(self) -> list[str]:
        return list(self.values)


Space = Mapping[str, Range | Choice]
"""What is searched, by name: fields of an experiment, and `rho` in the place of `lr`."""


def settings_at(space: Space, point: Mapping[str, float]) -> dict[str, Any]:
    """The fields of an experiment at a point of the unit cube, by the names of the space."""
    found: dict[str, Any] = {name: searched.at(point[name]) for name, searched in space.items()}
    rho = found.pop(RHO, None)
    return found if rho is None else {"lr": rate_of(rho, **found), **found}


def rate_of(
    rho: float, damping: float, t: float = math.inf, momentum: float = 0.0, start: str = "zero", **_: Any
) -> float:
    """The learning rate with this rho, rounded to three digits. `t` in time constants."""
    reach = 1 / damping if start == "warm" else min(t, 1 / damping)
    return rounded(rho * (1 - momentum) / reach)


def rounded(value: float) -> float:
    return float(f"{value:.3g}")
