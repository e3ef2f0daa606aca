"""Time steps, durations and frequency grids that follow from a network's poles."""

from dataclasses import dataclass
from math import ceil, floor, log, log10, pi

import numpy as np
import scipy.linalg
from jaxtyping import Complex, Float

from ..circuits import SETTLED, Inductor, Network, StateSpace
from ._errors import NetlistError, SimulationFailed

STEPS_PER_TIME_CONSTANT = 40
"""Steps in the shortest time constant of the cells: linear interpolation is then good to 1e-4 of the swing."""

_MOST_STEPS = 5_000
"""Default steps of a transient that waits for a much slower mode; the simulator itself takes smaller ones."""

_PHASE_ERROR = 1e-4
"""Largest error of a ringing mode, of its first swing, that the trapezoidal rule may add up by default."""

_MOST_RINGING_STEPS = 200_000
"""The same for a transient with ringing modes."""

_RINGING = 0.7
"""Modes with less damping than this are held to `_PHASE_ERROR`."""

_MOST_POINTS = 20_000_000
"""Largest number of values that a run may be asked for."""

_HELD_BIAS = 0.05
"""Largest relative bias of a variance by the default time that a noise source is held."""

_NOISE_POINTS_PER_DECADE = 20
_QUADRATURE_ERROR = 1e-8

_BAND_POINTS = 16
"""In a band, however narrow: a spline through them is right to 1e-6 of a smooth spectrum."""


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


@dataclass(frozen=True, slots=True)
class Steps:
    """Times of a transient [s]: its end, the first step's scale, the largest step."""

    duration: float
    first: float
    largest: float


@dataclass(frozen=True, slots=True)
class Grid:
    """Logarithmic frequencies: `rows` of them from `start` [Hz], `density` in each decade."""

    start: float
    density: int
    rows: int

    @property
    def frequencies(self) -> Float[np.ndarray, " rows"]:
        """All of them [Hz]."""
        return np.asarray(self.start * np.exp(self.step * np.arange(self.rows)))

    @property
    def stop(self) -> float:
        """The last one, up by what rounding cannot reach: `.ac` stretches its grid to end there [Hz]."""
        return self._at(self.rows - 1)

    @property
    def beyond(self) -> float:
        """The same for one point more [Hz]."""
        return self._at(self.rows)

    def _at(self, k: int) -> float:
        return float(self.start * 10 ** (k / self.density) * (1 + 1e-9))

    @property
    def step(self) -> float:
        """Distance of neighbours in ln f."""
        return log(10) / self.density


def rates(network: Network, space: StateSpace) -> Rates:
    """Decay rates of a network.

    Raises:
        SimulationFailed: a pole with non-negative real part; the circuit would run away.
    """
    poles = space.poles
    worst = poles[np.argmax(poles.real)]
    if not worst.real < 0:
        raise SimulationFailed(
            f"network {network.name} is unstable: it has a pole at {worst.real:.3g} {worst.imag:+.3g}j 1/s;"
            " scale the conductances down or use an amplifier with more bandwidth"
        )
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


def passive_rates(slowest: float, fastest: float) -> Rates:
    """Decay rates of resistors and capacitors: real, so that nothing rings; any of them may be a cell's."""
    return Rates(slowest, cells=fastest, ringing=float("inf"), fastest=fastest, damping=pi / 2)


def _ringing_step(poles: Complex[np.ndarray, " m"]) -> float:
    """The trapezoidal rule turns a mode p by a relative `(|p| h)^2/12` less; it swings for `1/damping` radians."""
    magnitude = np.abs(poles)
    damping = -poles.real / magnitude
    ringing = damping < _RINGING
    return float(np.min(np.sqrt(12 * _PHASE_ERROR * damping[ringing]) / magnitude[ringing], initial=np.inf))


def positive(value: float, where: str) -> float:
    """A positive finite float.

    Raises:
        NetlistError: anything else.
    """
    result = float(value)
    if not 0 < result < float("inf"):
        raise NetlistError(f"{where}: expected a positive number, got {value!r}")
    return result


def transient_steps(
    found: Rates, n: int, duration: float | None, max_step: float | None, settle_time: float | None = None
) -> Steps:
    """Steps of a transient without noise; without a `duration` [s] it lasts for `settle_time`, the slowest mode's
    unless given.

    Raises:
        NetlistError: a time that is not positive, or more points than can be asked for.
    """
    settled = -log(SETTLED) / found.slowest if settle_time is None else settle_time
    end = positive(duration, "duration") if duration is not None else _round_up(settled)
    default = max(1 / (STEPS_PER_TIME_CONSTANT * found.cells), end / _MOST_STEPS)
    default = min(default, max(found.ringing, end / _MOST_RINGING_STEPS))
    largest = min(positive(max_step, "max_step") if max_step is not None else default, end)
    # ngspice begins with a tenth of this and doubles it; its first steps are of first order and without error
    # control: at a hundredth of the fastest time constant they err by 5e-5 of that mode.
    return bounded(Steps(end, min(0.1 / found.fastest, largest), largest), n)


