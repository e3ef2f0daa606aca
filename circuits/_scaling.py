"""Fitting a program to the device: conductances within the amplifiers' reach, voltages within the rails."""

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from math import floor, log2, pi

import numpy as np

from ._errors import ProgramError
from ._instance import Instance, Scaling
from ._network import CurrentSource, Network, VoltageSource
from ._program import Program
from ._programming import largest_weight
from ._state_space import StateSpace, state_space
from ._topology import Level

HEADROOM = 0.5
"""Part of the rails (and of the converters' range) that the settled voltages may use."""

SPEED_MARGIN = 20.0
"""The gain-bandwidth is at least this many times the fastest mode that the program can have."""

_SMALL = 1 / 8
"""A matrix without a larger entry is scaled up."""

_SMALLEST = 2.0**-40


@dataclass(frozen=True, eq=False)
class LoadedChip:
    """A chip with a program loaded, its drive `drive` times that of the chip `undriven`."""

    network: Network
    undriven: "LoadedChip | None" = None
    drive: float = 1.0

    @cached_property
    def space(self) -> StateSpace:
        """The circuit's state space, amplifiers linearised.

        Raises:
            ValueError: as `state_space`.
        """
        return state_space(self.network) if self.undriven is None else self.undriven.space.driven(self.drive)


def loaded_chip(instance: Instance, program: Program, level: Level, scaling: Scaling) -> LoadedChip:
    """The circuit of `Instance.network`, and its state space when asked for. The last ones are remembered.

    Raises:
        ProgramError, DesignError: as `Instance.network`.
    """
    undriven = _undriven(instance, program, level, scaling.conductance)
    if scaling.drive == 1:
        return undriven
    elements = tuple(
        replace(e, dc=scaling.drive * e.dc) if isinstance(e, VoltageSource | CurrentSource) and e.drive else e
        for e in undriven.network.elements
    )
    return LoadedChip(replace(undriven.network, elements=elements), undriven, scaling.drive)


@lru_cache(maxsize=2)
def _undriven(instance: Instance, program: Program, level: Level, conductance: float) -> LoadedChip:
    # Whoever chose the scaling of a chip simulates that chip next, and asks the same once more.
    return LoadedChip(instance.network(program, level, Scaling(conductance)))


def choose_scaling(instance: Instance, program: Program, level: Level = "macro") -> Scaling:
    """Powers of two with which the device is quick enough, stable and within its range and rails.

    A power of two changes no digit of the program. Conductances start at one, or so much higher that a small matrix
    (all entries below 1/8) is of order one: amplifiers of finite gain err by one over gain and entry. Level `ideal`
    has no further limit but the conductance range; the drive is then one.

    The rates of the program are at most `max_i sum_j |A_ij| / tau` (Gershgorin). The conductances are scaled down
    until that is `SPEED_MARGIN` times below the amplifiers' gain-bandwidth and every pole is stable; then the
    drive, until the settled voltages use at most `HEADROOM` of the rails and of the converters' range.

    Raises:
        ProgramError: no such scaling exists.
    """
    amplifier = instance.design.amplifier
    conductance = _within_range(instance, program)
    if level == "ideal" or amplifier is None:
        return Scaling(conductance)
    fastest = float(np.abs(program.A).sum(axis=1).max()) / instance.design.tau
    conductance = min(conductance, _power_of_two(2 * pi * amplifier.gain_bandwidth / SPEED_MARGIN / fastest))
    while True:
        space = loaded_chip(instance, program, level, Scaling(conductance)).space
        if (space.poles.real < 0).all():
            return Scaling(conductance, _drive_scale(instance, program, space, conductance))
        conductance /= 2
        if conductance < _SMALLEST:
            raise ProgramError(
                f"A: the {instance.topology.name} of design {instance.design.name} is unstable with it at any scale;"
                " expected a matrix further from singular, or an amplifier with more gain"
            )


def _within_range(instance: Instance, program: Program) -> float:
    if instance.topology.answer == "covariance":
        return 1.0
    largest = float(np.abs(program.A).max())
    wanted = _power_of_two(1 / largest) if largest < _SMALL else 1.0
    full_scale = instance.design.programming.full_scale
    if full_scale is None:
        return wanted
    return min(wanted, _power_of_two(full_scale / largest_weight(instance.topology.weights(program))))


def _power_of_two(limit: float) -> float:
    """The largest power of two up to `limit`."""
    return 2.0 ** floor(log2(limit))


def _drive_scale(instance: Instance, program: Program, space: StateSpace, conductance: float) -> float:
    amplifier, converters = instance.design.amplifier, instance.design.converters
    assert amplifier is not None
    limit = HEADROOM * min(amplifier.rail_high, -amplifier.rail_low)
    swing = float(np.abs(space.settled).max(initial=0.0))
    drive = conductance * float(np.abs(program.b).max(initial=0.0))
    worst = max(swing / limit, drive / converters.full_scale)
    return min(1.0, _power_of_two(1 / worst)) if worst > 0 else 1.0
