"""Which damping and which analog time a chip can serve."""

import math
from dataclasses import dataclass, replace

import torch

from .._exceptions import UnstableLoop
from ..programs import Factors, Layered
from ._device_spu import DeviceSPU
from ._relaxation import CascadeFlow
from .chips import ArrayGrid

DECAY = 0.5
"""Of the damping's own rate, at which every mode of a warm device has to decay: none then answers twice what it should
or more, step after step."""
_CLOSE = 1.05
"""Ratio of two dampings, of which the larger is served and the smaller is not, at which the edge is found."""
_MOST = 1e9
"""Times lambda_max: a loop that such a damping leaves unstable has no damping."""


@dataclass(frozen=True, slots=True)
class ServedRange:
    """What a chip can serve of programs with such a curvature, in the program's units and in tau.

    lambda_max: of the curvature as the arrays hold it. least_damping: of a warm device, every mode of which then
    decays at half the damping's own rate; inf where none does. most_damping: the largest conductance; inf where a chip
    has no range. least_t: by then its amplifiers have passed on what they were given. longest_t: at the program's own
    damping, the time in which the fastest mode grows by e; inf where all decay.
    """

    lambda_max: float
    least_damping: float
    most_damping: float
    least_t: float
    longest_t: float

    def refuse(self, damping: float, t: float) -> None:
        """Raises ValueError for a damping or a time that is not served by a warm device."""
        if not self.least_damping <= damping <= self.most_damping:
            raise ValueError(
                f"damping: expected {self.least_damping:.3g} to {self.most_damping:.3g} for this chip at lambda_max = "
                f"{self.lambda_max:.3g}, got {damping:.3g}"
            )
        if not self.least_t <= t:
            raise ValueError(f"t: expected at least {self.least_t:.3g} tau for this chip's amplifiers, got {t:.3g}")


def served_range(device: DeviceSPU, program: Factors | Layered) -> ServedRange:
    """Loads a program like those that will come, and sets its damping resistors anew until the edge is found.

    lambda_max grows while training, and the edge with it: a program of a later step tells more than that of the first.
    """
    given = program.factors() if isinstance(program, Layered) else replace(program, scratch=False)
    loaded = device.init(given)
    assert isinstance(loaded, CascadeFlow), "factors are loaded into a cascade"
    with torch.no_grad():
        high = loaded.chip.loop.edges[1]
        lagged = loaded.chip.lagged
        least_t = 0.0 if lagged is None else (lagged.delay + lagged.lag) / loaded.rate
    most = ArrayGrid.of(device.population, device.effects, None).range or math.inf
    return ServedRange(high, _edge(device, loaded, high), most, least_t, _longest(device, loaded))


def _edge(device: DeviceSPU, loaded: CascadeFlow, lambda_max: float) -> float:
    """The least damping that is served, to a twentieth."""
    low = high = 1e-6 * lambda_max
    while not _serves(device, loaded, high):
        low, high = high, 4.0 * high
        if high > _MOST * lambda_max:
            return math.inf
    while high > _CLOSE * low:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if _serves(device, loaded, middle) else (middle, high)
    return high


def _serves(device: DeviceSPU, loaded: CascadeFlow, damping: float) -> bool:
    try:
        device.check_decay(device.redamped(loaded, damping), DECAY)
    except UnstableLoop:
        return False
    return True


def _longest(device: DeviceSPU, loaded: CascadeFlow) -> float:
    try:
        loaded.check_stable(math.inf)
    except UnstableLoop as error:
        return error.longest / loaded.rate
    return math.inf
