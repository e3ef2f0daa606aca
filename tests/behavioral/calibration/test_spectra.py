"""Derivatives of responses, densities, covariances and noisy records, against differences of the circuit itself."""

import numpy as np
import pytest
from thermospice.behavioral import Response
from thermospice.behavioral.calibration import Parameters, noisy_circuit
from thermospice.behavioral.calibration.derivatives import _spectra as _calibrate_spectra
from thermospice.behavioral.calibration.derivatives import covariance, densities, innovations, response, transient
from thermospice.behavioral.comparison import innovations as filtered
from thermospice.behavioral.comparison import log_likelihood
from thermospice.circuits import (
    Cascade,
    Crossbar,
    Design,
    DifferentialRCMesh,
    Program,
    RCMesh,
    RLCGrid,
    Scaling,
    random_program,
)

CASES = [
    ("board-1k-1n", Crossbar(2), "macro"),
    ("board-1k-1n", Crossbar(2), "ideal"),
    ("board-1k-1n", RCMesh(2), "macro"),
    ("board-1k-1n", DifferentialRCMesh(2), "macro"),
    ("board-1k-1n", Cascade(2, 1), "macro"),
    ("rlc-board-8", RLCGrid(2), "ideal"),
    ("cmos-100k-10p", RCMesh(2), "transistor"),
]
FREQUENCIES = np.geomspace(1e2, 1e8, 5)
STEP = 1e-3


class Case:
    """A chip at a random place z of its parameters, and the same circuit at any other."""

    def __init__(self, preset, topology, level, equal=False):
        rng = np.random.default_rng(1)
        # Away from the reference of the amplifiers' temperature coefficients.
        self.design = Design.preset(preset).model_copy(update={"temperature": 330.15})
        self.topology, self.level = topology, level
        self.parameters = Parameters.of(self.design, topology, level)
        n, p = topology.n, self.parameters.size
        self.z = np.zeros(p) if equal else rng.standard_normal(p)
        self.program = Program(np.eye(n), np.full(n, 0.5)) if equal else random_program(topology, rng)
        self.scaling = Scaling(1.0, 0.25)
        self.name = "case"
        self.circuit = noisy_circuit(self.parameters, self.z, self)

    def at(self, z):
        scale = self.parameters.factor("noise_scale", z)
        return Response.of(self.parameters.instance(z), self.program, self.level, self.scaling, scale, True)

    def slopes(self, f):
        units = np.eye(self.parameters.size)
        return np.stack([(f(self.z + STEP * e) - f(self.z - STEP * e)) / (2 * STEP) for e in units], axis=-1)


@pytest.fixture(params=CASES, ids=lambda c: f"{c[1].name}-{c[2]}")
def case(request):
    return Case(*request.param)


# Central differences err by h^2/6 times the third derivative, 1e-7 of a value whose logarithm is a parameter; a
# resonance of quality 10 is that much steeper. Rounding of a density is 1e-12 by 2h.
LIMIT = 5e-6


def agree(case, slope, twin, scale, limit=LIMIT):
    """All derivatives; that by the 1/f corner leaves out that the band it is followed in goes with it, 0.3 % of it."""
    corner = np.array([name == "noise_corner" for name in case.parameters.names])
    np.testing.assert_allclose(slope[..., ~corner], twin[..., ~corner], atol=limit * scale)
    np.testing.assert_allclose(slope[..., corner], twin[..., corner], atol=5e-3 * scale)


def test_response(case):
    H, slope = response(case.circuit, FREQUENCIES, case.parameters.size)
    here = case.at(case.z).transfer(FREQUENCIES)
    scale = np.abs(here).max()
    np.testing.assert_allclose(H, here, atol=1e-9 * scale)
    agree(case, slope, case.slopes(lambda z: case.at(z).transfer(FREQUENCIES)), scale)


def test_densities(case):
    psd, slope = densities(case.circuit, FREQUENCIES, case.parameters.size)
    here = case.at(case.z).psd(FREQUENCIES)
    if case.at(case.z).space.noise_feedthrough > 0:
        # The behavioural process leaves out what reaches the readout at once; only here it is counted.
        assert (psd >= here * (1 - 1e-9)).all()
        return
    np.testing.assert_allclose(psd, here, rtol=1e-7)
    found = case.slopes(lambda z: case.at(z).psd(FREQUENCIES)) / here[:, :, None]
    agree(case, slope / here[:, :, None], found, 1.0)


def test_covariance(case):
    found, slope = covariance(case.circuit, case.parameters.size)
    here = case.at(case.z).stationary_covariance()
    scale = np.abs(here).max()
    np.testing.assert_allclose(found, here, atol=1e-9 * scale)
    twin = case.slopes(lambda z: case.at(z).stationary_covariance())
    agree(case, slope, twin, scale)


@pytest.mark.parametrize("part", [1, 7])
def test_a_covariance_in_parts_is_the_whole(monkeypatch, part):
    case = Case("board-1k-1n", Crossbar(2), "macro")
    whole = covariance(case.circuit, case.parameters.size)
    monkeypatch.setattr(_calibrate_spectra, "_PART", part)
    for found, expected in zip(covariance(case.circuit, case.parameters.size), whole, strict=True):
        # Sums in another order.
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())


