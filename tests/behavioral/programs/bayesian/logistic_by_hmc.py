"""The posterior of a logistic regression by a long Hamiltonian Monte Carlo run: prints the numbers that a test stores.

`python tests/behavioral/programs/bayesian/logistic_by_hmc.py` takes about a minute; no part of thermospice is used.
"""

import numpy as np
from sklearn.datasets import load_breast_cancer

CHAINS, WARM_UP, DRAWS, LEAPS = 4, 500, 5000, 15
PRIOR = 1.0


def data() -> tuple[np.ndarray, np.ndarray]:
    X, y = load_breast_cancer(return_X_y=True)
    X = X[:, [1, 4, 8]]
    return np.column_stack([np.ones(len(X)), (X - X.mean(axis=0)) / X.std(axis=0)]), y.astype(float)


def log_density(X: np.ndarray, y: np.ndarray, w: np.ndarray) -> tuple[float, np.ndarray]:
    z = X @ w
    value = float(y @ z - np.logaddexp(0.0, z).sum() - w @ w / (2 * PRIOR))
    return value, X.T @ (y - 1 / (1 + np.exp(-z))) - w / PRIOR


def chain(X: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    w = 0.1 * rng.standard_normal(X.shape[1])
    # The metric: the curvature where all probabilities are a half.
    scale = np.linalg.inv(np.linalg.cholesky(X.T @ X / 4 + np.eye(X.shape[1]) / PRIOR)).T
    draws, step = [], 0.2
    value, slope = log_density(X, y, w)
    for k in range(WARM_UP + DRAWS):
        p = rng.standard_normal(len(w))
        energy = value - p @ p / 2
        new, new_value, new_slope = w, value, slope
        for _ in range(LEAPS):
            p = p + step / 2 * scale.T @ new_slope
            new = new + step * scale @ p
            new_value, new_slope = log_density(X, y, new)
            p = p + step / 2 * scale.T @ new_slope
        accepted = np.log(rng.random()) < new_value - p @ p / 2 - energy
        if accepted:
            w, value, slope = new, new_value, new_slope
        if k < WARM_UP:
            step *= 1.02 if accepted else 0.92
        else:
            draws.append(w)
    return np.array(draws)


def main() -> None:
    X, y = data()
    chains = np.stack([chain(X, y, seed) for seed in range(CHAINS)])
    means = chains.mean(axis=1)
    within, between = chains.var(axis=1, ddof=1).mean(axis=0), means.var(axis=0, ddof=1)
    print("R-hat", np.sqrt(1 + between / within).tolist())
    print("mean", chains.mean(axis=(0, 1)).round(4).tolist())
    print("standard error of it", (means.std(axis=0, ddof=1) / np.sqrt(CHAINS)).round(4).tolist())
    print("standard deviation", chains.std(axis=(0, 1)).round(4).tolist())
    print("covariance", np.cov(chains.reshape(-1, X.shape[1]).T).round(5).tolist())


if __name__ == "__main__":
    main()
