"""What measuring a drawn chip and its calibration will take, said before it begins."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...behavioral.calibration import effort
from ...circuits import Instance, Level
from ...measurements import SPECTRA, calibration_programs, check_kinds, spectrum_grid, transients_of
from ...netlists.runs import Forecast, forecast
from ..frame import Job

_PLANNING = 1.2e-4
"""Time for each element of a program's circuit until the simulator has its deck [s]."""

_USUAL_FREQUENCIES = 250
"""Of a spectrum whose integral is taken."""


def measuring_and_fit(
    instance: Instance, level: Level, count: int, kinds: Sequence[str] | None, nuisances: Sequence[str]
) -> Forecast:
    """Of the simulator, whose processes share the cores, and of the fit.

    Raises:
        NetlistError: it does not fit into the free memory.
    """
    wanted = check_kinds(kinds, instance, level)
    waveforms, settled = _runs(instance, level, count, kinds, wanted)
    fit = effort(instance.design, instance.topology, level, waveforms + settled, nuisances, settled)
    # Memory first: the circuit itself may be too large to write down.
    Forecast(0.0, fit.seconds, fit.memory).check()
    program = calibration_programs(instance, 1, np.random.default_rng(0))[0]
    network = instance.network(program, level)
    each = forecast(network, "tran")
    planned = (waveforms + settled) * (each.own + _PLANNING * len(network.elements))
    simulated = replace(each, own=0.0, processes=waveforms).whole
    if "noise" in wanted:
        simulated += _spectra(instance, level, forecast(network, "noise"))
    return Forecast(0.0, fit.seconds + planned + simulated, max(fit.memory, each.memory))


def foresee(this: Job, expected: Forecast) -> None:
    """Say what is long or large, and refuse what does not fit.

    Raises:
        NetlistError: it does not fit into the free memory.
    """
    expected.check()
    if expected.text is not None:
        this.say(expected.text)


def _runs(
    instance: Instance, level: Level, count: int, kinds: Sequence[str] | None, wanted: Sequence[str]
) -> tuple[int, int]:
    """Programs that are watched while they settle, and that are read settled."""
    if kinds:
        return count * ("tran" in wanted), count * ("op" in wanted)
    watched = transients_of(instance, level)
    waveforms = count if watched is None else min(watched, count)
    return waveforms, count - waveforms


def _spectra(instance: Instance, level: Level, each: Forecast) -> float:
    """Of the noise, on the cores of this machine [s]."""
    whole = replace(each, own=0.0, processes=SPECTRA * each.processes).whole
    if (grid := spectrum_grid(instance, level)) is None:
        return whole
    # Of one program, an analysis for each readout instead of one for each two, and fewer frequencies.
    (lowest, highest), density = grid
    frequencies = density * float(np.log10(highest / lowest))
    return whole / SPECTRA * 2 / (instance.topology.n + 1) * frequencies / _USUAL_FREQUENCIES
