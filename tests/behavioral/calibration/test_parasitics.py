"""Leaks, stray capacitances and noisier cells: in SPICE as in the model, in files, and left out as an effect."""

from dataclasses import replace

import numpy as np
import pytest
from thermospice.behavioral import DeviceModel, Effects, compare
from thermospice.circuits import (
    Cascade,
    Crossbar,
    DesignError,
    DifferentialRCMesh,
    Instance,
    Program,
    RCMesh,
    choose_scaling,
    random_program,
)
from thermospice.circuits.networks import Parasitics, leak_sites, stray_sites
from thermospice.netlists import simulate

KINDS = [Crossbar(2), RCMesh(2), DifferentialRCMesh(2), Cascade(2)]


def spoiled(board, topology, rng):
    """A chip with something at every place, and a program for it."""
    chip, program = board.sample(topology, rng), random_program(topology, rng)
    network = chip.network(program)
    leak = {site: rng.uniform(0.2, 1) * 1e-4 for site in leak_sites(network)}
    stray = {site: rng.uniform(0.2, 1) * 1e-11 for site in stray_sites(network)}
    return replace(chip, parasitics=Parasitics(leak, stray, {0: 3.0, 1: 0.5})), program


@pytest.mark.parametrize("topology", KINDS, ids=lambda t: t.name)
@pytest.mark.parametrize("analysis", ["tran", "ac", "noise"])
def test_spice_and_the_model_have_the_same_parasitics(board, topology, analysis):
    # Catches an element that only one of the faces has, and a noise factor that is a root or a square of itself.
    chip, program = spoiled(board, topology, np.random.default_rng(1))
    measured = simulate(chip, program, analysis, scaling=choose_scaling(chip, program))
    found = compare(measured, DeviceModel.nominal(chip))
    # ngspice's own error, as in the fidelity table.
    assert found.value < 1e-4
    without = compare(measured, DeviceModel.nominal(replace(chip, parasitics=Parasitics())))
    assert without.value > 1e-3


def test_a_leak_across_the_capacitor_adds_to_the_diagonal(board):
    ideal = board.nominal(Crossbar(2))
    program = Program([[1.0, 0.2], [0.1, 0.8]], [0.3, -0.1])
    leaks = Parasitics({("vg0", "out0"): 1e-2 / board.R0, ("vg1", "out1"): 1e-2 / board.R0})
    v = DeviceModel.nominal(replace(ideal, parasitics=leaks), "ideal").response(program).solution
    np.testing.assert_allclose(v, np.linalg.solve(program.A + 1e-2 * np.eye(2), program.b), rtol=1e-9)


def test_noise_of_one_cell_is_that_cells_own(board):
    # Without couplings, and followers that add next to nothing: kT/C of each cell by its own factor.
    chip = replace(board.nominal(RCMesh(2)), parasitics=Parasitics(noise={0: 4.0}))
    program = Program(np.eye(2), np.zeros(2))
    P = np.diag(DeviceModel.nominal(chip, "ideal").response(program).stationary_covariance())
    np.testing.assert_allclose(P[0] / P[1], 4.0, rtol=1e-9)


def test_a_chip_without_parasitics_keeps_its_file_and_its_digest(board, tmp_path):
    chip = board.sample(Crossbar(2), np.random.default_rng(2))
    assert "parasitics" not in chip.to_dict()
    spoiled_chip, _ = spoiled(board, Crossbar(2), np.random.default_rng(2))
    assert spoiled_chip.digest != replace(spoiled_chip, parasitics=Parasitics()).digest
    spoiled_chip.save(tmp_path / "chip.json")
    again = Instance.load(tmp_path / "chip.json")
    assert again.digest == spoiled_chip.digest
    assert again.parasitics == spoiled_chip.parasitics
    # Nothing that makes another chip of it drops them.
    assert spoiled_chip.at(3.0).parasitics == spoiled_chip.parasitics
    assert spoiled_chip.replace_errors(offset=np.zeros(2)).parasitics == spoiled_chip.parasitics
    model = DeviceModel.nominal(spoiled_chip)
    assert not model.with_effects(Effects(parasitics=False)).instance.parasitics


def test_a_file_with_one_node_is_refused(board):
    chip, _ = spoiled(board, Crossbar(2), np.random.default_rng(2))
    data = chip.to_dict()
    data["parasitics"]["leak"][0]["between"] = ["vg0"]
    with pytest.raises(DesignError, match="two names of nodes"):
        Instance.from_dict(data)


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"leak": {("vg0", "0"): -1e-5}}, "above zero"),
        ({"capacitance": {("vg0", "0"): np.inf}}, "finite"),
        ({"leak": {("VG 0", "0"): 1e-5}}, "names of nodes"),
        ({"noise": {-1: 2.0}}, "number of a cell"),
    ],
)
def test_values_that_no_circuit_has_are_refused(parts, reason):
    with pytest.raises(DesignError, match=reason):
        Parasitics(**parts)
