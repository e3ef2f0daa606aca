"""Many chips in arrays answer as each chip's own model does."""

import numpy as np
import pytest
from thermospice.behavioral import ClippedError, DeviceBatch, DeviceModel, NotStationaryError
from thermospice.circuits import Cascade, Crossbar, Instances, Program, RCMesh, Scaling, random_program
from thermospice.circuits.loaded_chips import with_gain_bandwidth

KINDS = [(RCMesh(3), "ideal"), (Crossbar(3), "ideal"), (Crossbar(3), "macro"), (Cascade(3, 2), "macro")]
SCALING = Scaling(0.5, 0.25)


def batch(board, topology, level, chips=3):
    rng = np.random.default_rng(2)
    program = random_program(topology, rng)
    return program, DeviceBatch(Instances.sample(board, topology, rng, chips), level)


@pytest.mark.parametrize(("topology", "level"), KINDS, ids=lambda x: getattr(x, "name", x))
def test_equals_the_model_of_each_chip(board, topology, level):
    program, devices = batch(board, topology, level)
    response = devices.response(program, SCALING)
    times, v0 = np.array([0.0, 1e-7, 3e-6, 1e-4]), np.linspace(-1, 1, topology.n)
    mean, early, late = response.mean_at(times, v0), response.covariance_at(1e-7), response.stationary_covariance()
    for k, chip in enumerate(devices.instances):
        one = DeviceModel.nominal(chip, level).response(program, SCALING)
        np.testing.assert_allclose(response.settled[k], one.settled, rtol=1e-9)
        np.testing.assert_allclose(response.solution[k], one.solution, rtol=1e-9)
        # Modes of condition up to 50 and 16 doublings differ by 1e-16 times both.
        np.testing.assert_allclose(mean[k], one.mean_at(times, v0), atol=1e-9)
        np.testing.assert_allclose(early[k], one.covariance_at(1e-7), atol=1e-8 * np.abs(early[k]).max())
        P = one.stationary_covariance()
        np.testing.assert_allclose(late[k], P, atol=1e-8 * np.abs(P).max())


@pytest.mark.parametrize("stationary", [False, True])
def test_samples_have_each_chips_law(board, stationary):
    program, devices = batch(board, Crossbar(2), "macro", chips=2)
    response, paths = devices.response(program, SCALING), 4000
    times = np.array([1e-7, 2e-6, 2.1e-6])
    v = response.sample(times, np.random.default_rng(0), paths, stationary=stationary)
    assert v.shape == (2, paths, 3, 2)
    for j, t in enumerate(times):
        P = response.stationary_covariance() if stationary else response.covariance_at(float(t))
        m = response.settled if stationary else response.mean_at(np.array([t]))[:, 0]
        for k in range(2):
            spread = np.sqrt(np.diag(P[k]) / paths)
            assert np.abs((v[k, :, j].mean(axis=0) - m[k]) / spread).max() < 4
            # An entry of a sample covariance has variance (P_ii P_jj + P_ij^2)/paths.
            wide = np.sqrt((np.outer(np.diag(P[k]), np.diag(P[k])) + P[k] ** 2) / paths)
            assert np.abs((np.cov(v[k, :, j].T) - P[k]) / wide).max() < 4.5


def test_scaling_is_that_of_the_nominal_chip(board):
    program, devices = batch(board, Crossbar(3), "macro")
    expected = DeviceModel.nominal(board.nominal(Crossbar(3))).scaling(program)
    assert devices.response(program).scaling == expected


def test_tells_chips_beyond_the_rails(board):
    devices = batch(board, Crossbar(2), "macro", chips=4)[1]
    program = Program(np.eye(2), [1.0, 0.1])
    edge = Scaling(drive=4.8)  # the rails are at 4.9 V, in front of 20 ohm with a load: mismatch of 1 % decides
    with pytest.raises(ClippedError, match="of 4 chips settle beyond"):
        devices.response(program, edge)
    response = devices.response(program, edge, allow_clipping=True)
    each = [
        bool(DeviceModel.nominal(chip).response(program, edge, allow_clipping=True).clipped)
        for chip in devices.instances
    ]
    assert response.clipped.tolist() == each
    assert 0 < sum(each) < 4


