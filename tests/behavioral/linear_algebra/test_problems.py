"""Linear algebra by relaxation, against numpy and against the exact statistics of noisy averages."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import scipy.linalg
from thermospice.behavioral import DeviceModel, Effects
from thermospice.behavioral.linear_algebra import (
    Budget,
    IdealDevice,
    ModelDevice,
    determinant,
    expm,
    inverse,
    log_determinant,
    lyapunov,
    solve,
)
from thermospice.circuits import (
    Cascade,
    Crossbar,
    Design,
    DesignError,
    DifferentialRCMesh,
    Program,
    ProgramError,
    RCMesh,
    RLCGrid,
    Scaling,
    random_program,
)
from thermospice.circuits.loaded_chips import with_cell_noise
from thermospice.circuits.topologies import load

N = 3
PROGRAM = random_program(Crossbar(N), np.random.default_rng(3), condition=4.0)
A = np.array(PROGRAM.A)
SKEW = A + 0.3 * np.triu(np.random.default_rng(4).standard_normal((N, N)), 1)
Q = np.cov(np.random.default_rng(5).standard_normal((N, 9)))
X = np.random.default_rng(6).standard_normal((N, N))
RUNS = 48
BUDGET = Budget(duration=50.0, runs=RUNS)

PROBLEMS = {
    "solve": (lambda d, g: solve(d, A, PROGRAM.b, g, Budget(50.0, RUNS, kappa=1e-4)), PROGRAM.solution),
    "solve skew": (lambda d, g: solve(d, SKEW, PROGRAM.b, g, BUDGET), np.linalg.solve(SKEW, PROGRAM.b)),
    "inverse": (lambda d, g: inverse(d, A, g, BUDGET), np.linalg.inv(A)),
    "lyapunov": (lambda d, g: lyapunov(d, SKEW, Q, g, BUDGET), scipy.linalg.solve_continuous_lyapunov(SKEW, Q)),
    "lyapunov indefinite": (
        lambda d, g: lyapunov(d, A, Q - np.eye(N), g, BUDGET),
        scipy.linalg.solve_continuous_lyapunov(A, Q - np.eye(N)),
    ),
    "lyapunov zero": (lambda d, g: lyapunov(d, A, np.zeros((N, N)), g, BUDGET), np.zeros((N, N))),
    "determinant": (lambda d, g: determinant(d, A, g, Budget(20.0, RUNS)), np.linalg.det(A)),
    "expm": (lambda d, g: expm(d, X, g, BUDGET), scipy.linalg.expm(X)),
}


def nominal(board, level="macro"):
    # Nothing but finite gain and bandwidth, 1e-5 here, keeps this chip from the exact result.
    return ModelDevice(DeviceModel.nominal(board.nominal(Crossbar(N)), level))


@pytest.mark.parametrize("kind", ["ideal", "model"])
@pytest.mark.parametrize("problem", PROBLEMS)
def test_results_lie_within_their_error_bars(board, problem, kind):
    run, exact = PROBLEMS[problem]
    answer = run(IdealDevice() if kind == "ideal" else nominal(board), np.random.default_rng(1))
    # Finite gain (4e5) and the extrapolation to lag zero (2e-4 of the fastest modes) are no part of the error bar.
    wide = np.hypot(answer.standard_error, 3e-4 * np.abs(exact).max())
    z = (answer.value - exact) / wide
    # 9 entries; t of 47 degrees of freedom exceeds 4 once in 5000.
    assert np.abs(z).max() < 4
    assert answer.runs >= RUNS
    assert answer.time > 0
    assert answer.energy > 0


def test_solve_has_the_exact_mean_square_error():
    # E|mean_T - A^-1 b|^2 = sum_i 2 kappa/(a_i^2 T) [1 - (1 - exp(-a_i T))/(a_i T)], T in units of tau.
    kappa, runs, window = 1e-3, 2000, 5.0
    a = np.linalg.eigvalsh(A)
    T = window / a.min()
    answer = solve(IdealDevice(), A, PROGRAM.b, np.random.default_rng(0), Budget(window, runs, kappa=kappa))
    expected = np.sum(2 * kappa / (a**2 * T) * (1 - (1 - np.exp(-a * T)) / (a * T)))
    # A variance from 2000 runs, mostly that of one mode: relative error sqrt(2/2000) = 3.2 %.
    assert np.sum(answer.standard_error**2) * runs == pytest.approx(expected, rel=4 * np.sqrt(2 / runs))
    assert np.linalg.norm(answer.value - PROGRAM.solution) < 4 * np.linalg.norm(answer.standard_error)


def test_inverse_has_the_exact_mean_square_error():
    # E|C - kappa A^-1|^2 = sum_ij (1 + d_ij) kappa^2/(a_i a_j) 2/(r T) [1 - (1 - exp(-r T))/(r T)], r = a_i + a_j.
    runs, window = 400, 30.0
    a = np.linalg.eigvalsh(A)
    T, r = window / a.min(), a[:, None] + a
    terms = (1 + np.eye(N)) / np.outer(a, a) * 2 / (r * T) * (1 - (1 - np.exp(-r * T)) / (r * T))
    answer = inverse(IdealDevice(), A, np.random.default_rng(0), Budget(window, runs))
    # The square errors of 400 runs: those of chi-squared variables, relative error of about sqrt(2 * 3/400) = 12 %
    # at most. Sampling sixteen times a time constant and extrapolating changes the expectation by less than 2 %.
    assert np.sum(answer.standard_error**2) * runs == pytest.approx(terms.sum(), rel=0.35)


def test_time_is_that_of_the_windows_and_energy_follows(board):
    device, budget = nominal(board), Budget(10.0, 4)
    answer = inverse(device, A, np.random.default_rng(0), budget)
    loaded = device.load(Program(A, np.zeros(N)))
    slowest = loaded.tau / np.linalg.eigvalsh(A).min()
    assert answer.time == pytest.approx(4 * (10.0 + np.log(1e6)) * slowest, rel=1e-12)
    assert answer.energy == pytest.approx(answer.time * loaded.power, rel=1e-12)
    amplifiers = N + sum(bool((column < 0).any()) for column in A.T)
    assert loaded.power > amplifiers * board.amplifier.supply_current * 9.8


def covered(board, draws, ask, right, symmetric=True):
    """Share of entries that lie within 1.96 standard errors, each of another drawn chip and program."""
    inside, bars = [], []
    for k in range(draws):
        rng = np.random.default_rng([k, 7])
        program = random_program(Crossbar(2), rng, condition=5.0, symmetric=symmetric)
        device = ModelDevice(DeviceModel.nominal(board.sample(Crossbar(2), rng)))
        answer = ask(device, program, np.random.default_rng([k, 2]), Budget(50.0, 16))
        inside.append(np.ravel(np.abs(answer.value - right(program)) < 1.96 * answer.standard_error))
        bars.append(np.mean(answer.device_error) / np.mean(answer.noise_error))
    return float(np.mean(inside)), float(np.median(bars))


def test_an_error_bar_holds_the_mismatch_of_the_chip(board):
    # Catches a bar that knows the scatter of the runs alone: it is 1e-4 of the error of a chip with 1 % resistors.
    share, ratio = covered(
        board, 24, lambda d, p, g, b: solve(d, p.A, p.b, g, b), lambda p: p.solution, symmetric=False
    )
    assert ratio > 1e3
    # 48 entries, two of a chip together at worst: sqrt(0.05 * 0.95/24) = 4.4 %.
    assert share > 0.95 - 3 * 0.044


@pytest.mark.slow
@pytest.mark.parametrize("problem", ["solve", "inverse", "determinant", "expm"])
def test_error_bars_of_200_chips_hold_95_in_100(board, problem):
    ask, right = {
        "solve": (lambda d, p, g, b: solve(d, p.A, p.b, g, b), lambda p: p.solution),
        "inverse": (lambda d, p, g, b: inverse(d, p.A, g, b), lambda p: np.linalg.inv(p.A)),
        "determinant": (lambda d, p, g, b: determinant(d, p.A, g, b), lambda p: np.linalg.det(p.A)),
        "expm": (lambda d, p, g, b: expm(d, p.A, g, b), lambda p: scipy.linalg.expm(p.A)),
    }[problem]
    share, _ = covered(board, 200, ask, right)
    # The scatter of 200 chips is 1.5 %; where noise and the known bias meet, the bar is on the wide side.
    assert share > 0.91


def test_a_nominal_chip_has_no_mismatch_in_its_error_bar(board):
    answer = solve(nominal(board), A, PROGRAM.b, np.random.default_rng(0), BUDGET)
    # Finite gain is what is left: 1e-5 of the answer and noise gain.
    assert (answer.device_error < 1e-4 * np.abs(PROGRAM.solution).max()).all()


def test_a_calibrated_chip_is_known_to_its_standard_errors(board):
    chip = board.sample(Crossbar(N), np.random.default_rng(0))
    model = DeviceModel.nominal(chip)
    known = replace(
        model,
        standard_errors={name: np.full_like(values, 1e-6) for name, values in chip.errors.items()},
        provenance=replace(model.provenance, source="measurements"),
    )
    answer = solve(ModelDevice(known), A, PROGRAM.b, np.random.default_rng(0), BUDGET)
    # The chip is known: its own error is what the bar shows.
    np.testing.assert_allclose(answer.device_error, np.abs(answer.value - PROGRAM.solution), rtol=0.02)


def test_matrices_that_are_not_normal_have_their_time():
    # A chain of 12: e^-t sum_k (2t)^k/k! keeps a quarter of it after the 14 time constants of its only eigenvalue.
    n = 12
    chain, b = np.eye(n) - 2 * np.diag(np.ones(n - 1), 1), np.zeros(n)
    b[-1] = 2e-5
    exact = 2e-5 * 2.0 ** np.arange(n - 1, -1, -1)
    answer = solve(IdealDevice(), chain, b, np.random.default_rng(0))
    assert np.linalg.norm(answer.value - exact) < 1e-6 * np.linalg.norm(exact)
    assert (np.abs(answer.value - exact) <= 1.96 * answer.standard_error + 1e-14 * np.abs(exact)).all()
    wait, window = 14e-6, 1e-6
    loaded = IdealDevice().load(Program(chain, b), 0.0)
    left = loaded.average(wait, window, 1, np.random.default_rng(0))[0] - exact
    # The bar of a device that does not wait says so.
    (law,) = loaded.laws(0)
    np.testing.assert_allclose(law.average(wait, window) - exact, left, rtol=1e-6, atol=1e-15)
    assert np.linalg.norm(left) > 0.1 * np.linalg.norm(exact)


@pytest.mark.parametrize("coupling", [0.5, 0.99, -0.9])
def test_a_determinant_near_zero_has_no_error_of_quadrature(coupling):
    # det = 1 - c^2; twelve points spaced evenly give 0.0206 for 0.0199 of 0.99, 0.0054 for 0.001999 of 0.999.
    matrix = np.array([[1.0, coupling], [coupling, 1.0]])
    answer = determinant(IdealDevice(), matrix, np.random.default_rng(1), Budget(20.0, 16))
    assert abs(answer.value - (1 - coupling**2)) < 3 * answer.standard_error
    assert answer.device_error < 1e-3 * answer.value


def test_what_a_rule_of_few_points_misses_is_in_the_error_bar():
    # One point in the middle of the logarithm: it gives 0.21 less than log(0.19).
    matrix = np.array([[1.0, 0.9], [0.9, 1.0]])
    answer = log_determinant(IdealDevice(), matrix, np.random.default_rng(1), Budget(100.0, 32), nodes=1)
    middle = 1 / 0.9 - np.sqrt(1 / 0.9 * (1 / 0.9 - 1))
    slope = -0.9 / (1 - 0.9 * middle) + 0.9 / (1 + 0.9 * middle)
    missed = slope * (1 / 0.9 - middle) * np.log(1 / 0.9 / (1 / 0.9 - 1)) - np.log(0.19)
    assert answer.device_error == pytest.approx(abs(missed), rel=2e-3)
    assert abs(answer.value - np.log(0.19) - missed) < 4 * answer.noise_error


def test_a_mesh_solves_what_it_can_hold(board):
    program = random_program(RCMesh(N), np.random.default_rng(0), condition=4.0)
    device = ModelDevice(DeviceModel.nominal(board.nominal(RCMesh(N))))
    answer = inverse(device, program.A, np.random.default_rng(0), BUDGET)
    assert np.abs((answer.value - np.linalg.inv(program.A)) / answer.standard_error).max() < 4
    with pytest.raises(ProgramError, match="use a crossbar"):
        inverse(device, A, np.random.default_rng(0), BUDGET)


def test_a_grid_inverts_and_does_nothing_else():
    design = Design.preset("rlc-board-8")
    program = random_program(RLCGrid(3), np.random.default_rng(0), condition=3.0)
    device = ModelDevice(DeviceModel.nominal(design.nominal(RLCGrid(3)), "ideal"))
    answer = inverse(device, program.A, np.random.default_rng(0), BUDGET)
    # Ringing modes: sixteen samples in a radian leave (1 - exp(-i/16))^3, 2e-4, of the fastest one.
    wide = np.hypot(answer.standard_error, 3e-4 * np.abs(np.linalg.inv(program.A)).max())
    assert np.abs((answer.value - np.linalg.inv(program.A)) / wide).max() < 4
    for call in (
        lambda g: solve(device, program.A, program.b, g),
        lambda g: lyapunov(device, program.A, np.eye(3), g),
        lambda g: expm(device, program.A, g),
    ):
        with pytest.raises(ValueError, match="by its covariance only"):
            call(np.random.default_rng(0))


CELLS = [Crossbar(3), Cascade(3), RCMesh(3), DifferentialRCMesh(3), RLCGrid(3)]


@pytest.mark.parametrize("topology", CELLS, ids=lambda t: t.name)
def test_injected_noise_is_of_the_strength_asked_for(board, topology):
    # Without mismatch and without heat the settled covariance is kappa A^-1, however the program is loaded.
    design = Design.preset("rlc-board-8") if topology.name == "rlc-grid" else board
    # The conductance scale of a grid, whose program is in its capacitors, is one.
    scaling, kappa = Scaling(1.0 if topology.name == "rlc-grid" else 0.5, 0.25), 1e-4
    program = random_program(topology, np.random.default_rng(0))
    chip = with_cell_noise(design.nominal(topology), kappa, scaling)
    model = DeviceModel.nominal(chip, "ideal").with_effects(Effects.only("injected"))
    covariance = model.response(program, scaling).stationary_covariance() / scaling.drive**2
    np.testing.assert_allclose(covariance, kappa * np.linalg.inv(program.A), rtol=1e-8, atol=1e-8 * kappa)
    with pytest.raises(DesignError, match="kappa: expected a noise strength"):
        with_cell_noise(chip, -1.0)


# Rounding: with q the step, nearest rounding errs by O(q), the mean of stochastically rounded programs by O(q^2).


def gridded(board, bits):
    programming = board.programming.model_copy(update={"bits": bits})
    return board.model_copy(update={"programming": programming}).nominal(Crossbar(N))


@dataclass(frozen=True)
class Rounding:
    nearest: float
    bias: float


def rounding_error(board, bits, programs=1000):
    chip, rng = gridded(board, bits), np.random.default_rng(bits)
    inside = np.linalg.inv(A)
    bias = np.zeros(N)
    for _ in range(programs):
        held = load(chip.design.programming, chip.topology, PROGRAM, rng=rng).weights["A"]
        x = np.linalg.solve(held, PROGRAM.b)
        # The first-order term has mean zero; without it the mean of few programs shows the second order.
        bias += x - PROGRAM.solution + inside @ (held - A) @ PROGRAM.solution
    nearest = DeviceModel.nominal(chip, "ideal").response(PROGRAM).solution - PROGRAM.solution
    return Rounding(float(np.linalg.norm(nearest)), float(np.linalg.norm(bias / programs)))


def test_bias_of_averaged_programs_falls_with_the_square_of_the_step(board):
    bits = np.array([5, 6, 7, 8, 9])
    found = [rounding_error(board, int(b)) for b in bits]
    step = np.log2(1 / (2.0**bits - 1))
    slope = np.polyfit(step, np.log2([f.bias for f in found]), 1)[0]
    # Second-order terms scatter by 1/sqrt(1000) of themselves, and the rounding pattern changes with the grid.
    assert slope == pytest.approx(2.0, abs=0.35)
    nearest = np.polyfit(step, np.log2([f.nearest for f in found]), 1)[0]
    assert nearest == pytest.approx(1.0, abs=0.5)
    assert all(f.bias < f.nearest / 4 for f in found)


def test_averaging_programs_takes_rounding_out_of_a_solution(board):
    device = ModelDevice(DeviceModel.nominal(gridded(board, 5), "ideal"))
    once = solve(device, A, PROGRAM.b, np.random.default_rng(0), Budget(50.0, 2))
    many = solve(device, A, PROGRAM.b, np.random.default_rng(0), Budget(50.0, 2, programs=60))
    # Runs scatter by nothing of one program's rounding, which all of them have; the chip's grid is known.
    assert np.linalg.norm(once.value - PROGRAM.solution) > 20 * np.linalg.norm(once.noise_error)
    assert np.linalg.norm(once.value - PROGRAM.solution) < 1.96 * np.linalg.norm(once.standard_error)
    assert np.linalg.norm(many.value - PROGRAM.solution) < 3 * np.linalg.norm(many.standard_error)
    assert np.linalg.norm(many.value - PROGRAM.solution) < np.linalg.norm(once.value - PROGRAM.solution) / 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda g: inverse(IdealDevice(), SKEW, g), "inverse: expected a symmetric matrix"),
        (lambda g: log_determinant(IdealDevice(), -A, g), "expected a positive definite A"),
        (lambda g: determinant(IdealDevice(), SKEW, g), "determinant: expected a symmetric matrix"),
        (lambda g: lyapunov(IdealDevice(), A, np.eye(2), g), "A and Q of one shape"),
        (lambda g: expm(IdealDevice(), np.zeros((2, 3)), g), "expm: expected a square matrix"),
        (lambda g: solve(IdealDevice(), -A, PROGRAM.b, g), "positive real part"),
        (lambda g: solve(IdealDevice(), A, PROGRAM.b, g, Budget(kappa=-1.0)), "kappa: expected a noise strength"),
        (lambda _: Budget(duration=0.0), "duration: expected a positive number"),
        (lambda _: Budget(runs=1), "runs: expected at least 2"),
        (lambda _: Budget(programs=0), "programs: expected at least 1"),
    ],
)
def test_what_has_no_answer_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.random.default_rng(0))


def test_the_least_heat_is_that_of_the_laws_between_which_the_cells_move(board):
    # From rest the distance is |A^-1 b|^2 + kappa tr A^-1, and C tau of it over the time is the least heat: for R0 = 1k
    # and tau = 1 us cells of 1 nF. Catches a bound without the noise, of one run only, or of another capacitance.
    budget = Budget(10.0, 4, kappa=1e-3)
    seconds = (10.0 + np.log(1e6)) * 1e-6 / np.linalg.eigvalsh(A).min()
    per_square = 4 * 1e-9 * 1e-6 / seconds
    spread = 1e-3 * np.trace(np.linalg.inv(A))
    rng = np.random.default_rng(0)
    settled = solve(IdealDevice(), A, PROGRAM.b, rng, budget)
    square = PROGRAM.solution @ PROGRAM.solution + spread
    assert settled.least_energy == pytest.approx(per_square * square, rel=1e-9)
    noisy = inverse(IdealDevice(), A, rng, budget)
    assert noisy.least_energy == pytest.approx(per_square * spread, rel=1e-9)
    assert noisy.energy > noisy.least_energy
    # A start that is settled in the slowest mode has that much less to go, and waits less.
    a = np.linalg.eigvalsh(A)
    sooner = seconds + np.log(1e6) * 1e-6 * (1 / a[1] - 1 / a[0])
    deflated = inverse(IdealDevice(), A, rng, replace(budget, deflated=1))
    left = 1e-3 * (1 / a[1:]).sum()
    assert deflated.least_energy == pytest.approx(4e-15 / sooner * left, rel=1e-6)
    chip = inverse(nominal(board), A, rng, budget)
    assert chip.energy > chip.least_energy > 0


@pytest.mark.parametrize("problem", PROBLEMS)
def test_every_problem_tells_its_least_heat(problem):
    run, _ = PROBLEMS[problem]
    answer = run(IdealDevice(), np.random.default_rng(1))
    assert answer.energy > answer.least_energy > 0
