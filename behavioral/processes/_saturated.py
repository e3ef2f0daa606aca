"""Stepping where the exact form does not hold: linear processes with a non-linear part (clipping, slew)."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from ..propagation import Spacings, psd_factor, transition
from ._ornstein_uhlenbeck import OrnsteinUhlenbeck

State = Float[np.ndarray, "instances paths n"]


@dataclass(frozen=True, eq=False)
class Saturation:
    """Limits inside a linear model: the drift gets `drive @ (clip(u, low, high) - u)` with `u = sense @ x + offset`.

    A slewing amplifier: u is the current into its pole node and `drive` 1/capacitance; a rail: u is the voltage of
    the pole node and `drive` what the output drives. Within the limits it is exactly zero, so the model is exact
    there. Arrays have a first axis of one or as many instances: drive (i, n, k), sense (i, k, n), the others (i, k).
    """

    drive: Float[np.ndarray, "i n k"]
    sense: Float[np.ndarray, "i k n"]
    offset: Float[np.ndarray, "i k"]
    low: Float[np.ndarray, "i k"]
    high: Float[np.ndarray, "i k"]

    def __call__(self, x: State) -> State:
        sense, offset, low, high, drive = self._turned
        u = x @ sense + offset
        # Not np.clip, whose wrappers take longer than the work on a few cells.
        return np.asarray((np.minimum(np.maximum(u, low), high) - u) @ drive)

    @cached_property
    def _turned(self) -> tuple[np.ndarray, ...]:
        sense, drive = (np.ascontiguousarray(np.swapaxes(part, 1, 2)) for part in (self.sense, self.drive))
        return sense, self.offset[:, None], self.low[:, None], self.high[:, None], drive


@dataclass(frozen=True, eq=False)
class ExponentialStep:
    """One step of `dx = (-F (x - m) + g(x)) dt + N(0, Q dt)` for many instances: exact when g = 0.

    The exponential Runge-Kutta scheme of Cox and Matthews (J. Comput. Phys. 176, 2002), with the exact noise of the
    linear part: order 2 without noise and in the law (weak), order 1 path by path (strong), for smooth g.
    """

    mean: Float[np.ndarray, "instances 1 n"]
    decay: Float[np.ndarray, "instances n n"]
    first: Float[np.ndarray, "instances n n"]  # integral of the decay over the step
    second: Float[np.ndarray, "instances n n"]  # the same for a ramp that reaches one at the end of the step
    factor: Float[np.ndarray, "instances n n"]

    @classmethod
    def of(cls, processes: Sequence[OrnsteinUhlenbeck], h: float) -> "ExponentialStep":
        parts = [_operators(process, h) for process in processes]
        decay, first, second, factor = (np.stack(part) for part in zip(*parts, strict=True))
        mean = np.stack([process.mean[None] for process in processes])
        return cls(mean, decay, first, second, factor)

    def noise(self, rng: np.random.Generator, paths: int) -> State:
        instances, n, _ = self.factor.shape
        if self.silent:
            return np.zeros((instances, paths, n))
        return np.asarray(rng.standard_normal((instances, paths, n)) @ np.swapaxes(self.factor, 1, 2))

    @cached_property
    def silent(self) -> bool:
        return not self.factor.any()

    def apply(self, x: State, g: Callable[[State], State], noise: State) -> State:
        decay, first, second = self._turned
        before = g(x)
        guess = self.mean + (x - self.mean) @ decay + before @ first + noise
        return np.asarray(guess + (g(guess) - before) @ second)

    @cached_property
    def _turned(self) -> tuple[np.ndarray, ...]:
        parts = (self.decay, self.first, self.second)
        return tuple(np.ascontiguousarray(np.swapaxes(part, 1, 2)) for part in parts)


def integrate(
    processes: Sequence[OrnsteinUhlenbeck],
    g: Callable[[State], State],
    times: Float[np.ndarray, " times"],
    x0: Float[np.ndarray, "*start n"],
    rng: np.random.Generator,
    step: float,
    paths: int = 1,
    limits: tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]] | None = None,
) -> Float[np.ndarray, "instances paths times n"]:
    """Paths of linear processes (one per instance, all of one size) with a non-linear drift g added, from x0 at time 0.

    `g` maps states (instances, paths, n) to drifts of the same shape [units of x / unit of t], a `Saturation` for
    instance. `step` is the longest step taken, equal steps between any two times: it must resolve what g does, not
    what the linear part does. The error falls as step^2 in the law of x and as step path by path (`ExponentialStep`).
    `limits` (low, high) holds states between bounds after every step, as an integrator that stops at its rails; where
    noise pushes a state against a bound, the error falls only as the root of the step.
    x0 broadcasts to (instances, paths, n). Raises ValueError for unsorted times or a step that is not positive.
    """
    times = np.asarray(times, dtype=float)
    if times.ndim != 1 or not np.all(np.isfinite(times)) or np.any(np.diff(times, prepend=0.0) < 0.0):
        raise ValueError("integrate: expected finite times of at least 0 in rising order.")
    if not (math.isfinite(step) and step > 0.0):
        raise ValueError(f"integrate: expected a step above 0, got {step}.")
    if not processes or len({process.n for process in processes}) != 1:
        raise ValueError("integrate: expected at least one process, all of the same size.")
    n = processes[0].n
    x = np.broadcast_to(np.asarray(x0, dtype=float), (len(processes), paths, n))
    out = np.empty((len(processes), paths, len(times), n))
    spacings = Spacings.of(np.concatenate([[0.0], times]))
    counts = np.ceil(spacings.values / step * (1.0 - 1e-12)).astype(int)
    steps = [
        ExponentialStep.of(processes, float(t) / max(1, count))
        for t, count in zip(spacings.values, counts, strict=True)
    ]
    for j, k in enumerate(spacings.index):
        for _ in range(counts[k]):
            x = steps[k].apply(x, g, steps[k].noise(rng, paths))
            x = x if limits is None else np.clip(x, *limits)
        out[:, :, j] = x
    return out


def _operators(process: OrnsteinUhlenbeck, h: float) -> tuple[np.ndarray, ...]:
    # The linear part driven by a constant and by a ramp that reaches one at the end of the step:
    # y' = -F y + u, u' = w / h, w' = 0; the first row of its transition holds the three operators.
    n = process.n
    if h == 0.0:
        return np.eye(n), np.zeros((n, n)), np.zeros((n, n)), np.zeros((n, n))
    one = np.eye(n)
    zero = np.zeros((n, n))
    drift = np.block([[process.drift, -one, zero], [zero, zero, -one / h], [zero, zero, zero]])
    noise = np.zeros((3 * n, 3 * n))
    noise[:n, :n] = process.diffusion
    whole = transition(drift, noise, h)
    first = whole.change[:n, n : 2 * n]
    second = whole.change[:n, 2 * n :]
    return whole.decay[:n, :n], first, second, psd_factor(whole.covariance[:n, :n])