def test_unstable_chips_have_no_stationary_law(board):
    # Transimpedance stages that are slower than the cells turn the feedback round.
    slow = with_gain_bandwidth(board.nominal(Cascade(3)), 1e5).design
    program = random_program(Cascade(3), np.random.default_rng(0))
    devices = DeviceBatch(Instances.sample(slow, Cascade(3), np.random.default_rng(0), 2))
    with pytest.raises(NotStationaryError, match="unstable"):
        devices.response(program, Scaling(), allow_clipping=True).stationary_covariance()


def test_bad_arguments_are_refused(board):
    program, devices = batch(board, Crossbar(2), "ideal")
    response = devices.response(program)
    with pytest.raises(ValueError, match="rising order"):
        response.sample(np.array([2.0, 1.0]), np.random.default_rng(0))
    with pytest.raises(ValueError, match="either v0 or stationary"):
        response.sample(np.array([1.0]), np.random.default_rng(0), v0=np.zeros(2), stationary=True)
    with pytest.raises(ValueError, match="v0: expected 2 voltages"):
        response.mean_at(np.array([1.0]), np.zeros(3))


def test_rails_and_slew_of_many_chips_at_once(board):
    slow = board.model_copy(update={"amplifier": board.amplifier.model_copy(update={"slew": 0.5e6})})
    program, scaling = Program([[1.0, 0.5], [-0.4, 0.8]], [1.0, 0.3]), Scaling(drive=2.0)
    devices = DeviceBatch(Instances.sample(slow, Crossbar(2), np.random.default_rng(0), 3))
    times = np.array([2e-7, 6e-7])
    v = devices.response(program, scaling, allow_clipping=True).integrate(times)
    assert v.shape == (3, 1, 2, 2)
    for k, chip in enumerate(devices.instances):
        one = DeviceModel.nominal(chip).response(program, scaling, allow_clipping=True)
        # Both find where a limit begins to a step of a tenth of an amplifier's time constant; a slewing voltage moves
        # that far in it.
        step = 1 / (10 * 2 * np.pi * slow.amplifier.gain_bandwidth)
        np.testing.assert_allclose(v[k], one.integrate(times), rtol=0, atol=slow.amplifier.slew * step)
        assert np.abs(v[k, 0] - one.mean_at(times)).max() > 0.1
    ideal = DeviceBatch(devices.instances, "ideal").response(program, scaling)
    np.testing.assert_array_equal(ideal.integrate(times)[:, 0], ideal.mean_at(times))
    with pytest.raises(ValueError, match="expected a source of noise for 2 paths"):
        ideal.integrate(times, paths=2)


def test_noise_through_the_limits_is_that_of_each_chip(board):
    program, devices = batch(board, Crossbar(2), "macro", chips=2)
    response, times, paths = devices.response(program, SCALING), np.array([2e-8]), 400
    v = response.integrate(times, None, np.random.default_rng(0), paths)[:, :, 0]
    P = response.covariance_at(2e-8)
    for k in range(2):
        # A variance from 400 paths is known to 7 %.
        np.testing.assert_allclose(v[k].var(axis=0), np.diag(P[k]), rtol=0.3)


def test_slow_noise_is_refused_rather_than_left_out(board):
    noisy = board.model_copy(update={"amplifier": board.amplifier.model_copy(update={"noise_corner": 1e4})})
    devices = DeviceBatch(Instances.sample(noisy, Crossbar(2), np.random.default_rng(0), 2))
    response = devices.response(Program(np.eye(2), [0.1, 0.2]), SCALING)
    assert np.isfinite(response.settled).all()
    for ask in (
        response.stationary_covariance,
        lambda: response.covariance_at(1e-6),
        lambda: response.sample(np.array([1e-6]), np.random.default_rng(0)),
        lambda: response.integrate(np.array([1e-6]), None, np.random.default_rng(0)),
    ):
        with pytest.raises(ValueError, match="1/f noise is not in the batch"):
            ask()