def held_steps(steps: Steps, hold: float, n: int) -> Steps:
    """Steps of a transient with sources that hold their value for `hold` [s]; it ends with a whole number of them.

    ngspice takes five points for each held value. That is good to 1e-3 of a variance while `hold` is below half the
    amplifiers' time constant, and to 1.5e-2 at any length; tighter tolerances cost more than they give.
    """
    end = ceil(steps.duration / hold * (1 - 1e-12)) * hold
    return bounded(Steps(end, hold, min(hold / 2, steps.largest)), n)


def bounded(steps: Steps, n: int) -> Steps:
    """Raise `NetlistError` when a run would give more values than can be handled."""
    # ngspice restarts with small steps at each held value: about five points each; else the largest step rules.
    points = 3 * steps.duration / steps.largest
    if points * (n + 1) > _MOST_POINTS:
        raise NetlistError(
            f"a transient of {steps.duration:g} s in steps of {steps.largest:g} s would give about {points:.0f}"
            f" points of {n} cells, more than {_MOST_POINTS} values: shorten it or take larger steps"
        )
    return steps


def held_noise_covariance(space: StateSpace, step: float) -> Float[np.ndarray, "n n"]:
    """Stationary readout covariance [V^2] when each noise current holds its value for `step` [s].

    Sources of density S that are redrawn every `step` have variance S/step, and the states at those instants obey
    `s' = Phi s + Gamma w` with `Phi = exp(-F step)`, `Gamma = F^-1 (1 - Phi) C^-1`: a discrete Lyapunov equation
    (Astrom, Computer-Controlled Systems, sampling of systems with zero-order hold). One RC cell, r = step/RC:
    kT/C (2/r) tanh(r/2) at the instants, against `2 (r - 1 + exp(-r))/r^2` averaged over all times.
    """
    F = space.F
    Phi = scipy.linalg.expm(-F * step)
    Gamma = np.linalg.solve(F, np.eye(len(F)) - Phi) @ np.linalg.inv(space.C)
    P = scipy.linalg.solve_discrete_lyapunov(Phi, Gamma @ space.noise @ Gamma.T / step)
    return np.asarray(space.M @ P @ space.M.T)


def stationary_covariance(space: StateSpace) -> Float[np.ndarray, "n n"]:
    """Stationary readout covariance [V^2] with white noise: `M P M^T`, `F P + P F^T = Q`."""
    P = scipy.linalg.solve_continuous_lyapunov(space.F, space.Q)
    return np.asarray(space.M @ P @ space.M.T)


def default_hold(found: Rates, space: StateSpace) -> float:
    """The largest of a row of halved times with which every variance is within 5 % of the white-noise one [s]."""
    hold = 0.5 / found.cells
    exact = np.diag(stationary_covariance(space))
    while hold * found.fastest > 1e-3:
        bias = np.diag(held_noise_covariance(space, hold)) / np.where(exact > 0, exact, 1.0) - 1
        if np.abs(np.where(exact > 0, bias, 0.0)).max() < _HELD_BIAS:
            break
        hold /= 2
    return hold


def response_grid(found: Rates, frequencies: tuple[float, float] | None, density: int | None) -> Grid:
    """Frequencies of a response: from two decades below the slowest mode to one above the fastest."""
    if frequencies is None:
        frequencies = found.slowest / (2 * pi) / 100, found.fastest / (2 * pi) * 10
    return _grid(frequencies, 100 if density is None else density)


def noise_grid(found: Rates, frequencies: tuple[float, float] | None, density: int | None) -> Grid:
    """Frequencies of a noise spectrum, wide and dense enough that its integral is right to 1e-6.

    Over ln f the integrand f S(f) is analytic in a strip as wide as the least damped pole's angle d, so that the
    sum over a grid of step h errs by about exp(-2 pi d/h) (Trefethen and Weideman, SIAM Review 56, 385, 2014).
    """
    if frequencies is None:
        frequencies = found.slowest / (2 * pi) / 300, found.fastest / (2 * pi) * 300
    return _grid(frequencies, _noise_density(found) if density is None else density)


def _noise_density(found: Rates) -> int:
    needed = log(10) * -log(_QUADRATURE_ERROR) / (2 * pi * found.damping)
    return min(max(_NOISE_POINTS_PER_DECADE, ceil(needed)), 1000)


def band_grid(found: Rates, band: tuple[float, float], density: int | None) -> Grid:
    """Frequencies of a noise spectrum from the lower end of a band to its upper end or just beyond."""
    checked = _grid(band, _noise_density(found) if density is None else density)
    decades = log10(band[1] / band[0])
    many = max(checked.density, ceil(_BAND_POINTS / decades))
    return Grid(checked.start, many, ceil(decades * many - 1e-9) + 1)


def _grid(frequencies: tuple[float, float], density: int) -> Grid:
    start, stop = (positive(f, "frequencies") for f in frequencies)
    if not start < stop:
        raise NetlistError(f"frequencies: expected the lower one first, got {start:g} and {stop:g} Hz")
    if isinstance(density, bool) or not isinstance(density, int) or not 1 <= density <= 1000:
        raise NetlistError(f"points_per_decade: expected a whole number from 1 to 1000, got {density!r}")
    return Grid(start, density, floor(log10(stop / start) * density + 1e-9) + 1)


def _round_up(value: float) -> float:
    """To two digits, so that a default reads well."""
    unit = 10.0 ** (floor(log10(value)) - 1)
    return float(f"{ceil(value / unit) * unit:.6g}")
