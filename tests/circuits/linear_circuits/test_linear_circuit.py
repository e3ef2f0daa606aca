"""Responses, noise by contributor and covariances of circuits, against closed forms and the slower ways."""

import numpy as np
import pytest
import scipy.integrate
from thermospice.circuits.linear_circuits import (
    InfiniteVarianceError,
    LinearCircuit,
    OutputError,
    observed,
    scaled,
    sensitivities,
)
from thermospice.circuits.networks import BOLTZMANN, Network
from thermospice.circuits.spice_files import parse_netlist

KELVIN = 300.15


def circuit(text: str, outputs: str) -> LinearCircuit:
    found = observed(parse_netlist(f"title\n{text}\n.end\n").network, outputs)
    return LinearCircuit.of(found.network, found.labels)


BRIDGE = """
V1 in 0 dc 1
R1 in a 1k
R2 a b 2k
R3 b 0 3k
C1 a 0 1n
C2 b 0 2n
L1 b c 1m
R4 c 0 500
"""


def test_equipartition_whatever_the_resistors():
    # Catches a density that is one-sided where a two-sided one is meant, and a boltzmann of another circuit.
    found = circuit(BRIDGE, "a,b,i(l1)").covariance()
    kT = BOLTZMANN * KELVIN
    assert np.diag(found) == pytest.approx([kT / 1e-9, kT / 2e-9, kT / 1e-3], rel=1e-9)
    assert found[0, 1] == pytest.approx(0.0, abs=1e-9 * found[0, 0])


@pytest.mark.parametrize("band", [(1e2, 1e4), (1e4, 3e5), (1.0, 1e9)])
def test_a_band_in_closed_form_is_the_integral_of_the_spectra(band):
    # Catches an angle of the arctangent that is continued to the wrong side for complex poles.
    found = circuit(BRIDGE, "a,b,a-b")
    f = np.geomspace(*band, 2_001)
    integral = scipy.integrate.simpson(found.cross_spectra(f).real * f[:, None, None], np.log(f), axis=0)
    assert found.covariance(band) == pytest.approx(integral, rel=1e-6, abs=1e-9 * integral.max())


@pytest.mark.parametrize("band", [None, (1e3, 1e5)])
def test_contributions_add_up_to_the_variance(band):
    found = circuit(BRIDGE, "a,b")
    parts = found.variances(band)
    assert parts.sum(axis=1) == pytest.approx(np.diag(found.covariance(band)), rel=1e-9)
    assert set(found.contributors) == {"r1", "r2", "r3", "r4"}


def test_contributions_of_the_spectrum_are_those_of_the_variance():
    # Catches a contributor that is given another one's part.
    found = circuit(BRIDGE, "a")
    f = np.geomspace(1.0, 1e9, 2_001)
    parts = scipy.integrate.simpson(found.contributions(f) * f[:, None, None], np.log(f), axis=0)
    assert found.variances() == pytest.approx(parts, rel=1e-4)


def test_transfer_functions_are_those_of_the_textbook():
    # Sallen and Key's low pass of unit gain, equal resistors: 1/(1 + 2 s R C2 + s^2 R^2 C1 C2).
    text = "V1 in 0 dc 0\nR1 in a 10k\nR2 a b 10k\nC1 a out 20n\nC2 b 0 5n\nE1 out 0 b out 1e9"
    f = np.array([10.0, 1e3, 1e5])
    s = 2j * np.pi * f
    expected = 1 / (1 + 2 * s * 1e4 * 5e-9 + s**2 * 1e8 * 20e-9 * 5e-9)
    assert circuit(text, "out").transfer(f)[:, 0, 0] == pytest.approx(expected, rel=1e-6)


def test_the_response_of_each_source_by_itself():
    found = circuit("V1 a 0 1\nV2 b 0 2\nR1 a c 1k\nR2 b c 3k\nC1 c 0 1n", "c")
    assert found.inputs == ("v1", "v2")
    assert found.transfer(np.array([0.0]))[0, 0] == pytest.approx([0.75, 0.25])
    assert found.settled == pytest.approx([1.25])


def test_an_output_on_a_source_has_no_noise():
    assert circuit("V1 in 0 1\nR1 in a 1k\nC1 a 0 1n", "in,a").covariance()[0] == pytest.approx([0.0, 0.0], abs=1e-30)


