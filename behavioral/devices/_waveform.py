"""The one waveform of a circuit without noise: exact while its amplifiers are within their limits, else stepped."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from ...circuits.state_spaces import StateSpace, relaxation
from ..processes import ExponentialStep, OrnsteinUhlenbeck, Saturation, integrate
from ._rails_and_slew import Amplifiers

_NEAR = 0.9
"""Part of a limit from which on the waveform is stepped: between two looks at the linear future, four in an octave, a
mode moves by a tenth of itself at most."""

_STEPS = 64
"""Steps between two looks."""

_STILL = 1e-6
"""Part of the state that a circuit at its rails may still move when it is taken to rest."""


@dataclass(frozen=True, eq=False)
class Waveform:
    """A circuit's way from a start. Where it is stepped, and with which steps, follows from the circuit and the start
    alone: it is the same whatever times are asked for.
    """

    linear: OrnsteinUhlenbeck
    amplifiers: Amplifiers
    saturation: Saturation
    step: float
    slowest: float
    fastest: float

    @classmethod
    def of(cls, space: StateSpace, amplifiers: Amplifiers, step: float) -> "Waveform":
        """Of a circuit, stepped by `step` [s] where an amplifier meets its limits."""
        linear = OrnsteinUhlenbeck(space.F, space.settled_states, np.zeros_like(space.F))
        saturation = amplifiers.saturation(space, space.F)
        return cls(
            linear, amplifiers, saturation, step, float(-space.poles.real.max()), float(np.abs(space.poles).max())
        )

    def at(self, times: Float[np.ndarray, " times"], start: Float[np.ndarray, " m"]) -> Float[np.ndarray, "times m"]:
        """States at rising times [s]."""
        out = np.empty((len(times), len(start)))
        begin, x, k = 0.0, np.asarray(start, dtype=float), 0
        while k < len(times):
            free = self._free(x)
            if free > 0:
                end = begin + free
                here = slice(k, int(np.searchsorted(times, end, side="right")))
                out[here] = self.linear.mean_at(times[here] - begin, x)
                x = self.linear.mean_at(np.array([free]), x)[0] if np.isfinite(free) else x
            else:
                end = begin + _STEPS * self.step
                here = slice(k, int(np.searchsorted(times, end, side="right")))
                grid = self._stepped(x)
                for row in range(here.start, here.stop):
                    out[row] = self._between(grid, float(times[row] - begin))
                if self._rests(grid):
                    out[here.stop :] = grid[-1]
                    return out
                x = grid[-1]
            begin, k = end, here.stop
        return out

    def _free(self, x: Float[np.ndarray, " m"]) -> float:
        """For how long the linear circuit stays away from all limits [s]; infinite for ever, zero not at all."""
        if not self.slowest > 0:
            return 0.0
        if self.amplifiers.beyond(x[None], (self.linear.mean - x)[None] @ self.linear.drift.T, _NEAR)[0]:
            return 0.0
        times, away = relaxation(self.linear.drift, x - self.linear.mean, self.slowest, self.fastest)
        near = self.amplifiers.beyond(self.linear.mean + away, -away @ self.linear.drift.T, _NEAR)
        if not near.any():
            return np.inf
        first = int(np.argmax(near))
        return float(times[first - 1]) if first > 1 else 0.0

    def _stepped(self, x: Float[np.ndarray, " m"]) -> Float[np.ndarray, "k m"]:
        """States at every step from x on."""
        bounds, found = self.amplifiers.bounds(len(x)), [x]
        state = x[None, None]
        for _ in range(_STEPS):
            state = np.clip(self._one_step.apply(state, self.saturation, np.zeros_like(state)), *bounds)
            found.append(state[0, 0])
        return np.array(found)

    @cached_property
    def _one_step(self) -> ExponentialStep:
        return ExponentialStep.of([self.linear], self.step)

    def _rests(self, grid: Float[np.ndarray, "k m"]) -> bool:
        """Whether what moves still moves so little that even the slowest mode has no more than that to go."""
        moved = np.abs(grid[-1] - grid[0]).max()
        return bool(moved <= _STILL * _STEPS * self.step * self.slowest * np.abs(grid[-1]).max())

    def _between(self, grid: Float[np.ndarray, "k m"], t: float) -> Float[np.ndarray, " m"]:
        k = min(int(t / self.step), len(grid) - 1)
        rest = max(t - k * self.step, 0.0)
        return np.asarray(self._integrate(np.array([rest]), grid[k])[0] if rest > 0 else grid[k])

    def _integrate(self, times: Float[np.ndarray, " k"], x: Float[np.ndarray, " m"]) -> Float[np.ndarray, "k m"]:
        unused = np.random.default_rng(0)
        bounds = self.amplifiers.bounds(len(x))
        return np.asarray(integrate([self.linear], self.saturation, times, x, unused, self.step, 1, bounds)[0, 0])


def limited_paths(
    process: OrnsteinUhlenbeck,
    space: StateSpace,
    amplifiers: Amplifiers,
    times: Float[np.ndarray, " times"],
    start: Float[np.ndarray, "*paths m"],
    rng: np.random.Generator | None,
    paths: int,
    step: float | None,
) -> Float[np.ndarray, "paths times m"]:
    """States at rising times, with rails and slew; see `Response.integrate`."""
    if times.ndim != 1 or not np.isfinite(times).all() or (np.diff(times, prepend=0.0) < 0).any():
        raise ValueError("integrate: expected finite times of at least 0 in rising order.")
    if step is not None and not (np.isfinite(step) and step > 0):
        raise ValueError(f"integrate: expected a step above 0, got {step}.")
    if not amplifiers.names:
        return process.mean_at(times, start)[None] if rng is None else process.sample(times, start, rng, paths)
    longest = amplifiers.step if step is None else step
    if rng is None:
        found = Waveform.of(space, amplifiers, longest).at(times, start[: len(space.F)])
        return np.pad(found, ((0, 0), (0, process.n - found.shape[1])))[None]
    limits, bounds = amplifiers.saturation(space, process.drift), amplifiers.bounds(process.n)
    return np.asarray(integrate([process], limits, times, start, rng, longest, paths, bounds)[0])
