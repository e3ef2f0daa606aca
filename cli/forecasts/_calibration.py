"""What measuring a drawn chip and its calibration will take."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from ...behavioral.calibration import fit_forecast
from ...circuits import Instance, Level
from ...files.forecasts import Forecast, in_turn, side_by_side
from ...files.opening import available_cores
from ...measurements import SPECTRA, calibration_programs, check_kinds, read_measurement, spectrum_grid, transients_of
from ...netlists.runs import check_forecast, forecast

_PLANNING = 1.2e-4
"""Time for each element of a program's circuit until the simulator has its deck [s]."""

_USUAL_FREQUENCIES = 250
"""Of a spectrum whose integral is taken."""


def calibration_forecast(
    instance: Instance, level: Level, count: int, kinds: Sequence[str] | None, nuisances: Sequence[str]
) -> Forecast:
    """Of a drawn chip: of the simulator, whose processes share the cores, and of the fit.

    Raises:
        NetlistError: it does not fit into the free memory.
    """
    return chips_forecast(instance, level, count, kinds, nuisances, 1, 1)


def chips_forecast(
    instance: Instance,
    level: Level,
    count: int,
    kinds: Sequence[str] | None,
    nuisances: Sequence[str],
    chips: int,
    unmeasured: int,
) -> Forecast:
    """Of so many chips like one, of which some are still to be measured: one after the other.

    Raises:
        NetlistError: it does not fit into the free memory.
    """
    waveforms, settled = _runs(instance, level, count, kinds, check_kinds(kinds, instance, level))
    fit = fit_forecast(instance.design, instance.topology, level, waveforms + settled, nuisances, settled)
    # Memory first: the circuit itself may be too large to write down.
    check_forecast(fit)
    measuring = _measuring(instance, level, waveforms, settled, "noise" in check_kinds(kinds, instance, level))
    return in_turn([fit] * chips + [measuring] * unmeasured)


def _measuring(instance: Instance, level: Level, waveforms: int, settled: int, noise: bool) -> Forecast:
    """Of the simulator."""
    program = calibration_programs(instance, 1, np.random.default_rng(0))[0]
    network = instance.network(program, level)
    each = forecast(network, "tran")
    own = each.seconds - each.longest
    planned = (waveforms + settled) * (own + _PLANNING * len(network.elements))
    simulated = side_by_side([Forecast(each.longest)] * waveforms, available_cores()).seconds
    if noise:
        simulated += _spectra(instance, level, forecast(network, "noise").seconds - own)
    return Forecast(planned + simulated, each.memory)


def fit_forecast_of(data: Sequence[xr.Dataset], nuisances: Sequence[str]) -> Forecast:
    """Of a fit to measurements of one chip, one at least."""
    first = read_measurement(data[0], "measurement 0")
    settled = sum(one.attrs["analysis"] == "op" for one in data)
    return fit_forecast(first.design, first.topology, first.level, len(data), nuisances, settled)


def _runs(
    instance: Instance, level: Level, count: int, kinds: Sequence[str] | None, wanted: Sequence[str]
) -> tuple[int, int]:
    """Programs that are watched while they settle, and that are read settled."""
    if kinds:
        return count * ("tran" in wanted), count * ("op" in wanted)
    watched = transients_of(instance, level)
    waveforms = count if watched is None else min(watched, count)
    return waveforms, count - waveforms


def _spectra(instance: Instance, level: Level, each: float) -> float:
    """Of the noise [s], whose whole spectrum takes so long [s]."""
    whole = SPECTRA * each
    if (grid := spectrum_grid(instance, level)) is None:
        return whole
    # Of one program, an analysis for each readout instead of one for each two, and fewer frequencies.
    (lowest, highest), density = grid
    frequencies = density * float(np.log10(highest / lowest))
    return whole / SPECTRA * 2 / (instance.topology.n + 1) * frequencies / _USUAL_FREQUENCIES
