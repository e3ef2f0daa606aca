"""Kinds of rows of the fidelity table: what they compare, and that they can fail."""

import json
from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg
from thermospice.behavioral import DeviceModel
from thermospice.circuits import Cascade
from thermospice.fidelity import _cases as _cases
from thermospice.fidelity.checks import _calibrated as _calibrated
from thermospice.fidelity.checks import _conditions as _conditions
from thermospice.fidelity.checks import _many_chips as _chips
from thermospice.fidelity.checks import _noise_law as _law
from thermospice.fidelity.checks import _poles as _poles
from thermospice.fidelity.checks import _ringing_onset as _onset
from thermospice.fidelity.checks import _sensitivities as _sensitivity
from thermospice.fidelity.checks import _waveforms as _waves

TOPOLOGIES = ("rc-mesh", "differential-rc-mesh", "crossbar", "cascade", "rlc-grid")


def subject(topology, level="ideal", size=2, seed=0):
    (case,) = _cases.cases((topology,), (level,), (size,), None, seed)
    return case.subject()


def by_metric(rows):
    return {row["metric"]: row for row in rows}


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("module", [_poles, _sensitivity])
def test_poles_and_sensitivities_of_every_topology(topology, module):
    rows = list(module.rows(subject(topology)))
    assert rows
    assert all(row["passed"] for row in rows), rows


def test_a_component_that_is_off_shows_in_poles_and_sensitivities():
    chip = subject("crossbar")
    wrong = chip.instance.replace_errors(conductance=chip.instance.errors["conductance"] + 0.01)
    # SPICE gets the deck of the other chip; what is expected stays that of this one.
    other = replace(chip, instance=wrong, _found={})
    faulty = type("Faulty", (type(chip),), {"circuit": lambda self, instance=None: other.circuit()})
    crossed = faulty(chip.instance, chip.program, chip.level, chip.scaling, chip.model, chip.seed)
    assert not next(_poles.rows(crossed))["passed"]
    assert not next(_sensitivity.rows(crossed))["passed"]


def test_fitted_poles_are_those_of_the_responses():
    rng = np.random.default_rng(0)
    poles = np.array([-1.0, -2.5, -4.0 + 8.0j, -4.0 - 8.0j])
    residues = rng.standard_normal((3, 4)) + 0j
    residues[:, 3] = residues[:, 2] = residues[:, 2] + 1j
    residues[:, 3] = residues[:, 3].conj()
    s = 1j * np.geomspace(0.01, 100, 200)
    H = (1 / (s[:, None] - poles)) @ residues.T
    found = _poles.fitted_poles(s, H, poles * np.array([1.1, 0.9, 1.05, 1.05]))
    assert max(np.abs(found - pole).min() / abs(pole) for pole in poles) < 1e-8


def _record(space, hold, count, rng):
    """A record of held noise, drawn by the recurrence itself: s' = Phi s + Gamma w."""
    Phi = scipy.linalg.expm(-space.F * hold)
    Gamma = np.linalg.solve(space.F, np.eye(len(Phi)) - Phi) @ np.linalg.inv(space.C)
    w = rng.standard_normal((count, len(Phi))) @ np.linalg.cholesky(space.noise / hold).T
    s, v = np.zeros(len(Phi)), []
    for k in range(count):
        s = Phi @ s + Gamma @ w[k]
        v.append(space.M @ s)
    return np.array(v)


def test_autocovariance_score_is_a_standard_normal_one():
    import xarray as xr

    space = subject("rc-mesh").space()
    slow = 1 / float(np.abs(space.poles.real).min())
    hold = slow / 20
    rng = np.random.default_rng(1)
    scores, faster = [], []
    for _ in range(12):
        v = _record(space, hold, 20 * 6 * 100, rng)[20 * 24 :]
        data = xr.Dataset({"v": (("time", "cell"), v)}, attrs={"noise_step": hold})
        scores.append(_law._memory_z(data, space, slow / 2))
        # A chip whose memory is half as long, with the same variance.
        faster.append(_law._memory_z(data.isel(time=slice(None, None, 2)), space, slow / 2))
    # Twelve scores: their mean scatters by 0.29 and their rms by 0.2.
    assert abs(np.mean(scores)) < 4 * 0.29
    assert 0.3 < np.sqrt(np.mean(np.square(scores))) < 1.8
    # exp(-1) for exp(-1/2), from a hundred products: a mean score of about -2.
    assert np.mean(faster) < -1


def test_a_record_follows_the_whole_law_and_not_another():
    chip = subject("rc-mesh", size=1)
    assert all(row["passed"] for row in _law.rows(chip))
    hot = chip.instance.design.model_copy(update={"temperature": 3000.0})
    wrong = replace(chip.instance, design=hot).network(chip.program, chip.level, chip.scaling)
    crossed = type("Hot", (type(chip),), {"network": lambda self: wrong})
    rows = by_metric(_law.rows(crossed(chip.instance, chip.program, chip.level, chip.scaling, chip.model, chip.seed)))
    # Ten times the variance: the sum of squares and the distance both see it.
    assert not rows["seeded noise, sum of squares, z-score"]["passed"]
    assert not rows["seeded noise, whole law, Kolmogorov-Smirnov"]["passed"]


