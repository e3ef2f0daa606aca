"""The matrix that a crossbar realises, in closed form, against the general elimination of its circuit."""

from dataclasses import replace

import numpy as np
import pytest
from thermospice.circuits import Crossbar, Design, Network, Scaling, random_program, state_space
from thermospice.circuits.loaded_chips import realised_eigenvalues
from thermospice.circuits.networks import OpAmp, Resistor


def by_elimination(network: Network) -> np.ndarray:
    perfect = tuple(replace(e, model=None) if isinstance(e, OpAmp) else e for e in network.elements)
    return -state_space(replace(network, elements=perfect), noisy=False).poles


LEAKS = [None, ("vg1", "0"), ("vg0", "vg1"), ("vg1", "out2"), ("out0", "0")]


@pytest.mark.parametrize(
    ("level", "leak"),
    # an ideal inverter has no virtual ground
    [*(("ideal", leak) for leak in LEAKS), *(("macro", leak) for leak in (*LEAKS, ("i0_vg", "0")))],
)
def test_a_crossbar_realises_what_its_circuit_says(level, leak, rng):
    """Catches a row, a rail's sign or gain, and a leak that is passed over, in every place where a bench has one."""
    topology = Crossbar(4)
    chip = Design.preset("board-1k-1n").sample(topology, rng)
    scaling = Scaling(0.5)
    network = chip.network(random_program(topology, rng, symmetric=False), level, scaling)
    if leak is not None:
        assert leak[0] in network.nodes
        network = replace(network, elements=(*network.elements, Resistor("leak", *leak, 2e3)))
    expected = by_elimination(network) * chip.design.tau / scaling.conductance
    found = realised_eigenvalues(chip, network, scaling)
    np.testing.assert_allclose(np.sort_complex(found), np.sort_complex(expected), rtol=1e-9, atol=1e-9)
