"""A simulator is believed when it has answered a circuit whose answers are known."""

import time

import numpy as np
import pytest
from thermospice.circuits import Crossbar, Design, Program
from thermospice.netlists import Job, SimulatorMissing, find_ngspice, simulate_many
from thermospice.netlists.runs import settle_together
from thermospice.netlists.simulators import proven_ngspice
from thermospice.netlists.simulators._proof import _prove

from .liars import LIES, liar


def test_the_installed_one_is_right_and_asked_once():
    assert proven_ngspice() == find_ngspice()
    began = time.perf_counter()
    for _ in range(20):
        proven_ngspice()
    # a process takes 5 ms at the least: none was started
    assert time.perf_counter() - began < 20 * 5e-3


@pytest.mark.parametrize("lie", LIES)
def test_a_liar_is_refused_by_name(tmp_path, monkeypatch, lie):
    path = liar(tmp_path, lie)
    monkeypatch.setenv("THERMOSPICE_NGSPICE", str(path))
    with pytest.raises(SimulatorMissing, match=f"{path} gives wrong answers to a known circuit") as caught:
        proven_ngspice()
    assert "\n" not in str(caught.value)


def test_every_way_to_a_number_asks(tmp_path, monkeypatch):
    """Catches a function that takes the simulator as it is found."""
    monkeypatch.setenv("THERMOSPICE_NGSPICE", str(liar(tmp_path, "zeros")))
    chip, program = Design.preset("board-1k-1n").nominal(Crossbar(1)), Program(np.eye(1), np.ones(1))
    for ask in (simulate_many, settle_together):
        with pytest.raises(SimulatorMissing, match="wrong answers"):
            ask([Job(chip, program, "op")])


@pytest.mark.parametrize(
    ("script", "reason"),
    [("exit 0", "not there"), ("echo garbage > out.raw", "malformed"), ("mkfifo out.raw", "not a plain file")],
)
def test_what_gives_nothing_is_refused_too(tmp_path, monkeypatch, script, reason):
    path = tmp_path / "ngspice"
    path.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo "** ngspice-39 : test" && exit 0\n{script}\n')
    path.chmod(0o755)
    monkeypatch.setenv("THERMOSPICE_NGSPICE", str(path))
    with pytest.raises(Exception, match=reason):
        proven_ngspice()


def test_another_program_in_its_place_is_asked_again(tmp_path, monkeypatch):
    path = liar(tmp_path, "half a percent")
    monkeypatch.setenv("THERMOSPICE_NGSPICE", str(path))
    with pytest.raises(SimulatorMissing):
        proven_ngspice()
    path.unlink()
    path.symlink_to(find_ngspice("ngspice").path)
    before = _prove.cache_info().misses
    proven_ngspice()
    assert _prove.cache_info().misses == before + 1
