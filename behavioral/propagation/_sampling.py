"""Exact sample paths: matrix products over blocks of time, and a recursion that is cheap or blocked."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ._linear_process import DenseProcess
from ._lyapunov import psd_factor
from ._modes import Modal, RealModes, growth
from ._transitions import transition

# Numbers drawn per block of time: a block should stay in the cache and still fill a matrix product.
_BLOCK = 1 << 18
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
    process: DenseProcess,
    times: Float[np.ndarray, " times"],
    x0: Float[np.ndarray, "paths n"] | None,
    rng: np.random.Generator,
    paths: int,
    readout: Float[np.ndarray, "k n"] | None = None,
) -> Float[np.ndarray, "paths times k"]:
    """Paths of `process` at sorted times >= 0, from x0 at time 0 or from the stationary law; of `readout @ x`."""
    modal = process.modes
    if modal is None and readout is not None:
        return np.asarray(sample_paths(process, times, x0, rng, paths) @ readout.T)
    out = np.empty((paths, len(times), process.n if readout is None else len(readout)))
    if not out.size:
        return out
    y = _first_state(process, float(times[0]), x0, rng, paths)
    first = y + process.mean
    out[:, 0] = first if readout is None else first @ readout.T
    if len(times) == 1:
        return out
    spacings = Spacings.of(times)
    if modal is not None:
        _modal_steps(process, modal, spacings, y, rng, out[:, 1:], readout)
    elif len(spacings.values) <= _DISTINCT:
        _dense_steps(process, spacings, y, rng, out[:, 1:])
        out[:, 1:] += process.mean
    else:
        _binary_steps(process, spacings, y, rng, out[:, 1:])
        out[:, 1:] += process.mean
    return out


def _first_state(
    process: DenseProcess, t: float, x0: np.ndarray | None, rng: np.random.Generator, paths: int
) -> Float[np.ndarray, "paths n"]:
    if x0 is None:
        return np.asarray(rng.standard_normal((paths, process.n)) @ psd_factor(process.stationary_covariance()).T)
    y = x0 - process.mean
    if t == 0.0:
        return np.asarray(y)
    if process.modes is not None:
        y = process.modes.decay_action(np.array([t]), y)[:, 0]
        return np.asarray(y + rng.standard_normal(y.shape) @ process.step_factor(t).T)
    step = transition(process.drift, process.diffusion, t)
    return np.asarray(y @ step.decay.T + rng.standard_normal(y.shape) @ psd_factor(step.covariance).T)


def _modal_steps(
    process: DenseProcess,
    modal: Modal,
    spacings: Spacings,
    y: np.ndarray,
    rng: np.random.Generator,
    out: Float[np.ndarray, "paths steps k"],
    readout: Float[np.ndarray, "k n"] | None,
) -> None:
    modes = RealModes.of(modal)
    colour = _modal_colour(process, modal, modes, spacings)
    back = np.ascontiguousarray((modes.back if readout is None else readout @ modes.back).T)
    mean = process.mean if readout is None else readout @ process.mean
    z = y @ modes.into.T
    shifted = bool(np.any(mean))
    (paths, steps, _), n = out.shape, process.n
    block = min(steps, max(1, _BLOCK // (paths * n)))
    buffer = np.empty((block, paths, n))
    for start in range(0, steps, block):
        index = spacings.index[start : start + block]
        noise = buffer[: len(index)]
        colour(index, noise, rng)
        # Distinct spacings of this block only: their decays are then as many as its steps at most.
        used, local = np.unique(index, return_inverse=True)
        modes.scan(noise, z, spacings.values[used], local)
        z = noise[-1].copy()
        target = out[:, start : start + block]
        if paths <= len(index):
            for path in range(paths):
                np.matmul(noise[:, path], back, out=target[path])
        else:
            product = noise.reshape(-1, n) @ back
            target[...] = np.swapaxes(product.reshape(*noise.shape[:2], -1), 0, 1)
        if shifted:
            target += mean


# Fills an array (steps, paths, n) with the noise of the steps of the given spacings.
_Colour = Callable[[np.ndarray, np.ndarray, np.random.Generator], None]


def _modal_colour(process: DenseProcess, modal: Modal, modes: RealModes, spacings: Spacings) -> _Colour:
    S = process.modal_noise
    if not np.iscomplexobj(S) and not np.any(S - np.diag(np.diag(S))):
        variance = np.clip(np.diag(S), 0.0, None) * growth(2.0 * modal.lam, spacings.values[:, None])
        return _independent(np.sqrt(variance))

    def factor(t: float) -> np.ndarray:
        return np.ascontiguousarray((modes.into @ process.step_factor(t)).T)

    if len(spacings.values) <= _DISTINCT:
        return _grouped([factor(float(t)) for t in spacings.values])
    counts, quantum = spacings.binary
    levels = [(quantum * 2.0**k, factor(quantum * 2.0**k)) for k in range(int(counts.max()).bit_length())]
    return _composed(modes, counts, levels)


def _independent(sd: np.ndarray) -> _Colour:
    def fill(index: np.ndarray, noise: np.ndarray, rng: np.random.Generator) -> None:
        rng.standard_normal(out=noise)
        noise *= sd[index][:, None] if len(sd) > 1 else sd[0]

    return fill


def _grouped(factors: list[np.ndarray]) -> _Colour:
    scratch = np.empty(0)

    def fill(index: np.ndarray, noise: np.ndarray, rng: np.random.Generator) -> None:
        nonlocal scratch
        if scratch.shape != noise.shape:
            scratch = np.empty_like(noise)
        rng.standard_normal(out=scratch)
        if len(factors) == 1:
            n = noise.shape[2]
            np.matmul(scratch.reshape(-1, n), factors[0], out=noise.reshape(-1, n))
            return
        for k in np.unique(index):
            noise[index == k] = scratch[index == k] @ factors[k]

    return fill


def _composed(modes: RealModes, counts: np.ndarray, levels: list[tuple[float, np.ndarray]]) -> _Colour:
    """A step is a sum of binary steps, so its noise is theirs, each decayed by the steps that come after."""

    def fill(index: np.ndarray, noise: np.ndarray, rng: np.random.Generator) -> None:
        noise[...] = 0.0
        once = np.zeros(1, dtype=np.int64)
        for k, (t, L) in enumerate(levels):
            rows = np.flatnonzero((counts[index] >> k) & 1)
            if len(rows):
                added = rng.standard_normal((len(rows), *noise.shape[1:])) @ L
                before = noise[rows].reshape(-1, noise.shape[2])
                modes.scan(added.reshape(1, *before.shape), before, np.array([t]), once)
                noise[rows] = added

    return fill


def _dense_steps(
    process: DenseProcess,
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
    return int(parts * length)


def _binary_steps(
    process: DenseProcess,
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
