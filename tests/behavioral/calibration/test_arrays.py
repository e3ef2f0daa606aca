"""Arrays as numbers, settled circuits and sums of many runs: the ways of large chips against the plain ones."""

from dataclasses import replace

import numpy as np
import pytest
from thermospice.behavioral.calibration import BenchScores, Parameters, Run, fit, fit_alone, open_combinations, term_of
from thermospice.behavioral.calibration.derivatives import (
    Information,
    Sensitivity,
    Settled,
    covariance,
    densities,
    inverse,
)
from thermospice.circuits import Cascade, Crossbar, DifferentialRCMesh, RCMesh, Scaling, state_space
from thermospice.circuits.loaded_chips import amplifier_nodes, amplifiers_of
from thermospice.measurements import calibration_programs, calibration_scaling, read_measurement

from .bench import Bench

SCALING = Scaling(0.5, 0.25)


def run_of(chip, scaling=SCALING):
    program = calibration_programs(chip, 2, np.random.default_rng(1))[1]
    n = chip.topology.n
    return Run("record", "readouts", program, scaling, None, np.zeros((1, n)), np.zeros(n), 1e-3)


@pytest.mark.parametrize("n", [2, 3, 8])
@pytest.mark.parametrize("level", ["ideal", "macro"])
@pytest.mark.parametrize("nuisances", [(), ("leak", "stray-capacitance", "cell-noise")], ids=["chip", "bench"])
def test_an_array_as_numbers_is_the_circuit_of_its_resistors(board, n, level, nuisances):
    # Catches a resistor at another rail, a slope of another parameter, noise that a bench's factor does not reach.
    run = run_of(board.nominal(Crossbar(n)))
    parameters = Parameters.of(board, Crossbar(n), level, nuisances, [run])
    # A tenth of the tolerances: the rounding of stiff circuits, whose leaks may be far off, is no part of this.
    z = 0.1 * np.random.default_rng(2).standard_normal(parameters.size)
    found = Sensitivity.of(*parameters.dual_circuit(z, run.program, run.scaling), noisy=True)
    plain = Sensitivity.of(parameters.dual_network(z, run.program, run.scaling), noisy=True)
    f, p = np.array([1e3, 1e5]), parameters.size
    pairs = [
        (found.F, plain.F),
        (found.settled, plain.settled),
        (found.settled_jacobian(p), plain.settled_jacobian(p)),
        *zip(densities(found, f, p), densities(plain, f, p), strict=True),
        *(zip(covariance(found, p), covariance(plain, p), strict=True) if level == "macro" else ()),
    ]
    for mine, right in pairs:
        np.testing.assert_allclose(mine, right, rtol=0, atol=1e-8 * np.abs(right).max())


@pytest.mark.parametrize("topology", [Crossbar(3), RCMesh(3), DifferentialRCMesh(2), Cascade(2)], ids=lambda t: t.name)
def test_derivatives_of_settled_readouts_equal_finite_differences(board, topology):
    run = run_of(board.nominal(topology))
    parameters = Parameters.of(board, topology, "macro", ["leak"], [run])
    z = 0.1 * np.random.default_rng(3).standard_normal(parameters.size)

    def settled(z):
        return state_space(parameters.instance(z).network(run.program, "macro", run.scaling)).settled

    found = Settled.of(*parameters.dual_circuit(z, run.program, run.scaling), parameters.size)
    np.testing.assert_allclose(found.v, settled(z), rtol=1e-9)
    # Central differences err by h^2/6 of a third derivative, about that of the first by a tolerance of 1 % squared, and
    # by rounding over h.
    h = 1e-3
    plain = np.stack([(settled(z + h * e) - settled(z - h * e)) / (2 * h) for e in np.eye(parameters.size)], axis=1)
    np.testing.assert_allclose(found.jacobian, plain, rtol=0, atol=1e-6 * np.abs(plain).max())


def test_a_settled_run_names_the_amplifiers_beyond_their_rails(board):
    # Catches nodes in another order than their amplifiers, and rails of one side only.
    chip = board.nominal(Crossbar(4))
    run = run_of(chip)
    fitting = calibration_scaling(chip, run.program, "macro")
    for factor in (1, 4, 40):
        run = replace(run, scaling=replace(fitting, drive=factor * fitting.drive))
        network = chip.network(run.program, "macro", run.scaling)
        amplifiers = amplifiers_of(network)
        inside = replace(network, outputs=amplifier_nodes(amplifiers)[: len(amplifiers)])
        v = state_space(inside).settled
        beyond = tuple(
            amp.name
            for amp, value in zip(amplifiers, v, strict=True)
            if not amp.model.rail_low <= value <= amp.model.rail_high
        )
        assert bool(beyond) == (factor > 1)
        assert run.clipped(chip, Parameters.of(board, Crossbar(4), "macro")) == beyond


