"""Fitting a program to the device: conductances within the amplifiers' reach, voltages within the rails."""

from math import floor, inf, log2, pi

import numpy as np
from jaxtyping import Float

from .._exceptions import ProgramError
from ..chips import Instance
from ..networks import Network
from ..programs import Program, Scaling
from ..state_spaces import StateSpace
from ..topologies import Level, largest_weight
from ._loaded_chip import loaded_chip
from ._realised import check_stable
from ._swing import Swing

SPEED_MARGIN = 20.0
"""The gain-bandwidth is at least this many times the fastest mode that the program can have."""

_SMALL = 1 / 8
"""A matrix without a larger entry is scaled up."""

_SMALLEST = 2.0**-40


def choose_scaling(
    instance: Instance, program: Program, level: Level = "macro", start: Float[np.ndarray, " n"] | None = None
) -> Scaling:
    """Powers of two with which the device is quick enough, stable and within its range and rails.

    A power of two changes no digit of the program. Conductances start at one, or so much higher that a small matrix
    (all entries below 1/8) is of order one: amplifiers of finite gain err by one over gain and entry. Level `ideal`
    has no further limit but the conductance range; the drive is then one.

    The rates of the program are at most `max_i sum_j |A_ij| / tau` (Gershgorin). The conductances are scaled down
    until that is `SPEED_MARGIN` times below the amplifiers' gain-bandwidth and every pole is stable; then the
    drive, until every amplifier of the chip, those of stages and inverted rails too, settles within `HEADROOM` of its
    rails and passes within its rails and slew rate, and readouts and drive are within the converters' range. Offsets
    take their part of the rails whatever the drive.

    Args:
        instance: the chip.
        program: what it shall hold.
        level: of the circuit.
        start: cell voltages at a drive of one [V] from which it relaxes; rest unless given.

    Raises:
        ProgramError: no such scaling exists: the chip is unstable with the program, or its offsets alone drive an
            amplifier to its rails.
    """
    conductance = chosen_conductance(instance, program, level)
    scaling = Scaling(conductance)
    chip = loaded_chip(instance, program, level, scaling)
    check_stable(instance, program, chip.network, scaling)
    if level == "ideal" or instance.design.amplifier is None:
        return scaling
    while not (chip.watched.poles.real < 0).all():
        conductance /= 2
        if conductance < _SMALLEST:
            raise ProgramError(
                f"A: the {instance.topology.name} of design {instance.design.name} is unstable with it at any scale:"
                f" a pole stays at {chip.watched.poles.real.max():.3g} 1/s; expected an amplifier with more bandwidth"
            )
        chip = loaded_chip(instance, program, level, Scaling(conductance))
    limit = drive_limit(instance, program, chip.network, chip.watched, conductance, start)
    return Scaling(conductance, power_of_two(limit))


def chosen_conductance(instance: Instance, program: Program, level: Level) -> float:
    """The scale of the conductances that a chip begins with, whichever of its design it is."""
    amplifier = instance.design.amplifier
    conductance = _within_range(instance, program)
    if level == "ideal" or amplifier is None:
        return conductance
    fastest = _fastest(instance, program)
    return min(conductance, power_of_two(2 * pi * amplifier.gain_bandwidth / SPEED_MARGIN / fastest))


def _within_range(instance: Instance, program: Program) -> float:
    if instance.topology.answer == "covariance":
        return 1.0
    largest = float(np.abs(program.A).max())
    wanted = power_of_two(1 / largest) if largest < _SMALL else 1.0
    full_scale = instance.design.programming.full_scale
    if full_scale is None:
        return wanted
    return min(wanted, power_of_two(full_scale / largest_weight(instance.topology.weights(program))))


def power_of_two(limit: float) -> float:
    """The largest power of two up to `limit`."""
    return 2.0 ** floor(log2(limit))


def _fastest(instance: Instance, program: Program) -> float:
    return float(np.abs(program.A).sum(axis=1).max()) / instance.design.tau


def drive_limit(
    instance: Instance,
    program: Program,
    network: Network,
    space: StateSpace,
    conductance: float,
    start: Float[np.ndarray, " n"] | None = None,
) -> float:
    """The largest drive, at most one, with which everything stays within its range.

    Args:
        instance: the chip, of which the design and the topology count.
        program: what it holds.
        network: the circuit at a drive of one.
        space: of the circuit, as `LoadedChip.watched` has it.
        conductance: at which it was made.
        start: as for `choose_scaling`.

    Raises:
        ProgramError: as `choose_scaling`.
    """
    design = instance.design
    where = f"A: the {instance.topology.name} of design {design.name}"
    fastest = conductance * _fastest(instance, program)
    analog = Swing.of(network, space, design, fastest, start).largest_drive(where)
    largest = max(conductance * float(np.abs(program.b).max(initial=0.0)), _largest(start))
    digital = design.converters.full_scale / largest if largest > 0 else inf
    return min(1.0, analog, digital)


def _largest(start: Float[np.ndarray, " n"] | None) -> float:
    return 0.0 if start is None else float(np.abs(start).max(initial=0.0))
