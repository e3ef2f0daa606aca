"""A device's readouts for one program."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg
from thermospice.behavioral import ClippedError, DeviceModel, Estimate
from thermospice.circuits import Crossbar, Program, RCMesh, Scaling, random_program, state_space
from thermospice.circuits.networks import BOLTZMANN

TIMES = np.array([0.0, 1e-9, 1e-7, 1e-6, 1e-5])
CASES = [(kind(n), level) for kind in (Crossbar, RCMesh) for n in (1, 4) for level in ("ideal", "macro")]


def drawn(board, topology, seed=1):
    return board.sample(topology, np.random.default_rng(seed))


def response_of(board, topology, level, seed=1):
    program = random_program(topology, np.random.default_rng(seed))
    return DeviceModel.nominal(drawn(board, topology, seed), level).response(program)


@pytest.mark.parametrize(("topology", "level"), CASES)
def test_starts_at_the_given_voltages_and_ends_settled(board, topology, level):
    response = response_of(board, topology, level)
    v0 = np.linspace(-1, 1, topology.n)
    v = response.mean_at(np.array([0.0, np.inf]), v0)
    np.testing.assert_allclose(v[0], v0, atol=1e-14)
    np.testing.assert_allclose(v[1], response.settled, atol=1e-14)
    assert not response.covariance_at(0.0).any()


@pytest.mark.parametrize(("topology", "level"), CASES)
def test_mean_and_covariance_equal_a_dense_twin(board, topology, level):
    program = random_program(topology, np.random.default_rng(5))
    chip = drawn(board, topology)
    model = DeviceModel.nominal(chip, level)
    scaling = model.scaling(program)
    response, space = model.response(program), state_space(chip.network(program, level, scaling))
    F, Q, M = space.F, space.Q, space.M
    v0 = np.linspace(-1, 1, topology.n)
    P = scipy.linalg.solve_continuous_lyapunov(F, Q)
    for t in TIMES[1:]:
        decay = scipy.linalg.expm(-F * t)
        s = space.settled_states + decay @ (space.initial @ v0 - space.settled_states)
        # expm squares a norm of up to 5e4: it keeps about 1e-11.
        np.testing.assert_allclose(response.mean_at(np.array([t]), v0)[0], M @ s, atol=1e-10)
        twin = M @ (P - decay @ P @ decay.T) @ M.T
        np.testing.assert_allclose(response.covariance_at(t), twin, atol=1e-8 * np.abs(M @ P @ M.T).max())
    np.testing.assert_allclose(response.stationary_covariance(), M @ P @ M.T, atol=1e-8 * np.abs(M @ P @ M.T).max())


def test_one_ideal_cell_is_an_rc_circuit(board):
    response = DeviceModel.nominal(board.nominal(Crossbar(1)), "ideal").response(Program([[0.5]], [0.25]))
    t = np.array([0.0, 0.3e-6, 2e-6])
    np.testing.assert_allclose(response.mean_at(t)[:, 0], 0.5 * (1 - np.exp(-0.5 * t / board.tau)), atol=1e-15)
    # Resistors 2 R0 and R0: S = 2kT (0.5 + 1)/R0, and the variance is S R0/(2 C) / 0.5.
    expected = 3 * BOLTZMANN * board.temperature / board.C
    np.testing.assert_allclose(response.stationary_covariance(), [[expected]], rtol=1e-12)


def test_passive_mesh_has_equipartition_whatever_its_mismatch(board):
    chip = drawn(board, RCMesh(5))
    covariance = response_of(board, RCMesh(5), "ideal").stationary_covariance()
    C = board.C * (1 + chip.errors["capacitance"])
    np.testing.assert_allclose(covariance, np.diag(BOLTZMANN * board.temperature / C), rtol=1e-10, atol=1e-24)


def test_ideal_nominal_device_solves_exactly(board):
    topology = Crossbar(6)
    program = random_program(topology, np.random.default_rng(2), condition=100.0)
    solution = DeviceModel.nominal(board.nominal(topology), "ideal").response(program).solution
    np.testing.assert_allclose(solution, program.solution, rtol=1e-11)


def test_finite_gain_error_is_of_the_predicted_size(board):
    topology = Crossbar(6)
    program = random_program(topology, np.random.default_rng(2))
    quiet = board.model_copy(update={"amplifier": board.amplifier.model_copy(update={"bias_current": 0.0})})
    error = DeviceModel.nominal(quiet.nominal(topology)).response(program).solution - program.solution
    noise_gain = 2 + np.abs(program.A).sum(axis=1).max()
    bound = noise_gain / board.amplifier.gain * np.linalg.norm(np.linalg.inv(program.A), 2)
    assert 0 < np.abs(error).max() < 2 * bound * np.abs(program.solution).max()


def test_no_drive_and_no_offset_settles_at_zero(board):
    quiet = board.model_copy(update={"amplifier": board.amplifier.model_copy(update={"bias_current": 0.0})})
    response = DeviceModel.nominal(quiet.nominal(Crossbar(3))).response(Program(np.eye(3), np.zeros(3)))
    assert not response.settled.any()


@pytest.mark.parametrize(("topology", "level"), CASES)
def test_density_integrates_to_the_variance(board, topology, level):
    response = response_of(board, topology, level)
    slow, fast = np.abs(response.poles).min(), np.abs(response.poles).max()
    f = np.geomspace(slow / 2e4, fast * 2e3, 4001)
    # f S(f) over ln f is smooth: the sum is limited by the tails left out, about 1e-4 on either side.
    integral = np.trapezoid(response.psd(f) * f[:, None], np.log(f), axis=0)
    np.testing.assert_allclose(integral, np.diag(response.stationary_covariance()), rtol=5e-4)


@pytest.mark.parametrize(("topology", "level"), CASES)
def test_transfer_at_zero_frequency_is_what_the_drive_settles_to(board, topology, level):
    quiet = {name: np.zeros_like(e) for name, e in drawn(board, topology).errors.items() if "offset" in name}
    design = board.model_copy(update={"amplifier": board.amplifier.model_copy(update={"bias_current": 0.0})})
    chip = design.sample(topology, np.random.default_rng(1)).replace_errors(**quiet)
    response = DeviceModel.nominal(chip, level).response(random_program(topology, np.random.default_rng(1)))
    np.testing.assert_allclose(response.transfer(np.zeros(1))[0], response.settled, rtol=1e-9)
    assert response.transfer(np.zeros(0)).shape == (0, topology.n)


@pytest.mark.parametrize("stationary", [False, True])
def test_samples_have_the_mean_and_covariance(board, stationary):
    response, paths = response_of(board, Crossbar(3), "macro"), 4000
    times, v0 = np.array([2e-7, 3e-6]), None if stationary else np.array([1.0, -0.5, 0.2])
    v = response.sample(times, np.random.default_rng(8), paths, v0, stationary)
    for k, t in enumerate(times):
        mean = response.settled if stationary else response.mean_at(np.array([t]), v0)[0]
        P = response.stationary_covariance() if stationary else response.covariance_at(t)
        z = (v[:, k].mean(axis=0) - mean) / np.sqrt(np.diag(P) / paths)
        assert np.abs(z).max() < 4
        # An entry of a sample covariance has variance (P_ii P_jj + P_ij^2)/paths.
        spread = np.sqrt((np.outer(np.diag(P), np.diag(P)) + P**2) / paths)
        assert np.abs((np.cov(v[:, k].T) - P) / spread).max() < 4.5
    again = response.sample(times, np.random.default_rng(8), paths, v0, stationary)
    np.testing.assert_array_equal(v, again)


def test_each_path_may_start_elsewhere(board):
    response = response_of(board, Crossbar(2), "macro")
    v0 = np.array([[1.0, 0.0], [0.0, -1.0]])
    v = response.sample(np.array([1e-8, 2e-8]), np.random.default_rng(0), 2, v0)
    # After a hundredth of tau the cells have moved by a few percent.
    np.testing.assert_allclose(v[:, 0], v0, atol=0.1)
    with pytest.raises(ValueError, match="either v0 or stationary"):
        response.sample(np.array([1e-8]), np.random.default_rng(0), 2, v0, stationary=True)


def test_noise_scale_multiplies_every_density(board):
    topology = Crossbar(2)
    program = random_program(topology, np.random.default_rng(0))
    quiet = DeviceModel.nominal(drawn(board, topology))

    loud = replace(quiet, noise_scale=Estimate(3.0))
    f = np.array([1e3, 1e7])
    np.testing.assert_allclose(loud.response(program).psd(f), 3 * quiet.response(program).psd(f), rtol=1e-12)
    np.testing.assert_allclose(loud.response(program).settled, quiet.response(program).settled, rtol=1e-15)


def test_refuses_an_answer_beyond_the_rails(board):
    model = DeviceModel.nominal(board.nominal(Crossbar(2)))
    program = Program(np.eye(2), [1.0, 0.1])
    with pytest.raises(ClippedError, match=r"a0: .* beyond the rails"):
        model.response(program, Scaling(drive=10.0))
    response = model.response(program, Scaling(drive=10.0), allow_clipping=True)
    assert response.clipped == ("a0",)
    np.testing.assert_allclose(response.settled[0], 10.0, rtol=1e-4)
    assert model.response(program, Scaling(drive=4.0)).clipped == ()


def test_refuses_a_transient_that_passes_the_rails(board):
    response = DeviceModel.nominal(board.nominal(Crossbar(2))).response(Program(np.eye(2), [1.0, 0.1]))
    with pytest.raises(ClippedError, match=r"a1: .* passes beyond the rails"):
        response.mean_at(np.array([1e-8, 1e-6]), np.array([0.0, 6.0]))


@pytest.mark.parametrize(("slew", "hits"), [(0.8e6, ("a0",)), (1.0e6, ())])
def test_tells_an_amplifier_that_slews(board, slew, hits):
    slow = board.model_copy(update={"amplifier": board.amplifier.model_copy(update={"slew": slew})})
    program = Program([[1.0, 0.5], [0.0, 1.0]], [1.0, 0.0])
    # The scaling that is chosen would keep to the slew rate.
    response = DeviceModel.nominal(slow.nominal(Crossbar(2))).response(program, Scaling())
    # Cell 0 rises by exp(-t/tau)/tau = 0.905e6 V/s at tau/10; cell 1 rests.
    assert response.exceeded(np.array([1e-7])) == hits
    assert response.exceeded(np.array([1e-4])) == ()


def test_start_of_another_size_is_refused(board):
    response = DeviceModel.nominal(board.nominal(Crossbar(2))).response(Program(np.eye(2), [1.0, 0.1]))
    with pytest.raises(ValueError, match="v0: expected 2 voltages"):
        response.mean_at(np.array([1e-6]), np.zeros(3))


def test_average_of_one_cell(board):
    # From rest, v = 0.5 (1 - exp(-a t/tau)); settled, the variance of the average of a noise of variance P and rate a:
    # 2 P/(a T) [1 - (1 - exp(-a T))/(a T)].
    response = DeviceModel.nominal(board.nominal(Crossbar(1)), "ideal").response(Program([[0.5]], [0.25]))
    tau, wait, duration = board.tau / 0.5, 1.3e-6, 4e-6
    law = response.time_average(duration, None, wait)
    gone = tau / duration * (np.exp(-wait / tau) - np.exp(-(wait + duration) / tau))
    np.testing.assert_allclose(law.mean, [0.5 * (1 - gone)], rtol=1e-12)
    x = duration / tau
    expected = response.stationary_covariance() * 2 / x * (1 - (1 - np.exp(-x)) / x)
    settled = response.time_average(duration, stationary=True)
    np.testing.assert_allclose(settled.covariance, expected, rtol=1e-10)
    np.testing.assert_allclose(settled.mean, response.settled, rtol=1e-12)
    with pytest.raises(ValueError, match="either v0 or stationary"):
        response.time_average(duration, np.zeros(1), stationary=True)


def test_slow_noise_does_not_average_out(board):
    # 1/f noise alone, in a window of a thousandth of its slowest time: samples' averages have the same law.
    # Little white noise, which instants would show and an average does not.
    few = {"noise_voltage": 7e-10, "noise_corner": 1e7, "noise_lowest": 1e3}
    amplifier = board.amplifier.model_copy(update=few)
    chip = board.model_copy(update={"amplifier": amplifier}).nominal(RCMesh(1))
    response = DeviceModel.nominal(chip).response(Program([[1.0]], [0.2]))
    law, times = response.time_average(2e-5, None, 1e-6), 1e-6 + 1e-7 * (np.arange(200) + 0.5)
    v = response.sample(times, np.random.default_rng(0), 2000)[:, :, 0].mean(axis=1)
    # A variance from 2000 runs is known to sqrt(2/2000) = 3.2 %.
    assert np.var(v) == pytest.approx(law.covariance[0, 0], rel=0.13)
    # The middles of 200 parts of the window, against the whole of it: (dt/tau)^2/24 of the swing.
    assert np.mean(v) == pytest.approx(law.mean[0], abs=4 * law.sd[0] / np.sqrt(2000) + 4e-4 * 0.2)
    quiet = (
        DeviceModel.nominal(board.nominal(RCMesh(1))).response(Program([[1.0]], [0.2])).time_average(2e-5, None, 1e-6)
    )
    assert law.covariance[0, 0] > 1.2 * quiet.covariance[0, 0]