def test_a_static_circuit_has_white_noise_and_a_band():
    found = circuit("V1 in 0 1\nR1 in a 1k\nR2 a 0 1k", "a")
    assert len(found.poles) == 0
    with pytest.raises(InfiniteVarianceError, match="band"):
        found.covariance()
    assert found.covariance((10.0, 1010.0)) == pytest.approx(4 * BOLTZMANN * KELVIN * 500 * 1000, rel=1e-9)


def test_an_integrator_has_a_variance_within_a_band_alone():
    # Noise current of 1 kohm into 1 nF: density 4kT/R/(2 pi f C)^2.
    found = circuit("R1 x 0 1k\nG1 0 a x 0 1m\nC1 a 0 1n", "a")
    assert found.stability.verdict == "marginal"
    with pytest.raises(InfiniteVarianceError, match="marginal"):
        found.covariance()
    density = 4 * BOLTZMANN * KELVIN * 1e3 * 1e-6 / (2 * np.pi * 1e-9) ** 2
    assert found.covariance((100.0, 1e3)) == pytest.approx(density * (1 / 100 - 1 / 1e3), rel=1e-7)


def test_an_unstable_circuit_says_so_with_its_pole():
    found = circuit("R1 a 0 1k\nC1 a 0 1n\nG1 0 a a 0 2m", "a").stability
    assert found.verdict == "unstable"
    assert found.pole == pytest.approx(1e6)
    assert "unstable" in found.sentence


def test_sensitivities_of_a_circuit_to_all_its_resistors_and_capacitors():
    # All resistors grown by a part slow a pole down by it, and so do all capacitors; kT/C forgets the resistors.
    found = sensitivities(circuit("V1 in 0 1\nR1 in a 1k\nR2 a b 2k\nR3 b 0 3k\nC1 a 0 1n\nC2 b 0 2n", "a,b"))
    rows = {name: k for k, name in enumerate(found.elements)}
    poles = circuit("V1 in 0 1\nR1 in a 1k\nR2 a b 2k\nR3 b 0 3k\nC1 a 0 1n\nC2 b 0 2n", "a,b").poles
    for kind in ("r", "c"):
        total = sum(found.poles[k] for name, k in rows.items() if name.startswith(kind))
        assert total == pytest.approx(-poles, rel=1e-6)
    assert found.rms is not None
    assert found.rms[rows["r2"]] == pytest.approx([0.0, 0.0], abs=1e-12)
    assert found.settled[rows["v1"]] == pytest.approx([5 / 6, 0.5], rel=1e-6)


def test_values_are_scaled_by_name():
    network: Network = parse_netlist("t\nR1 a 0 1k\nC1 a 0 1n\n.end\n").network
    assert scaled(network, {"r1": 2.0}).elements[0].resistance == 2000.0
    with pytest.raises(KeyError, match="r7"):
        scaled(network, {"r7": 2.0})


@pytest.mark.parametrize(
    ("outputs", "words"),
    [("nope", "nope"), ("0", "zero"), ("a,a", "twice"), ("", "expected"), ("a-a", "zero"), ("i(c1)", "i(c1)")],
)
def test_outputs_that_there_are_not(outputs, words):
    with pytest.raises(OutputError, match=words.replace("(", r"\(").replace(")", r"\)")):
        circuit("R1 a 0 1k\nC1 a 0 1n", outputs)


def test_a_difference_of_nodes_whose_names_have_a_minus_sign():
    found = circuit("V1 net-1 0 3\nR1 net-1 x 1k\nR2 x 0 2k", "net-1-x, v(x,net-1), V(X)")
    assert found.settled == pytest.approx([1.0, -1.0, 2.0])
    assert found.labels == ("net-1-x", "v(x,net-1)", "V(X)")


def test_coupled_inductors_and_loops_of_capacitors_in_both_ways():
    # Catches a storage element that the state space has and the nodal equations lack.
    text = "V1 in 0 0\nR1 in p 50\nL1 p 0 1m\nL2 s 0 4m\nK1 L1 L2 0.9\nR2 s 0 200\nC1 s 0 1n\nC2 s p 2n\nC3 p 0 3n"
    found = circuit(text, "s,p")
    space, f = found.space, 1e5
    s = np.linalg.solve(2j * np.pi * f * space.C + space.G, found.paths.inflow)
    bare = found.pencil.read_by(2j * np.pi * f).T @ found.pencil.noise_entries
    assert space.M @ s + found.paths.direct == pytest.approx(bare, rel=1e-9)
