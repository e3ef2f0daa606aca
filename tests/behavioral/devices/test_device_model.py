"""The model of one chip: made from an instance, kept as JSON."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from thermospice.behavioral import DeviceModel, DeviceModelError, Estimate, Provenance
from thermospice.behavioral.populations import load_device
from thermospice.circuits import Crossbar, Design, DesignError, RCMesh, random_program


@pytest.fixture
def chip(board):
    return board.sample(Crossbar(3), np.random.default_rng(4))


def test_nominal_knows_the_drawn_deviations_exactly(chip):
    model = DeviceModel.nominal(chip)
    for name, values in chip.errors.items():
        np.testing.assert_array_equal(model.errors[name], values)
        assert not model.standard_errors[name].any()
    assert model.gain == Estimate(chip.design.amplifier.gain)
    assert model.noise_scale == Estimate(1.0)
    assert model.provenance.instance_digest == chip.digest


def test_ideal_level_has_no_amplifier(chip):
    model = DeviceModel.nominal(chip, "ideal")
    assert (model.gain, model.gain_bandwidth) == (None, None)
    assert DeviceModel.from_dict(model.to_dict()).gain is None


def test_level_needs_its_amplifier():
    bare = Design.preset("ideal").model_copy(update={"amplifier": None}).nominal(RCMesh(2))
    with pytest.raises(DesignError, match="no amplifier"):
        DeviceModel.nominal(bare)


def test_saved_and_loaded_without_loss(chip, tmp_path):
    model = replace(
        DeviceModel.nominal(chip),
        standard_errors={name: np.abs(values) / 3 for name, values in chip.errors.items()},
        gain=Estimate(1.1e5, 1 / 3),
        noise_scale=Estimate(1.01, 0.02),
        not_identified=("gain", "conductance[0,1]"),
        provenance=Provenance("measurements", chip.digest, ("ab",), {"cd": "why"}, ("ngspice 39",), 0.99, 20, 400),
    )
    model.save(tmp_path / "device.json")
    loaded = DeviceModel.load(tmp_path / "device.json")
    assert loaded.to_dict() == model.to_dict()
    assert loaded.provenance == model.provenance
    program = random_program(Crossbar(3), np.random.default_rng(0))
    np.testing.assert_array_equal(loaded.response(program).settled, model.response(program).settled)
    assert [path.name for path in tmp_path.iterdir()] == ["device.json"]


def test_a_folder_is_answered_with_its_file(tmp_path):
    # Catches a folder of a calibration that is refused for its size, or named without what to give instead.
    for read in (DeviceModel.load, load_device):
        for file in ("population.json", "device.json"):
            (tmp_path / file).touch()
            with pytest.raises(DeviceModelError, match=rf"expected a file, got a folder; give {tmp_path / file}$"):
                read(tmp_path)
        (tmp_path / "device.json").unlink()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: d.update(kind="instance"), "expected a device model"),
        (lambda d: d.update(schema=99), "expected schema 1 or 2, got 99; calibrate again"),
        (lambda d: d.update(level="quantum"), "level: expected one of"),
        (lambda d: d.pop("gain"), "not a device model: KeyError"),
        (lambda d: d["standard_errors"].pop("drive"), "standard_errors: expected the names"),
        (lambda d: d["standard_errors"].update(drive=[1.0]), "standard_errors: expected the names"),
        (lambda d: d["standard_errors"].update(drive=[-1.0] * 3), "at least zero"),
        (lambda d: d["standard_errors"].update(drive=[float("nan")] * 3), "finite"),
        (lambda d: d["instance"]["errors"].update(drive=["a"] * 3), "not an instance"),
        (lambda d: d["instance"]["design"].update(R0=-1), "R0"),
        (lambda d: d["provenance"].update(mood="good"), "not a device model"),
        (lambda d: d["provenance"].update(source=5), "provenance.source: expected text, got 5"),
        (lambda d: d["provenance"].update(measurements="abc"), "provenance.measurements: expected a list of texts"),
        (lambda d: d["provenance"].update(discarded={"ab": 1}), "provenance.discarded: expected a list of texts"),
        (lambda d: d["provenance"].update(discarded=["ab"]), "provenance.discarded: expected reasons by measurement"),
        (
            lambda d: d["provenance"].update(residual=float("nan")),
            "provenance.residual: expected a finite number, got nan",
        ),
        (lambda d: d["provenance"].update(samples=-1), "provenance.samples: expected a whole number"),
        (lambda d: d["gain"].update(value=float("nan")), "gain.value: expected a finite number, got nan"),
        (
            lambda d: d["gain_bandwidth"].update(standard_error=float("inf")),
            "gain_bandwidth.standard_error: expected a finite number, got inf",
        ),
        (lambda d: d["noise_scale"].update(value="1"), "noise_scale.value: expected a finite number, got '1'"),
        (lambda d: d["noise_scale"].update(standard_error=-1), "noise_scale: expected a value above zero"),
        (lambda d: d.update(noise_scale=None), "noise_scale: expected a value with its standard error"),
        (lambda d: d.update(not_identified="gain"), "not_identified: expected a list of texts"),
    ],
)
def test_a_file_that_is_no_model_is_one_clear_line(chip, tmp_path, change, reason):
    data = DeviceModel.nominal(chip).to_dict()
    change(data)
    path = tmp_path / "device.json"
    path.write_text(json.dumps(data))
    with pytest.raises(DeviceModelError, match=reason) as caught:
        DeviceModel.load(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_unreadable_files_are_named(tmp_path):
    with pytest.raises(DeviceModelError, match="cannot read the device model: No such file"):
        DeviceModel.load(tmp_path / "none.json")
    (tmp_path / "text.json").write_text("{")
    with pytest.raises(DeviceModelError, match="not valid JSON"):
        DeviceModel.load(tmp_path / "text.json")
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(DeviceModelError, match="expected a device model"):
        DeviceModel.load(tmp_path / "list.json")


def test_a_model_cannot_be_changed(chip):
    model = DeviceModel.nominal(chip)
    with pytest.raises(ValueError, match="read-only"):
        model.standard_errors["drive"][0] = 1.0


def test_import_loads_nothing_heavy():
    code = "import sys, thermospice.behavioral; print([m for m in sys.modules if m.startswith('thermospice.')])"
    heavy = "; assert not {'torch', 'PySpice', 'matplotlib', 'sympy'} & set(sys.modules)"
    out = subprocess.run([sys.executable, "-c", code + heavy], capture_output=True, text=True, check=True).stdout
    assert "thermospice.netlists" not in out
