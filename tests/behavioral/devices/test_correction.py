"""Pre-correction of drives and answers: exact for a known chip, and in SPICE for a calibrated one."""

import numpy as np
import pytest
from thermospice.behavioral import Correction, DeviceModel, calibrate
from thermospice.circuits import (
    Cascade,
    Crossbar,
    Design,
    DifferentialRCMesh,
    Program,
    RCMesh,
    RLCGrid,
    Scaling,
    choose_scaling,
    random_program,
)
from thermospice.measurements import digitise
from thermospice.netlists import simulate

KINDS = [Crossbar(3), RCMesh(3), DifferentialRCMesh(3), Cascade(3, 2)]


def relative(v, x):
    return float(np.linalg.norm(v - x) / np.linalg.norm(x))


@pytest.mark.parametrize("topology", KINDS, ids=lambda t: t.name)
def test_a_chip_that_is_known_is_corrected_to_rounding(board, topology):
    rng = np.random.default_rng(1)
    model = DeviceModel.nominal(board.sample(topology, rng))
    program = random_program(topology, rng)
    correction = Correction.of(model, program)
    before = model.response(program, correction.scaling)
    after = model.response(correction.program(program), correction.scaling)
    assert relative(before.solution, program.solution) > 1e-3
    # Condition numbers of 10, twice, times rounding of the circuit's own solution (conductances over 6 decades).
    assert relative(after.solution, program.solution) < 1e-9
    assert relative(correction.answer(before.settled), program.solution) < 1e-9
    # One correction serves every drive, many answers at once.
    other = Program(program.A, rng.uniform(-1, 1, 3)) if program.factors is None else program
    v = model.response(other, correction.scaling).settled
    assert relative(correction.answer(np.array([v, v]))[1], other.solution) < 1e-9


def test_a_perfect_chip_needs_none():
    design = Design.preset("ideal")
    model = DeviceModel.nominal(design.nominal(Crossbar(3)), "ideal")
    program = random_program(Crossbar(3), np.random.default_rng(2))
    correction = Correction.of(model, program, Scaling(1.0, 0.5))
    np.testing.assert_allclose(correction.gain, np.linalg.inv(program.A), rtol=1e-10)
    np.testing.assert_allclose(correction.offset, 0.0, atol=1e-15)
    np.testing.assert_allclose(correction.drive(program.b), program.b, rtol=1e-10)


def test_the_error_in_spice_falls_by_the_calibration(board, measure):
    """Calibrated on 12-bit readouts; the program and the chip's answer in ngspice are new."""
    rng, topology = np.random.default_rng(3), Crossbar(3)
    chip = board.sample(topology, rng)
    times = np.geomspace(0.25e-6, 5e-5, 200)
    programs = [random_program(topology, rng) for _ in range(9)]
    model = calibrate([digitise(measure(chip, p, times=times), board.converters, rng) for p in programs])
    before, after, read = [], [], []
    for _ in range(3):
        program = random_program(topology, rng)
        scaling = choose_scaling(board.nominal(topology), program)
        correction = Correction.of(model, program, scaling)
        v = simulate(chip, program, "op", scaling=scaling)["v"].values
        w = simulate(chip, correction.program(program), "op", scaling=scaling)["v"].values
        before.append(relative(v / scaling.drive, program.solution))
        after.append(relative(w / scaling.drive, program.solution))
        read.append(relative(correction.answer(v), program.solution))
    # 1 % resistors make 1 % errors and more; what the calibration leaves of them is some 1e-4.
    assert min(before) > 5e-3
    assert max(after) < 1.5e-3
    assert max(read) < 1.5e-3
    assert np.mean(after) < np.mean(before) / 10


def test_what_it_cannot_correct_is_refused(board):
    grid = Design.preset("rlc-board-8").nominal(RLCGrid(2))
    with pytest.raises(ValueError, match="answers by its covariance"):
        Correction.of(DeviceModel.nominal(grid, "ideal"), random_program(RLCGrid(2), np.random.default_rng(0)))
    model = DeviceModel.nominal(board.nominal(Crossbar(2)))
    correction = Correction.of(model, Program(np.eye(2), [1.0, 0.0]))
    with pytest.raises(ValueError, match="matrix that the correction is made for"):
        correction.program(Program(2 * np.eye(2), [1.0, 0.0]))
