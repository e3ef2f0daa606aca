"""Circuits whose capacitors and inductors do not all carry a state: loops, cutsets, nodes that float."""

import numpy as np
import pytest
from thermospice.circuits import CircuitError, state_space
from thermospice.circuits.linear_circuits import LinearCircuit
from thermospice.circuits.spice_files import parse_netlist, with_outputs

S = 2j * np.pi * 1e3
R = 1e3
CASES = {
    "capacitor across a source": ("V1 a 0 dc 5 ac 1\nC0 a 0 1u\nR1 a o 1k\nC1 o 0 1u", 1 / (1 + S * 1e-3), 1),
    "capacitive divider": ("V1 a 0 dc 5 ac 1\nC0 a o 1u\nC1 o 0 3u\nR1 o 0 1k", S * 1e-3 / (1 + S * 4e-3), 1),
    "nothing but capacitors": ("V1 a 0 ac 1\nC0 a o 1u\nC1 o 0 3u", 0.25, 0),
    "a node between two capacitors": ("V1 a 0 ac 1\nR1 a b 1k\nC0 b o 1u\nC1 o 0 3u", 0.25 / (1 + S * 0.75e-3), 1),
    "inductors in series": ("V1 a 0 ac 1\nL1 a b 1m\nL2 b o 2m\nR1 o 0 1k", 1 / (1 + S * 3e-6), 1),
    "inductors in parallel": (
        "V1 a 0 ac 1\nR1 a o 1k\nL1 o 0 1m\nL2 o 0 2m\nC1 o 0 1u", 1 / (1 + 1e3 * (S * 1e-6 + 1.5e3 / S)), 2
    ),
    "an inductor behind a current source": ("I1 0 a ac 1\nL1 a o 1m\nR1 o 0 1k", 1e3, 0),
    "a load at an ideal output": (
        "V1 a 0 ac 1\nE1 x 0 a 0 10\nC1 x 0 1u\nR2 x o 1k\nC2 o 0 1n", 10 / (1 + S * 1e-6), 1,
    ),
    "resistors alone": ("V1 a 0 ac 1\nR1 a o 1k\nR2 o 0 1k", 0.5, 0),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_response_and_number_of_states(name):
    # Catches a capacitor whose current is lost, and one that is kept as a state beside the source that holds it.
    text, expected, states = CASES[name]
    network = with_outputs(parse_netlist("t\n" + text).network, ["o"])
    space = state_space(network)
    assert len(space.C) == states
    np.testing.assert_allclose(space.response(np.array([1e3]))[0, 0], expected, rtol=1e-9)
    whole = LinearCircuit.of(network).transfer(np.array([1e3]))[0, 0, 0]
    np.testing.assert_allclose(whole, expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("V1 o 0 1\nV2 o 0 2\nR1 o 0 1", "loop of voltage sources.*v1, v2"),
        ("V1 o 0 1\nR1 o 0 1\nI1 0 c 1", "nothing holds node c"),
        ("I1 0 o ac 1\nL1 o b 1m\nR1 b 0 1k", "derivative of a source"),
        ("V1 o 0 1\nL1 o 0 1m", "no operating point"),
        ("I1 0 o 1m\nC1 o 0 1u", "no operating point"),
    ],
)
def test_what_has_no_such_equations_is_refused_by_name(text, reason):
    network = with_outputs(parse_netlist("t\n" + text).network, ["o"])
    with pytest.raises(CircuitError, match=reason):
        assert state_space(network).settled is None
