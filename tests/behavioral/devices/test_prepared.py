"""Many right-hand sides on one loaded chip."""

import numpy as np
import pytest
from thermospice.behavioral import ClippedError, DeviceModel
from thermospice.circuits import Cascade, Crossbar, DifferentialRCMesh, Program, RCMesh, Scaling, random_program

KINDS = [
    (Crossbar(3), "macro"),
    (Crossbar(3), "ideal"),
    (Cascade(3, 2), "macro"),
    (RCMesh(3), "macro"),
    (DifferentialRCMesh(3), "macro"),
]


@pytest.mark.parametrize(("topology", "level"), KINDS, ids=lambda x: getattr(x, "name", x))
def test_equals_the_response_to_each_drive(board, topology, level):
    program = random_program(topology, np.random.default_rng(0))
    model = DeviceModel.nominal(board.sample(topology, np.random.default_rng(1)), level)
    scaling = Scaling(0.5, 0.25)
    prepared, drives = model.prepared(program, scaling), np.random.default_rng(2).uniform(-1, 1, (4, 3))
    answers = prepared.answers(drives)
    for b, answer in zip(drives, answers, strict=True):
        program_b = Program(program.A, b) if program.factors is None else Program.from_factors(*program.factors, b)
        np.testing.assert_allclose(answer, model.response(program_b, scaling).solution, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(prepared.answers(drives[1]), answers[1], rtol=1e-14)


def test_no_drive_leaves_the_offsets(board):
    model = DeviceModel.nominal(board.sample(Crossbar(2), np.random.default_rng(1)))
    prepared = model.prepared(Program(np.eye(2), [0.1, 0.2]), Scaling())
    np.testing.assert_array_equal(prepared.answers(np.zeros(2)), prepared.rest)
    assert np.abs(prepared.rest).max() > 1e-5


def test_drives_beyond_the_rails_or_of_another_size_are_refused(board):
    prepared = DeviceModel.nominal(board.nominal(Crossbar(2))).prepared(Program(np.eye(2), [0.1, 0.2]), Scaling())
    with pytest.raises(ClippedError, match="beyond its rails"):
        prepared.answers(np.array([[0.1, 0.1], [0.1, 6.0]]))
    with pytest.raises(ValueError, match="b: expected 2 finite voltages"):
        prepared.answers(np.zeros(3))
    with pytest.raises(ValueError, match="b: expected 2 finite voltages"):
        prepared.answers(np.array([np.nan, 0.0]))
