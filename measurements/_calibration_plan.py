"""Which programs, analyses and range tell the deviations of a chip."""

from collections.abc import Sequence

import numpy as np

from ..circuits import (
    Cascade,
    Instance,
    Level,
    Program,
    RLCGrid,
    Scaling,
    Topology,
    choose_scaling,
    random_program,
)
from ..circuits.loaded_chips import loaded_chip
from ..files.opening import check_count
from ._exceptions import MeasurementError
from .layout import MOST_PROGRAMS

SAMPLES = 400
"""Readouts of each transient; a 12-bit step is then averaged down to 2e-4 of the swing."""
MOST_VALUES = 3200
"""Readouts of all cells together: of more cells each needs fewer, as there are more programs."""
PROGRAMS_PER_CELL = 3
"""With fewer, some combinations of entries that another program uses are hardly measured."""
_FEWER_PROGRAMS_PER_CELL = 2
"""The same of many cells, of which each program says more: their readings are averaged over the more."""
_MANY_PROGRAMS = 48
"""From here on of many cells: three for each of sixteen."""
_CASCADE_PROGRAMS = 16
CALIBRATION_KINDS = ("op", "tran", "ac", "noise", "record")
"""What a chip can be measured by; `record` is a transient with noise."""
_TRANSIENTS = 512
"""Waveforms of single cells, in all: each tells a capacitance, and a few of each cell are enough. What resistors and
offsets are shows in the settled voltages, and to read those takes the simulator a hundredth of the time."""
_FEWEST_TRANSIENTS = 8
_SPECTRUM_PER_DECADE = 2
"""Frequencies of a noise density that is smooth, where no integral is taken."""
_BEYOND_BANDWIDTH = 150.0
"""Highest frequency of such a spectrum by the amplifiers' gain-bandwidth: only where the array's resistors meet the
amplifiers' own output does it show how large they are, all of a row together."""
PROGRAMS_PER_RESPONSE = 4
"""Programs for each response: one holds as much as several transients."""
SPECTRA = 2
"""Programs for noise, and at least for responses: one symmetric and one general."""
RECORD_TIME_CONSTANTS = 100
"""Time constants that a noisy record lasts."""
_RANGE = 0.5
"""Part of the converters' range that the settled voltages may use."""
# Streams of a seed: one for each thing that is drawn.
PROGRAM_STREAM, READOUT_STREAM = 2, 4


def check_programs(programs: int | None, topology: Topology) -> int:
    """How many programs to measure: three for each cell, two of more than 24, and for a cascade at least so many as
    tell its arrays apart.

    Raises:
        MeasurementError: fewer than one, or more than can be kept.
    """
    if programs is not None:
        if programs < 1:
            raise MeasurementError(f"programs: expected at least 1, got {programs}")
        check_count("programs", programs, MOST_PROGRAMS, ", whose readings take some gigabytes")
        return programs
    many = max(_MANY_PROGRAMS, _FEWER_PROGRAMS_PER_CELL * topology.n)
    least = _CASCADE_PROGRAMS if isinstance(topology, Cascade) else 1
    return max(least, min(PROGRAMS_PER_CELL * topology.n, many))


def check_kinds(kinds: Sequence[str] | None, instance: Instance, level: Level) -> tuple[str, ...]:
    """What to measure. Responses tell the arrays of a cascade apart, a grid's settled mean is zero, and transistors
    have poles of their own.

    Raises:
        MeasurementError: an unknown kind.
    """
    for kind in kinds or ():
        if kind not in CALIBRATION_KINDS:
            raise MeasurementError(f"analysis: expected some of {', '.join(CALIBRATION_KINDS)}, got {kind!r}")
    if kinds:
        return tuple(dict.fromkeys(kinds))
    if _needs_responses(instance, level):
        return "tran", "ac", "noise"
    return ("tran", "op", "noise") if transients_of(instance, level) else ("tran", "noise")


def transients_of(instance: Instance, level: Level) -> int | None:
    """How many programs are watched while they settle where others are read settled; None where all of them are.

    By the information of the readings, the standard errors of a crossbar of 16 cells are those of 48 transients but for
    -16 to +13 % in the median, and up to 43 % for the worst offset.
    """
    if _needs_responses(instance, level) or PROGRAMS_PER_CELL * instance.topology.n <= _MANY_PROGRAMS:
        return None
    return max(_TRANSIENTS // instance.topology.n, _FEWEST_TRANSIENTS)


def settled_readings(programs: int) -> int:
    """Readings that are averaged of each settled program: of all programs together as many as of transients."""
    return max(1, PROGRAMS_PER_CELL * MOST_VALUES // programs)


def spectrum_grid(instance: Instance, level: Level) -> tuple[tuple[float, float], int] | None:
    """Lowest and highest frequency [Hz] and points per decade of noise densities that are measured of many cells.

    None where covariances are measured beside them, over as many frequencies as their integrals take: of n cells that
    is n (n + 1)/2 analyses, and all that they tell is in the densities. One program's are enough of many cells.
    """
    amplifier = instance.design.amplifier
    if level != "macro" or amplifier is None or transients_of(instance, level) is None:
        return None
    slowest = 1 / (2 * np.pi * instance.design.tau)
    return (slowest / 30, _BEYOND_BANDWIDTH * amplifier.gain_bandwidth), _SPECTRUM_PER_DECADE


def _needs_responses(instance: Instance, level: Level) -> bool:
    return level == "transistor" or isinstance(instance.topology, Cascade | RLCGrid)


def calibration_scaling(instance: Instance, program: Program, level: Level) -> Scaling:
    """The scaling of `choose_scaling`, with the settled voltages within half the converters' range."""
    found = choose_scaling(instance, program, level)
    swing = float(np.abs(loaded_chip(instance, program, level, found).space.settled).max())
    largest = _RANGE * instance.design.converters.full_scale
    halvings = max(0, int(np.ceil(np.log2(swing / largest)))) if swing > 0 else 0
    return Scaling(found.conductance, found.drive / 2**halvings)


def calibration_programs(instance: Instance, count: int, rng: np.random.Generator) -> list[Program]:
    """Symmetric ones as training loads them, and general ones, which tell rows from columns."""
    kinds = ((10.0, True), (3.0, False))
    return [random_program(instance.topology, rng, *kinds[k % 2]) for k in range(count)]