def test_conditions_change_the_chip_and_the_model_follows():
    chip = subject("crossbar", "macro")
    rows = list(_conditions.rows(chip))
    assert len(rows) == 12
    assert all(row["passed"] for row in rows), rows
    # The typical chip's model does not describe a single one of them.
    for name, changed in _conditions.conditions(chip).items():
        other = replace(chip, instance=changed, _found={})
        (row,) = _waves.compared(other, "tran", other.measure("tran"), chip.model)
        assert not row["passed"], name


def test_errors_of_many_chips_have_the_model_s_law(monkeypatch):
    monkeypatch.setattr(_chips, "_OTHERS", 100)
    monkeypatch.setattr(_chips, "_CHIPS", 25)
    rows = list(_chips.rows(subject("crossbar")))
    assert all(row["passed"] for row in rows), rows
    low, high = rows[1]["interval"]
    assert low <= rows[1]["value"] <= high
    # A model of a process with a quarter of the spread has another law; few chips do not tell less apart.
    real = _chips._drawn

    def narrow(chip, stream, count):
        drawn = real(chip, stream, count)
        if stream == _chips._STREAMS[0]:
            return drawn
        return [one.replace_errors(**{name: e / 4 for name, e in one.errors.items()}) for one in drawn]

    monkeypatch.setattr(_chips, "_drawn", narrow)
    assert [row["passed"] for row in _chips.rows(subject("crossbar"))] == [True, False]


def test_calibrated_models_hold_on_programs_that_were_not_fitted():
    rows = list(_calibrated.rows(subject("rc-mesh", "macro")))
    assert [row["limit"] for row in rows] == [2e-3, 5e-3, 0.5]
    assert all(row["passed"] for row in rows), rows


def test_a_calibration_that_fails_is_a_failed_row(monkeypatch):
    def refuse(_measurements):
        raise ValueError("no fit")

    monkeypatch.setattr(_calibrated, "calibrate", refuse)
    chip = subject("rc-mesh", "macro", size=1)
    rows = chip.explained(list(_calibrated.rows(chip)))
    assert [row["passed"] for row in rows] == [False] * 3
    assert all("no fit" in row["reason"] for row in rows)


@pytest.mark.slow
def test_calibrated_models_of_every_topology():
    for topology in TOPOLOGIES:
        level = "ideal" if topology == "rlc-grid" else "macro"
        rows = list(_calibrated.rows(subject(topology, level, 4)))
        assert all(row["passed"] for row in rows), rows


@pytest.mark.parametrize("topology", ["crossbar", pytest.param("cascade", marks=pytest.mark.slow)])
def test_ringing_begins_where_the_symbols_say(topology, monkeypatch):
    chip = subject(topology, "macro", 4)
    (row,) = _onset.rows(chip)
    assert row["passed"], row
    # Another gain-bandwidth than the one that was asked for.
    real = _onset.with_gain_bandwidth
    monkeypatch.setattr(_onset, "with_gain_bandwidth", lambda chip, value: real(chip, 1.3 * value))
    (row,) = _onset.rows(chip)
    assert not row["passed"]


def test_passive_cells_have_no_onset():
    assert not list(_onset.rows(subject("rc-mesh", "macro", 1)))


@pytest.mark.slow
@pytest.mark.parametrize("size", [32, 64])
def test_large_cascades_settle_to_the_damped_solution(run, size):
    outcome = run("verify", "--topology", "cascade", "--size", size, "--level", "ideal", "--json")
    rows = by_metric(json.loads(outcome.out)["rows"])
    row = rows["settled against A^-1 b, no mismatch"]
    assert row["limit"] == 2e-4
    assert 0 < row["value"] <= row["limit"]


def test_cascades_of_the_table_have_half_as_many_rows_as_cells():
    ranks = [case.instance.topology for case in _cases.cases(("cascade",), ("ideal",), (1, 4, 32, 64), None, 0)]
    assert ranks == [Cascade(1, 1), Cascade(4, 2), Cascade(32, 16), Cascade(64, 32)]


def test_every_level_has_its_cases_and_transistors_their_design():
    found = _cases.cases((), ("transistor",), (), None, 0)
    names = {(c.instance.topology.name, c.level, c.instance.design.name) for c in found}
    assert ("crossbar", "transistor", _cases.TRANSISTORS) in names
    full = _cases.cases((), (), (), None, 0, "full")
    assert {c.level for c in full} == {"ideal", "macro", "transistor"}
    assert {c.instance.topology.n for c in full} >= {1, 4, 8, 16, 32, 64}
    assert len({c.name for c in full}) == len(full)


@pytest.mark.slow
@pytest.mark.parametrize("topology", TOPOLOGIES[:4])
def test_transistors_settle_and_respond_as_their_macro_model(topology):
    rows = list(_waves.transistor_rows(subject(topology, "transistor", 1), waveforms=True))
    seen = {row["analysis"]: row["passed"] for row in rows}
    assert {"op", "ac", "tran", "noise"} <= set(seen)
    assert seen["op"]
    assert seen["tran"]
    assert seen["ac"]


def test_quick_and_full_contradict_each_other(run):
    run("verify", "--quick", "--full").refused("--quick", "--full")


def test_a_device_s_limits_are_the_calibrated_ones():
    chip = subject("crossbar", "macro")
    model = DeviceModel.nominal(chip.instance)
    expected = {"op": 2e-3, "tran": 2e-3, "ac": 1e-2, "noise": 5e-3, "spectra": 0.5}
    assert dict(_waves.limits(replace(chip, model=model, calibrated=True))) == expected
