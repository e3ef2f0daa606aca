"""A run of ngspice: what its measurement and its deck carry, what is refused, and how it fails."""

import hashlib
import json
import stat
import subprocess
import time

import numpy as np
import pytest
import xarray as xr
from thermospice.circuits import Crossbar, Design, DesignError, Program, RCMesh, state_space
from thermospice.netlists import Job, NetlistError, SimulationFailed, deck, find_ngspice, simulate, simulate_many
from thermospice.netlists.simulators import Ngspice

from .test_simulate import BOARD, ONE, drawn


@pytest.mark.parametrize("analysis", ["op", "ac", "noise", "tran"])
def test_what_a_measurement_carries(analysis):
    instance, program, scaling = drawn(Crossbar(2), seed=7)
    measured = simulate(instance, program, analysis, scaling=scaling)
    np.testing.assert_array_equal(measured.A, program.A)
    np.testing.assert_array_equal(measured.b, program.b)
    text = deck(Job(instance, program, analysis, scaling=scaling))
    expected = {
        "analysis": analysis,
        "topology": "crossbar",
        "n": 2,
        "level": "macro",
        "temperature": BOARD.temperature,
        "instance_seed": 7,
        "instance_digest": instance.digest,
        "netlist_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "simulator": "ngspice",
        "simulator_version": str(find_ngspice().version),
        "conductance_scale": scaling.conductance,
        "drive_scale": scaling.drive,
        "warnings": "[]",
    }
    assert {name: measured.attrs[name] for name in expected} == expected
    assert Design.from_dict(json.loads(measured.attrs["design"])) == BOARD
    assert "noise_seed" not in measured.attrs
    assert all(measured[name].attrs["units"] for name in measured.data_vars)


@pytest.mark.parametrize("analysis", ["op", "ac", "noise", "tran"])
@pytest.mark.parametrize("cells", [2, 16])
@pytest.mark.parametrize("klu", [False, True])
def test_large_circuits_are_solved_with_klu_where_there_is_one(analysis, cells, klu):
    """But for noise, which ngspice refuses to analyse with it."""
    instance, program, scaling = drawn(Crossbar(cells))
    text = deck(Job(instance, program, analysis, scaling=scaling), Ngspice("/nowhere", 44, klu=klu))
    options = [line for line in text.splitlines() if line.startswith(".options reltol")]
    assert len(options) == 1
    assert ("klu" in options[0].split()) == (klu and cells == 16 and analysis != "noise")


def test_the_solver_is_told():
    """KLU with an ngspice that has it; the numbers are those of the state space either way."""
    instance, program, scaling = drawn(Crossbar(16))
    measured = simulate(instance, program, "op", scaling=scaling)
    assert measured.solver == ("KLU" if find_ngspice().klu else "SPARSE 1.3")
    expected = state_space(instance.network(program, "macro", scaling)).settled
    np.testing.assert_allclose(measured.v, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("analysis", ["op", "ac", "noise", "tran"])
def test_the_deck_runs_by_itself_and_prints(analysis, tmp_path):
    instance, program, scaling = drawn(Crossbar(2))
    path = tmp_path / "circuit.cir"
    path.write_text(deck(Job(instance, program, analysis, scaling=scaling)))
    ngspice = find_ngspice().path
    answer = subprocess.run([ngspice, "-b", path.name], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert answer.returncode == 0
    assert "Error" not in answer.stdout + answer.stderr
    assert ("onoise_spectrum" if analysis == "noise" else "v(out1)") in answer.stdout


def test_frequencies_as_asked():
    instance, program, _ = drawn(RCMesh(2))
    for analysis in ("ac", "noise"):
        measured = simulate(instance, program, analysis, frequencies=(10.0, 1e4), points_per_decade=5)
        np.testing.assert_allclose(measured.frequency, np.geomspace(10.0, 1e4, 16), rtol=1e-8)
        assert "covariance" not in measured


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"duration": -1.0}, "duration"),
        ({"duration": 1.0, "max_step": 1e-9}, "would give about"),
        ({"noise": True, "noise_step": 0.0}, "noise_step"),
        ({"noise": True, "seed": -1}, "seed"),
        ({"x0": [1.0, 2.0]}, "x0"),
        ({"timeout": 0.0}, "timeout"),
        ({"analysis": "ac", "points_per_decade": 0}, "points_per_decade"),
        ({"analysis": "noise", "frequencies": (2.0, 1.0)}, "frequencies"),
    ],
)
def test_bad_values_are_refused_before_anything_runs(cell, options, reason):
    job = Job(cell, ONE, level="ideal", **options)
    (error,) = simulate_many([job], ngspice=Ngspice("/nowhere", 39))
    assert isinstance(error, NetlistError)
    assert reason in str(error)


