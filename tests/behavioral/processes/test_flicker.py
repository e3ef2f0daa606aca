"""The amplifiers' 1/f noise: as ngspice's own resistor noise in the netlist, as relaxation processes in the model."""

import numpy as np
import pytest
from thermospice.behavioral import DeviceModel
from thermospice.behavioral.linear_algebra import Budget, ModelDevice, solve
from thermospice.circuits import Cascade, Crossbar, Design, Program, RCMesh, Scaling, random_program
from thermospice.netlists import Job, simulate, simulate_many

CORNER = 1e5


@pytest.fixture(scope="module")
def noisy():
    board = Design.preset("board-1k-1n")
    return board.model_copy(update={"amplifier": board.amplifier.model_copy(update={"noise_corner": CORNER})})


@pytest.mark.parametrize("topology", [Crossbar(2), Cascade(2), RCMesh(2)], ids=lambda t: t.name)
def test_spectrum_is_that_of_ngspice(noisy, topology):
    program, chip = random_program(topology, np.random.default_rng(0)), noisy.sample(topology, np.random.default_rng(1))
    scaling = Scaling(drive=0.25)
    band = (10.0, 1e7)
    record = simulate(chip, program, "noise", scaling=scaling, frequencies=band, points_per_decade=5)
    response = DeviceModel.nominal(chip).response(program, scaling)
    f = record["frequency"].values
    # The sum of relaxations is within 0.3 % of 1/f; without it the lowest point is off by a factor of 1e4.
    np.testing.assert_allclose(response.psd(f), record["psd"].values, rtol=3e-3)
    # The current that carries the noise in the netlist leaves the operating point alone.
    settled = simulate(chip, program, "op", scaling=scaling)["v"].values
    np.testing.assert_allclose(response.settled, settled, atol=1e-9)


def test_density_doubles_at_the_corner(noisy):
    # A follower shows its amplifier's input noise as it is; the cell's own is far above it, so compare the difference.
    program = Program(np.eye(2), np.zeros(2))
    quiet = noisy.model_copy(update={"amplifier": noisy.amplifier.model_copy(update={"noise_corner": 0.0})})
    f = np.array([CORNER, CORNER / 100])
    with_, without = (
        DeviceModel.nominal(design.nominal(RCMesh(2))).response(program).psd(f) for design in (noisy, quiet)
    )
    expected = noisy.amplifier.noise_voltage**2 * CORNER / f
    np.testing.assert_allclose(with_ - without, np.stack([expected, expected], axis=1), rtol=5e-3)


def test_law_of_samples_from_known_voltages(noisy):
    # 1/f noise has been there before the start: at time zero already it adds to what an amplifier shows.
    response = DeviceModel.nominal(noisy.nominal(RCMesh(2))).response(Program(np.eye(2), [0.3, -0.1]))
    times, paths = np.array([1e-7, 3e-6]), 4000
    v = response.sample(times, np.random.default_rng(0), paths)
    assert v.shape == (paths, 2, 2)
    for k, t in enumerate(times):
        P, mean = response.covariance_at(float(t)), response.mean_at(np.array([t]))[0]
        assert np.abs((v[:, k].mean(axis=0) - mean) / np.sqrt(np.diag(P) / paths)).max() < 4
        wide = np.sqrt((np.outer(np.diag(P), np.diag(P)) + P**2) / paths)
        assert np.abs((np.cov(v[:, k].T) - P) / wide).max() < 4.5


def test_variance_grows_with_the_decades_that_are_watched(noisy):
    # e_n^2 f_c ln(10) for each decade more.
    def variance(lowest):
        amplifier = noisy.amplifier.model_copy(update={"noise_lowest": lowest})
        chip = noisy.model_copy(update={"amplifier": amplifier}).nominal(RCMesh(1))
        return DeviceModel.nominal(chip).response(Program([[1.0]], [0.0])).stationary_covariance()[0, 0]

    decade = noisy.amplifier.noise_voltage**2 * CORNER * np.log(10)
    assert variance(0.01) - variance(1.0) == pytest.approx(2 * decade, rel=1e-3)


def test_limits_and_averages_take_it_along(noisy):
    chip = noisy.nominal(Crossbar(2))
    program = Program([[1.0, 0.2], [0.1, 0.8]], [0.4, -0.1])
    response = DeviceModel.nominal(chip).response(program, Scaling(drive=0.5))
    t = np.array([1e-7, 1e-5])
    np.testing.assert_allclose(response.integrate(t)[0], response.mean_at(t), atol=1e-10)
    assert response.exceeded(t) == ()
    budget = Budget(2.0, 200)
    answer = solve(ModelDevice(DeviceModel.nominal(chip)), program.A, program.b, np.random.default_rng(0), budget)
    # Slow noise does not average out: e_n sqrt(f_c ln(f_high/f_low)) = 9 uV at an input, by a noise gain of 2 to 3;
    # thermal noise averages to 1 uV.
    assert 1.5e-5 < answer.standard_error.max() * np.sqrt(200) < 5e-5


def test_without_a_corner_nothing_is_added(board):
    response = DeviceModel.nominal(board.nominal(Crossbar(2))).response(Program(np.eye(2), [0.1, 0.1]))
    assert response.process.n == len(response.space.F)
    assert not response.start_sd.any()


def test_transient_of_ngspice_has_the_same_slow_noise():
    # Averages over a window: white noise is a fifth of them, the rest is 1/f noise that began long before the start.
    board = Design.preset("board-1k-1n")
    loud = {"noise_voltage": 3e-8, "noise_corner": 1e6, "noise_lowest": 1e3}
    chip = board.model_copy(update={"amplifier": board.amplifier.model_copy(update=loud)}).nominal(Crossbar(1))
    program, runs = Program([[1.0]], [0.2]), 40
    jobs = [Job(chip, program, "tran", duration=1e-6, noise=True, seed=k, noise_step=2e-8) for k in range(runs)]
    records = simulate_many(jobs)
    v = np.array([record["v"].values[25:, 0].mean() for record in records])
    law = DeviceModel.nominal(chip).response(program, Scaling()).time_average(5e-7, None, 5e-7)
    # A standard deviation from 40 runs is known to 1/sqrt(80) = 11 %.
    assert np.std(v, ddof=1) == pytest.approx(law.sd[0], rel=0.45)
    # Points at whole steps, against the whole window: half a step of a slope of 0.1 V/us.
    assert np.mean(v) == pytest.approx(law.mean[0], abs=4 * law.sd[0] / np.sqrt(runs) + 2e-3)
