"""A linear process that a device of linear algebra is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import scipy
from jaxtyping import Float

from ...circuits.loaded_chips import (
    RelaxationLaw,
)
from ..processes import OrnsteinUhlenbeck


def _started_laws(
    laws: Callable[[int], Sequence[RelaxationLaw | None]], mean: Float[np.ndarray, " n"], seed: int
) -> list[RelaxationLaw | None]:
    return [law and law.started(mean) for law in laws(seed)]


_Readout = Callable[[Float[np.ndarray, "..."], np.random.Generator], Float[np.ndarray, "..."]]


def as_it_is(x: Float[np.ndarray, "*batch n"], rng: np.random.Generator) -> Float[np.ndarray, "*batch n"]:
    return x


@dataclass(frozen=True, eq=False)
class RelaxingProcess:
    """A device that is a linear process of states s, its readout `x = M s + y` [V], and what converts it.

    Attributes:
        process: of the states, in time [s].
        M: readout of the states, in volts of the program's b.
        y: readout where all states are zero [V].
        start: states at the start of every run, or of each.
        tau: time constant with the program loaded [s].
        rates: slowest and fastest rate of the relaxation [1/s].
        kappa: noise strength asked for [V^2].
        power: drawn [W].
        start_sd: standard deviations of the states at the start, drawn anew for every run.
        initial: states that a readout of each unit starts from.
        convert: readouts as converters give them.
        laws: for a seed, the laws of the chips that this device may be; None for one that cannot hold the program.
        capacitance: of a cell, in the units of x [F]; 0 where there is none to speak of.
    """

    process: OrnsteinUhlenbeck
    M: Float[np.ndarray, "n m"]
    y: Float[np.ndarray, " n"]
    start: Float[np.ndarray, "*runs m"]
    tau: float
    rates: tuple[float, float]
    kappa: float
    power: float
    start_sd: Float[np.ndarray, " m"]
    initial: Float[np.ndarray, "m n"]
    convert: _Readout = as_it_is
    laws: Callable[[int], Sequence[RelaxationLaw | None]] = lambda _: ()
    capacitance: float = 0.0

    def record(
        self, times: Float[np.ndarray, " times"], runs: int, rng: np.random.Generator
    ) -> Float[np.ndarray, "runs times n"]:
        return self.convert(self._analog(times, runs, rng), rng)

    def average(self, wait: float, duration: float, runs: int, rng: np.random.Generator) -> Float[np.ndarray, "runs n"]:
        if self.start_sd.any():
            # Each run has its own slow noise: as many points as the window has time constants of the program.
            times = wait + np.linspace(0.0, duration, 2 + int(10 * duration / self.tau))
            return self.convert(self._analog(times, runs, rng).mean(axis=1), rng)
        # The law of the average is known: no path is stepped. Runs that start apart are apart by what is left of that.
        centre = self.start if self.start.ndim == 1 else self.start.mean(axis=0)
        law = self.process.time_average(duration, centre, wait)
        return self.convert((law.sample(rng, runs) + self._left(centre, wait, duration)) @ self.M.T + self.y, rng)

    def _left(self, centre: Float[np.ndarray, " m"], wait: float, duration: float) -> Float[np.ndarray, "*runs m"]:
        away = self.start - centre
        if not away.any():
            return np.zeros_like(centre)
        F = self.process.drift
        left = scipy.linalg.expm(-F * wait) - scipy.linalg.expm(-F * (wait + duration))
        return np.asarray(away @ np.linalg.solve(F, left).T / duration)

    def started(self, mean: Float[np.ndarray, " n"], spread: Float[np.ndarray, "runs n"]) -> "RelaxingProcess":
        # Runs of one start have one law, which is quicker than a law for each.
        start = self.start + ((mean + spread) if spread.any() else mean) @ self.initial.T
        return replace(self, start=start, laws=partial(_started_laws, self.laws, mean))

    def _analog(
        self, times: Float[np.ndarray, " times"], runs: int, rng: np.random.Generator
    ) -> Float[np.ndarray, "runs times n"]:
        start = self.start
        if self.start_sd.any():
            start = start + self.start_sd * rng.standard_normal((runs, start.shape[-1]))
        return np.asarray(self.process.sample(times, start, rng, runs, self.M) + self.y)
