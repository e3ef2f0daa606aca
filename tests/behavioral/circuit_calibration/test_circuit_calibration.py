"""Elements of a circuit from measurements: truth within error bars, what is not identified, contradictions."""

import numpy as np
import pytest
from thermospice.behavioral.circuit_calibration import CircuitRecord, calibrate_circuit
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
