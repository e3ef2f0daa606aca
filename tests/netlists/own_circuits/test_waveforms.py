"""Transients under sources that change with time: ngspice beside the exact response."""

import numpy as np
import pytest
from thermospice.circuits.spice_files import parse_netlist, with_outputs
from thermospice.circuits.state_spaces import driven
from thermospice.netlists.own_circuits import CircuitRequest, simulate_circuit

# One of each kind; they meet in a ringing circuit that starts with a charge.
CIRCUIT = """four sources
V1 a 0 PULSE(0 1 1u 10n 20n 5u 12u)
V2 b 0 SIN(0.2 1 200k 2u 5e4 30)
V3 c 0 EXP(0 1 1u 2u 6u 3u)
I4 0 x PWL(0 0 1u 1m 3u -1m 8u 0.5m)
R1 a x 1k
R2 b x 1k
R3 c x 1k
C1 x 0 1n ic=0.2
L1 x y 1m
R4 y 0 2k
"""


def test_every_waveform_is_what_ngspice_makes_of_it():
    network = with_outputs(parse_netlist(CIRCUIT).network, ["x", "y"])
    result = simulate_circuit(network, CircuitRequest(analysis="tran"))
    assert result.passed, result.faults
    times, v = result.measurement["time"].values, result.measurement["v"].values
    # Five periods of the sine, unless something is slower.
    assert times[-1] >= 27e-6
    expected = driven(result.model.space, times)
    # Local errors of 3e-7 add up over some thousand steps.
    np.testing.assert_allclose(v, expected, atol=1e-3 * np.abs(expected).max())
    assert result.predicted == pytest.approx(expected[-1], rel=1e-9)


def test_initial_voltages_are_those_of_the_model():
    # Catches a model that starts from nothing: `.ic` was a fault of the simulator's.
    text = "t\nV1 in 0 dc 1 ac 1\nR1 in out 2k\nC1 out 0 2n\n.ic v(out)=0.2\n"
    result = simulate_circuit(with_outputs(parse_netlist(text).network, ["out"]), CircuitRequest(analysis="tran"))
    assert result.passed, result.faults
    assert result.measurement["v"].values[0] == pytest.approx(0.2, rel=1e-2)
