"""Cascade, differential mesh and RLC grid against the matrices that they stand for, mismatch included."""

import numpy as np
import pytest
import scipy.linalg
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
    random_program,
    state_space,
)
from thermospice.circuits.networks import BOLTZMANN

DESIGN = Design.preset("board-1k-1n").model_copy(update={"L": 1e-3})
R0, C, L, T = DESIGN.R0, DESIGN.C, 1e-3, DESIGN.temperature


def _covariance(space):
    return scipy.linalg.solve_continuous_lyapunov(space.F, space.Q)


def _cascade_program(rng, n=5, r=3):
    K = rng.standard_normal((r, r)) / 2
    return Program.from_factors(rng.standard_normal((r, n)) / 2, K @ K.T, 0.3, rng.standard_normal(n))


def _signed_program(rng, n=5):
    off = np.triu(rng.uniform(-1, 1, (n, n)), 1)
    off = off + off.T
    return Program(off + np.diag(np.abs(off).sum(axis=1) + 0.3), rng.standard_normal(n))


def test_cascade_is_the_product_of_its_drawn_arrays(rng):
    # J and J^T are two arrays: using one deviation for both, or a wrong sign of a stage, fails here.
    program, topology = _cascade_program(rng), Cascade(5, 3)
    instance = DESIGN.sample(topology, rng)
    J, H, damping = program.factors
    e = instance.errors
    first = J * (1 + e["jacobian"]) / (1 + e["feedback"][0])[:, None]
    second = H * (1 + e["hessian"]) / (1 + e["feedback"][1])[:, None]
    effective = (J.T * (1 + e["transpose"])) @ second @ first + np.diag(damping * (1 + e["damping"]))
    space = state_space(instance.network(program, "ideal"))
    expected = effective / (R0 * C * (1 + e["capacitance"]))[:, None]
    np.testing.assert_allclose(space.M @ space.F @ space.M.T, expected, rtol=1e-10)
    np.testing.assert_allclose(space.settled, np.linalg.solve(effective, program.b * (1 + e["drive"])), rtol=1e-10)
    assert np.abs(effective - effective.T).max() > 1e-4


@pytest.mark.parametrize(("n", "r"), [(1, 1), (32, 16), (64, 32)])
def test_ideal_cascade_settles_to_the_damped_inverse(n, r, rng):
    J = rng.standard_normal((r, n)) / np.sqrt(n)
    program = Program.from_factors(J, np.eye(r), 0.2, rng.standard_normal(n))
    settled = state_space(DESIGN.nominal(Cascade(n, r)).network(program, "ideal")).settled
    np.testing.assert_allclose(settled, np.linalg.solve(J.T @ J + 0.2 * np.eye(n), program.b), rtol=1e-9, atol=1e-12)


def test_cascade_factors_a_symmetric_matrix_itself(rng):
    program = _signed_program(rng)
    settled = state_space(DESIGN.nominal(Cascade(5)).network(program, "ideal")).settled
    np.testing.assert_allclose(settled, program.solution, rtol=1e-10)


def test_cascade_says_what_it_cannot_load(rng):
    with pytest.raises(ProgramError, match=r"J of 2 rows, got 3"):
        Cascade(5, 2).check(_cascade_program(rng))
    with pytest.raises(ProgramError, match="use r = n or factors"):
        Cascade(5, 2).check(_signed_program(rng))
    with pytest.raises(ProgramError, match="symmetric"):
        Cascade(2).check(Program([[1.0, 0.5], [0.0, 1.0]], [1.0, 1.0]))
    with pytest.raises(ProgramError, match="damping"):
        Program.from_factors(np.eye(2), np.eye(2), -1.0, np.ones(2))
    with pytest.raises(ProgramError, match="one row and column for each row of J"):
        Program.from_factors(np.eye(2), np.eye(3), 1.0, np.ones(2))


def test_differential_mesh_realises_any_sign(rng):
    program = _signed_program(rng)
    space = state_space(DESIGN.nominal(DifferentialRCMesh(5)).network(program, "ideal"))
    np.testing.assert_allclose(space.settled, program.solution, rtol=1e-10)
    # From a difference v0 the difference decays by exp(-A t/tau): common modes take no part.
    v0, t = rng.standard_normal(5), 0.7 * R0 * C
    homogeneous = space.M @ scipy.linalg.expm(-space.F * t) @ space.initial @ v0
    np.testing.assert_allclose(homogeneous, scipy.linalg.expm(-program.A * 0.7) @ v0, rtol=1e-9, atol=1e-12)


