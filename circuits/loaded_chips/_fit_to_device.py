"""Fitting a program to the device: conductances within the amplifiers' reach, voltages within the rails."""

from math import floor, inf, log2, pi

import numpy as np
from jaxtyping import Float

from .._exceptions import ProgramError
from ..chips import Instance
from ..programs import Program, Scaling
from ..topologies import Level, largest_weight
from ._loaded_chip import LoadedChip, loaded_chip
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
    amplifier = instance.design.amplifier
    conductance = _within_range(instance, program)
    if level != "ideal" and amplifier is not None:
        fastest = _fastest(instance, program)
        conductance = min(conductance, _power_of_two(2 * pi * amplifier.gain_bandwidth / SPEED_MARGIN / fastest))
    scaling = Scaling(conductance)
    chip = loaded_chip(instance, program, level, scaling)
    check_stable(instance, program, chip.network, scaling)
    if level == "ideal" or amplifier is None:
        return scaling
    while not (chip.watched.poles.real < 0).all():
        conductance /= 2
        if conductance < _SMALLEST:
            raise ProgramError(
                f"A: the {instance.topology.name} of design {instance.design.name} is unstable with it at any scale:"
                f" a pole stays at {chip.watched.poles.real.max():.3g} 1/s; expected an amplifier with more bandwidth"
            )
        chip = loaded_chip(instance, program, level, Scaling(conductance))
    return Scaling(conductance, _drive_scale(instance, program, chip, conductance, start))


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


def _fastest(instance: Instance, program: Program) -> float:
    return float(np.abs(program.A).sum(axis=1).max()) / instance.design.tau


def _drive_scale(
    instance: Instance, program: Program, chip: LoadedChip, conductance: float, start: Float[np.ndarray, " n"] | None
) -> float:
    design = instance.design
    where = f"A: the {instance.topology.name} of design {design.name}"
    fastest = conductance * _fastest(instance, program)
    analog = Swing.of(chip.network, chip.watched, design, fastest, start).largest_drive(where)
    largest = max(conductance * float(np.abs(program.b).max(initial=0.0)), _largest(start))
    digital = design.converters.full_scale / largest if largest > 0 else inf
    return _power_of_two(min(1.0, analog, digital))


def _largest(start: Float[np.ndarray, " n"] | None) -> float:
    return 0.0 if start is None else float(np.abs(start).max(initial=0.0))
