"""The exact process: identities to rounding, closed forms, dense twins in many digits, edge values."""

import mpmath
import numpy as np
import pytest
import scipy.linalg
from numpy.testing import assert_allclose, assert_array_equal
from thermospice.behavioral import NotStationaryError, OrnsteinUhlenbeck


def spd(n: int, seed: int = 0) -> np.ndarray:
    B = np.random.default_rng(seed).standard_normal((n, n))
    return B @ B.T / n + np.eye(n)


def stiff() -> np.ndarray:
    """Rates over six decades, coupled both ways, as in an amplifier macro-model."""
    return np.diag([1e6, 3e4, 1e3, 10.0, 1.0]) @ (spd(5, 3) + 0.3 * np.triu(np.ones((5, 5)), 1))


A3 = spd(3, 1)
CASES = {
    "symmetric": (A3, 2.0 * np.eye(3)),
    "symmetric, noise 1 to 9": (A3, np.diag([1.0, 4.0, 9.0])),
    "unequal noise": (np.diag([1.0, 4.0, 9.0]) @ A3, np.diag([1.0, 4.0, 9.0])),
    "capacitor mismatch": (A3 / np.array([0.8, 1.0, 1.2])[:, None], 2.0 * np.eye(3)),
    "defective": (np.array([[1.0, 3.0, 0.0], [0.0, 1.0, 3.0], [0.0, 0.0, 1.0]]), spd(3, 2)),
    "nearly defective": (np.array([[1.0, 3.0, 0.0], [0.0, 1.0 + 1e-9, 3.0], [0.0, 0.0, 1.0]]), spd(3, 2)),
    "triangular": (np.array([[1.0, 4.0, 2.0], [0.0, 2.0, 5.0], [0.0, 0.0, 3.0]]), np.eye(3)),
    "ringing": (np.array([[0.2, -5.0, 0.0], [5.0, 0.2, 1.0], [0.0, 0.0, 2.0]]), np.diag([1.0, 0.0, 0.5])),
    "equal rates": (2.0 * np.eye(3), spd(3, 4)),
    "one noisy state": (np.array([[1.0, -1.0], [0.0, 3.0]]), np.diag([0.0, 1.0])),
    "one cell": (np.array([[0.7]]), np.array([[1.3]])),
    "stiff": (stiff(), np.diag([1e6, 1e4, 1e3, 1.0, 1.0])),
}


def process(name: str) -> OrnsteinUhlenbeck:
    F, Q = CASES[name]
    return OrnsteinUhlenbeck(drift=F, mean=np.arange(1.0, len(F) + 1.0), diffusion=Q)


def error(value: np.ndarray, exact: np.ndarray) -> float:
    return float(np.linalg.norm(value - exact) / np.linalg.norm(exact))


def exact_step(F: np.ndarray, Q: np.ndarray, t: float) -> tuple[np.ndarray, np.ndarray]:
    """Van Loan's block exponential with digits enough for its growing half."""
    n = len(F)
    with mpmath.workdps(60 + int(np.linalg.norm(F) * t)):
        block = mpmath.matrix(np.block([[-F, Q], [np.zeros((n, n)), F.T]]).tolist()) * mpmath.mpf(t)
        E = mpmath.expm(block, method="taylor")
        Phi, upper = E[:n, :n], E[:n, n:]
        Sigma = upper * Phi.T
        return (np.array(Phi.tolist(), dtype=float), np.array(Sigma.tolist(), dtype=float))


@pytest.mark.parametrize("name", CASES)
def test_lyapunov_residual(name: str) -> None:
    # Catches a stationary law from the symmetric part of F alone, and a transposed F.
    ou = process(name)
    P, F = ou.stationary_covariance(), ou.drift
    scale = np.linalg.norm(F) * np.linalg.norm(P)
    # Backward error of a Schur or eigen solve: n eps |F| |P|, with a hundredfold margin for the eigenvectors.
    assert np.linalg.norm(F @ P + P @ F.T - ou.diffusion) <= 1e-13 * scale
    assert_array_equal(P, P.T)


