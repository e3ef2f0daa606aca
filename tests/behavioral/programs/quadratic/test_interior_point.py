"""Quadratic programs: the ideal device against clarabel and osqp, and what a chip does to them."""

from dataclasses import replace

import numpy as np
import pytest
from thermospice.behavioral import DeviceModel, ProblemError
from thermospice.behavioral.linear_algebra import IdealDevice, ModelDevice
from thermospice.behavioral.programs.quadratic import QuadraticProgram, Settings, foresee, minimise
from thermospice.circuits import Crossbar, Design

from .oracle import by_clarabel, by_osqp, kkt_residual, random_problem

TIGHT = Settings(tolerance=1e-8)


def solved(problem, device=None, settings=TIGHT, seed=0):
    return minimise(problem, device or IdealDevice(), np.random.default_rng(seed), settings)


def chip(n, seed, bits=None, level="macro"):
    design = Design.preset("board-1k-1n")
    design = design.model_copy(update={"programming": design.programming.model_copy(update={"bits": bits})})
    instance = design.sample(Crossbar(n), np.random.default_rng(seed))
    return ModelDevice(DeviceModel.nominal(instance, level), converters=True)


def check_against_clarabel(seeds):
    for seed in seeds:
        problem = random_problem(seed)
        answer, exact = solved(problem), by_clarabel(problem).obj_val
        assert answer.status == "solved", (seed, answer.reason)
        assert abs(answer.objective - exact) <= 1e-6 * max(1.0, abs(exact)), seed
        assert kkt_residual(problem, answer) <= 1e-6, seed
        # The gap is the error bar of the objective; clarabel's own is 1e-10 of it.
        assert abs(answer.objective - exact) <= answer.gap + 1e-9 * max(1.0, abs(exact)), seed


def test_random_problems_are_solved_as_clarabel_solves_them():
    check_against_clarabel(range(24))


@pytest.mark.slow
def test_two_hundred_random_problems_are_solved_as_clarabel_solves_them():
    check_against_clarabel(range(200))


