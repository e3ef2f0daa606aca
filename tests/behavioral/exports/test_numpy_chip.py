"""The script beside the arrays says what the model says, without this package."""

import runpy

import numpy as np
import pytest
from thermospice.behavioral import DeviceModel
from thermospice.behavioral.exports import numpy_chip
from thermospice.circuits import Design, choose_scaling, make_topology, random_program


def script(folder, topology, level, design):
    shape, rng = make_topology(topology, 2), np.random.default_rng(5)
    chip = Design.preset(design).sample(shape, rng)
    program, model = random_program(shape, rng), DeviceModel.nominal(chip, level)
    scaling = choose_scaling(chip, program, level)
    drive = scaling.drive * program.b
    made = numpy_chip(model, program, scaling, drive, ("of a test",))
    (folder / "chip.py").write_text(made.script)
    (folder / "chip.npz").write_bytes(made.arrays)
    assert "thermospice" not in made.script
    return runpy.run_path(str(folder / "chip.py")), model.response(program, scaling), drive


@pytest.mark.parametrize(
    ("topology", "level", "design"),
    [
        ("crossbar", "macro", "board-1k-1n"),
        ("crossbar", "transistor", "cmos-100k-10p"),
        ("differential-rc-mesh", "ideal", "ideal"),
        ("rlc-grid", "ideal", "rlc-board-8"),
    ],
)
def test_the_script_is_the_model(topology, level, design, tmp_path):
    found, response, drive = script(tmp_path, topology, level, design)
    rates = np.abs(response.poles)
    f, times = np.geomspace(0.1 * rates.min(), rates.min(), 4), np.linspace(0, 3, 4) / rates.min()
    scale = np.abs(response.transfer(f)).max()
    assert np.abs(found["settled"](drive) - response.settled).max() < 1e-9 * scale
    assert np.abs(found["response"](f, drive) - response.transfer(f)).max() < 1e-9 * scale
    assert np.abs(found["psd"](f) / response.psd(f) - 1).max() < 1e-9
    assert found["covariance"]() == pytest.approx(response.stationary_covariance(), rel=1e-6)
    assert np.abs(found["waveform"](times, drive) - response.mean_at(times)).max() < 1e-9 * scale


def test_samples_have_the_law(tmp_path):
    found, response, drive = script(tmp_path, "crossbar", "macro", "board-1k-1n")
    steps = 4000
    v = found["sample"](steps, 20 / np.abs(response.poles).min(), drive, np.random.default_rng(0))
    # Samples 20 time constants apart are independent: a variance scatters by sqrt(2/N), here 2.2 %.
    expected = np.diag(response.stationary_covariance())
    assert np.abs(v.var(axis=0) / expected - 1).max() < 5 * np.sqrt(2 / steps)
    assert np.abs(v.mean(axis=0) - response.settled).max() < 5 * np.sqrt(expected.max() / steps)


def test_a_drive_beyond_the_rails_is_refused(tmp_path):
    found, _, drive = script(tmp_path, "crossbar", "macro", "board-1k-1n")
    with pytest.raises(ValueError, match="beyond its rails"):
        found["settled"](1000 * drive)
