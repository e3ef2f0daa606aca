"""What a calibration will take, said before it begins: time and memory, to a factor of about three."""

from collections.abc import Sequence
from dataclasses import dataclass

from ...circuits import Design, Level, Topology
from .unknowns import Parameters

# Of a run of a crossbar, on one core: `benchmarks/bench_growth.py` has them.
_CIRCUIT, _PRODUCT = 5e-5, 6e-8
"""Time for each unknown and for each two of them [s]: the circuit's equations, and the product of the derivatives."""

_PASSES = 7
"""Over all runs with their derivatives: to the optimum, through the verdict, and with tolerances as they show."""

_INVERSE = 8e-11
"""Time of an inverse matrix for each three unknowns [s]."""

_INVERSES = 30

_MATRICES = 16
"""As large as the covariance, that are held at once."""

_ROWS = 70
"""Derivatives of a run that are held, for each cell and unknown."""

_OWN = 2e8
"""The program itself [byte]."""


@dataclass(frozen=True, slots=True)
class Effort:
    """Of the fit alone: time on one core [s], memory [byte]."""

    seconds: float
    memory: float


def effort(design: Design, topology: Topology, level: Level, runs: int, nuisances: Sequence[str] = ()) -> Effort:
    """Of so many runs; noisy records, whose law has derivatives of its own, take longer."""
    p = Parameters.of(design, topology, level).size
    if "baseline" in nuisances:
        p += runs * topology.n
    each = _CIRCUIT * p + _PRODUCT * p**2
    seconds = _PASSES * runs * each + _INVERSES * _INVERSE * p**3
    return Effort(seconds, _OWN + 8.0 * (_MATRICES * p**2 + _ROWS * topology.n * p))
