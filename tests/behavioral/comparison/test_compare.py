"""Distances between a measurement and a model."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg
from thermospice.behavioral import DeviceModel, Estimate, compare
from thermospice.behavioral.comparison import innovations
from thermospice.circuits import Crossbar, Program, RCMesh, choose_scaling, random_program
from thermospice.measurements import MeasurementError
from thermospice.netlists import simulate

ANALYSES = ("op", "tran", "ac", "noise")


@pytest.fixture
def chip(board):
    return board.sample(Crossbar(3), np.random.default_rng(4))


@pytest.fixture
def program():
    return random_program(Crossbar(3), np.random.default_rng(5))


@pytest.mark.parametrize("analysis", ANALYSES)
def test_a_model_agrees_with_its_own_circuit(chip, program, measure, analysis):
    comparison = compare(measure(chip, program, analysis), DeviceModel.nominal(chip))
    assert all(value == 0 for value in comparison.metrics.values())
    assert comparison.exceeded == ()
    assert (comparison.topology, comparison.level, comparison.size) == ("crossbar", "macro", 3)


@pytest.mark.parametrize(
    ("analysis", "names", "expected"),
    [
        ("op", ["v"], {"relative_error": 0.01 / 1.01}),
        ("tran", ["v"], {"nrms": 0.01 / 1.01}),
        ("ac", ["v_re", "v_im"], {"relative_error": 0.01 / 1.01, "worst_db": 20 * np.log10(1.01)}),
        ("noise", ["psd", "covariance"], {"covariance_error": 0.01 / 1.01, "psd_error_db": 10 * np.log10(1.01)}),
    ],
)
def test_one_percent_too_much_is_reported_as_that(chip, program, measure, analysis, names, expected):
    measurement = measure(chip, program, analysis)
    for name in names:
        measurement[name] = (measurement[name].dims, 1.01 * measurement[name].values, measurement[name].attrs)
    metrics = compare(measurement, DeviceModel.nominal(chip)).metrics
    assert {name: metrics[name] for name in expected} == pytest.approx(expected, rel=1e-9)


def test_time_counts_not_points(chip, program, measure):
    # An offset of 1 mV from 1 us on; the points are dense before.
    times = np.concatenate([np.linspace(1e-9, 0.99e-6, 500), np.linspace(1e-6, 1e-5, 50)])
    measurement = measure(chip, program, times=times)
    v = measurement["v"].values.copy()
    v[times >= 1e-6, 1] += 1e-3
    measurement["v"] = (("time", "cell"), v, {"units": "V"})
    comparison = compare(measurement, DeviceModel.nominal(chip))
    scale = np.sqrt(np.trapezoid(np.mean(v**2, axis=1), times) / (times[-1] - times[0]))
    # 9 of 10 us; the trapezoid at the edge is worth 0.1 %.
    assert comparison.by_cell == pytest.approx([0, 1e-3 * np.sqrt(0.9) / scale, 0], rel=2e-3, abs=1e-12)
    assert comparison.metrics["nrms_worst"] == comparison.by_cell[1]
    assert comparison.value == pytest.approx(comparison.by_cell[1] / np.sqrt(3))


def test_a_noisy_record_of_the_model_is_a_standard_normal_deviate(chip, program, measure):
    rng, model = np.random.default_rng(6), DeviceModel.nominal(chip)
    times = np.linspace(0, 5e-6, 101)
    z = [compare(measure(chip, program, times=times, noise=rng), model).value for _ in range(30)]
    assert abs(np.mean(z)) < 4 / np.sqrt(30)
    assert abs(np.var(z) - 1) < 4 * np.sqrt(2 / 30)


@pytest.mark.parametrize("level", ["ideal", "macro"])
def test_innovations_equal_the_dense_gaussian(chip, program, level):
    """The record as one vector: Cov(v(s), v(t)) = M exp(-F (t - s)) P(s) M^T, and white readout noise."""
    response, v0 = DeviceModel.nominal(chip, level).response(program), np.array([1.0, 0.0, -0.5])
    times, sigma = np.array([1e-7, 3e-7, 4e-7, 2e-6]), 1e-6
    F, M = response.space.F, response.space.M
    blocks = [[np.zeros((3, 3))] * 4 for _ in times]
    for i, s in enumerate(times):
        for j, t in enumerate(times[i:], i):
            blocks[j][i] = M @ scipy.linalg.expm(-F * (t - s)) @ response.process.covariance_at(s) @ M.T
            blocks[i][j] = blocks[j][i].T
    K = np.block(blocks) + sigma**2 * np.eye(12)
    r = np.linalg.cholesky(K) @ np.random.default_rng(0).standard_normal(12)
    e, scales = innovations(response, times, response.mean_at(times, v0) + r.reshape(4, 3), v0, sigma)
    assert np.sum(e**2) == pytest.approx(r @ np.linalg.solve(K, r), rel=1e-7)
    assert 2 * np.sum(np.log(scales)) == pytest.approx(np.linalg.slogdet(K)[1], rel=1e-9)


def test_wrong_noise_and_wrong_mean_both_show(chip, program, measure, flat, board):
    record = measure(chip, program, times=np.linspace(0, 5e-6, 101), noise=np.random.default_rng(7))
    assert compare(record, replace(DeviceModel.nominal(chip), noise_scale=Estimate(3.0))).value < -5
    assert compare(record, flat(board, Crossbar(3))).value > 100


def test_rows_pass_below_the_limit_and_never_on_nan(chip, program, measure):
    comparison = compare(measure(chip, program), DeviceModel.nominal(chip))
    row = comparison.row(0.01)
    assert row == {
        "topology": "crossbar",
        "level": "macro",
        "size": 3,
        "analysis": "tran",
        "metric": "nrms",
        "value": 0.0,
        "limit": 0.01,
        "passed": True,
    }
    assert not replace(comparison, metrics={"nrms": float("nan")}).row(0.01)["passed"]
    assert not replace(comparison, metrics={"nrms": 0.02}).row(0.01)["passed"]
    assert not replace(comparison, metrics={"nrms": -5.0}).row(0.01)["passed"]


def test_other_sizes_levels_and_topologies_are_refused(chip, program, measure, board, flat):
    measurement = measure(chip, program)
    for model in (flat(board, Crossbar(4)), flat(board, Crossbar(3), "ideal"), flat(board, RCMesh(3))):
        with pytest.raises(MeasurementError, match="compare: the model has"):
            compare(measurement, model)


def test_clipped_measurements_are_flagged(chip, measure):
    measurement = measure(chip, Program(np.eye(3), [1.0, 0.1, 0.1]))
    measurement.attrs["drive_scale"] = 10.0
    assert "a0" in compare(measurement, DeviceModel.nominal(chip)).exceeded


@pytest.mark.parametrize("topology", [Crossbar(8), RCMesh(8), Crossbar(1)])
@pytest.mark.parametrize("level", ["ideal", "macro"])
def test_nominal_model_against_spice(board, topology, level):
    rng = np.random.default_rng(9)
    chip, program = board.sample(topology, rng), random_program(topology, rng)
    model, scaling = DeviceModel.nominal(chip, level), choose_scaling(chip, program, level)

    def value(analysis, **more):
        return compare(simulate(chip, program, analysis, level, scaling=scaling, **more), model).metrics

    # An ideal amplifier is a source of very large gain in ngspice.
    assert value("op")["relative_error"] < (1e-5 if level == "ideal" else 1e-9)
    # The transient's local error is ngspice's own; it is below 1e-5 of the swing with its default tolerances here.
    assert value("tran", duration=2e-5, x0=rng.uniform(-1, 1, topology.n))["nrms"] < 1e-4
    assert value("ac")["relative_error"] < (1e-5 if level == "ideal" else 1e-8)
    # The integral over frequency is good to 1e-6.
    assert value("noise")["covariance_error"] < 1e-5


def test_mutations_of_the_chip_are_caught(board):
    rng = np.random.default_rng(9)
    topology = Crossbar(4)
    chip, program = board.sample(topology, rng), random_program(topology, rng)
    scaling = choose_scaling(chip, program)
    measurement = simulate(chip, program, duration=2e-5, scaling=scaling)
    model = DeviceModel.nominal(chip)
    conductance = chip.errors["conductance"]
    for wrong in (conductance[::-1], -conductance, conductance + 0.05 * np.eye(4)[:, [0]]):
        other = DeviceModel.nominal(chip.replace_errors(conductance=wrong.copy()))
        assert compare(measurement, other).value > 100 * compare(measurement, model).value


def test_seeded_noise_of_spice_is_that_of_the_model(board):
    rng = np.random.default_rng(2)
    topology = Crossbar(2)
    chip, program = board.sample(topology, rng), random_program(topology, rng)
    scaling = choose_scaling(chip, program)
    model = DeviceModel.nominal(chip)
    z = [
        compare(simulate(chip, program, scaling=scaling, noise=True, seed=k, duration=2e-6), model).value
        for k in range(4)
    ]
    assert abs(np.mean(z)) < 4 / np.sqrt(len(z))
