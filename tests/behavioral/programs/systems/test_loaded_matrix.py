"""One matrix, many drives: the quick way of a model and of the ideal device is the way that they always went."""

import numpy as np
import pytest
from thermospice.behavioral import DeviceModel
from thermospice.behavioral.linear_algebra import IdealDevice, ModelDevice
from thermospice.behavioral.programs.systems import Bench, RefinedSystem, load_matrix
from thermospice.circuits import Crossbar, Design, Program, ProgramError

A = np.array([[1.0, 0.4, -0.2], [0.4, 1.0, 0.3], [-0.2, 0.3, 1.0]])
B = np.array([1.0, -0.5, 0.2])


class Plain:
    """A device that hides what it is, so that every drive is a run of its own."""

    def __init__(self, device):
        self.device = device

    @property
    def answer(self):
        return self.device.answer

    def load(self, program, kappa=None, rounding=None):
        return self.device.load(program, kappa, rounding)


def chip(seed=1, level="macro"):
    return ModelDevice(
        DeviceModel.nominal(Design.preset("board-1k-1n").sample(Crossbar(3), np.random.default_rng(seed)), level)
    )


@pytest.mark.parametrize("make", [IdealDevice, chip])
def test_a_drive_reads_what_a_run_of_its_own_reads(make):
    quick, plain = (load_matrix(device, A, 10.0) for device in (make(), Plain(make())))
    readings = [loaded.answer(B, np.random.default_rng(0)) for loaded in (quick, plain)]
    # Thermal noise of the chip is microvolts; 1e-6 of the relaxation is left.
    np.testing.assert_allclose(readings[0].x, readings[1].x, atol=3e-5)
    assert quick.seconds == pytest.approx(plain.seconds, rel=1e-9)
    assert readings[0].power == pytest.approx(readings[1].power, rel=0.2)


def test_noise_of_a_drive_has_the_law_of_the_average():
    kappa, window = 1e-4, 10.0
    loaded = load_matrix(IdealDevice(), A, window, kappa)
    rng = np.random.default_rng(0)
    found = np.array([loaded.answer(B, rng).x for _ in range(2000)])
    a, V = np.linalg.eigh(A)
    T = window / a[0]
    modes = 2 * kappa / (a**2 * T) * (1 - (1 - np.exp(-a * T)) / (a * T))
    expected = V * modes @ V.T
    # Variances of 2000 draws: sqrt(2/2000) = 3.2 %.
    np.testing.assert_allclose(np.var(found, axis=0), np.diag(expected), rtol=4 * 0.032)


def test_noise_of_a_chip_is_at_most_a_little_larger_than_that_of_its_average():
    # The density at zero frequency over the window leaves out that the window is finite: it is on the safe side.
    kappa, window = 1e-4, 10.0
    rng = np.random.default_rng(0)
    quick = load_matrix(chip(), A, window, kappa)
    found = np.array([quick.answer(B, rng).x for _ in range(1000)])
    process = chip().load(Program(A, B), kappa)
    slow = process.rates[0]
    runs = process.average(14 / slow, window / slow, 1000, rng)
    ratio = np.var(found, axis=0) / np.var(runs, axis=0)
    # Two variances of 1000: 6.3 %; the finite window is 1/(a T) = 10 % of the slowest mode.
    assert (ratio > 1 - 4 * 0.063).all()
    assert (ratio < 1.12 + 4 * 0.063).all()


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e9])
def test_units_of_a_right_hand_side_make_no_difference(size):
    bench = Bench(chip(level="ideal"), np.random.default_rng(0))
    found = bench.load(A).solve(size * B) / size
    np.testing.assert_allclose(found, np.linalg.solve(A, B), rtol=0.1, atol=0.05)


def test_a_chip_that_is_unstable_is_held_with_a_larger_diagonal_and_still_solves():
    # One part in a thousand from singular, with resistors of 1 %.
    near = np.array([[1.0, 0.999, 0.0], [0.999, 1.0, 0.0], [0.0, 0.0, 1.0]])
    unstable = next(chip(seed, "ideal") for seed in range(50) if not holds(chip(seed, "ideal"), near))
    bench = Bench(unstable, np.random.default_rng(0))
    refined = RefinedSystem.load(bench, near).solve(B)
    assert bench.bill.lifted == 1
    np.testing.assert_allclose(refined.value, np.linalg.solve(near, B), rtol=1e-7)
    assert np.linalg.norm(refined.value - np.linalg.solve(near, B)) <= refined.error + 1e-9


def holds(device, matrix):
    try:
        load_matrix(device, matrix, 10.0)
    except ProgramError:
        return False
    return True
