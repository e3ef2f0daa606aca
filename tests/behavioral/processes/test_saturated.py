"""The integrator: exact without the non-linear part, its order, and the limits that it converges to."""

import numpy as np
import pytest
import scipy.integrate
import scipy.interpolate
from numpy.testing import assert_allclose
from thermospice.behavioral import OrnsteinUhlenbeck
from thermospice.behavioral.processes import ExponentialStep, Saturation, integrate

from .test_ornstein_uhlenbeck import CASES, error, process


def scalar(rate: float = 1.0, noise: float = 0.5, mean: float = 0.0) -> OrnsteinUhlenbeck:
    return OrnsteinUhlenbeck(drift=np.array([[rate]]), mean=np.array([mean]), diffusion=np.array([[noise]]))


def nothing(x: np.ndarray) -> np.ndarray:
    return np.zeros_like(x)


def slope(steps: np.ndarray, errors: np.ndarray) -> float:
    return float(np.polyfit(np.log(steps), np.log(errors), 1)[0])


@pytest.mark.parametrize("name", ["unequal noise", "defective", "stiff"])
def test_one_step_is_exact_without_the_non_linear_part(name: str) -> None:
    # Whatever the step: mean and covariance are the transition's. Catches noise of Euler's kind (Q h).
    ou = process(name)
    h = 1.0 / np.min(np.linalg.eigvals(ou.drift).real)
    step = ExponentialStep.of([ou], h)
    x0 = np.cos(np.arange(ou.n))
    after = step.apply(x0[None, None], nothing, np.zeros((1, 1, ou.n)))[0, 0]
    assert_allclose(after, ou.mean_at(h, x0), rtol=1e-9)
    assert error(step.factor[0] @ step.factor[0].T, ou.covariance_at(h)) < 1e-9


def test_a_linear_part_moved_into_g_changes_nothing_in_the_limit() -> None:
    # F split into F/2 and g = -F/2 (x - m): the twin is exact. Catches m left out of g's operators.
    F, _ = CASES["unequal noise"]
    ou = process("unequal noise")
    half = OrnsteinUhlenbeck(drift=F / 2.0, mean=ou.mean, diffusion=np.zeros((3, 3)))
    x0, errors, steps = np.zeros(3), [], np.array([0.02, 0.01, 0.005])
    for h in steps:
        end = integrate(
            [half], lambda x: -(x - ou.mean) @ F.T / 2.0, np.array([0.2]), x0, np.random.default_rng(0), float(h)
        )[0, 0, 0]
        errors.append(np.linalg.norm(end - ou.mean_at(0.2, x0)))
    assert abs(slope(steps, np.array(errors)) - 2.0) < 0.15
    assert errors[-1] < 1e-3


def test_strong_order_one() -> None:
    # The same noise on finer and finer steps, in mean square over 500 paths; the twin is 16 times finer than the
    # finest. Coarse noise is the fine one composed: Phi eta_1 + eta_2. Catches noise that g does not see (order 1/2).
    ou, g, T, paths, finest = scalar(), lambda x: np.sin(3.0 * x), 1.0, 500, 1024
    rng = np.random.default_rng(1)
    noise = ExponentialStep.of([ou], T / finest).noise(rng, paths * finest).reshape(1, paths, finest, 1)
    ends, steps = [], []
    count = finest
    while count >= 8:
        step = ExponentialStep.of([ou], T / count)
        x = np.full((1, paths, 1), 0.5)
        for k in range(count):
            x = step.apply(x, g, noise[:, :, k])
        ends.append(x)
        steps.append(T / count)
        noise = noise[:, :, 0::2] * step.decay[0, 0, 0] + noise[:, :, 1::2]
        count //= 2
    errors = [float(np.sqrt(np.mean((end - ends[0]) ** 2))) for end in ends[4:]]
    measured = slope(np.array(steps[4:]), np.array(errors))
    assert 0.9 < measured < 1.3


def test_weak_order_two() -> None:
    # E x(T)^2 without sampling: the step's law integrated by Gauss-Hermite nodes on a grid of starts, backwards in
    # time. Catches a scheme of weak order one.
    ou, g, T = scalar(noise=0.3), lambda x: 1.5 * np.sin(2.0 * x), 1.0
    nodes, weights = np.polynomial.hermite_e.hermegauss(32)
    weights = weights / weights.sum()
    grid = 6.0 * np.cos(np.pi * np.arange(241) / 240)

    def expectation(count: int) -> float:
        step = ExponentialStep.of([ou], T / count)
        starts = np.repeat(grid, len(nodes))[None, :, None]
        noise = np.tile(step.factor[0, 0, 0] * nodes, len(grid))[None, :, None]
        ends = step.apply(starts, g, noise)[0, :, 0]
        values = grid**2
        for _ in range(count):
            spline = scipy.interpolate.CubicSpline(grid[::-1], values[::-1])
            values = spline(ends).reshape(len(grid), -1) @ weights
        return float(np.interp(0.7, grid[::-1], values[::-1]))

    steps = np.array([4, 8, 16])
    values = np.array([expectation(int(n)) for n in [*steps, 256]])
    measured = slope(1.0 / steps, np.abs(values[:-1] - values[-1]))
    assert 1.7 < measured < 2.4