@pytest.mark.parametrize("name", CASES)
def test_semigroup(name: str) -> None:
    # Catches any error in the finite-time law that is not the same for all times: a wrong power of t, a lost term.
    ou = process(name)
    tau = 1.0 / np.min(np.linalg.eigvals(ou.drift).real)
    x0 = np.cos(np.arange(ou.n))
    for first, second in [(0.3, 0.7), (1e-4, 2.0), (1.0, 1.0)]:
        s, t = first * tau, second * tau
        Phi = ou.mean_at(t, np.eye(ou.n) + ou.mean).T - ou.mean[:, None]
        chained = ou.covariance_at(t) + Phi @ ou.covariance_at(s) @ Phi.T
        # The exponential of a stiff drift is known to eps |F| t only.
        tolerance = max(1e-12, 4e-16 * np.linalg.norm(ou.drift) * (s + t))
        assert error(chained, ou.covariance_at(s + t)) < tolerance
        assert error(ou.mean_at(t, ou.mean_at(s, x0)), ou.mean_at(s + t, x0)) < tolerance


@pytest.mark.parametrize("name", [name for name in CASES if name != "stiff"])
@pytest.mark.parametrize("t", [1e-6, 0.1, 1.0, 5.0])
def test_finite_time_against_van_loan(name: str, t: float) -> None:
    # Catches cancellation in short steps and overflow in long ones; the twin has 60 digits or more.
    ou = process(name)
    Phi, Sigma = exact_step(*CASES[name], t)
    assert error(ou.covariance_at(t), Sigma) < 1e-10
    x0 = np.cos(np.arange(ou.n))
    assert_allclose(ou.mean_at(t, x0), ou.mean + Phi @ (x0 - ou.mean), rtol=0.0, atol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_stationary_against_schur_and_long_time(name: str) -> None:
    # Catches a long-time limit that is not the stationary law (two code paths in one number).
    ou = process(name)
    P = scipy.linalg.solve_continuous_lyapunov(*CASES[name])
    condition = 1e-10 if name != "stiff" else 1e-8
    tau = 1.0 / np.min(np.linalg.eigvals(ou.drift).real)
    assert error(ou.stationary_covariance(), P) < condition
    assert error(ou.covariance_at(60.0 * tau), P) < condition
    assert_array_equal(ou.covariance_at(np.inf), ou.stationary_covariance())
    assert_array_equal(ou.mean_at(np.inf, np.zeros(ou.n)), ou.mean)


def test_stiff_chain_keeps_the_slow_mode() -> None:
    # Triangular, so the rates are known exactly: 1e6 and 1. Catches squaring away the slow mode's digits.
    F = np.array([[1e6, 1e5], [0.0, 1.0]])
    ou = OrnsteinUhlenbeck(drift=F, mean=np.zeros(2), diffusion=np.eye(2))
    slow = np.array([0.0, 1.0])
    assert_allclose(ou.mean_at(2.0, slow)[1], np.exp(-2.0), rtol=1e-9)
    assert_allclose(ou.covariance_at(2.0)[1, 1], -np.expm1(-4.0) / 2.0, rtol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_fluctuation_dissipation(seed: int) -> None:
    # F = A not symmetric, Q = A + A^T: P = 1 and the lagged covariance is the matrix exponential itself.
    # Catches a transposed lag and a factor two in the noise.
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((6, 6))
    A = A - A.T + spd(6, seed)
    ou = OrnsteinUhlenbeck(drift=A, mean=np.zeros(6), diffusion=A + A.T)
    assert_allclose(ou.stationary_covariance(), np.eye(6), rtol=0.0, atol=1e-12)
    assert_allclose(ou.autocovariance(0.7), scipy.linalg.expm(-0.7 * A), rtol=0.0, atol=1e-12)
    both = ou.autocovariance(np.array([-0.7, 0.0, 0.7]))
    assert_allclose(both[0], both[2].T, rtol=0.0, atol=1e-15)


@pytest.mark.parametrize("name", ["unequal noise", "defective", "ringing", "stiff"])
def test_spectrum_is_the_transform_of_the_autocovariance(name: str) -> None:
    # Fourier of R(s): S(f) = (F + iw)^-1 P + P (F - iw)^-T, another formula than the one used.
    # Catches sign and transposition of the frequency, and the one-sided factor.
    ou = process(name)
    P, f = ou.stationary_covariance(), np.array([0.0, 0.05, 0.5, 5.0])
    S = ou.cross_spectrum(f)
    for one, frequency in zip(S, f, strict=True):
        half = np.linalg.solve(ou.drift + 2j * np.pi * frequency * np.eye(ou.n), P)
        assert error(one, half + half.conj().T) < 1e-9
    assert_allclose(ou.psd(f), 2.0 * np.diagonal(S, axis1=1, axis2=2).real, rtol=1e-12)
    assert_allclose(ou.psd(f, sides=2), ou.psd(f) / 2.0, rtol=1e-15)
    M = np.ones((1, ou.n))
    assert_allclose(ou.psd(f, readout=M)[:, 0], 2.0 * np.sum(S, axis=(1, 2)).real, rtol=1e-9)


def test_spectrum_of_one_cell_integrates_to_its_variance() -> None:
    # Lorentzian closed form, 4 P tau / (1 + (w tau)^2) one-sided. Catches rad/s taken for Hz.
    ou = process("one cell")
    f = np.geomspace(1e-3, 10.0, 7)
    expected = 2.0 * 1.3 / (0.7**2 + (2.0 * np.pi * f) ** 2)
    assert_allclose(ou.psd(f)[:, 0], expected, rtol=1e-13)


def test_network_modes_equal_the_dense_form() -> None:
    # Unequal capacitors and unequal noise; catches modes normalised by the wrong matrix and S for Q.
    C, G, S = np.diag([0.8, 1.0, 1.3]) * 1e-9, spd(3, 5) * 1e-3, np.diag([1.0, 2.0, 3.0]) * 1e-22
    ou = OrnsteinUhlenbeck.from_network(C, G, np.array([1e-3, 0.0, -1e-3]), S)
    dense = OrnsteinUhlenbeck(drift=np.linalg.inv(C) @ G, mean=np.zeros(3), diffusion=ou.diffusion)
    assert_allclose(ou.mean, np.linalg.solve(G, [1e-3, 0.0, -1e-3]), rtol=1e-13)
    for t in (1e-8, 1e-6):
        assert error(ou.covariance_at(t), dense.covariance_at(t)) < 1e-12
        exact = scipy.linalg.expm(-np.linalg.solve(C, G) * t) @ (0.1 - ou.mean) + ou.mean
        assert_allclose(ou.mean_at(t, np.full(3, 0.1)), exact, rtol=1e-12)


def test_equipartition() -> None:
    # All resistors at one temperature, S = 2kT G: P = kT C^-1 whatever G. Catches a one-sided density taken as S.
    kT = 1.380649e-23 * 300.0
    C, G = np.diag([0.8, 1.0, 1.3]) * 1e-9 + 0.1e-9, spd(3, 6) * 1e-3
    ou = OrnsteinUhlenbeck.from_network(C, G, np.zeros(3), 2.0 * kT * G)
    assert error(ou.stationary_covariance(), kT * np.linalg.inv(C)) < 1e-12


def test_network_that_is_not_reciprocal_uses_the_general_form() -> None:
    # An amplifier makes G unsymmetric: eigh would silently take one triangle of it.
    C, G = np.diag([1.0, 2.0]), np.array([[1.0, 0.0], [-3.0, 1.0]])
    ou = OrnsteinUhlenbeck.from_network(C, G, np.ones(2), np.eye(2))
    F, Q = np.linalg.solve(C, G), np.diag([1.0, 0.25])
    assert error(ou.stationary_covariance(), scipy.linalg.solve_continuous_lyapunov(F, Q)) < 1e-13


class TestEdges:
    def test_time_zero(self) -> None:
        # Catches a covariance of rounding size, and a mean that does not give x0 back exactly.
        ou, x0 = process("unequal noise"), np.array([0.1, 0.2, 0.3])
        assert_allclose(ou.mean_at(0.0, x0), x0, rtol=1e-15)
        assert_array_equal(ou.covariance_at(0.0), np.zeros((3, 3)))

    @pytest.mark.parametrize("name", ["unequal noise", "defective"])
    def test_many_times_equal_one_by_one(self, name: str) -> None:
        # Catches mixed-up axes and times that disturb each other's powers.
        ou, times = process(name), np.array([0.0, 0.013, 0.9, 7.3])
        x0 = np.arange(6.0).reshape(2, 3)
        many = ou.mean_at(times, x0)
        assert many.shape == (2, 4, 3)
        assert_allclose(many, np.stack([ou.mean_at(float(t), x0) for t in times], axis=1), atol=1e-13)
        one = np.stack([ou.covariance_at(float(t)) for t in times])
        assert_allclose(ou.covariance_at(times), one, atol=1e-14)

    def test_no_noise(self) -> None:
        # Catches a division by a zero standard deviation.
        ou = OrnsteinUhlenbeck(drift=A3, mean=np.zeros(3), diffusion=np.zeros((3, 3)))
        x0, times = np.ones(3), np.array([0.0, 0.5, 1.7])
        paths = ou.sample(times, x0, np.random.default_rng(0), paths=2)
        assert_allclose(paths, np.broadcast_to(ou.mean_at(times, x0), (2, 3, 3)), atol=1e-14)
        assert_array_equal(ou.stationary_covariance(), np.zeros((3, 3)))

    def test_singular_drift_has_finite_times_only(self) -> None:
        # A floating mesh: the common mode is a random walk with variance q t. Catches 0/0 in its growth.
        G = np.array([[1.0, -1.0], [-1.0, 1.0]])
        ou = OrnsteinUhlenbeck(drift=G, mean=np.zeros(2), diffusion=np.eye(2))
        assert_allclose(np.sum(ou.covariance_at(3.0)), 2.0 * 3.0, rtol=1e-14)
        for ask in (ou.stationary_covariance, lambda: ou.autocovariance(1.0), lambda: ou.mean_at(np.inf, ou.mean)):
            with pytest.raises(NotStationaryError, match="eigenvalue"):
                ask()

    def test_unstable_drift(self) -> None:
        # Finite times follow the growing exponential; catches a sign lost in the growth.
        ou = OrnsteinUhlenbeck(drift=-np.eye(1), mean=np.zeros(1), diffusion=np.eye(1))
        assert_allclose(ou.covariance_at(1.0), [[np.expm1(2.0) / 2.0]], rtol=1e-13)
        with pytest.raises(NotStationaryError, match="sign"):
            ou.sample(np.array([0.0]), None, np.random.default_rng(0))

    @pytest.mark.parametrize(
        ("F", "m", "Q", "message"),
        [
            (np.eye(2), np.zeros(2), -np.eye(2), "positive semidefinite"),
            (np.eye(2), np.zeros(2), np.array([[1.0, 2.0], [2.0, 1.0]]), "positive semidefinite"),
            (np.eye(2), np.zeros(2), np.array([[1.0, 0.5], [0.0, 1.0]]), "symmetric"),
            (np.array([[np.nan]]), np.zeros(1), np.eye(1), "finite"),
        ],
    )
    def test_bad_input_is_refused(self, F: np.ndarray, m: np.ndarray, Q: np.ndarray, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            OrnsteinUhlenbeck(drift=F, mean=m, diffusion=Q)

    def test_values_are_frozen(self) -> None:
        # Catches a process that changes when the caller's array does.
        F = np.eye(2)
        ou = OrnsteinUhlenbeck(drift=F, mean=np.zeros(2), diffusion=np.eye(2))
        F[0, 0] = 5.0
        assert ou.drift[0, 0] == 1.0
        with pytest.raises(ValueError, match="read-only"):
            ou.drift[0, 0] = 2.0

    def test_negative_times_are_refused(self) -> None:
        ou = process("one cell")
        with pytest.raises(ValueError, match="at least 0"):
            ou.covariance_at(-1.0)
