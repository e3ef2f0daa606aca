"""Noise with memory, as further linear states: 1/f noise by a sum of Ornstein-Uhlenbeck processes."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from ...circuits.networks import PER_DECADE, relaxations
from ._ornstein_uhlenbeck import OrnsteinUhlenbeck


@dataclass(frozen=True, eq=False)
class FlickerNoise:
    """One-sided spectral density `level / f` over the band [low, high] in Hz, as independent relaxation processes.

    Time constants are spaced evenly in their logarithm, `per_decade` in a decade, all with the variance
    `level * spacing`: the sum of their Lorentzians is then `level / f` (van der Ziel, Physica 16, 1950). Beyond the
    band the density turns flat (below) and falls as 1/f^2 (above). `level` is in units^2, the density at 1 Hz times
    1 Hz; for a corner frequency f_c over white noise of one-sided density S it is `S f_c`.

    The density's largest relative error in the band is `spectrum_error`: with 2 per decade 0.3 %, at the band's
    edges, with 1 per decade 6 % (a ripple of amplitude 4 exp(-pi^2 / spacing)).
    Raises ValueError unless 0 < low < high, level >= 0 and per_decade >= 1.
    """

    level: float
    low: float
    high: float
    per_decade: int = PER_DECADE

    def __post_init__(self) -> None:
        if not (math.isfinite(self.level) and self.level >= 0.0 and self.per_decade >= 1):
            raise ValueError(
                "FlickerNoise: expected a finite level of at least 0 and at least 1 process per decade, "
                f"got {self.level} and {self.per_decade}."
            )
        if not (0.0 < self.low < self.high < math.inf):
            raise ValueError(f"FlickerNoise: expected a band 0 < low < high, got [{self.low}, {self.high}] Hz.")

    @cached_property
    def rates(self) -> Float[np.ndarray, " poles"]:
        """Relaxation rates [1/s]."""
        return relaxations(self.low, self.high, self.per_decade)[0]

    @cached_property
    def variances(self) -> Float[np.ndarray, " poles"]:
        """Stationary variance of each process [units^2]."""
        return np.asarray(self.level * relaxations(self.low, self.high, self.per_decade)[1])

    def psd(self, frequencies: Float[np.ndarray, " f"]) -> Float[np.ndarray, " f"]:
        """One-sided density of the sum [units^2/Hz]."""
        omega = 2.0 * math.pi * np.asarray(frequencies, dtype=float)[:, None]
        return np.asarray(np.sum(4.0 * self.variances * self.rates / (self.rates**2 + omega**2), axis=1))

    @cached_property
    def spectrum_error(self) -> float:
        """Largest relative error of the density in the band."""
        f = np.geomspace(self.low, self.high, 200 * math.ceil(math.log10(self.high / self.low) + 1.0))
        return float(np.max(np.abs(self.psd(f) * f / self.level - 1.0))) if self.level else 0.0

    def process(self) -> OrnsteinUhlenbeck:
        """The processes side by side; their sum is the noise."""
        drift = np.diag(self.rates)
        return OrnsteinUhlenbeck(
            drift=drift, mean=np.zeros(len(self.rates)), diffusion=np.diag(2.0 * self.rates * self.variances)
        )


def with_coloured_noise(
    process: OrnsteinUhlenbeck,
    gains: Float[np.ndarray, "n sources"],
    source: FlickerNoise,
) -> OrnsteinUhlenbeck:
    """The process driven also by independent copies of `source`: `dx = -F (x - m) dt + gains @ noise dt + ...`.

    Column j of `gains` [units of x / (units of the noise * time)] says what source j does to the states: an
    amplifier's noise through the row's noise gain, or the stages of a cascade through its matrix. The first n states
    of the result are those of `process`; the others are the relaxation processes of the sources, in turn.
    """
    gains = np.asarray(gains, dtype=float)
    if gains.ndim != 2 or len(gains) != process.n:
        raise ValueError(f"with_coloured_noise: expected gains ({process.n}, sources), got {gains.shape}.")
    one = source.process()
    sources = gains.shape[1]
    poles = one.n
    n = process.n
    total = process.n + poles * sources
    drift = np.zeros((total, total))
    diffusion = np.zeros((total, total))
    drift[:n, :n], diffusion[:n, :n] = process.drift, process.diffusion
    drift[:n, n:] = -np.repeat(gains, poles, axis=1)
    drift[n:, n:] = np.kron(np.eye(sources), one.drift)
    diffusion[n:, n:] = np.kron(np.eye(sources), one.diffusion)
    mean = np.concatenate([process.mean, np.zeros(poles * sources)])
    return OrnsteinUhlenbeck(drift=drift, mean=mean, diffusion=diffusion)
