"""Exact sample paths: matrix products over blocks of time, and a recursion that is cheap or blocked."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from ._lyapunov import psd_factor
from ._modal import Modal, RealModes, growth
from ._transition import transition

if TYPE_CHECKING:
    from ._ou import OrnsteinUhlenbeck

# Numbers drawn per block of time: a block should stay in the cache and still fill a matrix product.
_BLOCK = 1 << 20
# More distinct spacings than this are composed of binary steps instead of being factored one by one.
_DISTINCT = 16
# Fewer rows than this leave a matrix product bound by memory, so a long path is cut into as many parts.
_ROWS = 64


@dataclass(frozen=True, eq=False)
class Spacings:
    """The steps between sorted times; steps that agree to the rounding of the times count as one."""

    values: Float[np.ndarray, " distinct"]
    index: np.ndarray  # which value each step has
    resolution: float  # rounding of the times

    @classmethod
    def of(cls, times: Float[np.ndarray, " times"]) -> "Spacings":
        steps = np.diff(times)
        order = np.argsort(steps, kind="stable")
        ordered = steps[order]
        resolution = float(np.finfo(float).eps) * float(np.max(np.abs(times), initial=0.0))
        values: list[float] = []
        index = np.empty(len(steps), dtype=np.int64)
        start = 0
        while start < len(ordered):
            stop = int(np.searchsorted(ordered, ordered[start] + 4.0 * resolution, side="right"))
            # A step of zero stays exactly zero.
            values.append(0.0 if ordered[start] == 0.0 else float(np.mean(ordered[start:stop])))
            index[order[start:stop]] = len(values) - 1
            start = stop
        return cls(np.array(values), index, resolution)

    @property
    def binary(self) -> tuple[np.ndarray, float]:
        """The values as integer multiples of one quantum at the rounding of the times."""
        return np.rint(self.values / self.resolution).astype(np.int64), self.resolution


def sample_paths(
    process: "OrnsteinUhlenbeck",
    times: Float[np.ndarray, " times"],
    x0: Float[np.ndarray, "paths n"] | None,
    rng: np.random.Generator,
    paths: int,
) -> Float[np.ndarray, "paths times n"]:
    """Paths of `process` at sorted times >= 0, from x0 at time 0 or from the stationary law."""
    out = np.empty((paths, len(times), process.n))
    if not out.size:
        return out
    y = _first_state(process, float(times[0]), x0, rng, paths)
    out[:, 0] = y
    spacings = Spacings.of(times)
    modal = process.modes
    if modal is not None:
        _modal_steps(process, modal, spacings, y, rng, out[:, 1:])
    elif len(spacings.values) <= _DISTINCT:
        _dense_steps(process, spacings, y, rng, out[:, 1:])
    else:
        _binary_steps(process, spacings, y, rng, out[:, 1:])
    out += process.mean
    return out


def _first_state(
    process: "OrnsteinUhlenbeck", t: float, x0: np.ndarray | None, rng: np.random.Generator, paths: int
) -> Float[np.ndarray, "paths n"]:
    if x0 is None:
        return np.asarray(rng.standard_normal((paths, process.n)) @ psd_factor(process.stationary_covariance()).T)
    y = x0 - process.mean
    if t == 0.0:
        return np.asarray(y)
    step = transition(process.drift, process.diffusion, t)
    return np.asarray(y @ step.decay.T + rng.standard_normal(y.shape) @ psd_factor(step.covariance).T)


def _modal_steps(
    process: "OrnsteinUhlenbeck",
    modal: Modal,
    spacings: Spacings,
    y: np.ndarray,
    rng: np.random.Generator,
    out: Float[np.ndarray, "paths steps n"],
) -> None:
    modes = RealModes.of(modal)
    colour = _modal_colour(process, modal, modes, spacings)
    back = np.ascontiguousarray(modes.back.T)
    z = y @ modes.into.T
    paths, steps, n = out.shape
    block = max(1, _BLOCK // (paths * n))
    for start in range(0, steps, block):
        index = spacings.index[start : start + block]
        noise = colour(index, (len(index), paths, n), rng)
        # Distinct spacings of this block only: their decays are then as many as its steps at most.
        used, local = np.unique(index, return_inverse=True)
        modes.scan(noise, z, spacings.values[used], local)
        z = noise[-1].copy()
        states = (noise.reshape(-1, n) @ back).reshape(len(index), paths, n)
        out[:, start : start + block] = np.swapaxes(states, 0, 1)


_Colour = Callable[[np.ndarray, tuple[int, int, int], np.random.Generator], np.ndarray]


def _modal_colour(process: "OrnsteinUhlenbeck", modal: Modal, modes: RealModes, spacings: Spacings) -> _Colour:
    """Draws the noise of steps in real modal coordinates, shape (steps, paths, n)."""
    S = process.modal_noise
    if not np.iscomplexobj(S) and not np.any(S - np.diag(np.diag(S))):
        sd = np.sqrt(np.clip(np.diag(S), 0.0, None) * growth(2.0 * modal.lam, spacings.values[:, None]))

        def independent(index: np.ndarray, shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
            noise = rng.standard_normal(shape)
            noise *= sd[index][:, None] if len(sd) > 1 else sd[0]
            return noise

        return independent

    def factor(t: float) -> np.ndarray:
        covariance = modal.covariance(S, t)
        return np.ascontiguousarray((modes.into @ psd_factor(covariance)).T)

    if len(spacings.values) <= _DISTINCT:
        factors = [factor(float(t)) for t in spacings.values]

        def grouped(index: np.ndarray, shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
            noise = rng.standard_normal(shape)
            if len(factors) == 1:
                return np.asarray((noise.reshape(-1, shape[2]) @ factors[0]).reshape(shape))
            for k in np.unique(index):
                noise[index == k] = noise[index == k] @ factors[k]
            return noise

        return grouped

    counts, quantum = spacings.binary
    levels = [factor(quantum * 2.0**k) for k in range(int(counts.max()).bit_length())]

    def composed(index: np.ndarray, shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
        noise = np.zeros(shape)
        for k, L in enumerate(levels):
            rows = np.flatnonzero((counts[index] >> k) & 1)
            if len(rows):
                later = rng.standard_normal((len(rows), *shape[1:])) @ L
                modes.scan(
                    later[None].reshape(1, -1, shape[2]),
                    noise[rows].reshape(-1, shape[2]),
                    np.array([quantum * 2.0**k]),
                    np.zeros(1, dtype=np.int64),
                )
                noise[rows] = later
        return noise

    return composed


def _dense_steps(
    process: "OrnsteinUhlenbeck",
    spacings: Spacings,
    y: np.ndarray,
    rng: np.random.Generator,
    out: Float[np.ndarray, "paths steps n"],
) -> None:
    if not len(spacings.index):
        return
    steps = [transition(process.drift, process.diffusion, float(t)) for t in spacings.values]
    decays = [np.ascontiguousarray(step.decay.T) for step in steps]
    for k, step in enumerate(steps):
        rows = np.flatnonzero(spacings.index == k)
        noise = rng.standard_normal((len(out), len(rows), process.n))
        out[:, rows] = noise @ np.ascontiguousarray(psd_factor(step.covariance).T)
    length = out.shape[1] * len(out) // _ROWS
    if len(steps) == 1 and length >= 4 and process.n >= 32:
        done = _parallel_scan(out, y, decays[0], length)
        y = out[:, done - 1]
    else:
        done = 0
    for k in range(done, out.shape[1]):
        out[:, k] += y @ decays[spacings.index[k]]
        y = out[:, k]


def _parallel_scan(out: np.ndarray, y: np.ndarray, decay: np.ndarray, length: int) -> int:
    """Runs parts of `length` steps side by side, so that each step is one matrix product; returns the steps done.

    First pass: the end of each part from zero. Then the ends are chained. Second pass: the parts from their starts.
    """
    paths, steps, n = out.shape
    parts = steps // length
    view = out[:, : parts * length].reshape(paths, parts, length, n)
    end = np.zeros((paths, parts, n))
    for j in range(length):
        end = end @ decay + view[:, :, j]
    jump = np.linalg.matrix_power(decay, length)
    state = np.empty_like(end)
    for k in range(parts):
        state[:, k] = y
        y = y @ jump + end[:, k]
    for j in range(length):
        view[:, :, j] += state @ decay
        state = view[:, :, j]
    return parts * length


def _binary_steps(
    process: "OrnsteinUhlenbeck",
    spacings: Spacings,
    y: np.ndarray,
    rng: np.random.Generator,
    out: Float[np.ndarray, "paths steps n"],
) -> None:
    counts, quantum = spacings.binary
    levels = []
    for k in range(int(counts.max()).bit_length()):
        step = transition(process.drift, process.diffusion, quantum * 2.0**k)
        levels.append((step.decay.T, psd_factor(step.covariance).T))
    for j, index in enumerate(spacings.index):
        for k, (decay, L) in enumerate(levels):
            if (int(counts[index]) >> k) & 1:
                y = y @ decay + rng.standard_normal(y.shape) @ L
        out[:, j] = y
