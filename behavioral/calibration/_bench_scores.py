"""What unknowns of a bench that a fit leaves out would explain of its residuals."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from jaxtyping import Float, Int

from ._terms import Part, Term
from .derivatives import Information, solved
from .unknowns import NUISANCES, Parameters

_TOLD = 1e-2
"""Precision of a nuisance by that of its prior from which what the other unknowns leave of it can be tested: known to
ten times its spread."""

_FAR = 1e-6
"""The same of the prior that a nuisance which is only tried has: none that counts."""

_BASELINE = "baseline"
"""The one kind with unknowns of each record's own."""


@dataclass(frozen=True, slots=True)
class Score:
    """Chi-square of so many degrees of freedom when the nuisance is absent."""

    statistic: float
    degrees: int


class BenchScores:
    """Score tests of all kinds of nuisances that are not switched on, summed up run after run.

    The unknowns of a kind are few, but for the baselines: one for each cell of each record. Those of a record are
    seen by that record alone, so that what all of them explain needs nothing larger than the chip's own unknowns
    (Woodbury).
    """

    def __init__(
        self, runs: Sequence[Term], parameters: Parameters, nuisances: Sequence[str], z: Float[np.ndarray, " p"]
    ) -> None:
        self._p = parameters.size
        self._kinds = [kind for kind in NUISANCES if kind not in nuisances]
        shared = [kind for kind in self._kinds if kind != _BASELINE]
        self._parameters = parameters.extended(runs, nuisances, shared)
        q = self._parameters.size
        self._z = np.append(z, np.zeros(q - self._p))
        self._score = np.append(-parameters.precision * z, np.zeros(q - self._p))
        self._start = np.diag(np.append(parameters.precision, np.full(q - self._p, _FAR)))
        self._told: dict[tuple[str, float], Information] = {}
        self._baselines = _Baselines(self._p) if _BASELINE in self._kinds else None

    def asked(self, run: Term, weight: float) -> Part:
        """The run at the fit, with derivatives by what is only tried, too, after the unknowns'.

        It counts by its weight, one for all runs of a kind.
        """
        q, mine, z = self._parameters.size, self._parameters, self._z
        if self._baselines is not None:
            mine = mine.with_baselines(run.name)
            z = np.append(z, np.zeros(mine.size - q))
        part = run.evaluate(mine, z)
        self._score += weight * part.gradient[:q]
        part.add_to(self._told.setdefault((run.kind, weight), Information(np.zeros((q, q)))), 1.0)
        if self._baselines is not None:
            self._baselines.add(weight * part.gradient[q:], weight * part.information_from(q))
        return part

    def information(self) -> Mapping[str, Float[np.ndarray, "p p"]]:
        """By kind, of all runs that were asked and of the fit's own unknowns."""
        p = self._p
        return {kind: told.matrix[:p, :p] for (kind, _), told in self._told.items()}

    def results(self) -> Iterator[tuple[str, Score]]:
        """By kind, without those that have no unknowns here."""
        information = self._start + sum(weight * told.matrix for (_, weight), told in self._told.items())
        fitted = _Fitted.of(self._score, information, self._p)
        for kind in self._kinds:
            if kind == _BASELINE and self._baselines is not None:
                yield kind, self._baselines.score(self._score[: self._p], information[: self._p, : self._p])
            elif len(where := self._parameters.bench.unknowns(kind)):
                yield kind, _score(self._score, information, where, fitted)


