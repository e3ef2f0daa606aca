"""The same problem given to clarabel and to osqp: two solvers of other people."""

import clarabel
import numpy as np
import osqp
import scipy.sparse
from thermospice.behavioral.programs.quadratic import QuadraticProgram


def _rows(problem: QuadraticProgram) -> tuple[np.ndarray, np.ndarray]:
    """Inequalities `rows x <= right`: those of the problem and its bounds."""
    one, low, high = np.eye(problem.n), np.isfinite(problem.lower), np.isfinite(problem.upper)
    rows = np.vstack([problem.G, -one[low], one[high]])
    return rows, np.concatenate([problem.h, -problem.lower[low], problem.upper[high]])


def by_clarabel(problem: QuadraticProgram, tolerance: float = 1e-10):
    rows, right = _rows(problem)
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = tolerance
    cones = [clarabel.ZeroConeT(len(problem.b)), clarabel.NonnegativeConeT(len(right))]
    A = scipy.sparse.csc_matrix(np.vstack([problem.A, rows]))
    b = np.concatenate([problem.b, right])
    Q = scipy.sparse.csc_matrix(np.triu(problem.Q))
    return clarabel.DefaultSolver(Q, problem.c.copy(), A, b, cones, settings).solve()


def by_osqp(problem: QuadraticProgram) -> float:
    rows, right = _rows(problem)
    A = scipy.sparse.csc_matrix(np.vstack([problem.A, rows]))
    low = np.concatenate([problem.b, np.full(len(right), -np.inf)])
    high = np.concatenate([problem.b, right])
    solver = osqp.OSQP()
    Q = scipy.sparse.csc_matrix(np.triu(problem.Q))
    solver.setup(Q, problem.c.copy(), A, low, high, verbose=False, eps_abs=1e-9, eps_rel=1e-9, max_iter=200_000)
    return float(solver.solve(raise_error=True).info.obj_val)


def random_problem(seed: int, n: int | None = None) -> QuadraticProgram:
    """Feasible; 2 to 60 variables, up to half as many equalities, condition up to 1e6, three kinds of bounds."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 61)) if n is None else n
    m = int(rng.integers(0, n // 2 + 1))
    V = np.linalg.qr(rng.standard_normal((n, n)))[0]
    Q = V * np.geomspace(1, 10 ** -rng.uniform(0, 6), n) @ V.T
    A = rng.standard_normal((m, n))
    x = np.maximum(rng.standard_normal(n), 0) + (rng.random(n) < 0.3) * 0.1
    lower, upper = 0.0, np.inf
    if seed % 3 == 1:
        upper = x + rng.random(n)
    if seed % 3 == 2:
        lower = np.where(rng.random(n) < 0.5, 0, -np.inf)
    return QuadraticProgram((Q + Q.T) / 2, rng.standard_normal(n), A, A @ x, lower, upper)


def kkt_residual(problem: QuadraticProgram, answer) -> float:
    """Largest violation of the conditions of optimality, each over the largest of its terms, or one."""
    x, y = answer.x, answer.y[: len(problem.b)]
    z = answer.z_lower - answer.z_upper
    terms = [problem.Q @ x, problem.c, problem.A.T @ y, z]
    gradient = terms[0] + terms[1] - terms[2] - z
    feasible = problem.A @ x - problem.b
    bounds = np.concatenate([problem.lower - x, x - problem.upper, -answer.z_lower, -answer.z_upper])
    slack = np.where(np.isfinite(problem.lower), x - problem.lower, 0) @ answer.z_lower
    slack += np.where(np.isfinite(problem.upper), problem.upper - x, 0) @ answer.z_upper
    size = max(1.0, *(float(np.abs(term).max(initial=0)) for term in terms))
    return max(
        float(np.abs(gradient).max()) / size,
        float(np.abs(feasible).max(initial=0)) / max(1.0, float(np.abs(problem.b).max(initial=0))),
        float(bounds[np.isfinite(bounds)].max(initial=0)) / max(1.0, float(np.abs(x).max())),
        abs(slack) / max(1.0, abs(answer.objective)),
    )