def test_an_unknown_analysis_lists_the_known_ones(cell):
    job = Job(cell, ONE, level="ideal")
    object.__setattr__(job, "analysis", "dc")  # past the checks of types in the tests
    with pytest.raises(NetlistError, match="unknown analysis 'dc': expected one of op, ac, noise, tran"):
        deck(job)


def test_a_level_without_amplifier(cell):
    with pytest.raises(DesignError, match="amplifier"):
        simulate(cell, ONE, level="macro")


def test_an_unstable_loop_is_not_run():
    """A slow amplifier in a fast crossbar with a nearly singular program: the macro-model has a growing mode."""
    slow = BOARD.model_copy(update={"amplifier": BOARD.amplifier.model_copy(update={"gain_bandwidth": 1e5})})
    A = np.array([[1.0, -30.0], [30.0, 1.0]])
    instance = slow.nominal(Crossbar(2))
    with pytest.raises(SimulationFailed, match="unstable") as caught:
        simulate(instance, Program(A, np.ones(2)), ngspice=Ngspice("/nowhere", 39))
    assert "\n" not in str(caught.value)


def fake(tmp_path, script):
    path = tmp_path / "fake"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return Ngspice(str(path), 39)


def test_killed_in_the_middle(cell, tmp_path):
    with pytest.raises(SimulationFailed, match="SIGKILL"):
        simulate(cell, ONE, "tran", "ideal", ngspice=fake(tmp_path, "kill -9 $$"))


def test_timed_out(cell, tmp_path):
    with pytest.raises(SimulationFailed, match="time limit"):
        simulate(cell, ONE, "tran", "ideal", timeout=0.2, ngspice=fake(tmp_path, "sleep 30"))


def test_truncated(cell, tmp_path):
    """The raw file of a good run without its last bytes."""
    script = f'{find_ngspice().path} "$@"; size=$(wc -c < out.raw); head -c $((size - 5)) out.raw > cut; mv cut out.raw'
    with pytest.raises(SimulationFailed, match="malformed"):
        simulate(cell, ONE, "tran", "ideal", ngspice=fake(tmp_path, script))


class TestMany:
    def test_order_and_failures(self):
        instance, program, scaling = drawn(Crossbar(2))
        good = Job(instance, program, "op", scaling=scaling)
        jobs = [good, Job(instance, program, "op", scaling=scaling, timeout=-1.0), Job(instance, program, "tran")]
        ended = []
        results = simulate_many([*jobs, good], workers=3, done=ended.append)
        assert [type(result) for result in results] == [xr.Dataset, NetlistError, xr.Dataset, xr.Dataset]
        assert [result.attrs["analysis"] for result in (results[0], results[2], results[3])] == ["op", "tran", "op"]
        np.testing.assert_array_equal(results[0].v, results[3].v)
        assert sorted(ended) == [0, 1, 2, 3]

    def test_nothing_to_do(self):
        assert simulate_many([]) == []

    def test_interruption_kills_what_runs(self, cell, tmp_path):
        simulator = fake(tmp_path, f"[ -e {tmp_path}/first ] && exec sleep 30; touch {tmp_path}/first; exit 0")

        def interrupt(_: int) -> None:
            raise KeyboardInterrupt

        started = time.perf_counter()
        with pytest.raises(KeyboardInterrupt):
            simulate_many([Job(cell, ONE, "ac", "ideal")] * 6, workers=2, ngspice=simulator, done=interrupt)
        assert time.perf_counter() - started < 10
