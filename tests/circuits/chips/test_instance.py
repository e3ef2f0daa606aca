"""One chip is drawn once: same seed, same chip; saved and read back without loss."""

import json

import numpy as np
import pytest
from scipy import stats
from thermospice.circuits import (
    Cascade,
    Crossbar,
    Design,
    DesignError,
    DifferentialRCMesh,
    Instance,
    RCMesh,
    RLCGrid,
    make_topology,
)

DESIGN = Design.preset("board-1k-1n")


def _draw(topology, seed):
    return DESIGN.sample(topology, np.random.default_rng(seed), seed)


@pytest.mark.parametrize("topology", [Crossbar(4), RCMesh(4)])
def test_same_seed_same_chip(topology):
    assert _draw(topology, 3).digest == _draw(topology, 3).digest
    assert _draw(topology, 3).digest != _draw(topology, 4).digest


def test_spread_follows_the_design():
    # The same normals scale with the tolerance, so that a study over tolerances moves one chip.
    wide = DESIGN.model_copy(update={"mismatch": DESIGN.mismatch.model_copy(update={"resistor_sigma": 0.02})})
    a = _draw(Crossbar(20), 1).errors["conductance"]
    b = wide.sample(Crossbar(20), np.random.default_rng(1)).errors["conductance"]
    np.testing.assert_allclose(b, 2 * a, rtol=1e-14)
    # 400 draws: a wrong sigma (a tolerance read as three sigma) fails, a right one fails once in 1e4 seeds.
    assert stats.kstest(a.ravel() / 0.01, "norm").pvalue > 1e-4


def test_one_resistor_couples_both_ways():
    conductance = _draw(RCMesh(5), 2).errors["conductance"]
    np.testing.assert_array_equal(conductance, conductance.T)


def test_nominal_chip_has_no_deviations():
    assert all((values == 0).all() for values in DESIGN.nominal(Crossbar(3)).errors.values())


@pytest.mark.parametrize("topology", [Crossbar(3), RCMesh(3), DifferentialRCMesh(3), Cascade(3, 2), RLCGrid(3)])
def test_saved_and_read_back(topology, tmp_path):
    instance = _draw(topology, 7)
    instance.save(tmp_path / "chip.json")
    again = Instance.load(tmp_path / "chip.json")
    assert again.topology == topology
    assert again.digest == instance.digest
    assert again.seed == 7
    for name, values in instance.errors.items():
        np.testing.assert_array_equal(again.errors[name], values)


def test_deviations_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        _draw(Crossbar(2), 0).errors["drive"][0] = 1
    with pytest.raises(TypeError):
        _draw(Crossbar(2), 0).errors["drive"] = np.zeros(2)


def _corrupt(**changes):
    return {**_draw(Crossbar(2), 0).to_dict(), **changes}


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        _corrupt(schema=99),
        _corrupt(topology={"name": "torus", "n": 2}),
        _corrupt(topology={"name": "crossbar", "n": -2}),
        _corrupt(topology={"name": "crossbar", "n": 3}),
        _corrupt(errors={}),
        _corrupt(errors={"drive": "x"}),
        _corrupt(errors={**_draw(Crossbar(2), 0).to_dict()["errors"], "drive": [0.0, float("nan")]}),
        _corrupt(design={"name": "x"}),
    ],
)
def test_bad_files_are_one_line(data, tmp_path):
    path = tmp_path / "chip.json"
    path.write_text(json.dumps(data))
    with pytest.raises(DesignError) as caught:
        Instance.load(path)
    assert "\n" not in str(caught.value)


def test_not_json_or_absent(tmp_path):
    (tmp_path / "chip.json").write_text("{")
    for name in ("chip.json", "absent.json"):
        with pytest.raises(DesignError, match=name):
            Instance.load(tmp_path / name)


def test_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "chip.json"
    _draw(Crossbar(2), 0).save(path)
    before = path.read_text()
    monkeypatch.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(OSError, match="No space left"):
        _draw(Crossbar(2), 1).save(path)
    assert path.read_text() == before
    assert [p.name for p in tmp_path.iterdir()] == ["chip.json"]


def test_unknown_topology_lists_the_choices():
    with pytest.raises(DesignError, match="rc-mesh, differential-rc-mesh, crossbar"):
        make_topology("mesh", 3)
