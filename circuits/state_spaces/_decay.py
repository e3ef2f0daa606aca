"""How a linear circuit relaxes: from its matrix exponential, because eigenvalues alone do not tell.

A matrix whose eigenvectors are far from orthogonal first grows, and reaches its slowest eigenvalue's decay late: a
chain of n equal cells needs about n of its time constants more than one cell (Trefethen and Embree, Spectra and
Pseudospectra, 2005, chapter 14).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import ceil, log, log2
from typing import Any

import numpy as np
import scipy
from jaxtyping import Complex, Float, Inexact, Int

_PARTS = 256
"""Steps in the time of settling that is known from doubling."""

_LONGEST = 64
"""Doublings of a time that the slowest mode needs; no matrix of doubles that decays at all needs more."""

_MOST_SKEWED = 1e6
"""Condition of the eigenvectors up to which they stand for a matrix: rounding is then 2e-10 of what relaxes."""


def settle_time(
    F: Float[np.ndarray, "m m"],
    left: float,
    M: Float[np.ndarray, "n m"] | None = None,
    initial: Float[np.ndarray, "m n"] | None = None,
    slowest: float | None = None,
    modes: "Modes | None" = None,
) -> float:
    """The time after which `|M exp(-F t) initial|_2` stays at or below `left`, in units of one over F's.

    At least the time of the slowest eigenvalue, `-log(left)/slowest`, and exactly that for a normal F. M and `initial`
    (identities unless given) say what is read and where a start can be.

    Args:
        F: drift; all eigenvalues have positive real part.
        left: part that may be left, between 0 and 1.
        M: readouts.
        initial: starts.
        slowest: smallest real part of F's eigenvalues, where it is known.
        modes: of F, where they are known: a time then takes a product of the size of M instead of one of the size of F.

    Raises:
        ValueError: an eigenvalue without positive real part.
    """
    slowest = float(np.linalg.eigvals(F).real.min()) if slowest is None else slowest
    if not slowest > 0:
        raise ValueError(f"settle_time: expected eigenvalues with positive real part, got {slowest:.3g}")
    shortest = -log(left) / slowest
    m = len(F)
    read, start = (np.eye(m) if M is None else M), (np.eye(m) if initial is None else initial)
    E, end = scipy.linalg.expm(-F * shortest), shortest
    if _size(read, E, start) <= left * (1 + _ROUNDING):
        return shortest
    for _ in range(_LONGEST):
        E, end = E @ E, 2 * end
        if _size(read, E, start) <= left:
            break
    return max(shortest, _last_above(F, end, left, read, start, modes))


_ROUNDING = 1e-6


def _last_above(
    F: Float[np.ndarray, "m m"],
    end: float,
    left: float,
    M: Float[np.ndarray, "n m"],
    x: Float[np.ndarray, "m n"],
    modes: "Modes | None",
) -> float:
    """End of the last of many equal steps up to `end` that begins above `left`."""
    latest_first = range(_PARTS - 1, -1, -1)
    seen: Iterator[np.ndarray]
    if modes is None:
        seen = reversed([M @ states for states in _stepped(F, end / _PARTS, x)])
    else:
        seen = modes.seen(M, x, [end * k / _PARTS for k in latest_first])
    last = next((k for k, E in zip(latest_first, seen, strict=True) if _is_above(E, left)), 0)
    return end * (last + 1) / _PARTS


def _stepped(F: Float[np.ndarray, "m m"], step: float, x: Float[np.ndarray, "m n"]) -> Iterator[np.ndarray]:
    """`exp(-F t) x` where each of the steps begins."""
    advance = scipy.linalg.expm(-F * step)
    for _ in range(_PARTS):
        yield x
        x = advance @ x


def _is_above(E: Float[np.ndarray, "n n"], left: float) -> bool:
    """Whether the 2-norm is above; the root of the sum of squares, which it never exceeds, most often tells at once."""
    return float(np.linalg.norm(E)) > left and float(np.linalg.norm(E, 2)) > left


def _size(M: Float[np.ndarray, "n m"], E: Float[np.ndarray, "m m"], x: Float[np.ndarray, "m n"]) -> float:
    return float(np.linalg.norm(M @ E @ x, 2))


def relaxation(
    F: Float[np.ndarray, "m m"], x: Float[np.ndarray, " m"], slowest: float, fastest: float
) -> tuple[Float[np.ndarray, " times"], Float[np.ndarray, "times m"]]:
    """Times, and `exp(-F t) x` at them: 0, and four an octave from a tenth of the fastest mode to ten of the slowest.

    Args:
        F: drift.
        x: start.
        slowest, fastest: rates, in the unit of F.
    """
    times = relaxation_times(slowest, fastest)
    first = float(times[1])
    octaves = (len(times) - 1) // 4
    E = scipy.linalg.expm(-F * first)
    # States at 0, 1/4, 1/2 and 3/4 of the time that E advances.
    known, found = np.column_stack([x, x, x, x]), [x[:, None]]
    for _ in range(octaves):
        later = E @ known
        found.append(later)
        known = np.column_stack([x, known[:, 2], later[:, 0], later[:, 2]])
        E = E @ E
    return times, np.asarray(np.hstack(found).T)


def relaxation_times(slowest: float, fastest: float) -> Float[np.ndarray, " times"]:
    """Those of `relaxation`."""
    first = 0.1 / fastest / 4
    # The last of them is 1.75 times the begin of the last octave.
    octaves = ceil(log2(10 / (1.75 * slowest * first))) + 1
    times = first * np.multiply.outer(2.0 ** np.arange(octaves), [1.0, 1.25, 1.5, 1.75]).ravel()
    return np.array([0.0, *times])


@dataclass(frozen=True, eq=False)
class Modes:
    """A drift by its eigenvectors: as dear as one exponential, and good for any number of times."""

    rates: Complex[np.ndarray, " m"]
    vectors: Inexact[np.ndarray, "m m"]
    factors: tuple[Inexact[np.ndarray, "m m"], Int[np.ndarray, " m"]]
    """The vectors in triangles, for `scipy.linalg.lu_solve`."""

    @classmethod
    def of(
        cls,
        rates: Inexact[np.ndarray, " m"],
        vectors: Inexact[np.ndarray, "m m"],
    ) -> "Modes | None":
        """From eigenvalues and eigenvectors; None where these are too near to each other to tell modes apart.

        Their condition is estimated from the triangles (Higham, ACM Trans. Math. Softw. 14, 381, 1988), to a factor of
        about three. Their inverse would take three times the operations, and nobody asks for it.
        """
        if len(vectors) == 0:
            return None
        routines: Any = scipy.linalg.lapack.get_lapack_funcs(("getrf", "gecon"), (vectors,))
        factorise, estimate = routines
        triangles, order, singular = factorise(vectors)
        if singular:
            return None
        reciprocal, _ = estimate(triangles, np.linalg.norm(vectors, 1))
        if not reciprocal * _MOST_SKEWED > 1:
            return None
        return cls(rates.astype(complex), vectors, (triangles, order))

    def seen(
        self, M: Float[np.ndarray, "n m"], x: Float[np.ndarray, "m k"], times: Iterable[float]
    ) -> Iterator[Float[np.ndarray, "n k"]]:
        """`M exp(-F t) x` at one time after the other."""
        shown = M @ self.vectors
        weights = scipy.linalg.lu_solve(self.factors, x)
        for t in times:
            yield np.asarray(((shown * np.exp(-self.rates * t)) @ weights).real)

    def relaxed(self, x: Float[np.ndarray, " m"], times: Float[np.ndarray, " times"]) -> Float[np.ndarray, "times m"]:
        """`exp(-F t) x` at each time."""
        decay = np.exp(-np.multiply.outer(times, self.rates))
        return np.asarray((decay * scipy.linalg.lu_solve(self.factors, x) @ self.vectors.T).real)
