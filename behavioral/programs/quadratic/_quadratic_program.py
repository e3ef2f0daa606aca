"""A convex quadratic program as it is posed."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ..._exceptions import ProblemError
from ..systems import matrix, positive, vector


@dataclass(frozen=True, eq=False)
class QuadraticProgram:
    """Minimise `x' Q x / 2 + c' x` over `A x = b`, `G x <= h`, `lower <= x <= upper`.

    Args:
        Q: (n, n), symmetric, without negative eigenvalues; zero for a linear program.
        c: (n,).
        A, b: (m, n) and (m,); None without equalities.
        lower, upper: (n,), or one number for all; infinite ones where there is no bound. Zero and infinity unless
            given, the standard form.
        G, h: (k, n) and (k,); None without inequalities.

    Raises:
        ProblemError: shapes that do not fit, numbers that are none, a Q that is not symmetric or not convex.
    """

    Q: Float[np.ndarray, "n n"]
    c: Float[np.ndarray, " n"]
    A: Float[np.ndarray, "m n"]
    b: Float[np.ndarray, " m"]
    lower: Float[np.ndarray, " n"]
    upper: Float[np.ndarray, " n"]
    G: Float[np.ndarray, "k n"]
    h: Float[np.ndarray, " k"]

    def __init__(
        self,
        Q: object,
        c: object,
        A: object = None,
        b: object = None,
        lower: object = 0.0,
        upper: object = np.inf,
        G: object = None,
        h: object = None,
    ) -> None:
        Q_ = positive("Q", Q, definite=False)
        n = len(Q_)
        A_, b_ = _rows("A", A, "b", b, n)
        G_, h_ = _rows("G", G, "h", h, n)
        lower_ = vector("lower", _spread(lower, n), n, infinite=True)
        upper_ = vector("upper", _spread(upper, n), n, infinite=True)
        for name, bound, wrong in (("lower", lower_, np.inf), ("upper", upper_, -np.inf)):
            if (bound == wrong).any():
                raise ProblemError(f"{name}: expected no bound of {wrong}, got one at {int(np.argmax(bound == wrong))}")
        values = {"Q": Q_, "c": vector("c", c, n), "A": A_, "b": b_, "lower": lower_, "upper": upper_, "G": G_, "h": h_}
        for name, value in values.items():
            value.flags.writeable = False
            object.__setattr__(self, name, value)

    @property
    def n(self) -> int:
        """Number of variables."""
        return len(self.c)

    def objective(self, x: Float[np.ndarray, " n"]) -> float:
        """`x' Q x / 2 + c' x`."""
        return float(x @ self.Q @ x / 2 + self.c @ x)


def _spread(bound: object, n: int) -> object:
    """One number for all of them."""
    return np.full(n, bound) if isinstance(bound, int | float | np.number) else bound


def _size(value: object) -> int:
    return int(np.asarray(value, dtype=object).size)


def _rows(
    name: str, M: object, of: str, r: object, n: int
) -> tuple[Float[np.ndarray, "rows n"], Float[np.ndarray, " rows"]]:
    if (M is None) != (r is None):
        raise ProblemError(f"{name} and {of}: expected both or none of them")
    if M is None or (_size(M) == 0 and _size(r) == 0):
        return np.zeros((0, n)), np.zeros(0)
    rows = matrix(name, M, n)
    return rows, vector(of, r, len(rows))
