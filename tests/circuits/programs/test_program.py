"""Programs: what fits, and the reason when one does not."""

from dataclasses import replace

import numpy as np
import pytest
from thermospice.circuits import (
    Cascade,
    Crossbar,
    Design,
    DifferentialRCMesh,
    Program,
    ProgramError,
    RCMesh,
    RLCGrid,
    choose_scaling,
    random_program,
    state_space,
)
from thermospice.circuits.networks import OpAmp


@pytest.mark.parametrize(
    ("A", "b", "reason"),
    [
        ([[1.0, 0.0]], [1.0], "square"),
        (np.zeros((0, 0)), [], "square"),
        ([[1.0, 0.0], [0.0]], [1.0, 1.0], "ragged"),
        ([[1.0]], [1.0, 2.0], "expected 1 values"),
        ([[np.nan]], [1.0], r"nan at index \(0, 0\)"),
        ([[1.0]], [np.inf], "inf at index"),
        ([[1j]], [1.0], "real numbers"),
        ([["a"]], [1.0], "real numbers"),
        ([[-1.0]], [1.0], "smallest real part is -1"),
        ([[1.0, 1.0], [1.0, 1.0]], [1.0, 1.0], "positive real part"),
        ([[0.0, -1.0], [1.0, 0.0]], [1.0, 1.0], "positive real part"),
    ],
)
def test_unusable_programs_say_why(A, b, reason):
    with pytest.raises(ProgramError, match=reason):
        Program(A, b)


def test_programs_do_not_share_or_change_their_input():
    A = np.eye(2)
    program = Program(A, [1.0, 2.0])
    A[0, 0] = 7
    assert program.A[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        program.A[0, 0] = 2


@pytest.mark.parametrize(
    ("A", "reason"),
    [
        ([[2.0, 0.5], [0.5, 2.0]], r"A\[0, 1\] = 0.5 is positive"),
        ([[2.0, -1.0], [-0.5, 2.0]], r"A\[0, 1\] = -1 but A\[1, 0\] = -0.5"),
        ([[1.0, -1.5], [-1.5, 9.0]], r"A\[0, 0\] = 1 is less than .* 1.5"),
    ],
)
def test_mesh_names_the_entry_that_it_cannot_realise(A, reason):
    with pytest.raises(ProgramError, match=reason):
        RCMesh(2).check(Program(A, [1.0, 1.0]))


def test_size_must_match_the_chip():
    for topology in (RCMesh(3), Crossbar(3)):
        with pytest.raises(ProgramError, match="expected a program of 3 variables"):
            topology.check(Program(np.eye(2), np.ones(2)))


@pytest.mark.parametrize(
    "topology",
    [
        Crossbar(1),
        Crossbar(7),
        RCMesh(1),
        RCMesh(7),
        RLCGrid(7),
        DifferentialRCMesh(2),
        Cascade(7),
        Cascade(7, 3),
        Cascade(3, 7),
    ],
)
@pytest.mark.parametrize("condition", [1.0, 100.0])
def test_random_programs_have_their_spectrum(topology, condition):
    program = random_program(topology, np.random.default_rng(5), condition)
    values = np.linalg.eigvalsh(program.A)
    assert values[-1] == pytest.approx(1, rel=1e-12)
    if topology.n > 1:
        # Rounding of the eigenvalues is relative to the largest one.
        assert values[0] == pytest.approx(1 / condition, rel=1e-10)
    topology.check(program)


@pytest.mark.parametrize("factor", [1.0, 40.0, 1e4])
def test_scaling_keeps_the_device_stable_and_within_its_rails(factor):
    design = Design.preset("board-1k-1n")
    rng = np.random.default_rng(8)
    program = random_program(Crossbar(6), rng, condition=100.0)
    program = Program(factor * program.A, 30 * factor * program.b)
    instance = design.sample(Crossbar(6), rng)
    scaling = choose_scaling(instance, program)
    network = instance.network(program, scaling=scaling)
    poles = [f"{e.name}_p" for e in network.elements if isinstance(e, OpAmp)]
    space = state_space(replace(network, outputs=(*network.outputs, *poles)))
    assert (space.poles.real < 0).all()
    # Powers of two: the largest that fits uses more than a quarter of the rails, at the pole nodes, which are what
    # the rails hold: outputs are lower by what the output resistance takes.
    assert 1.22 < np.abs(space.settled).max() <= 2.45 or scaling.drive == 1
    fastest = scaling.conductance * np.abs(program.A).sum(axis=1).max() / design.tau
    assert fastest <= 2 * np.pi * design.amplifier.gain_bandwidth / 20


def test_ideal_level_is_never_scaled():
    program = Program([[1e6]], [1e9])
    scaling = choose_scaling(Design.preset("ideal").nominal(Crossbar(1)), program, "ideal")
    assert (scaling.conductance, scaling.drive) == (1.0, 1.0)


@pytest.mark.parametrize("factor", [1e-2, 1e-6, 1e-9])
@pytest.mark.parametrize("level", ["ideal", "macro"])
def test_small_matrices_are_scaled_up(factor, level):
    # An amplifier's finite gain errs by one over gain and entry: a small matrix must not reach the chip as it is.
    program = random_program(Crossbar(4), np.random.default_rng(3))
    small = Program(factor * program.A, factor * program.b)
    instance = Design.preset("board-1k-1n").nominal(Crossbar(4))
    scaling = choose_scaling(instance, small, level)
    assert 0.5 < scaling.conductance * np.abs(small.A).max() <= 1
    settled = state_space(instance.network(small, level, scaling)).settled / scaling.drive
    np.testing.assert_allclose(settled, program.solution, rtol=0, atol=1e-4 * np.abs(program.solution).max())
