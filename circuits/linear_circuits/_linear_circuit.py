"""Everything linear that can be said of a circuit: poles, dc, responses, noise by contributor, covariance."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy
from jaxtyping import Complex, Float

from ..networks import Network, OpAmp
from ..state_spaces import NoisePaths, StateSpace, driven, has_waveforms, noise_paths, state_space
from ._pencil import Pencil
from ._stability import Stability
from ._triangular import Triangular

Band = tuple[float, float]

# Modes whose vectors are nearer to each other than this lose more digits than the answer may.
_WORST_CONDITION = 1e6

_QUADRATURE = 1e-9
"""Relative error of an integral over frequencies."""


class InfiniteVarianceError(ValueError):
    """A variance over all frequencies is infinite."""


@dataclass(frozen=True, eq=False)
class NoiseBudget:
    """What the outputs' noise comes to, and from where it comes; nothing where it is infinite, and why."""

    covariance: Float[np.ndarray, "n n"] | None
    """[V^2]."""
    variances: Float[np.ndarray, "n k"] | None
    """By noise source [V^2]."""
    infinite: str = ""


@dataclass(frozen=True, eq=False)
class LinearCircuit:
    """A network, amplifiers linearised; each number is worked out when it is asked for.

    Volts, seconds, hertz; spectra are one-sided. `labels` name the outputs as a person does.

    Raises:
        ValueError: equations that are singular.
    """

    network: Network
    labels: tuple[str, ...]

    @classmethod
    def of(cls, network: Network, labels: tuple[str, ...] | None = None) -> "LinearCircuit":
        """A network with its outputs, by their nodes' names unless there are labels."""
        return cls(network, network.outputs if labels is None else labels)

    @cached_property
    def pencil(self) -> Pencil:
        """The whole equations."""
        return Pencil.of(self.network)

    @cached_property
    def space(self) -> StateSpace:
        """The state space."""
        return state_space(self.network)

    @cached_property
    def paths(self) -> NoisePaths:
        """The noise sources one by one."""
        return noise_paths(self.network)

    @property
    def contributors(self) -> tuple[str, ...]:
        """Names of the noise sources."""
        return self.pencil.equations.contributors

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the independent sources."""
        return tuple(source.name for source in self.pencil.sources)

    @property
    def poles(self) -> Complex[np.ndarray, " m"]:
        """Poles [1/s]."""
        return self.space.poles

    @cached_property
    def stability(self) -> Stability:
        """What the poles say."""
        return Stability.of(self.poles)

    @property
    def time_constants(self) -> Float[np.ndarray, " m"]:
        """Time constants of the modes, `-1/Re(pole)`, the slowest first [s]; those that do not decay are left out."""
        real = self.poles.real
        decaying = real[real < -1e-13 * np.abs(self.poles).max(initial=0.0)]
        return np.sort(-1 / decaying)[::-1]

    @cached_property
    def settled(self) -> Float[np.ndarray, " n"]:
        """Outputs with every source at its dc value [V]."""
        return self.pencil.settled()

    def step(self, end: float, count: int) -> tuple[Float[np.ndarray, " t"], Float[np.ndarray, "t n"]]:
        """Equal times [s] up to an end, and the outputs [V] at them after all sources step on or begin their waveforms.

        From the elements' own initial values; one matrix exponential, however many times, between edges of waveforms.
        """
        space = self.space
        times = np.linspace(0.0, end, count)
        if has_waveforms(space):
            return times, driven(space, times)
        E = scipy.linalg.expm(-space.F * times[1]) if len(space.F) else np.zeros((0, 0))
        away = (np.zeros(len(space.F)) if space.start is None else space.start) - space.settled_states
        found = []
        for _ in times:
            found.append(space.settled + space.M @ away)
            away = E @ away
        return times, np.array(found).reshape(len(times), len(self.labels))

    def transfer(self, frequencies: Float[np.ndarray, " f"]) -> Complex[np.ndarray, "f n k"]:
        """Transfer from each independent source to each output."""
        return self.pencil.transfer(np.atleast_1d(frequencies))

    def contributions(self, frequencies: Float[np.ndarray, " f"]) -> Float[np.ndarray, "f n k"]:
        """One-sided density of each output [V^2/Hz] by noise source; their sum is the spectrum."""
        times = np.atleast_1d(np.asarray(frequencies, float))
        return np.array([np.abs(self._paths_at(f)) ** 2 * self._densities(f) for f in times])

    def cross_spectra(self, frequencies: Float[np.ndarray, " f"]) -> Complex[np.ndarray, "f n n"]:
        """One-sided cross densities of the outputs [V^2/Hz]."""
        return np.array([self._cross(f) for f in np.atleast_1d(frequencies)])

    def psd(self, frequencies: Float[np.ndarray, " f"]) -> Float[np.ndarray, "f n"]:
        """One-sided density of each output [V^2/Hz]."""
        return np.asarray(np.einsum("fii->fi", self.cross_spectra(frequencies)).real)

    def covariance(self, band: Band | None = None) -> Float[np.ndarray, "n n"]:
        """Covariance of the outputs [V^2], over all frequencies or a band [Hz].

        Raises:
            InfiniteVarianceError: without a band, an output's noise has no limit.
        """
        if band is None:
            self.check_finite()
        if self._closed:
            P = self._triangular.covariance(self.space.Q)
            inside = P if band is None else self._within(self.space.F, P, band)
            return np.asarray(self.space.M @ inside @ self.space.M.T)
        return self._integral(lambda f: self._cross(f).real, band)

    def variances(self, band: Band | None = None) -> Float[np.ndarray, "n k"]:
        """Variances of each output by noise source [V^2]; a row's sum is the output's variance.

        Raises:
            InfiniteVarianceError: as `covariance`.
        """
        if band is None:
            self.check_finite()
        if not self._closed:
            return self._integral(lambda f: np.abs(self._paths_at(f)) ** 2 * self._densities(f), band)
        space = self.space
        paths = self.paths
        b = np.linalg.solve(space.C, paths.inflow)
        rows = []
        for c in space.M:
            X = self._triangular.seen(c)
            X = X if band is None else self._within(space.F.T, X, band)
            rows.append(np.einsum("ik,ij,jk->k", b, X, b) * paths.densities)
        return np.array(rows).reshape(len(space.M), len(paths.names))

    def noise_budget(self, band: Band | None = None) -> NoiseBudget:
        """`covariance` and `variances`, or why there are none."""
        try:
            return NoiseBudget(self.covariance(band), self.variances(band))
        except InfiniteVarianceError as error:
            return NoiseBudget(None, None, str(error))

    def check_finite(self) -> None:
        """Raise `InfiniteVarianceError` where noise over all frequencies has no limit."""
        if not self.contributors:
            return
        if self.stability.verdict != "stable":
            raise InfiniteVarianceError(
                f"network {self.network.name} is {self.stability.sentence}: its variance over all frequencies is"
                " infinite; expected a band"
            )
        white = np.flatnonzero(((self.paths.direct**2) @ self.paths.densities) > 0)
        if len(white):
            raise InfiniteVarianceError(
                f"{self.labels[white[0]]}: white noise reaches it that no capacitor limits: its variance over all"
                " frequencies is infinite; expected a band"
            )

    def correlations(self, band: Band | None = None) -> Float[np.ndarray, "n n"]:
        """Correlation coefficients of the outputs; NaN for an output without noise."""
        P = self.covariance(band)
        sd = np.sqrt(np.diag(P))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(P / np.outer(sd, sd))

    @cached_property
    def _triangular(self) -> Triangular:
        return Triangular.of(self.space.F)

    @cached_property
    def _closed(self) -> bool:
        """Whether covariances have a closed form: stable, white, limited by a capacitor."""
        if any(e.model is not None and e.model.noise_corner > 0 for e in self._amplifiers):
            return False
        if np.any(self.paths.direct[:, self.paths.densities > 0]):
            return False
        return self.stability.verdict == "stable"

    @property
    def _amplifiers(self) -> tuple[OpAmp, ...]:
        return tuple(e for e in self.network.elements if isinstance(e, OpAmp))

    def _paths_at(self, f: float) -> Complex[np.ndarray, "n k"]:
        """From each noise source to each output."""
        return np.asarray(self.pencil.read_by(2j * np.pi * f).T @ self.pencil.noise_entries)

    def _densities(self, f: float) -> Float[np.ndarray, " k"]:
        """One-sided densities of the noise sources [A^2/Hz]; 1/f noise grows down to its lowest frequency."""
        found = 2 * np.asarray(self.pencil.equations.densities, float)
        for amp in self._amplifiers:
            if amp.model is not None and amp.model.noise_corner > 0:
                more = 1 + amp.model.noise_corner / max(f, amp.model.noise_lowest)
                found[self.contributors.index(f"{amp.name}_en")] *= more
        return found

    def _cross(self, f: float) -> Complex[np.ndarray, "n n"]:
        H = self._paths_at(f)
        return np.asarray((H * self._densities(f)) @ H.conj().T)

    def _within(self, F: Float[np.ndarray, "m m"], P: Float[np.ndarray, "m m"], band: Band) -> Float[np.ndarray, "m m"]:
        """The part of a stationary covariance P within a band.

        With F P + P F' = Q the cross density is `(F + jw)^-1 P + P (F' - jw)^-1`, whose integral over w is a
        function of F alone.
        """
        values, V = np.linalg.eig(F)
        rates = values.astype(complex)
        if np.linalg.cond(V) > _WORST_CONDITION:
            return self._within_by_logarithm(F, P, band)
        low, high = (2 * np.pi * f for f in band)
        weights = (_angle(rates, high) - _angle(rates, low)) / np.pi
        K = np.linalg.solve(V.T, (V * weights).T).T.real
        return np.asarray(K @ P + P @ K.T)

    def _within_by_logarithm(
        self, F: Float[np.ndarray, "m m"], P: Float[np.ndarray, "m m"], band: Band
    ) -> Float[np.ndarray, "m m"]:
        low, high = (scipy.linalg.logm(F + 2j * np.pi * f * np.eye(len(F))) for f in band)
        K = np.imag(high - low) / np.pi
        return np.asarray(K @ P + P @ K.T)

    def _integral(
        self, density: Callable[[float], Float[np.ndarray, "a b"]], band: Band | None
    ) -> Float[np.ndarray, "a b"]:
        """Over a band, or over all frequencies as far as there is anything."""
        corners = np.abs(self.poles) / (2 * np.pi)
        if band is None:
            corners = corners[corners > 0]
            band = (float(corners.min()) * 1e-12, float(corners.max()) * 1e12)
        within = [float(np.log(f)) for f in corners if band[0] < f < band[1]]
        found, _ = scipy.integrate.quad_vec(
            lambda u: density(float(np.exp(u))) * np.exp(u),
            float(np.log(band[0])),
            float(np.log(band[1])),
            epsrel=_QUADRATURE,
            epsabs=0.0,
            norm="max",
            points=within or None,
        )
        return np.asarray(found)


def _angle(rates: Complex[np.ndarray, " m"], omega: float) -> Complex[np.ndarray, " m"]:
    """`arctan(omega/rate)`, continued to complex rates of positive real part."""
    return np.asarray((np.log(rates + 1j * omega) - np.log(rates - 1j * omega)) / 2j)