def test_osqp_agrees_too():
    problem = random_problem(12, n=10)
    assert solved(problem).objective == pytest.approx(by_osqp(problem), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_the_error_bar_of_x_holds_and_is_not_loose(seed):
    V = np.linalg.qr(np.random.default_rng(seed).standard_normal((6, 6)))[0]
    problem = QuadraticProgram(V * np.geomspace(1, 0.1, 6) @ V.T, np.arange(6.0) - 3)
    coarse, fine = solved(problem, settings=Settings(tolerance=1e-4)), solved(problem, settings=Settings(1e-10))
    distance = np.linalg.norm(coarse.x - fine.x)
    assert distance <= coarse.x_error
    # The gap is a bound on the objective, which is flat at the minimiser: x is closer by up to the root of the gap.
    assert coarse.x_error < max(distance, 1e-6) / 1e-4**0.75


def one(**bounds):
    return QuadraticProgram([[2.0]], [-4.0], **bounds)


@pytest.mark.parametrize(
    ("problem", "x"),
    [
        (one(), [2.0]),
        (one(upper=1.0), [1.0]),
        (one(lower=3.0), [3.0]),
        (one(lower=-np.inf), [2.0]),
        (one(A=[[1.0]], b=[3.0]), [3.0]),
        (one(lower=1.5, upper=1.5), [1.5]),
        (QuadraticProgram(np.zeros((3, 3)), [1, 2, 3], [[1, 1, 1]], [1]), [1, 0, 0]),
        (QuadraticProgram(np.eye(3), [0, 0, 0], [[1, 1, 1], [2, 2, 2], [0, 0, 0]], [1, 2, 0]), [1 / 3] * 3),
        (QuadraticProgram(np.eye(2), [-1, -1], G=[[1, 1]], h=[1], lower=-np.inf), [0.5, 0.5]),
        (QuadraticProgram(np.zeros((2, 2)), [-1, -1], G=[[1, 1], [1, 0], [0, 1], [1, 1]], h=[2, 1, 1, 2]), [1, 1]),
        (QuadraticProgram(np.eye(2), [-1, -1], [[1, 1]], [0]), [0, 0]),
    ],
    ids=str.split("inside at-upper at-lower free equality fixed linear redundant inequality degenerate no-interior"),
)
def test_small_problems_have_their_solutions(problem, x):
    answer = solved(problem)
    assert answer.status == "solved"
    np.testing.assert_allclose(answer.x, x, atol=2e-4)
    assert answer.objective == pytest.approx(problem.objective(np.array(x, float)), abs=1e-7)


def test_multipliers_of_inequalities_and_fixed_variables_are_those_of_the_slope():
    problem = QuadraticProgram(np.eye(2), [-1, -1], G=[[1, 1]], h=[1], lower=[-np.inf, 0.25], upper=[np.inf, 0.25])
    answer = solved(problem)
    np.testing.assert_allclose(answer.x, [0.75, 0.25], atol=1e-6)
    # A multiplier of G x <= h is not above zero in the sign of `Q x + c = A'y + G'y + z`.
    np.testing.assert_allclose(answer.y, [-0.25], atol=1e-6)
    slope = problem.Q @ answer.x + problem.c - problem.G.T @ answer.y - answer.z_lower + answer.z_upper
    np.testing.assert_allclose(slope, 0, atol=1e-6)


@pytest.mark.parametrize("scale", [1e-9, 1e9])
@pytest.mark.parametrize("what", ["objective", "variables", "rows"])
def test_units_make_no_difference(scale, what):
    # Catches a tolerance in somebody's volts: 1e-9 of an objective would be solved before it began.
    plain = random_problem(4, n=8)
    Q, c, A, b, lower, upper = plain.Q, plain.c, plain.A, plain.b, plain.lower, plain.upper
    unit = 1.0
    if what == "objective":
        Q, c, unit = scale * Q, scale * c, scale
    if what == "variables":
        Q, c, b, lower, upper = Q / scale**2, c / scale, scale * b, scale * lower, scale * upper
    if what == "rows":
        A, b = scale * A, scale * b
    answer, reference = solved(QuadraticProgram(Q, c, A, b, lower, upper)), solved(plain)
    assert answer.status == "solved"
    assert answer.objective / unit == pytest.approx(reference.objective, rel=1e-7)
    # Equilibration of rows and columns ends after fifteen rounds, at almost the same scale.
    assert abs(answer.iterations - reference.iterations) <= 1


def infeasible(kind, rng, n=9, m=4):
    A, B = rng.standard_normal((m, n)), rng.standard_normal((n, n // 2))
    b, upper = A @ np.abs(rng.standard_normal(n)), np.inf
    A[0] = np.abs(A[0])
    if kind == "row":
        b[0] = -1.0
    if kind == "box":
        upper, b[0] = 0.1, 0.101 * A[0].sum()
    if kind == "rows":
        A, b = np.vstack([A, 2 * A[0]]), np.append(b, 2 * b[0] + 1)
    return QuadraticProgram(B @ B.T, rng.standard_normal(n), A, b, 0.0, upper)


@pytest.mark.parametrize("kind", ["row", "box", "rows"])
@pytest.mark.parametrize("seed", range(3))
def test_infeasible_problems_are_recognised(kind, seed):
    answer = solved(infeasible(kind, np.random.default_rng(seed)))
    assert answer.status == "infeasible"
    assert not np.isfinite(answer.objective)


def test_bounds_that_cross_are_infeasible():
    assert solved(QuadraticProgram(np.eye(2), [1, 1], lower=[0, 2], upper=[1, 1])).status == "infeasible"


@pytest.mark.parametrize("lower", [0.0, -np.inf])
@pytest.mark.parametrize("seed", range(3))
def test_unbounded_problems_are_recognised_with_their_ray(lower, seed):
    rng = np.random.default_rng(seed)
    n = 8
    ray = np.abs(rng.standard_normal(n)) if lower == 0 else rng.standard_normal(n)
    ray /= np.linalg.norm(ray)
    across = np.eye(n) - np.outer(ray, ray)
    B, A = across @ rng.standard_normal((n, 3)), rng.standard_normal((2, n)) @ across
    c = across @ rng.standard_normal(n) - 0.5 * ray
    problem = QuadraticProgram(B @ B.T, c, A, A @ np.abs(rng.standard_normal(n)), lower)
    answer = solved(problem)
    assert answer.status == "unbounded"
    assert np.abs(problem.Q @ answer.x).max() < 1e-4
    assert np.abs(problem.A @ answer.x).max() < 1e-4
    assert problem.c @ answer.x < 0


def test_a_feasible_problem_of_little_room_is_not_called_infeasible():
    # Catches a certificate of an iterate that is merely far away: the only feasible points lie beyond a thousand.
    problem = QuadraticProgram(np.eye(2), [1, 1], [[1e-3, 1e-3]], [10.0])
    answer = solved(problem)
    assert answer.status == "solved"
    np.testing.assert_allclose(answer.x, 5000, rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[np.nan]], [1]), "Q: expected finite numbers"),
        (([[1, 2], [0, 1]], [1, 1]), "Q: expected a symmetric matrix"),
        (([[1, 0], [0, -1]], [1, 1]), "Q: expected no negative eigenvalue"),
        ((np.zeros((0, 0)), []), "Q: expected a square matrix"),
        ((np.eye(2), [1, 1, 1]), "c: expected 2 values"),
        ((np.eye(2), [1, 1], [[1, 1, 1]], [1]), "A: expected rows of 2 values"),
        ((np.eye(2), [1, 1], [[1, 1]], [1, 2]), "b: expected 1 values"),
        ((np.eye(2), [1, 1], [[1, 1]]), "A and b: expected both"),
        ((np.eye(2), [1, 1], None, None, np.nan), "lower: expected finite"),
        ((np.eye(2), [1, 1], None, None, np.inf), "lower: expected no bound of inf"),
        ((np.eye(2), ["a", "b"]), "c: expected real numbers"),
        (([[1, 2], [3]], [1, 1]), "Q: expected a rectangular array"),
    ],
)
def test_what_is_no_convex_program_is_refused(arguments, message):
    with pytest.raises(ProblemError, match=message):
        QuadraticProgram(*arguments)


