"""Decay rates of a network."""

from dataclasses import dataclass
from math import pi

import numpy as np
from jaxtyping import Complex

from ...circuits import Network
from ...circuits.networks import Inductor
from ...circuits.state_spaces import StateSpace
from .._exceptions import SimulationFailed

_PHASE_ERROR = 1e-4
"""Largest error of a ringing mode, of its first swing, that the trapezoidal rule may add up by default."""

_STATIC = 2 * pi * 1e3
"""Rate that stands for a circuit without storage elements [1/s]."""

_ROUNDING = 1e-14
"""Of the largest pole: what an eigenvalue is known to."""

_RINGING = 0.7
"""Modes with less damping than this are held to `_PHASE_ERROR`."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Decay rates [1/s] of a stable network."""

    slowest: float
    cells: float
    """Rate of the quickest cell; faster modes belong to amplifiers."""
    ringing: float
    """Largest step that keeps the phase of the cells' ringing modes [s]; infinite without any."""
    fastest: float
    damping: float
    """Smallest angle of a pole from the imaginary axis [rad]: pi/2 for real poles."""


def rates(network: Network, space: StateSpace) -> Rates:
    """Decay rates of a network.

    Raises:
        SimulationFailed: a pole with non-negative real part; the circuit would run away.
    """
    poles = space.poles
    if len(poles) == 0:
        # Nothing in the circuit says a frequency: any will do.
        return passive_rates(_STATIC, _STATIC)
    worst = poles[np.argmax(poles.real)]
    if not worst.real < -_ROUNDING * np.abs(poles).max():
        raise SimulationFailed(f"network {network.name} is {_unsettled(complex(worst), float(np.abs(poles).max()))}")
    magnitude = np.sort(np.abs(poles))
    # A cell with an inductor has two modes.
    modes = len(network.outputs) * (2 if any(isinstance(e, Inductor) for e in network.elements) else 1)
    cells = float(magnitude[min(modes, len(magnitude)) - 1])
    return Rates(
        slowest=float(-poles.real.max()),
        cells=cells,
        ringing=_ringing_step(poles[np.abs(poles) <= cells]),
        fastest=float(magnitude[-1]),
        damping=float(np.arcsin(np.min(-poles.real / np.abs(poles)))),
    )


def _unsettled(worst: complex, largest: float) -> str:
    imaginary = f" {abs(worst.imag):+.3g}j" if worst.imag else ""
    if abs(worst.real) <= _ROUNDING * largest:
        return (
            f"marginal: it has a pole at 0{imaginary} 1/s, on the imaginary axis, so that it never settles and its"
            " noise grows for ever; give it a loss"
        )
    return (
        f"unstable: it has a pole at {worst.real:.3g}{imaginary} 1/s; scale the conductances down or use an amplifier"
        " with more bandwidth"
    )


def passive_rates(slowest: float, fastest: float) -> Rates:
    """Decay rates of resistors and capacitors: real, so that nothing rings; any of them may be a cell's."""
    return Rates(slowest, cells=fastest, ringing=float("inf"), fastest=fastest, damping=pi / 2)


def _ringing_step(poles: Complex[np.ndarray, " m"]) -> float:
    """The trapezoidal rule turns a mode p by a relative `(|p| h)^2/12` less; it swings for `1/damping` radians."""
    magnitude = np.abs(poles)
    damping = -poles.real / magnitude
    ringing = damping < _RINGING
    return float(np.min(np.sqrt(12 * _PHASE_ERROR * damping[ringing]) / magnitude[ringing], initial=np.inf))
