"""Data for a program that is given none: real ones that come with scikit-learn, and problems that are drawn."""

import numpy as np
from jaxtyping import Float

from ...behavioral.programs.bayesian import StateModel
from ...behavioral.programs.quadratic import QuadraticProgram
from .._exceptions import InputError

_CLASSES = (3, 8)
STEPS = 50


def drawn_quadratic(n: int, rng: np.random.Generator) -> QuadraticProgram:
    """A feasible problem of n variables and n/4 equalities, condition 100.

    Raises:
        InputError: no variable.
    """
    if n < 1:
        raise InputError(f"--size: expected at least 1 variable, got {n}")
    V = np.linalg.qr(rng.standard_normal((n, n)))[0]
    Q = V * np.geomspace(1.0, 0.01, n) @ V.T
    A = rng.standard_normal((n // 4, n))
    x = np.maximum(rng.standard_normal(n), 0.0)
    return QuadraticProgram((Q + Q.T) / 2, rng.standard_normal(n), A, A @ x)


def digits(points: int) -> tuple[Float[np.ndarray, "points features"], Float[np.ndarray, " points"]]:
    """Handwritten threes and eights (UCI, 8 by 8 pixels from 0 to 1).

    Raises:
        InputError: more points than there are.
    """
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    chosen = np.isin(y, _CLASSES)
    return _first(X[chosen] / 16, y[chosen].astype(float), points)


def diabetes(weights: int) -> tuple[Float[np.ndarray, "rows weights"], Float[np.ndarray, " rows"]]:
    """Progression of diabetes after a year (Efron et al., 2004), everything in units of its spread; no intercept.

    Raises:
        InputError: more weights than features.
    """
    from sklearn.datasets import load_diabetes

    X, y = load_diabetes(return_X_y=True)
    return _columns(_standard(X), _standard(y[:, None])[:, 0], weights)


def tumours(weights: int) -> tuple[Float[np.ndarray, "rows weights"], Float[np.ndarray, " rows"]]:
    """Benign or not (Wisconsin, UCI): a column of ones, then features in units of their spread.

    Raises:
        InputError: more weights than features and one.
    """
    from sklearn.datasets import load_breast_cancer

    X, y = load_breast_cancer(return_X_y=True)
    with_ones = np.column_stack([np.ones(len(X)), _standard(X)])
    return _columns(with_ones, y.astype(float), weights)


def track(rng: np.random.Generator) -> tuple[StateModel, Float[np.ndarray, "steps k"]]:
    """A body that moves in a plane, seen every tenth of a second with noise of 0.2."""
    dt = 0.1
    one = np.array([[1.0, dt], [0.0, 1.0]])
    kicked = 0.5 * np.array([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]])
    seen = np.kron(np.eye(2), [[1.0, 0.0]])
    model = StateModel(
        np.kron(np.eye(2), one), np.kron(np.eye(2), kicked), seen, 0.04 * np.eye(2), np.zeros(4), np.eye(4)
    )
    x = np.linalg.cholesky(model.P) @ rng.standard_normal(4)
    root = np.linalg.cholesky(model.Q)
    rows = []
    for _ in range(STEPS):
        rows.append(model.H @ x + 0.2 * rng.standard_normal(2))
        x = model.F @ x + root @ rng.standard_normal(4)
    return model, np.array(rows)


def _standard(X: Float[np.ndarray, "rows columns"]) -> Float[np.ndarray, "rows columns"]:
    return np.asarray((X - X.mean(axis=0)) / X.std(axis=0))


def _first(
    X: Float[np.ndarray, "rows columns"], y: Float[np.ndarray, " rows"], count: int
) -> tuple[Float[np.ndarray, "count columns"], Float[np.ndarray, " count"]]:
    if not 2 <= count <= len(X):
        raise InputError(f"--size: expected 2 to {len(X)} points of the built-in data, got {count}")
    return X[:count], y[:count]


def _columns(
    X: Float[np.ndarray, "rows columns"], y: Float[np.ndarray, " rows"], count: int
) -> tuple[Float[np.ndarray, "rows count"], Float[np.ndarray, " rows"]]:
    if not 1 <= count <= X.shape[1]:
        raise InputError(f"--size: expected 1 to {X.shape[1]} weights of the built-in data, got {count}")
    return X[:, :count], y
