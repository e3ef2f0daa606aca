"""What the circuit's own equations say of a measurement, without a simulator: waveforms, responses, noise made up."""

import json

import numpy as np
import pytest
import scipy.linalg
import xarray as xr
from thermospice.circuits import Crossbar, Design, Program, Scaling, choose_scaling, state_space
from thermospice.netlists import SimulationFailed
from thermospice.netlists.runs import Judge, trusted

BOARD = Design.preset("board-1k-1n")
PROGRAM = Program([[1.0, 0.5], [-0.4, 0.8]], [1.0, 0.3])
CHIP = BOARD.sample(Crossbar(2), np.random.default_rng(1))
SPACE = state_space(CHIP.network(PROGRAM))
JUDGE = Judge.of(CHIP, PROGRAM, "macro", Scaling())


def wave(times):
    away = [scipy.linalg.expm(-SPACE.F * t) @ -SPACE.settled_states for t in times]
    return SPACE.settled + np.array(away) @ SPACE.M.T


def test_what_is_predicted_agrees():
    times = np.linspace(0, 3e-6, 50)
    assert JUDGE.settled(SPACE.settled).faults == ()
    found = JUDGE.waveform(times, wave(times), np.zeros(2))
    assert (found.faults, found.warnings) == ((), ())
    assert JUDGE.unsettled(JUDGE.predicted(3e-6, np.zeros(2)), np.zeros(2)) == pytest.approx(
        np.abs(wave([3e-6])[0] - SPACE.settled).max() / np.abs(SPACE.settled).max()
    )


@pytest.mark.parametrize("wrong", [lambda v: 0 * v, lambda v: v[..., ::-1], lambda v: 1.01 * v, lambda v: -v])
def test_zeros_and_swapped_outputs_do_not(wrong):
    # Catches results that are plausible by themselves: finite, settled, within the rails.
    times = np.linspace(0, 3e-6, 50)
    assert "away from its linear prediction" in JUDGE.settled(wrong(SPACE.settled)).faults[0]
    assert "away from its linear prediction" in JUDGE.waveform(times, wrong(wave(times)), np.zeros(2)).faults[0]


def test_a_clipped_answer_is_explained_and_no_fault():
    loud = Judge.of(CHIP, PROGRAM, "macro", Scaling(drive=10.0))
    found = loud.settled(np.array([4.9, 4.9]))
    assert found.faults == ()
    assert "a0" in found.warnings[0]
    assert "rails" in found.warnings[0]
    # The same numbers from a chip within its rails are a fault.
    scaling = choose_scaling(CHIP, PROGRAM)
    assert Judge.of(CHIP, PROGRAM, "macro", scaling).settled(np.array([4.9, 4.9])).faults


def test_noise_allows_for_itself_and_no_more():
    sd = JUDGE.noise_sd
    times = np.linspace(1e-7, 20e-6, 100)
    rng = np.random.default_rng(0)
    noisy = wave(times) + sd * rng.standard_normal((100, 2))
    assert JUDGE.waveform(times, noisy, np.zeros(2), 1e-7).faults == ()
    off = noisy + (1e-3 * np.abs(SPACE.settled).max() + 12 * sd)
    assert JUDGE.waveform(times, off, np.zeros(2), 1e-7).faults


def test_spectra_and_responses_are_compared():
    f = np.geomspace(1e3, 1e7, 40)
    H = [SPACE.M @ np.linalg.inv(2j * np.pi * k * SPACE.C + SPACE.G) for k in f]
    psd = np.array([2 * np.diag(h @ SPACE.noise @ h.conj().T).real for h in H])
    response = np.array([h @ SPACE.drive for h in H]) + SPACE.y_drive
    assert JUDGE.noise(f, psd).faults == ()
    assert JUDGE.noise(f, psd[:, ::-1]).faults
    assert JUDGE.noise(f, 0 * psd).faults
    assert JUDGE.response(f, response).faults == ()
    assert JUDGE.response(f, response[:, ::-1]).faults


def test_a_measurement_with_faults_is_not_trusted():
    data = xr.Dataset(attrs={"warnings": "[]"})
    assert trusted(data) is data
    with pytest.raises(SimulationFailed, match="zeros; and more"):
        trusted(data.assign_attrs(faults=json.dumps(["zeros", "and more"])))