def test_information_in_blocks_is_the_sum_of_the_products(monkeypatch):
    # Catches a block that is lost or counted twice, a weight that is not squared away, and half a matrix.
    monkeypatch.setattr("thermospice.behavioral.calibration.derivatives._information._ROWS", 10)
    monkeypatch.setattr("thermospice.behavioral.calibration.derivatives._information._BLOCK", 2)
    rng = np.random.default_rng(4)
    roots = [rng.standard_normal((rows, 7)) for rows in (3, 4, 5, 20, 1)]
    weights = [1.0, 0.5, 2.0, 1.0, 3.0]
    total = Information(np.eye(5))
    for root, weight in zip(roots, weights, strict=True):
        total.add(root, weight)
    total.add_whole(roots[3].T @ roots[3], 0.25)
    roots, weights = [*roots, roots[3]], [*weights, 0.25]
    right = np.eye(7) + sum(w * root.T @ root for w, root in zip(weights, roots, strict=True))
    np.testing.assert_allclose(total.matrix, right[:5, :5], rtol=1e-12)
    np.testing.assert_allclose(total.matrix @ inverse(total.matrix), np.eye(5), atol=1e-12)
    # Rounding can leave a matrix without a factor, and it still has an inverse.
    np.testing.assert_allclose(inverse(np.diag([1.0, -1e-3])), np.diag([1.0, -1e3]))


@pytest.mark.parametrize("count", [0, 1, 7, 20])
def test_few_open_directions_of_many_unknowns_are_those_of_all_eigenvectors(monkeypatch, count):
    # Catches one of several equal eigenvalues that the iteration did not see.
    p, rng = 80, np.random.default_rng(5)
    values = np.append(np.full(count, 0.95), 0.5 * rng.random(p - count))
    Q = np.linalg.qr(rng.standard_normal((p, p)))[0]
    C, names = (Q * values) @ Q.T, [f"x[{k}]" for k in range(p)]
    plain = open_combinations(C, names, 0.9)
    monkeypatch.setattr("thermospice.behavioral.calibration._identifiability._MANY", 10)
    found = open_combinations(C, names, 0.9)
    assert len(found) == len(plain) == count
    for mine, right in zip(found, plain, strict=True):
        assert mine.open == pytest.approx(right.open, rel=1e-6)
        assert mine.weights == pytest.approx(right.weights, abs=1e-6)


def test_open_directions_that_an_iteration_does_not_tell_apart_are_found_without_it(monkeypatch):
    # Catches a fit that ends in the iteration's own complaint: of few records of many cells most directions are open.
    p, count, rng = 80, 60, np.random.default_rng(6)
    Q = np.linalg.qr(rng.standard_normal((p, p)))[0]
    C = (Q * np.append(0.95 + 1e-3 * rng.random(count), 0.5 * rng.random(p - count))) @ Q.T
    monkeypatch.setattr("thermospice.behavioral.calibration._identifiability._MANY", 10)
    monkeypatch.setattr("thermospice.behavioral.calibration._identifiability._ITERATIONS", 1)
    found = open_combinations(C, [str(k) for k in range(p)], 0.9)
    assert len(found) == count
    # Elimination in the space that they span, one direction after the other.
    projector = Q[:, :count] @ Q[:, :count].T
    for one in found:
        k = np.argmax(np.diag(projector))
        direction = projector[:, k] / np.sqrt(projector[k, k])
        projector = projector - np.outer(direction, direction)
        assert one.open == pytest.approx(np.sqrt(direction @ C @ direction), rel=1e-6)
        assert one.weights == pytest.approx({j: direction[int(j)] for j in one.weights}, abs=1e-8)


def test_faults_of_a_bench_by_one_factor_are_those_by_a_factor_each(board, monkeypatch):
    rng = np.random.default_rng(6)
    data = Bench().measure(board.sample(Crossbar(2), rng), board, rng, programs=2, samples=20, spectra=1)
    found = []
    for factored in (True, False):
        runs = [Run.of(m) if m.analysis == "tran" else None for m in map(read_measurement, data)]
        runs = [run for run in runs if run is not None]
        parameters = Parameters.of(board, Crossbar(2), "macro", (), runs)
        scores = BenchScores(runs, parameters, (), 0.1 * np.ones(parameters.size))
        for run in runs:
            scores.asked(run, 1.0)
        if not factored:
            monkeypatch.setattr("thermospice.behavioral.calibration._bench_scores._Fitted.leaves", lambda *_: None)
        found.append(dict(scores.results()))
    one, each = found
    assert one.keys() == each.keys()
    for kind, score in one.items():
        assert score.degrees == each[kind].degrees
        assert score.statistic == pytest.approx(each[kind].statistic, rel=1e-6)


def test_one_run_alone_is_fitted_by_its_rows_as_by_all_unknowns(board, monkeypatch):
    # Catches a prior that counts twice, and a step from the residuals of another point.
    rng = np.random.default_rng(7)
    data = Bench().measure(board.sample(Crossbar(3), rng), board, rng, programs=1, samples=40, spectra=1)
    runs = [term_of(read_measurement(m)) for m in data]
    parameters = Parameters.of(board, Crossbar(3), "macro", (), runs)
    module = "thermospice.behavioral.calibration"
    monkeypatch.setattr(f"{module}._fit._SMALL", 1e-5)
    monkeypatch.setattr(f"{module}._fit._ROUNDING", 1e-6)
    monkeypatch.setattr(f"{module}._robust_start._NEAR", 1e-5)
    for run in runs:
        alone, rms = fit_alone(run, parameters)
        plain = fit([run], parameters)
        # Neither was weighed by its own residuals.
        assert plain.excess == {run.kind: 1.0}
        np.testing.assert_allclose(alone, plain.z, atol=1e-4)
        assert rms == pytest.approx(plain.normal.rms[0], rel=1e-4)
