"""Time steps, durations and frequency grids that follow from a network's poles."""

from dataclasses import dataclass
from math import ceil, floor, log, log10

from ...circuits.loaded_chips import SETTLED
from .._exceptions import NetlistError
from ._checks import positive
from ._rates import Rates

STEPS_PER_TIME_CONSTANT = 40
"""Steps in the shortest time constant of the cells: linear interpolation is then good to 1e-4 of the swing."""

_MOST_STEPS = 5_000
"""Default steps of a transient that waits for a much slower mode; the simulator itself takes smaller ones."""

_MOST_RINGING_STEPS = 200_000
"""The same for a transient with ringing modes."""

_MOST_POINTS = 20_000_000
"""Largest number of values that a run may be asked for."""


@dataclass(frozen=True, slots=True)
class Steps:
    """Times of a transient [s]: its end, the first step's scale, the largest step."""

    duration: float
    first: float
    largest: float


def transient_steps(
    found: Rates, n: int, duration: float | None, max_step: float | None, settle_time: float | None = None
) -> Steps:
    """Steps of a transient without noise; without a `duration` [s] it lasts for `settle_time`, the slowest mode's
    unless given.

    Raises:
        NetlistError: a time that is not positive, or more points than can be asked for.
    """
    settled = -log(SETTLED) / found.slowest if settle_time is None else settle_time
    end = positive(duration, "duration") if duration is not None else _round_up(settled)
    default = max(1 / (STEPS_PER_TIME_CONSTANT * found.cells), end / _MOST_STEPS)
    default = min(default, max(found.ringing, end / _MOST_RINGING_STEPS))
    largest = min(positive(max_step, "max_step") if max_step is not None else default, end)
    # ngspice begins with a tenth of this and doubles it; its first steps are of first order and without error
    # control: at a hundredth of the fastest time constant they err by 5e-5 of that mode.
    return bounded(Steps(end, min(0.1 / found.fastest, largest), largest), n)


def held_steps(steps: Steps, hold: float, n: int) -> Steps:
    """Steps of a transient with sources that hold their value for `hold` [s]; it ends with a whole number of them.

    ngspice takes five points for each held value. That is good to 1e-3 of a variance while `hold` is below half the
    amplifiers' time constant, and to 1.5e-2 at any length; tighter tolerances cost more than they give.
    """
    end = ceil(steps.duration / hold * (1 - 1e-12)) * hold
    return bounded(Steps(end, hold, min(hold / 2, steps.largest)), n)


def bounded(steps: Steps, n: int) -> Steps:
    """Raise `NetlistError` when a run would give more values than can be handled."""
    # ngspice restarts with small steps at each held value: about five points each; else the largest step rules.
    points = 3 * steps.duration / steps.largest
    if points * (n + 1) > _MOST_POINTS:
        raise NetlistError(
            f"a transient of {steps.duration:g} s in steps of {steps.largest:g} s would give about {points:.0f}"
            f" points of {n} cells, more than {_MOST_POINTS} values: shorten it or take larger steps"
        )
    return steps


def _round_up(value: float) -> float:
    """To two digits, so that a default reads well."""
    unit = 10.0 ** (floor(log10(value)) - 1)
    return float(f"{ceil(value / unit) * unit:.6g}")
