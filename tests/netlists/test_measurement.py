"""Measurements on disk: read back identical, written whole or not at all."""

import numpy as np
import pytest
import xarray as xr
from thermospice.circuits import Crossbar, Design, Program
from thermospice.netlists import MeasurementError, load_measurement, save_measurement, simulate


@pytest.fixture(scope="module")
def measurements():
    instance = Design.preset("board-1k-1n").sample(Crossbar(2), np.random.default_rng(0), seed=3)
    program = Program(np.array([[1.0, -0.5], [0.25, 1.0]]), np.array([0.5, -0.25]))
    found = {name: simulate(instance, program, name) for name in ("op", "ac", "noise")}
    found["tran"] = simulate(instance, program, duration=1e-6, noise=True, seed=1, noise_step=1e-8)
    return found


@pytest.mark.parametrize("analysis", ["op", "ac", "noise", "tran"])
def test_round_trip(measurements, analysis, tmp_path):
    path = tmp_path / "m.nc"
    save_measurement(measurements[analysis], path)
    again = load_measurement(path)
    xr.testing.assert_identical(again, measurements[analysis])
    for name in measurements[analysis].variables:
        assert again[name].dtype == measurements[analysis][name].dtype
    assert [p.name for p in tmp_path.iterdir()] == ["m.nc"]


def test_a_failed_write_leaves_the_old_file(measurements, tmp_path, monkeypatch):
    path = tmp_path / "m.nc"
    save_measurement(measurements["op"], path)

    def full(self, target, **_):
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(xr.Dataset, "to_netcdf", full)
    with pytest.raises(MeasurementError, match="No space left on device"):
        save_measurement(measurements["ac"], path)
    monkeypatch.undo()
    xr.testing.assert_identical(load_measurement(path), measurements["op"])
    assert [p.name for p in tmp_path.iterdir()] == ["m.nc"]


def test_no_such_folder(measurements, tmp_path):
    with pytest.raises(MeasurementError, match="cannot write"):
        save_measurement(measurements["op"], tmp_path / "gone" / "m.nc")


@pytest.mark.parametrize("content", [None, b"", b"text", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_not_a_measurement(content, tmp_path):
    path = tmp_path / "m.nc"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MeasurementError) as caught:
        load_measurement(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_data_set(tmp_path):
    path = tmp_path / "m.nc"
    xr.Dataset({"x": ("t", np.zeros(3))}).to_netcdf(path, engine="h5netcdf")
    with pytest.raises(MeasurementError, match="not a measurement"):
        load_measurement(path)