@dataclass(frozen=True, eq=False)
class _Fitted:
    """Cholesky's factor of what the fit's own unknowns are told, in units of their own, and their score by it."""

    p: int
    L: Float[np.ndarray, "p p"] | None
    """None where rounding has left none."""
    left: Float[np.ndarray, " p"]

    @classmethod
    def of(cls, score: Float[np.ndarray, " q"], information: Float[np.ndarray, "q q"], p: int) -> "_Fitted":
        unit = 1 / np.sqrt(np.diag(information)[:p])
        try:
            L = np.linalg.cholesky(information[:p, :p] * np.outer(unit, unit))
        except np.linalg.LinAlgError:
            return cls(p, None, np.zeros(p))
        return cls(p, L, scipy.linalg.solve_triangular(L, unit * score[:p], lower=True))

    def leaves(
        self, across: Float[np.ndarray, "p k"], own: Float[np.ndarray, "k k"], score: Float[np.ndarray, " k"]
    ) -> tuple[Float[np.ndarray, "k k"], Float[np.ndarray, " k"]] | None:
        """The factor of what is left of further unknowns, and their score by it; None where rounding has left none."""
        if self.L is None:
            return None
        taken = scipy.linalg.solve_triangular(self.L, across, lower=True)
        try:
            factor = np.linalg.cholesky(own - taken.T @ taken)
        except np.linalg.LinAlgError:
            return None
        return factor, scipy.linalg.solve_triangular(factor, score - taken.T @ self.left, lower=True)


def _score(
    score: Float[np.ndarray, " q"], information: Float[np.ndarray, "q q"], where: Int[np.ndarray, " k"], fitted: _Fitted
) -> Score:
    p = fitted.p
    unit = 1 / np.sqrt(np.diag(information))
    mine = unit[where]
    own = information[np.ix_(where, where)] * np.outer(mine, mine)
    across = information[:p, where] * np.outer(unit[:p], mine)
    # The last block of a Cholesky factor is what the first unknowns leave of the others: no digits are lost to a
    # difference of two large numbers. An optimum that is a tenth of a standard deviation away is taken out likewise.
    if (found := fitted.leaves(across, own, mine * score[where])) is None:
        which = np.append(np.arange(p), where)
        L = _root(information[np.ix_(which, which)] * np.outer(unit[which], unit[which]))
        left = scipy.linalg.solve_triangular(L, unit[which] * score[which], lower=True)[p:]
        found = L[p:, p:], left
    factor, left = found
    root = factor / mine[:, None]
    values, vectors = np.linalg.eigh(root @ root.T)
    seen = values > _TOLD
    projected = vectors[:, seen].T @ (root @ left)
    return Score(float(np.sum(projected**2 / values[seen])), int(seen.sum()))


def _root(correlations: Float[np.ndarray, "k k"]) -> Float[np.ndarray, "k k"]:
    """Cholesky's factor of a matrix with ones on its diagonal, which rounding may have left without one.

    Records that contradict the design count little, so that the prior of a nuisance, a millionth, is all that there is
    of directions which other unknowns take whole.
    """
    for jitter in (0.0, 1e-13, 1e-11, 1e-9):
        try:
            return np.linalg.cholesky(correlations + jitter * np.eye(len(correlations)))
        except np.linalg.LinAlgError:
            continue
    values, vectors = np.linalg.eigh(correlations)
    return np.asarray(np.linalg.qr((vectors * np.sqrt(np.maximum(values, 1e-9))).T)[1].T)


class _Baselines:
    """With own information M of the baselines, A by the chip's unknowns and s their score, what a fit leaves of them
    has the information `S = M - A H^-1 A^T`, whose inverse is `M^-1 + M^-1 A (H - W)^-1 A^T M^-1`, `W = A^T M^-1 A`."""

    def __init__(self, p: int) -> None:
        self._W = Information(np.zeros((p, p)))
        self._u = np.zeros(p)
        self._square = 0.0
        self._count = 0

    def add(self, score: Float[np.ndarray, " n"], information: Float[np.ndarray, "n q"]) -> None:
        n, p = len(score), len(self._u)
        # A spectrum sees no baseline.
        if not information.any():
            return
        L = np.linalg.cholesky(information[:, -n:] + _FAR * np.eye(n))
        A = scipy.linalg.solve_triangular(L, information[:, :p], lower=True)
        s = scipy.linalg.solve_triangular(L, score, lower=True)
        self._W.add(A)
        self._u += A.T @ s
        self._square += float(s @ s)
        self._count += n

    def score(self, score: Float[np.ndarray, " p"], information: Float[np.ndarray, "p p"]) -> Score:
        y = solved(information, score)
        W = self._W.matrix
        v = self._u - W @ y
        left = self._square - 2 * float(self._u @ y) + float(y @ W @ y)
        return Score(left + float(v @ solved(information - W, v)), self._count)
