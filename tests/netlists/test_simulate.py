"""ngspice against closed forms, against the state space of the same network, and what each measurement carries."""

import hashlib
import json
import stat
import subprocess
import time

import numpy as np
import pytest
import scipy.linalg
import xarray as xr
from thermospice.circuits import (
    BOLTZMANN,
    TOPOLOGIES,
    Crossbar,
    Design,
    DesignError,
    Program,
    RCMesh,
    choose_scaling,
    random_program,
    state_space,
)
from thermospice.netlists import (
    Job,
    NetlistError,
    Ngspice,
    SimulationFailed,
    deck,
    find_ngspice,
    simulate,
    simulate_many,
)

IDEAL, BOARD = Design.preset("ideal"), Design.preset("board-1k-1n")
ONE = Program(np.array([[2.0]]), np.array([0.5]))


def drawn(topology, seed=0, condition=10.0):
    """A chip with mismatch, a program and its scaling at level macro."""
    instance = BOARD.sample(topology, np.random.default_rng(seed), seed=seed)
    program = random_program(topology, np.random.default_rng(seed + 1), condition=condition)
    return instance, program, choose_scaling(instance, program)


def waveform(space, times, v0):
    """Exact readout of the linear circuit from initial cell voltages v0."""
    w, V = np.linalg.eig(space.F)
    c = np.linalg.solve(V, space.initial @ v0 - space.settled_states)
    return ((V * np.exp(-np.outer(times, w))[:, None, :]) @ c).real @ space.M.T + space.settled


def covariance(space):
    return space.M @ scipy.linalg.solve_continuous_lyapunov(space.F, space.Q) @ space.M.T


@pytest.fixture(scope="module")
def cell():
    return IDEAL.nominal(RCMesh(1))


class TestOneCell:
    """An RC cell of resistance R0/2 and capacitance C."""

    def test_op(self, cell):
        assert simulate(cell, ONE, "op", "ideal").v.values[0] == pytest.approx(0.25, rel=1e-12)

    def test_ac(self, cell):
        measured = simulate(cell, ONE, "ac", "ideal")
        expected = 0.25 / (1 + 2j * np.pi * measured.frequency.values * IDEAL.tau / 2)
        np.testing.assert_allclose(measured.v_re + 1j * measured.v_im, expected[:, None], rtol=1e-9)

    def test_noise(self, cell):
        """psd `4kTR/(1 + (w tau)^2)`, variance kT/C."""
        measured = simulate(cell, ONE, "noise", "ideal")
        kT = BOLTZMANN * IDEAL.temperature
        corner = 2 * np.pi * measured.frequency.values * IDEAL.tau / 2
        # ngspice's Boltzmann constant is 4e-7 low.
        np.testing.assert_allclose(measured.psd[:, 0], 4 * kT * IDEAL.R0 / 2 / (1 + corner**2), rtol=1e-6)
        assert measured.covariance.values[0, 0] == pytest.approx(kT / IDEAL.C, rel=1e-6)

    @pytest.mark.parametrize("v0", [0.0, -0.7])
    def test_tran(self, cell, v0):
        measured = simulate(cell, ONE, "tran", "ideal", x0=[v0])
        expected = 0.25 + (v0 - 0.25) * np.exp(-measured.time.values / (IDEAL.tau / 2))
        assert np.abs(measured.v.values[:, 0] - expected).max() < 1e-4 * max(0.25, abs(v0))
        assert measured.v.values[-1, 0] == pytest.approx(0.25, abs=2e-6)

    def test_zero_drive_stays_at_zero(self, cell):
        quiet = Program(np.array([[2.0]]), np.zeros(1))
        assert simulate(cell, quiet, "op", "ideal").v.values[0] == 0
        assert np.abs(simulate(cell, quiet, "tran", "ideal").v.values).max() == 0
        assert np.abs(simulate(cell, quiet, "ac", "ideal").v_re.values).max() == 0
        assert simulate(cell, quiet, "noise", "ideal").covariance.values[0, 0] > 0


def test_passive_mesh_has_kT_over_C_whatever_its_resistors():
    """Equipartition: `P = kT C^-1`, with mismatched resistors and capacitors."""
    instance, program, _ = drawn(RCMesh(5))
    P = simulate(instance, program, "noise", "ideal").covariance.values
    expected = BOLTZMANN * BOARD.temperature / BOARD.C / (1 + instance.errors["capacitance"])
    assert np.linalg.norm(P - np.diag(expected)) < 1e-4 * np.linalg.norm(expected)


@pytest.mark.parametrize(("n", "condition"), [(1, 1.0), (3, 10.0), (8, 10.0), (8, 100.0), (16, 10.0)])
def test_ideal_crossbar_solves(n, condition):
    instance = IDEAL.nominal(Crossbar(n))
    program = random_program(Crossbar(n), np.random.default_rng(n), condition=condition)
    v = simulate(instance, program, "op", "ideal").v.values
    assert np.abs(v - program.solution).max() < 2e-4 * np.abs(program.solution).max()