def test_differential_mesh_noise_is_that_of_two_capacitors(rng):
    space = state_space(DESIGN.nominal(DifferentialRCMesh(4)).network(_signed_program(rng, 4), "ideal"))
    covariance = space.M @ _covariance(space) @ space.M.T
    np.testing.assert_allclose(covariance, 2 * BOLTZMANN * T / C * np.eye(4), rtol=1e-9, atol=1e-9 * BOLTZMANN * T / C)


def test_differential_mesh_refuses_what_is_not_dominant():
    with pytest.raises(ProgramError, match=r"A\[0, 0\] = 1 is less than"):
        DifferentialRCMesh(2).check(Program([[1.0, 1.5], [1.5, 9.0]], [1.0, 1.0]))


def test_differential_mesh_refuses_rails_that_float(rng):
    # Signs that cannot all be satisfied make A regular without any resistor to ground, but both rails float.
    A = [[2.0, 1.0, 1.0], [1.0, 2.0, 1.0], [1.0, 1.0, 2.0]]
    with pytest.raises(ProgramError, match="float"):
        DifferentialRCMesh(3).check(Program(A, np.ones(3)))
    for n in (2, 4, 8):
        random_program(DifferentialRCMesh(n), rng, condition=1000.0)


@pytest.mark.parametrize("mismatch", [False, True])
def test_grid_samples_the_inverse_maxwell_matrix(mismatch, rng):
    # cov(v) = kT (Maxwell matrix)^-1 and cov(i) = kT/L for any resistors: equipartition.
    topology, program = RLCGrid(5), random_program(RCMesh(5), rng)
    instance = DESIGN.sample(topology, rng) if mismatch else DESIGN.nominal(topology)
    space = state_space(instance.network(program, "ideal"))
    P = _covariance(space)
    e = instance.errors
    off = program.A - np.diag(np.diag(program.A))
    W = -off * (1 + e["coupling"])
    maxwell = C * (np.diag(W.sum(axis=1) + program.A.sum(axis=1) * (1 + e["capacitance"])) - W)
    kT = BOLTZMANN * T
    np.testing.assert_allclose(space.M @ P @ space.M.T, kT * np.linalg.inv(maxwell), rtol=1e-8)
    np.testing.assert_allclose(P[5:, 5:], kT / L * np.diag(1 / (1 + e["inductance"])), rtol=1e-8, atol=1e-8 * kT / L)
    np.testing.assert_allclose(space.settled, 0, atol=1e-12)


def test_grid_needs_an_inductance(rng):
    with pytest.raises(DesignError, match="no inductance"):
        Design.preset("ideal").nominal(RLCGrid(2)).network(random_program(RCMesh(2), rng), "ideal")


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_crossbar_in_two_parts_is_the_whole(sign):
    # Catches a rail without its amplifier, and a resistor that is missing or at another node.
    n, rng = 5, np.random.default_rng(8)
    design = Design.preset("board-1k-1n")
    chip, A = design.sample(Crossbar(n), rng), sign * rng.standard_normal((n, n)) * (rng.random((n, n)) < 0.6)
    values, b = design.values("macro"), rng.standard_normal(n)
    weights = {"A": A}
    whole = Crossbar(n).network(values, chip.errors, weights, b)
    cells, array = Crossbar(n).cells(values, chip.errors, weights, b), Crossbar(n).array(weights)
    assert set(cells.elements) <= set(whole.elements)
    assert set(cells.nodes) == set(whole.nodes)
    rest = {(e.a, e.b): e.resistance for e in set(whole.elements) - set(cells.elements)}
    relative = 1 + chip.errors[array.error].ravel()[array.entry]
    resistance = values.R0 / (array.weight * relative)
    mine = dict(zip(zip(array.a, array.b, strict=True), resistance, strict=True))
    assert rest == pytest.approx(mine, rel=1e-12)
