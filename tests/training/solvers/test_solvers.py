"""One table: solvers x programs, against numpy and dense matrix exponentials."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import scipy.linalg
import torch
from thermospice.training import Cholesky, ConjugateGradient, IdealSPU, Woodbury
from thermospice.training.programs import Factors
from thermospice.training.solvers import _relaxation_functions as flow

TIMES = [0.0, 0.3, 5.0, 50.0, math.inf]
SOLVERS = {
    "Cholesky": Cholesky(),
    "Cholesky by Gram": Cholesky(dense_limit=0),
    "Woodbury": Woodbury(),
    "ConjugateGradient": ConjugateGradient(tol=1e-13),
    "ConjugateGradient plain": ConjugateGradient(tol=1e-13, preconditioner="none"),
    "IdealSPU": IdealSPU(),
    "IdealSPU long": IdealSPU(t=1e5),
}


@dataclass(frozen=True)
class Dense:
    A: np.ndarray
    b: np.ndarray


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def softmax_hessian(B: int, k: int) -> torch.Tensor:
    p = normal(B, k, seed=9).softmax(1)
    return (torch.diag_embed(p) - p.unsqueeze(2) * p.unsqueeze(1)) / B


FACTORS = {
    "low rank": Factors(normal(12, 30), softmax_hessian(4, 3), 0.05),
    "one row": Factors(normal(1, 30), None, 0.05),
    "one parameter": Factors(normal(6, 1), softmax_hessian(2, 3), 0.05),
    "more rows than parameters": Factors(normal(40, 10), softmax_hessian(10, 4), 0.05),
    "identity Hessian": Factors(normal(12, 30), None, 0.05),
    "no curvature": Factors(torch.zeros(12, 30, dtype=torch.float64), softmax_hessian(4, 3), 0.05),
    "equal rows": Factors(normal(1, 30).expand(12, 30).contiguous(), softmax_hessian(4, 3), 0.05),
    "stiff": Factors(100.0 * normal(12, 30), softmax_hessian(4, 3), 0.05),
}


def dense(factors: Factors) -> np.ndarray:
    J = factors.J.numpy()
    H = np.eye(len(J)) if factors.H is None else scipy.linalg.block_diag(*factors.H.numpy())
    return J.T @ H @ J + factors.damping * np.eye(J.shape[1])


def relative(x, y) -> float:
    return float(np.linalg.norm(np.asarray(x) - np.asarray(y)) / np.linalg.norm(np.asarray(y)))


@pytest.mark.parametrize("name", FACTORS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_exact_solvers_agree_with_numpy(solver, name):
    factors = FACTORS[name]
    b = normal(factors.N, seed=1)
    F = dense(factors)
    value = SOLVERS[solver].compute(SOLVERS[solver].init(factors), b).value
    assert isinstance(value, torch.Tensor)
    # condition numbers up to 1e7 of float64's 1e-16
    assert relative(value, np.linalg.solve(F, b.numpy())) < 1e-9


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("n", [1, 5])
def test_a_dense_program_is_solved_in_numpy(solver, n):
    M = normal(n, n).numpy()
    program = Dense(M @ M.T + 0.1 * np.eye(n), normal(n, seed=1).numpy())
    value = SOLVERS[solver].compute(SOLVERS[solver].init(program), program.b).value
    assert isinstance(value, np.ndarray)
    np.testing.assert_allclose(value, np.linalg.solve(program.A, program.b), rtol=1e-10)


@pytest.mark.parametrize("solver", ["Cholesky", "Woodbury", "IdealSPU"])
def test_an_unsymmetric_dense_program_is_solved_too(solver):
    program = Dense(3.0 * np.eye(5) + normal(5, 5).numpy(), normal(5, seed=1).numpy())
    value = SOLVERS[solver].compute(SOLVERS[solver].init(program), program.b).value
    np.testing.assert_allclose(value, np.linalg.solve(program.A, program.b), rtol=1e-10)
    with pytest.raises(ValueError, match="symmetric"):
        ConjugateGradient().init(program)


@pytest.mark.parametrize("t", TIMES)
@pytest.mark.parametrize("name", FACTORS)
def test_ideal_mean_is_the_dense_exponential(name, t):
    factors = FACTORS[name]
    F, b, x0 = dense(factors), normal(factors.N, seed=1).numpy(), normal(factors.N, seed=2).numpy()
    settled = np.linalg.solve(F, b)
    w, V = np.linalg.eigh(F)
    decay = np.zeros_like(F) if math.isinf(t) else (V * np.exp(-w * t)) @ V.T
    solver = IdealSPU(t=t)
    value = solver.compute(solver.init(factors), torch.from_numpy(b), torch.from_numpy(x0)).value
    assert relative(value, settled + decay @ (x0 - settled)) < 1e-9


@pytest.mark.parametrize("t", TIMES[1:])
@pytest.mark.parametrize("name", FACTORS)
def test_ideal_noise_covariance_is_the_dense_one(name, t):
    factors = FACTORS[name]
    F = dense(factors)
    state = IdealSPU().init(factors)
    # the noise is linear in its white input: its map, column by column, squares to the covariance
    root = torch.stack([state.noise(t, e) for e in torch.eye(factors.N, dtype=torch.float64)]).numpy()
    w, V = np.linalg.eigh(F)
    expected = (V * (-np.expm1(-2.0 * w * t) / w)) @ V.T
    assert relative(root.T @ root, expected) < 1e-9


@pytest.mark.parametrize("t", [0.3, 5.0, math.inf])
def test_dense_programs_relax_as_the_exponential(t):
    A = 3.0 * np.eye(5) + normal(5, 5).numpy()
    b, x0 = normal(5, seed=1).numpy(), normal(5, seed=2).numpy()
    settled = np.linalg.solve(A, b)
    E = np.zeros_like(A) if math.isinf(t) else scipy.linalg.expm(-t * A)
    solver = IdealSPU(t=t)
    state = solver.init(Dense(A, b))
    np.testing.assert_allclose(solver.compute(state, b, x0).value, settled + E @ (x0 - settled), rtol=1e-10)
    P = scipy.linalg.solve_continuous_lyapunov(A, 2 * np.eye(5))
    root = torch.stack([state.noise(t, e) for e in torch.eye(5, dtype=torch.float64)]).numpy()
    np.testing.assert_allclose(root.T @ root, P - E @ P @ E.T, atol=1e-12)


def test_without_damping_a_finite_time_is_fine_and_infinity_is_refused():
    factors = replace(FACTORS["low rank"], damping=0.0)
    F, b = dense(factors), normal(30, seed=1)
    block = np.zeros((31, 31))
    block[:30, :30], block[:30, 30] = -5.0 * F, 5.0 * b.numpy()
    solver = IdealSPU(t=5.0)
    value = solver.compute(solver.init(factors), b).value
    assert relative(value, scipy.linalg.expm(block)[:30, 30]) < 1e-9
    with pytest.raises(ValueError, match="damping > 0"):
        IdealSPU().compute(IdealSPU().init(factors), b)
    with pytest.raises(ValueError, match="damping > 0"):
        Woodbury().init(factors)


def test_a_relaxation_may_be_stopped_and_continued():
    factors, b, x0 = FACTORS["low rank"], normal(30, seed=1), normal(30, seed=2)
    solver = IdealSPU()
    state = solver.init(factors)
    halfway = solver.compute(state, b, x0, t=0.7).value
    assert relative(solver.compute(state, b, halfway, t=1.3).value, solver.compute(state, b, x0, t=2.0).value) < 1e-12


@pytest.mark.parametrize("lam", [0.0, 1e-14, 1e-3, 1.0])
@pytest.mark.parametrize("t", [1e-6, 1.0, 1e3])
def test_divided_differences_are_smooth_down_to_zero(lam, t):
    w = torch.tensor([0.0, 1e-300, 1e-18, 1e-9, 1e-3, 1.0, 1e3], dtype=torch.float64)
    for split, function in (
        (flow.decay(t, lam, w), lambda x: np.exp(-x * t)),
        (flow.drive(t, lam, w), lambda x: np.where(x * t < 1e-13, t, -np.expm1(-x * t) / np.maximum(x, 1e-300))),
    ):
        x = lam + w.numpy()
        rebuilt = split.base + split.slope.numpy() * w.numpy()
        np.testing.assert_allclose(rebuilt, function(x), rtol=1e-9, atol=1e-14 * abs(split.base))
        assert np.isfinite(split.slope.numpy()).all()


def test_noise_samples_are_seeded_and_have_their_variance():
    factors = FACTORS["low rank"]
    b = torch.zeros(30, dtype=torch.float64)
    noisy = IdealSPU(t=2.0, kappa0=0.3, seed=4)
    state = noisy.init(factors)
    samples = torch.stack([noisy.compute(state, b).value for _ in range(4000)]).numpy()
    w, V = np.linalg.eigh(dense(factors))
    ratio = ((samples @ V) ** 2).mean(0) / (0.3 * -np.expm1(-4.0 * w) / w)
    # relative error sqrt(2/4000) = 2.2 % of each of 30 variances
    assert np.abs(ratio - 1).max() < 4.5 * math.sqrt(2 / 4000)
    again = IdealSPU(t=2.0, kappa0=0.3, seed=4)
    assert np.array_equal(again.compute(state, b).value, samples[0])
    assert not np.array_equal(samples[0], samples[1])


def test_euler_maruyama_converges_to_the_closed_form_at_first_order():
    factors = FACTORS["low rank"]
    F, b, x0 = dense(factors), normal(30, seed=1).numpy(), normal(30, seed=2).numpy()
    state = IdealSPU().init(factors)
    exact = state.mean(torch.from_numpy(b), torch.from_numpy(x0), 2.0).numpy()
    root = torch.stack([state.noise(2.0, e) for e in torch.eye(30, dtype=torch.float64)]).numpy()
    errors = []
    for count in (50, 100, 200, 400):
        h = 2.0 / count
        m, P = x0.copy(), np.zeros((30, 30))
        for _ in range(count):
            m = m - h * (F @ m - b)
            P = (np.eye(30) - h * F) @ P @ (np.eye(30) - h * F).T + 2.0 * h * np.eye(30)
        errors.append((relative(m, exact), relative(P, root.T @ root)))
    orders = np.log2(np.array(errors)[:-1] / np.array(errors)[1:])
    # first order, its next term being h |F|/2 = 4 % at the finest pair
    assert np.abs(orders[-1] - 1).max() < 0.05
    # the limit itself: Richardson's extrapolation of the two finest means
    assert errors[-1][0] < 0.02


def test_conjugate_gradients_stop_where_asked_and_start_where_told():
    factors, b = FACTORS["stiff"], normal(30, seed=1)
    solver = ConjugateGradient(tol=1e-6)
    state = solver.init(factors)
    solution = solver.compute(state, b)
    residual = float((factors.matvec(solution.value) - b).norm() / b.norm())
    assert residual < 2e-6
    assert solution.stats["converged"] == 1.0
    assert solver.compute(state, b, solution.value).stats["iterations"] <= 1
    short = replace(solver, max_iterations=2).compute(state, b)
    assert short.stats["iterations"] == 2
    assert short.stats["converged"] == 0.0
    assert torch.equal(solver.compute(state, torch.zeros_like(b)).value, torch.zeros_like(b))


def test_an_indefinite_hessian_is_named():
    with pytest.raises(ValueError, match="positive semidefinite"):
        IdealSPU().init(Factors(normal(3, 5), -torch.eye(3, dtype=torch.float64).unsqueeze(0), 0.1))


@pytest.mark.parametrize("bad", [{"t": -1.0}, {"t": math.nan}, {"kappa0": -1.0}, {"kappa0": math.inf}])
def test_ideal_settings_out_of_range_are_named(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        IdealSPU(**bad)


@pytest.mark.parametrize("damping", [1e-2, 1e-3, 1e-4, 1e-5, 1e-6])
@pytest.mark.parametrize("solver", [IdealSPU(), IdealSPU(t=1e9), Woodbury(), Cholesky(), Cholesky(dense_limit=0)])
def test_single_precision_is_enough_at_small_damping(solver, damping):
    # What W does not see of a drive is divided by the damping, and so is the rounding of all else. Catches a Gram
    # matrix whose small eigenvalues are rounding: at 1e-6 the answer is then wrong by tens of percent.
    J = normal(30, 80, seed=3).float()
    J[5:] *= 1e-3  # of all sizes: some directions lie about the damping
    J[15:] *= 1e-1
    H = torch.eye(3).expand(10, 3, 3) / 10
    b = J.T @ normal(30, seed=4).float()
    F = J.double().T @ J.double() / 10 + damping * torch.eye(80, dtype=torch.float64)
    exact = torch.linalg.solve(F, b.double())
    found = solver.compute(solver.init(Factors(J, H.contiguous(), damping)), b).value
    assert found.dtype == torch.float32
    # 1e-3 is what is promised, and what is left once a step is taken by it
    assert float((found.double() - exact).norm() / exact.norm()) < 1e-3


def test_small_damping_is_solved_in_double_precision_in_pieces_of_the_columns():
    factors = Factors(normal(6, 9000, seed=3).float(), None, 1e-6)
    whole = Factors(factors.J.double(), None, 1e-6)
    b = normal(9000, seed=4).float()
    for solver in (IdealSPU(t=5.0), Woodbury()):
        found = solver.compute(solver.init(factors), b).value
        expected = solver.compute(solver.init(whole), b.double()).value
        assert float((found.double() - expected).norm() / expected.norm()) < 1e-6
