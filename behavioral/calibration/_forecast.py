"""What a calibration will take: time and memory, by its unknowns and measurements."""

from collections.abc import Sequence

from ...circuits import Design, Level, Topology
from ...files.forecasts import Forecast
from .unknowns import Parameters

# Of a run of a crossbar, on one core: `benchmarks/bench_growth.py` has them. By unknown, and by each two of them.
_WAVEFORM = 4e-5, 5e-8
"""Time of a waveform with its derivatives, and of their product [s]."""
_GRADIENT = 1e-5, 1.6e-8
"""Of a waveform with its gradient alone [s]."""
_SETTLED = 6e-6, 2e-9
"""Of settled voltages with their derivatives, and of their product [s]."""
_SETTLED_GRADIENT = 6e-6, 1e-9
"""The same without the product [s]."""
_SPECTRUM = 8e-5, 9e-8
"""Of densities and their derivatives [s]."""

_SPECTRA = 2

_CURVATURES = 5
"""Passes over all runs with their derivatives: to the optimum and through the verdict."""

_GRADIENTS = 3
"""Passes with the gradient alone."""

_FACTOR = 3e-11
"""Time for each three unknowns [s] of one operation each: a third of it is a Cholesky factor."""

_FACTORS = 20

_MATRICES = 16
"""As large as the covariance, that are held at once."""

_ROWS = 70
"""Derivatives of a run that are held, for each cell and unknown."""

_OWN = 2e8
"""The program itself [byte]."""


def fit_forecast(
    design: Design, topology: Topology, level: Level, runs: int, nuisances: Sequence[str] = (), settled: int = 0
) -> Forecast:
    """Of the fit alone, on one core: of so many runs, some settled voltages and the others waveforms, and of spectra.

    Noisy records, whose law has derivatives of its own, take longer.
    """
    p = Parameters.of(design, topology, level).size
    if "baseline" in nuisances:
        p += runs * topology.n

    def of(times: tuple[float, float]) -> float:
        return times[0] * p + times[1] * p**2

    waveforms = (runs - settled) * (_CURVATURES * of(_WAVEFORM) + _GRADIENTS * of(_GRADIENT))
    at_rest = settled * (_CURVATURES * of(_SETTLED) + _GRADIENTS * of(_SETTLED_GRADIENT))
    # Where programs are read settled, one spectrum is measured.
    spectra = (1 if settled else _SPECTRA) * (_CURVATURES + _GRADIENTS) * of(_SPECTRUM)
    seconds = waveforms + at_rest + spectra + _FACTORS * _FACTOR * p**3
    return Forecast(seconds, _OWN + 8.0 * (_MATRICES * p**2 + _ROWS * topology.n * p))