def test_slewing_step_response() -> None:
    # dv/dt = clip((b - v)/tau, +-slew): a ramp, then an exponential; both known. Catches a limit on the wrong side.
    b, slew = 5.0, 1.0
    linear = scalar(mean=b, noise=0.0)
    limit = Saturation(
        drive=np.ones((1, 1, 1)), sense=-np.ones((1, 1, 1)), offset=np.full((1, 1), b),
        low=np.full((1, 1), -slew), high=np.full((1, 1), slew),
    )  # fmt: skip
    times = np.linspace(0.0, 8.0, 33)
    exact = np.where(times < b - slew, slew * times, b - slew * np.exp(-(times - (b - slew))))
    errors = []
    for h in (0.05, 0.0125):
        v = integrate([linear], limit, times, np.zeros(1), np.random.default_rng(0), h)[0, 0, :, 0]
        errors.append(np.max(np.abs(v - exact)))
    # Second order: four times finer, sixteen times better; the kink within a step costs some of it.
    assert errors[1] < 2e-4
    assert errors[1] < errors[0] / 8.0


def test_stationary_law_of_a_limited_drift() -> None:
    # dx = -clip(x, -c, c) dt + noise: density exp(-2 V / q) with V quadratic inside and linear outside (Gibbs).
    # 4,000 independent paths after 12 time constants; z-score of the variance with its own kurtosis.
    c, q, paths = 0.4, 0.5, 4000
    limit = Saturation(
        drive=-np.ones((1, 1, 1)), sense=np.ones((1, 1, 1)), offset=np.zeros((1, 1)),
        low=np.full((1, 1), -c), high=np.full((1, 1), c),
    )  # fmt: skip

    def density(x: float) -> float:
        V = x * x / 2.0 if abs(x) < c else c * abs(x) - c * c / 2.0
        return float(np.exp(-2.0 * V / q))

    moment = [scipy.integrate.quad(lambda x, k=k: x**k * density(x), 0.0, 20.0, points=[c])[0] for k in (0, 2, 4)]
    variance, fourth = moment[1] / moment[0], moment[2] / moment[0]
    linear = scalar(noise=q)
    x = integrate([linear], limit, np.array([12.0]), np.zeros(1), np.random.default_rng(4), 0.1, paths)[0, :, 0, 0]
    z = (np.mean(x**2) - variance) / np.sqrt((fourth - variance**2) / paths)
    assert abs(z) < 4.0
    # The linear law would be far off: the test can fail for the fault.
    assert abs(q / 2.0 - variance) > 20.0 * np.sqrt((fourth - variance**2) / paths)


def test_instances_are_independent_of_each_other() -> None:
    # Three different chips at once equal each alone. Catches operators broadcast over the wrong axis.
    chips = [scalar(rate, 0.0, mean) for rate, mean in [(1.0, 0.0), (2.0, 1.0), (0.5, -1.0)]]
    times, rng = np.array([0.0, 0.3, 1.1]), np.random.default_rng(0)
    together = integrate(chips, np.sin, times, np.full(1, 0.2), rng, 0.1, paths=2)
    assert together.shape == (3, 2, 3, 1)
    for k, chip in enumerate(chips):
        alone = integrate([chip], np.sin, times, np.full(1, 0.2), rng, 0.1, paths=2)
        assert_allclose(together[k], alone[0], rtol=1e-13)


def test_rails_hold_the_state() -> None:
    # Driven into the rail and out again: at the rail exactly, then the free exponential from the rail.
    chip = scalar(noise=0.0)

    def drive(x: np.ndarray) -> np.ndarray:
        return np.full_like(x, 5.0)

    bounds = (np.array([-1.0]), np.array([1.0]))
    v = integrate([chip], drive, np.array([1.0]), np.zeros(1), np.random.default_rng(0), 0.01, limits=bounds)
    assert v[0, 0, 0, 0] == 1.0
    w = integrate([chip], nothing, np.array([0.5]), v[0, 0, 0], np.random.default_rng(0), 0.01, limits=bounds)
    assert_allclose(w[0, 0, 0], np.exp(-0.5), rtol=1e-12)


@pytest.mark.parametrize("step", [0.0, -1.0, np.inf])
def test_bad_steps_are_refused(step: float) -> None:
    with pytest.raises(ValueError, match="step above 0"):
        integrate([scalar()], nothing, np.array([1.0]), np.zeros(1), np.random.default_rng(0), step)
