"""Two analyses of ngspice that must not be believed without a look: what `verify` does without, and why."""

import numpy as np
import pytest
from thermospice.circuits import Design, RLCGrid, random_program, state_space
from thermospice.netlists import Job, SimulationFailed, deck, find_ngspice
from thermospice.netlists.simulators import read_raw, run_deck

DIVIDER = [".title two readouts", "V0 in 0 dc 1", "R1 in a 1e3", "R2 a b 2e3", "R3 b 0 1e3"]
ANALYSIS = (".save", ".op", ".print", ".end")


def plots(lines):
    return read_raw(run_deck("\n".join([*lines, ".end", ""]), find_ngspice()).raw)


def test_a_sensitivity_is_that_of_the_divider():
    (plot,) = plots([*DIVIDER, ".sens v(a)"])
    # v(a) = (R2 + R3)/(R1 + R2 + R3); ngspice perturbs by 1e-6 and subtracts, which leaves some 1e-9 of it.
    found = [float(plot[f"v(r{k})"][0]) for k in (1, 2, 3)]
    np.testing.assert_allclose(found, np.array([-3e3, 1e3, 1e3]) / 4e3**2, rtol=1e-5)


def test_two_sensitivities_in_one_process_are_never_half_an_answer():
    """ngspice 39 corrupts its memory in the second `.sens` and is aborted: `verify` takes a process for each."""
    lines = [*DIVIDER, ".sens v(a)", ".sens v(b)"]
    if find_ngspice().version == 39:
        with pytest.raises(SimulationFailed, match="was killed"):
            plots(lines)
        return
    # v(b) = R3/(R1 + R2 + R3).
    expected = np.array([[-3e3, 1e3, 1e3], [-1e3, -1e3, 3e3]]) / 4e3**2
    found = [[float(plot[f"v(r{k})"][0]) for k in (1, 2, 3)] for plot in plots(lines)]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize(("cells", "right"), [(3, True), (4, False)])
def test_poles_of_coupled_inductors_and_capacitors_are_wrong_from_four_cells_on(cells, right):
    """Without a word of warning: `verify` fits a grid's poles to its responses instead."""
    if find_ngspice().version != 39:
        pytest.skip("seen in ngspice 39")
    chip = Design.preset("rlc-board-8").nominal(RLCGrid(cells))
    program = random_program(RLCGrid(cells), np.random.default_rng(0))
    circuit = [line for line in deck(Job(chip, program, "op", "ideal")).splitlines() if not line.startswith(ANALYSIS)]
    (node, *_) = chip.network(program, "ideal").outputs
    (plot,) = plots([*circuit, f".pz {node} 0 {node} 0 cur pol"])
    found, poles = plot.values[0].astype(complex), state_space(chip.network(program, "ideal")).poles
    assert len(found) == len(poles) == 2 * cells
    error = max(np.abs(found - pole).min() / abs(pole) for pole in poles)
    assert error < 1e-9 if right else error > 1
