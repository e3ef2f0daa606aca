"""A circuit under sources that change with time: exact between edges, one matrix exponential a step."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy
from jaxtyping import Float

from ..networks import Waveform
from ._state_space import StateSpace
from ._waveforms import edges, law, state


def has_waveforms(space: StateSpace) -> bool:
    """Whether a source changes with time."""
    return any(source.waveform is not None for source in space.sources)


def driven(
    space: StateSpace, times: Float[np.ndarray, " t"], start: Float[np.ndarray, " m"] | None = None
) -> Float[np.ndarray, "t n"]:
    """Outputs [V] at rising times [s], every source as its waveform has it.

    Args:
        space: the circuit.
        times: not below 0.
        start: states at time 0; those of the elements' own initial values unless given.

    Raises:
        ValueError: a waveform with more edges than can be followed.
    """
    if start is None:
        start = np.zeros(len(space.C)) if space.start is None else space.start
    whole = _Whole.of(space)
    end = float(times[-1]) if len(times) else 0.0
    corners = sorted({0.0, end, *(edge for w in whole.waveforms for edge in edges(w, end))})
    found = np.empty((len(times), len(space.M)))
    s = start
    for begin, stop in [*pairwise(corners), (end, end)]:
        z = whole.beginning(s, begin, (begin + stop) / 2)
        rows = np.flatnonzero((times >= begin) & ((times < stop) | (stop == end)))
        for k in rows:
            found[k] = whole.outputs(whole.after(z, float(times[k]) - begin))
        if stop > begin:
            s = whole.after(z, stop - begin)[: len(start)]
    return found


@dataclass(frozen=True, eq=False)
class _Whole:
    """States of the circuit, of all waveforms, and a one: `x' = A x`."""

    space: StateSpace
    waveforms: tuple[Waveform, ...]
    levels: tuple[float, ...]
    """At the operating point."""
    A: Float[np.ndarray, "k k"]
    places: tuple[int, ...]
    """Of the waveforms' levels among the states."""
    y: Float[np.ndarray, "n w"]
    steps: "dict[float, Float[np.ndarray, 'k k']]"

    @classmethod
    def of(cls, space: StateSpace) -> "_Whole":
        moving = [(k, s.waveform, float(s.dc)) for k, s in enumerate(space.sources) if s.waveform is not None]
        laws = [law(waveform) for _, waveform, _ in moving]
        m = len(space.C)
        size = m + sum(map(len, laws)) + 1
        A = np.zeros((size, size))
        A[:m, :m] = -space.F
        C_inv = _inverse(space)
        A[:m, -1] = C_inv @ (space.drive + space.bias)
        places = []
        at = m
        for (k, _, dc), own in zip(moving, laws, strict=True):
            inflow = C_inv @ _column(space.inputs, k, m)
            A[:m, at] = inflow
            A[:m, -1] -= dc * inflow
            A[at : at + len(own), at : at + len(own)] = own
            places.append(at)
            at += len(own)
        y = [_column(space.y_inputs, k, len(space.M)) for k, _, _ in moving]
        return cls(
            space,
            tuple(waveform for _, waveform, _ in moving),
            tuple(dc for _, _, dc in moving),
            A,
            tuple(places),
            np.array(y).reshape(len(y), len(space.M)).T,
            {},
        )

    def beginning(self, s: Float[np.ndarray, " m"], begin: float, middle: float) -> Float[np.ndarray, " k"]:
        """All states where a stretch begins."""
        return np.concatenate([s, *(state(w, begin, middle) for w in self.waveforms), np.ones(1)])

    def after(self, z: Float[np.ndarray, " k"], dt: float) -> Float[np.ndarray, " k"]:
        # Pulses repeat their stretches, to rounding.
        key = float(f"{dt:.12g}")
        if key not in self.steps:
            if len(self.steps) > _MOST_KEPT:
                self.steps.clear()
            self.steps[key] = scipy.linalg.expm(self.A * key)
        return np.asarray(self.steps[key] @ z)

    def outputs(self, z: Float[np.ndarray, " k"]) -> Float[np.ndarray, " n"]:
        space = self.space
        moved = self.y @ (z[list(self.places)] - np.array(self.levels)) if self.places else 0.0
        return np.asarray(space.M @ z[: len(space.C)] + space.y_drive + space.y_bias + moved)


_MOST_KEPT = 64


def _inverse(space: StateSpace) -> Float[np.ndarray, "m m"]:
    return np.linalg.inv(space.C) if len(space.C) else np.zeros((0, 0))


def _column(matrix: Float[np.ndarray, "r k"] | None, k: int, rows: int) -> Float[np.ndarray, " r"]:
    return np.zeros(rows) if matrix is None else matrix[:, k]
