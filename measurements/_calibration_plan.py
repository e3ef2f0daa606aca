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
    state_space,
)
from ..files.opening import check_count
from ._exceptions import MeasurementError
from .layout import MOST_PROGRAMS

SAMPLES = 400
"""Readouts of each transient; a 12-bit step is then averaged down to 2e-4 of the swing."""
MOST_VALUES = 3200
"""Readouts of all cells together: of more cells each needs fewer, as there are more programs."""
PROGRAMS_PER_CELL = 3
"""With fewer, some combinations of entries that another program uses are hardly measured."""
_CASCADE_PROGRAMS = 16
CALIBRATION_KINDS = ("op", "tran", "ac", "noise", "record")
"""What a chip can be measured by; `record` is a transient with noise."""
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
    """How many programs to measure: three for each cell, and for a cascade at least so many as tell its arrays apart.

    Raises:
        MeasurementError: fewer than one, or more than can be kept.
    """
    if programs is not None and programs < 1:
        raise MeasurementError(f"programs: expected at least 1, got {programs}")
    if programs is not None:
        check_count("programs", programs, MOST_PROGRAMS, ", whose readings take some gigabytes")
    least = _CASCADE_PROGRAMS if isinstance(topology, Cascade) else 1
    return max(least, PROGRAMS_PER_CELL * topology.n) if programs is None else programs


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
    responses = level == "transistor" or isinstance(instance.topology, Cascade | RLCGrid)
    return ("tran", "ac", "noise") if responses else ("tran", "noise")


def calibration_scaling(instance: Instance, program: Program, level: Level) -> Scaling:
    """As `choose_scaling`, with the settled voltages within half the converters' range."""
    found = choose_scaling(instance, program, level)
    swing = float(np.abs(state_space(instance.network(program, level, found)).settled).max())
    largest = _RANGE * instance.design.converters.full_scale
    halvings = max(0, int(np.ceil(np.log2(swing / largest)))) if swing > 0 else 0
    return Scaling(found.conductance, found.drive / 2**halvings)


def calibration_programs(instance: Instance, count: int, rng: np.random.Generator) -> list[Program]:
    """Symmetric ones as training loads them, and general ones, which tell rows from columns."""
    kinds = ((10.0, True), (3.0, False))
    return [random_program(instance.topology, rng, *kinds[k % 2]) for k in range(count)]