@pytest.mark.parametrize(
    "setting", [{"tolerance": 0.0}, {"rounds": 0}, {"iterations": 0}, {"window": 0.0}, {"kappa": -1.0}]
)
def test_settings_that_mean_nothing_are_refused(setting):
    with pytest.raises(ProblemError, match=next(iter(setting))):
        Settings(**setting)


# On a chip.


@pytest.mark.parametrize("bits", [None, 4])
@pytest.mark.parametrize("seed", range(3))
def test_a_chip_with_mismatch_and_few_bits_reaches_the_gap_that_was_foreseen(bits, seed):
    # Catches a prediction that does not know the bits, and a device that is taken to be better than it is.
    problem = random_problem(seed + 30, n=6)
    device, settings = chip(6, seed, bits), Settings(tolerance=1e-6)
    answer = solved(problem, device, settings)
    foreseen = foresee(problem, device, np.random.default_rng(1), settings)
    assert answer.status == "solved"
    assert answer.objective == pytest.approx(by_clarabel(problem).obj_val, rel=3e-6, abs=3e-6)
    assert foreseen.relative_gap / 2 <= answer.relative_gap <= 2 * foreseen.relative_gap
    assert foreseen.precision.conductance == pytest.approx(0.01, rel=0.5)


def test_fewer_bits_cost_rounds():
    problem, settings = random_problem(31, n=6), Settings(tolerance=1e-6)
    fine, coarse = (solved(problem, chip(6, 0, bits, "ideal"), settings) for bits in (12, 3))
    assert coarse.status == fine.status == "solved"
    assert coarse.bill.drives > fine.bill.drives


def test_a_device_that_is_far_too_coarse_says_so_with_its_gap():
    # Catches a run that ends as solved because its iterations are used up.
    problem = random_problem(33, n=8)
    answer = solved(problem, chip(8, 3, 2), Settings(tolerance=1e-8, rounds=1, iterations=4))
    assert answer.status == "imprecise"
    assert answer.relative_gap > 1e-8
    assert "iterations" in answer.reason


def test_a_chip_with_more_cells_than_variables_leaves_them_out():
    problem = random_problem(30, n=4)
    assert solved(problem, chip(6, 0), Settings(1e-6)).status == "solved"
    with pytest.raises(ProblemError, match="at least 4 cells, got 3"):
        solved(problem, chip(3, 0), Settings(1e-6))


def test_scaling_takes_the_range_out_of_the_conductances():
    # H spans 1/mu; what is loaded has a unit diagonal, and a condition that stays.
    problem = QuadraticProgram(np.eye(6) + 0.1, np.linspace(-2, 2, 6))
    last = solved(problem).history[-1]
    assert last.condition > 1e6
    assert last.scaled_condition < 10


def test_costs_are_those_of_the_loads_and_drives():
    problem = random_problem(30, n=4)
    answer = solved(problem)
    bill = answer.bill
    assert bill.loads >= answer.iterations
    assert bill.drives >= 2 * answer.iterations
    assert sum(row.drives for row in answer.history) == bill.drives
    assert sum(row.analog_s for row in answer.history) == pytest.approx(bill.analog_s)
    # Every program settles until 1e-6 is left, ln(1e6), and is averaged over ten time constants of its slowest mode.
    assert bill.analog_s > bill.drives * (10 + np.log(1e6)) * 1e-6 / 2
    assert bill.energy_J > bill.least_J > 0


def test_noise_that_is_injected_costs_digits_of_one_round_alone():
    problem = random_problem(30, n=4)
    noisy = replace(TIGHT, kappa=1e-4, tolerance=1e-6)
    assert solved(problem, settings=noisy).status == "solved"
    assert solved(problem, settings=noisy).bill.drives > solved(problem, settings=replace(noisy, kappa=0.0)).bill.drives
