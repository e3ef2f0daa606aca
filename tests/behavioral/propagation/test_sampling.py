"""Sampled paths have the exact joint law, on every route through the code, and the density is that law's."""

import numpy as np
import pytest
import scipy.stats
from numpy.testing import assert_allclose, assert_array_equal
from thermospice.behavioral import OrnsteinUhlenbeck

from ..processes.test_ornstein_uhlenbeck import CASES, process

EVEN = np.linspace(0.0, 1.2, 9)
FEW = np.array([0.0, 0.1, 0.2, 0.7, 0.8, 0.9, 1.4])
MANY = np.cumsum(np.concatenate([[0.05], np.random.default_rng(5).exponential(0.1, 17)]))
GRIDS = {"even": EVEN, "few spacings": FEW, "all spacings differ": MANY}
LAWS = ["symmetric", "unequal noise", "ringing", "defective", "one cell", "one noisy state"]


def joint(ou: OrnsteinUhlenbeck, times: np.ndarray, x0: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of the whole path, from the public mean and covariance only."""
    n, T = ou.n, len(times)
    mean = np.zeros((T, n))
    covariance = np.zeros((T, n, T, n))
    for j, s in enumerate(times):
        mean[j] = ou.mean if x0 is None else ou.mean_at(float(s), x0)
        own = ou.stationary_covariance() if x0 is None else ou.covariance_at(float(s))
        for k in range(j, T):
            Phi = ou.mean_at(float(times[k] - s), np.eye(n) + ou.mean).T - ou.mean[:, None]
            covariance[k, :, j, :] = Phi @ own
            covariance[j, :, k, :] = (Phi @ own).T
    return mean.ravel(), covariance.reshape(T * n, T * n)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("stationary", [True, False])
def test_paths_have_the_joint_law(name: str, grid: str, stationary: bool) -> None:
    # Whitened by the exact joint law, path values are independent standard normals: their squares sum to a
    # chi-square of rank * paths degrees of freedom, and the mean of every one is 0 with variance 1/paths.
    # Catches noise of the wrong spacing, lost correlation between steps, and a start that is not stationary.
    ou, times, paths = process(name), GRIDS[grid], 4000
    x0 = None if stationary else np.cos(np.arange(ou.n))
    values = ou.sample(times, x0, np.random.default_rng(11), paths=paths)
    assert values.shape == (paths, len(times), ou.n)
    mean, covariance = joint(ou, times, x0)
    sd = np.sqrt(np.diag(covariance))
    sd[sd == 0.0] = 1.0
    w, V = np.linalg.eigh(covariance / np.outer(sd, sd))
    keep = w > 1e-9 * w[-1]
    white = ((values.reshape(paths, -1) - mean) / sd) @ V[:, keep] / np.sqrt(w[keep])
    dof = paths * int(np.count_nonzero(keep))
    z = (np.sum(white**2) - dof) / np.sqrt(2.0 * dof)
    assert abs(z) < 5.0
    # Covariances of independent unit normals: entries off the diagonal are N(0, 1/paths).
    off = (white.T @ white / paths - np.eye(white.shape[1])) * np.sqrt(paths)
    assert np.max(np.abs(off[np.triu_indices(len(off), 1)]), initial=0.0) < 6.0
    assert np.max(np.abs(np.diag(off))) < 6.0 * np.sqrt(2.0)
    assert np.max(np.abs(np.mean(white, axis=0))) * np.sqrt(paths) < 6.0


def test_long_path_is_one_path() -> None:
    # 3,000 steps in blocks: the correlation over a block's edge is that of any other step.
    # Catches a state not carried from block to block, and parts run side by side but not chained.
    for name in ("unequal noise", "ringing", "wide and defective"):
        if name == "wide and defective":
            F = np.eye(40) + np.diag(np.full(39, 1.5), 1)
            ou = OrnsteinUhlenbeck(drift=F, mean=np.zeros(40), diffusion=np.eye(40))
            assert ou.modes is None
        else:
            ou = process(name)
        times = np.arange(3001) * 0.05
        values = ou.sample(times, None, np.random.default_rng(3), paths=1)[0] - ou.mean
        Phi = ou.mean_at(0.05, np.eye(ou.n) + ou.mean).T - ou.mean[:, None]
        residual = values[1:] - values[:-1] @ Phi.T
        Sigma = ou.covariance_at(0.05)
        white = np.linalg.solve(np.linalg.cholesky(Sigma), residual.T).T
        squares = np.sum(white**2, axis=1)
        assert np.max(squares) < scipy.stats.chi2.isf(1e-9, ou.n)
        z = (np.sum(squares) - squares.size * ou.n) / np.sqrt(2.0 * squares.size * ou.n)
        assert abs(z) < 5.0


def test_blocks_of_many_paths() -> None:
    # More paths than time steps in a block; catches axes swapped in the block's output.
    ou = process("symmetric")
    times = np.array([0.0, 0.4, 0.8])
    values = ou.sample(times, np.array([9.0, 0.0, -9.0]), np.random.default_rng(2), paths=200_000)
    for k, t in enumerate(times[1:], start=1):
        sd = np.sqrt(np.diag(ou.covariance_at(float(t))) / len(values))
        assert np.all(np.abs(values[:, k].mean(axis=0) - ou.mean_at(float(t), np.array([9.0, 0.0, -9.0]))) < 5 * sd)


def test_start_and_seed() -> None:
    # Time 0 gives x0 itself; equal seeds give equal paths; equal times give equal values.
    ou, x0 = process("defective"), np.ones(3)
    times = np.array([0.0, 0.0, 0.5, 0.5])
    first = ou.sample(times, x0, np.random.default_rng(1), paths=3)
    assert_array_equal(first, ou.sample(times, x0, np.random.default_rng(1), paths=3))
    assert_allclose(first[:, :2], 1.0, rtol=1e-15)
    assert_allclose(first[:, 2], first[:, 3], rtol=1e-15)
    starts = np.arange(9.0).reshape(3, 3)
    assert_allclose(ou.sample(times, starts, np.random.default_rng(1), paths=3)[:, 0], starts, rtol=1e-15)
    assert ou.sample(np.zeros(0), x0, np.random.default_rng(1), paths=3).shape == (3, 0, 3)
    with pytest.raises(ValueError, match="rising"):
        ou.sample(np.array([1.0, 0.5]), x0, np.random.default_rng(1))


def test_linspace_counts_as_even() -> None:
    # The spacings of linspace differ by rounding; catches one factorisation for each of them.
    from thermospice.behavioral.propagation import Spacings

    assert len(Spacings.of(np.linspace(0.0, 100.0, 10_000)).values) == 1
    assert len(Spacings.of(np.array([0.0, 1.0, 2.0, 2.0 + 1e-9, 3.0])).values) == 3


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("name", ["symmetric", "unequal noise", "ringing", "defective", "one cell"])
@pytest.mark.parametrize("start", ["stationary", "x0", "given"])
def test_density_is_the_joint_normal(name: str, grid: str, start: str) -> None:
    # Against one big multivariate normal. Catches a lost determinant, 2 pi, or first value.
    ou, times = process(name), GRIDS[grid]
    x0 = np.full(ou.n, 0.3)
    values = ou.sample(times, x0, np.random.default_rng(7), paths=2)
    if start == "given":
        mean, covariance = joint(ou, times - times[0], values[0, 0])
        known = ou.n
        result = ou.log_prob(times, values[0], given_first=True)
    elif start == "x0":
        mean, covariance = joint(ou, times, x0)
        known = ou.n if times[0] == 0.0 else 0
        result = ou.log_prob(times, values[0], x0=x0)
    else:
        mean, covariance = joint(ou, times, None)
        known = 0
        result = ou.log_prob(times, values[0])
        both = ou.log_prob(times, values)
        assert both.shape == (2,)
        assert_allclose(both[0], result, rtol=1e-13)
    flat = values[0].ravel()[known:]
    law = scipy.stats.multivariate_normal(mean[known:], covariance[known:, known:], allow_singular=True)
    assert_allclose(result, law.logpdf(flat), rtol=1e-8)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("name", ["symmetric", "unequal noise", "ringing", "defective", "one cell"])
@pytest.mark.parametrize("start", ["stationary", "x0", "given"])
def test_gradient_against_differences(name: str, grid: str, start: str) -> None:
    # Central differences along random directions in F, m and Q. Catches any term lost on the way back.
    F, Q = CASES[name]
    # Differences need noise to spare: the neighbours of a singular Q are not covariances.
    Q = Q + 0.5 * np.eye(len(F)) if name == "ringing" else Q
    ou, times = OrnsteinUhlenbeck(drift=F, mean=np.ones(len(F)), diffusion=Q), GRIDS[grid]
    rng = np.random.default_rng(1)
    values = ou.sample(times, np.zeros(ou.n), rng, paths=2)
    options = {"x0": np.zeros(ou.n)} if start == "x0" else {"given_first": start == "given"}
    value, gradient = ou.log_prob_and_gradient(times, values, **options)
    assert_allclose(value, np.sum(ou.log_prob(times, values, **options)), rtol=1e-12)
    assert_allclose(gradient.diffusion, gradient.diffusion.T, rtol=1e-9, atol=1e-9 * abs(gradient.diffusion).max())
    for _ in range(3):
        dF, dm, B = rng.standard_normal((ou.n, ou.n)), rng.standard_normal(ou.n), rng.standard_normal((ou.n, ou.n))
        dQ = B + B.T

        def at(h: float, dF=dF, dm=dm, dQ=dQ) -> float:
            moved = OrnsteinUhlenbeck(drift=ou.drift + h * dF, mean=ou.mean + h * dm, diffusion=ou.diffusion + h * dQ)
            return float(np.sum(moved.log_prob(times, values, **options)))

        h = 1e-4
        # Fourth order: the error is h^4 times a fifth derivative, the rounding eps |l| / h.
        slope = (8.0 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12.0 * h)
        exact = np.sum(gradient.drift * dF) + gradient.mean @ dm + np.sum(gradient.diffusion * dQ)
        scale = abs(np.sum(gradient.drift * dF)) + abs(gradient.mean @ dm) + abs(np.sum(gradient.diffusion * dQ))
        assert abs(slope - exact) < 1e-7 * scale


def test_score_has_mean_zero_and_fisher_variance() -> None:
    # E[score] = 0 at the true parameters, by z-score over independent paths; catches a biased density.
    ou, times, paths = process("unequal noise"), np.linspace(0.0, 2.0, 9), 200
    values = ou.sample(times, None, np.random.default_rng(4), paths=paths)
    scores = []
    for path in values:
        _, g = ou.log_prob_and_gradient(times, path)
        scores.append(np.concatenate([g.drift.ravel(), g.mean, g.diffusion.ravel()]))
    scores = np.array(scores)
    z = scores.mean(axis=0) / (scores.std(axis=0) / np.sqrt(paths))
    assert np.max(np.abs(z)) < 4.5


def test_density_refuses_what_has_none() -> None:
    # A state without noise of its own far from the noisy one: no density over short steps.
    F, Q = CASES["symmetric"]
    ou = OrnsteinUhlenbeck(drift=np.diag([1.0, 2.0, 3.0]), mean=np.zeros(3), diffusion=np.diag([1.0, 1.0, 0.0]))
    with pytest.raises(ValueError, match="singular"):
        ou.log_prob(np.array([0.0, 1.0]), np.zeros((2, 3)))
    fine = OrnsteinUhlenbeck(drift=F, mean=np.zeros(3), diffusion=Q)
    with pytest.raises(ValueError, match="strictly"):
        fine.log_prob(np.array([0.0, 0.0]), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="finite"):
        fine.log_prob(np.array([0.0, 1.0]), np.full((2, 3), np.nan))


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("name", LAWS)
def test_readouts_are_those_of_the_same_path(name: str, grid: str) -> None:
    # The same normals in the same order: readouts of a path are its states read out, to rounding.
    ou, times = process(name), GRIDS[grid]
    readout = np.random.default_rng(0).standard_normal((2, ou.n))
    states = ou.sample(times, None, np.random.default_rng(1), paths=3)
    seen = ou.sample(times, None, np.random.default_rng(1), 3, readout)
    assert_allclose(seen, states @ readout.T, atol=1e-10 * np.abs(states).max())


@pytest.mark.parametrize("name", LAWS)
def test_a_path_of_one_time_is_the_first_of_a_longer_one(name: str) -> None:
    # Catches a sampler that divides its steps into blocks of none when there is no step.
    ou = process(name)
    one, two = (
        ou.sample(np.array(times), np.zeros(ou.n), np.random.default_rng(3), 5) for times in ([0.7], [0.7, 0.9])
    )
    assert_array_equal(one[:, 0], two[:, 0])