@pytest.mark.parametrize("condition", [10.0, 100.0])
@pytest.mark.parametrize("topology", [Crossbar(1), Crossbar(8), Crossbar(16), RCMesh(1), RCMesh(8)])
def test_macro_op_is_that_of_the_state_space(topology, condition):
    """The macro-model is exactly linear within its limits: machine precision times the condition number."""
    instance, program, scaling = drawn(topology, condition=condition)
    v = simulate(instance, program, "op", scaling=scaling).v.values
    expected = state_space(instance.network(program, "macro", scaling)).settled
    np.testing.assert_allclose(v, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("topology", [Crossbar(4), RCMesh(4)])
def test_macro_ac_is_that_of_the_state_space(topology):
    instance, program, scaling = drawn(topology)
    measured = simulate(instance, program, "ac", scaling=scaling, points_per_decade=7)
    space = state_space(instance.network(program, "macro", scaling))
    s = 2j * np.pi * measured.frequency.values[:, None, None]
    states = np.linalg.solve(s * np.eye(len(space.F)) + space.F, np.linalg.solve(space.C, space.drive)[:, None])
    expected = states[:, :, 0] @ space.M.T + space.y_drive
    found = measured.v_re.values + 1j * measured.v_im.values
    assert np.abs(found - expected).max() < 1e-9 * np.abs(expected).max()


@pytest.mark.parametrize("level", ["ideal", "macro"])
@pytest.mark.parametrize("topology", [Crossbar(1), Crossbar(8), RCMesh(8)])
def test_covariance_is_that_of_lyapunov(topology, level):
    """Mismatch, amplifier noise, injected noise; the limit of the whole chain is 1e-3."""
    design = BOARD.model_copy(update={"injected_noise": 1e-22})
    instance = design.sample(topology, np.random.default_rng(0))
    program = random_program(topology, np.random.default_rng(1))
    measured = simulate(instance, program, "noise", level).covariance.values
    expected = covariance(state_space(instance.network(program, level)))
    # At level ideal a gain of 1e7 stands for an infinite one: of the order of 1e-6.
    assert np.linalg.norm(measured - expected) < 1e-5 * np.linalg.norm(expected)
    np.testing.assert_array_equal(measured, measured.T)


def test_covariance_from_several_processes():
    """13 cells: 91 analyses are more than one process takes."""
    instance, program, scaling = drawn(Crossbar(13))
    measured = simulate(instance, program, "noise", scaling=scaling).covariance.values
    expected = covariance(state_space(instance.network(program, "macro", scaling)))
    assert np.linalg.norm(measured - expected) < 1e-5 * np.linalg.norm(expected)


@pytest.mark.parametrize("level", ["ideal", "macro"])
@pytest.mark.parametrize("topology", [Crossbar(1), Crossbar(8), RCMesh(8)])
def test_waveforms_follow_the_exact_solution(topology, level):
    """To 1e-4 of the swing at ngspice's points and, linearly interpolated, between them."""
    instance, program, scaling = drawn(topology)
    v0 = np.random.default_rng(2).normal(size=topology.n) / 3
    measured = simulate(instance, program, "tran", level, scaling=scaling, x0=v0)
    space = state_space(instance.network(program, level, scaling))
    times, v = measured.time.values, measured.v.values
    swing = np.abs(v).max()
    assert np.abs(v - waveform(space, times, v0)).max() < 1e-4 * swing
    between = np.linspace(times[0], times[-1], 5000)
    lines = np.column_stack([np.interp(between, times, v[:, k]) for k in range(topology.n)])
    assert np.abs(lines - waveform(space, between, v0)).max() < 1.5e-4 * swing
    np.testing.assert_array_equal(measured.v0, v0)


def test_small_cells_are_as_accurate():
    """10 fF and 10 mV, with a fast and a slow mode: ngspice's default for a small charge is a hundred times theirs."""
    design = IDEAL.model_copy(update={"C": 1e-14, "R0": 1e6})
    program = Program(np.array([[1.0, -0.995], [-0.995, 1.0]]), np.array([0.01, -0.01]))
    instance, v0 = design.nominal(RCMesh(2)), np.array([-0.01, 0.0])
    measured = simulate(instance, program, "tran", "ideal", x0=v0)
    expected = waveform(state_space(instance.network(program, "ideal")), measured.time.values, v0)
    assert np.abs(measured.v.values - expected).max() < 1e-4 * np.abs(expected).max()


def test_scaling_scales():
    instance, program, scaling = drawn(Crossbar(3))
    v = simulate(instance, program, "op", scaling=scaling)
    assert v.drive_scale == scaling.drive
    assert np.abs(v.v.values / scaling.drive - program.solution).max() < 0.1 * np.abs(program.solution).max()


def test_an_eight_cell_transient_is_quick():
    instance, program, scaling = drawn(Crossbar(8))
    elapsed = [simulate(instance, program, duration=50e-6, scaling=scaling).elapsed_s for _ in range(2)]
    # 0.1 s on a free machine.
    assert min(elapsed) < 1.0


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


@pytest.mark.parametrize("name", sorted(TOPOLOGIES))
def test_every_topology_runs(name):
    topology = TOPOLOGIES[name](2)
    design = BOARD.model_copy(update={"L": 1e-3}) if "L" in Design.model_fields else BOARD
    instance = design.sample(topology, np.random.default_rng(0))
    program = Program(np.array([[1.0, -0.25], [-0.25, 0.75]]), np.array([0.5, -0.25]))
    for level in ("ideal", "macro"):
        space = state_space(instance.network(program, level))
        v = simulate(instance, program, "op", level).v.values
        np.testing.assert_allclose(v, space.settled, rtol=1e-5, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("condition", [10.0, 100.0])
def test_thirty_two_cells(condition):
    instance, program, scaling = drawn(Crossbar(32), condition=condition)
    space = state_space(instance.network(program, "macro", scaling))
    np.testing.assert_allclose(simulate(instance, program, "op", scaling=scaling).v, space.settled, rtol=1e-9)
    measured = simulate(instance, program, "tran", scaling=scaling)
    expected = waveform(space, measured.time.values, np.zeros(32))
    assert np.abs(measured.v.values - expected).max() < 1e-4 * np.abs(expected).max()