def test_waveforms_of_modes_that_ring():
    case, v0 = Case("rlc-board-8", RLCGrid(2), "ideal"), np.array([0.1, -0.05])
    rates = case.circuit.modes.lam
    assert (np.abs(rates.imag) > rates.real).any()
    times = np.linspace(0, 3 / rates.real.min(), 40)
    found = transient(case.circuit, times, v0, case.parameters.size)
    twin = case.slopes(lambda z: case.at(z).mean_at(times, v0))
    agree(case, found.jacobian, twin, np.abs(twin).max())
    np.testing.assert_allclose(found.v, case.at(case.z).mean_at(times, v0), atol=1e-10)


def test_a_waveform_has_few_shapes():
    case = Case("board-1k-1n", Crossbar(4), "macro")
    times = np.linspace(0, 1e-5, 400)
    found = transient(case.circuit, times, np.full(4, 0.1), case.parameters.size)
    shapes = found.basis.shape[1]
    # Four cells and up to sixteen poles of amplifiers have two functions of time each, and there are no others.
    assert shapes <= 2 * 21 < len(times)
    np.testing.assert_allclose(found.basis.T @ found.basis, np.eye(shapes), atol=1e-12)
    # Products of the derivatives, which is all that a fit needs of them.
    J = found.jacobian.reshape(-1, case.parameters.size)
    short = found.coefficients.reshape(-1, case.parameters.size)
    np.testing.assert_allclose(short.T @ short, J.T @ J, atol=1e-12 * np.abs(J.T @ J).max())


@pytest.mark.parametrize("hold", [None, 1 / 16], ids=["white", "held"])
def test_records(case, hold):
    """White noise, and sources that keep their value for a sixteenth of tau; steps of which the last is longer."""
    rng, tau = np.random.default_rng(2), case.design.tau
    hold = hold if hold is None else hold * tau
    times = tau / 4 * np.append(np.arange(1, 13), 15.0)
    v0 = rng.uniform(-0.02, 0.02, case.topology.n)
    sigma = 0.1 * np.sqrt(np.diag(case.at(case.z).stationary_covariance()).mean())
    v = case.at(case.z).sample(times, rng, 1, v0[None])[0] + sigma * rng.standard_normal((len(times), case.topology.n))

    def twin(z):
        return filtered(case.at(z), times, v, v0, sigma, hold)

    found = innovations(case.circuit, times, v, v0, sigma, hold, case.parameters.size)
    u, scales = twin(case.z)
    np.testing.assert_allclose(found.u, u, atol=1e-5)
    assert found.log_scale == pytest.approx(np.log(scales).sum(), abs=1e-6)
    gradient = case.slopes(lambda z: np.array(log_likelihood(*twin(z))))
    # The log-likelihood's second derivatives are the information, up to 1e4: its third ones enter by h^2/6.
    scale = max(1.0, np.abs(gradient).max(), np.abs(found.information).max())
    agree(case, found.gradient, gradient, scale, 1e-5)


def test_the_information_of_a_record_is_the_covariance_of_its_gradient():
    """Fisher: over many records that the model itself makes, `cov(gradient) = information`."""
    case = Case("rlc-board-8", RLCGrid(1), "ideal")
    rng, tau, sigma = np.random.default_rng(3), case.design.tau, 1e-3
    times, v0 = tau * np.arange(1, 21) / 2, np.zeros(1)
    model, size, records = case.at(case.z), case.parameters.size, 200
    paths = model.sample(times, rng, records, v0) + sigma * rng.standard_normal((records, len(times), 1))
    found = [innovations(case.circuit, times, v, v0, sigma, None, size) for v in paths]
    gradients, expected = np.array([f.gradient for f in found]), np.mean([f.information for f in found], axis=0)
    scale = np.sqrt(np.diag(expected))
    assert np.abs(gradients.mean(axis=0) / scale).max() < 4.5 / np.sqrt(records)
    correlation = (gradients.T @ gradients / records - expected) / np.outer(scale, scale)
    # Entries of a sample covariance of unit variables scatter by at most sqrt(2/200) = 0.1.
    assert np.abs(correlation).max() < 4.5 * np.sqrt(2 / records)


@pytest.mark.parametrize("kind", ["response", "covariance", "record"])
def test_equal_rates(kind):
    """Identical cells without coupling: rates coincide, and divided differences are derivatives."""
    case = Case("board-1k-1n", RCMesh(3), "macro", equal=True)
    if kind == "response":
        _, slope = response(case.circuit, FREQUENCIES, case.parameters.size)
        twin = case.slopes(lambda z: case.at(z).transfer(FREQUENCIES))
    elif kind == "covariance":
        _, slope = covariance(case.circuit, case.parameters.size)
        twin = case.slopes(lambda z: case.at(z).stationary_covariance())
    else:
        rng, times, sigma = np.random.default_rng(4), 2.5e-7 * np.arange(1, 11), 1e-6
        v = case.at(case.z).sample(times, rng, 1, np.zeros(3))[0]
        slope = innovations(case.circuit, times, v, np.zeros(3), sigma, None, case.parameters.size).gradient
        twin = case.slopes(
            lambda z: np.array(log_likelihood(*filtered(case.at(z), times, v, np.zeros(3), sigma, None)))
        )
    np.testing.assert_allclose(slope, twin, atol=1e-4 * np.abs(twin).max())
