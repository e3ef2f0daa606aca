"""Elements of a circuit from measurements: truth within error bars, what is not identified, contradictions."""

import numpy as np
import pytest
from thermospice.behavioral.circuit_calibration import CircuitRecord, calibrate_circuit, further_experiments
from thermospice.circuits.linear_circuits import LinearCircuit, observed
from thermospice.circuits.spice_files import parse_netlist
from thermospice.circuits.tolerances import Tolerance, Tolerances

CIRCUIT = observed(
    parse_netlist("t\nV1 in 0 1\nR1 in a 1k\nR2 a b 2k\nR3 b 0 3k\nC1 a 0 1n\nC2 b 0 2n\n.end\n").network, "a,b"
)
TOLERANCES = Tolerances({"R*": Tolerance(sigma=0.02), "C*": Tolerance(sigma=0.05)})
F = np.geomspace(1e4, 1e6, 6)


def _response(circuit):
    found = circuit.transfer(F)[:, :, 0]
    return np.concatenate([found.real.ravel(), found.imag.ravel()])


def _op(circuit):
    return circuit.settled


def record(analysis, predict, chip, sd, rng):
    values = predict(LinearCircuit.of(chip, CIRCUIT.labels))
    return CircuitRecord(analysis, values, np.full(len(values), sd), predict).with_errors(rng)


@pytest.mark.slow
def test_truth_lies_within_the_error_bars():
    # 24 chips of five elements, whitened by their covariance (their common scale is seen by nothing, so that plain z
    # scores of a chip are nearly one number): 120 squares of standard normals have a mean of 1 +- sqrt(2/120) = 0.13;
    # four times that.
    squares = []
    for seed in range(24):
        chip = TOLERANCES.drawn(CIRCUIT.network, seed)
        rng = np.random.default_rng([seed, 1])
        found = calibrate_circuit(CIRCUIT, TOLERANCES, [record("ac", _response, chip, 1e-3, rng)])
        truth = np.array([TOLERANCES.factors(CIRCUIT.network, seed)[name] for name in found.names])
        away = np.log1p(found.deviations) - np.log(truth)
        squares.append(away @ np.linalg.solve(found.covariance, away) / len(away))
        assert not found.contradicted
    assert np.mean(squares) == pytest.approx(1.0, abs=0.52)


def test_what_an_operating_point_does_not_tell_keeps_its_tolerance():
    chip = TOLERANCES.drawn(CIRCUIT.network, 3)
    found = calibrate_circuit(CIRCUIT, TOLERANCES, [record("op", _op, chip, 1e-5, np.random.default_rng(0))])
    errors = dict(zip(found.names, found.errors, strict=True))
    assert errors["c1"] == pytest.approx(0.05, rel=1e-6)
    assert not found.identified[found.names.index("c1")]
    # Two ratios of three resistors are seen, their common scale is not.
    assert errors["r1"] > 0.2 * 0.02


def test_a_circuit_that_is_another_one_is_contradicted():
    chip = TOLERANCES.drawn(CIRCUIT.network, 3)
    other = observed(parse_netlist("t\nV1 in 0 1\nR1 in a 1k\nR2 a b 2k\nR3 b 0 3k\nC1 a 0 1n\n.end\n").network, "a,b")
    wrong = record("ac", _response, other.network, 1e-3, np.random.default_rng(0))
    assert calibrate_circuit(CIRCUIT, TOLERANCES, [wrong]).contradicted
    right = record("ac", _response, chip, 1e-3, np.random.default_rng(0))
    assert not calibrate_circuit(CIRCUIT, TOLERANCES, [right]).contradicted


def test_nothing_to_infer_is_refused():
    with pytest.raises(ValueError, match="tolerance"):
        calibrate_circuit(CIRCUIT, Tolerances({}), [])


def test_the_record_that_would_tell_a_capacitor_is_a_step_and_tells_as_much_as_the_closed_form_says():
    # v = 1 - exp(-t/RC) has the derivative -(t/RC) exp(-t/RC) by the logarithm of C; a reading errs by a thousandth of
    # the largest. Catches information that is counted by half, or a tolerance that is left out.
    circuit = observed(parse_netlist("t\nV1 in 0 1\nR1 in a 1k\nC1 a 0 1n\n.end\n").network, "a")
    values = LinearCircuit.of(circuit.network, circuit.labels).settled
    settled = CircuitRecord("op", values, np.full(1, 1e-3), _op)
    found = calibrate_circuit(circuit, Tolerances({"C1": Tolerance(sigma=0.05)}), [settled])
    (advice,) = further_experiments(found, circuit)
    assert advice.element == "c1"
    assert advice.error == pytest.approx(0.05)
    assert advice.record is not None
    assert advice.record.startswith("a step seen at a")
    t = np.linspace(0.0, 5.0, 41)[1:]
    sigma = 1e-3 * (1 - np.exp(-5.0))
    assert advice.then == pytest.approx((0.05**-2 + np.sum((t * np.exp(-t) / sigma) ** 2)) ** -0.5, rel=1e-6)


def test_an_element_beyond_its_tolerance_contradicts_even_where_everything_fits():
    # Catches a verdict by residuals alone: one resistor 5 % off leaves none, and 400 good values hide its prior.
    circuit = observed(parse_netlist("t\nV1 in 0 1\nR1 in a 1k\nC1 a 0 1n\n.end\n").network, "a")
    other = observed(parse_netlist("t\nV1 in 0 1\nR1 in a 1.05k\nC1 a 0 1n\n.end\n").network, "a")
    rng = np.random.default_rng(0)
    seen = LinearCircuit.of(other.network, other.labels)
    wave = CircuitRecord("ac", _response(seen), np.full(12, 1e-4), _response).with_errors(rng)
    assert calibrate_circuit(circuit, Tolerances({"R1": Tolerance(sigma=0.01)}), [wave]).verdict.contradicted
    assert not calibrate_circuit(circuit, Tolerances({"R1": Tolerance(sigma=0.05)}), [wave]).verdict.contradicted
