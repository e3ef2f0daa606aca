"""Measurements on disk: read back identical, written whole or not at all."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from thermospice.circuits import Crossbar, Design, Program
from thermospice.files import netcdf as netcdf
from thermospice.measurements import MeasurementError, load_measurement, save_measurement
from thermospice.netlists import simulate


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


@pytest.mark.parametrize("analysis", ["op", "ac", "noise", "tran"])
def test_the_quick_way_writes_what_xarray_writes(measurements, analysis, tmp_path):
    """Catches an attribute, a fill value or a type that one of them lacks."""
    save_measurement(measurements[analysis], tmp_path / "quick.nc")
    store = xr.backends.H5NetCDFStore.open(tmp_path / "by-xarray.nc", mode="w", lock=False)
    measurements[analysis].dump_to_store(store)
    store.close()
    quick, by_xarray = (xr.load_dataset(tmp_path / name, engine="h5netcdf") for name in ("quick.nc", "by-xarray.nc"))
    xr.testing.assert_identical(quick, by_xarray)
    for name, variable in by_xarray.variables.items():
        assert quick[name].dtype == variable.dtype
        same = {key: value for key, value in variable.encoding.items() if key != "source"}
        np.testing.assert_equal({key: quick[name].encoding.get(key) for key in same}, same)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.assign(word=("cell", np.array(["a", "b"]))),
        lambda data: data.assign_coords(name=("cell", [1.0, 2.0])),
        lambda data: data.assign_attrs(several=np.array([1.0, 2.0])),
        lambda data: data.isel(cell=slice(0, 0)),
        lambda data: data.assign(v=data["v"].assign_attrs(_FillValue=-1.0)),
    ],
    ids=["text", "coordinate", "array", "nothing", "fill value"],
)
def test_what_is_not_plain_is_written_and_read_all_the_same(measurements, change, tmp_path):
    """Catches a data set that the quick way takes and cannot hold."""
    data = change(measurements["op"])
    save_measurement(data, tmp_path / "m.nc")
    xr.testing.assert_equal(xr.load_dataset(tmp_path / "m.nc", engine="h5netcdf"), data)


def test_measuring_and_writing_load_no_dask():
    """Catches the half second that a question about arrays nobody has would add to every simulation."""
    code = (
        "import sys, numpy as np\n"
        "from thermospice.circuits import Crossbar, Design, random_program\n"
        "from thermospice.netlists import save_measurement, simulate\n"
        "chip = Design.preset('board-1k-1n').nominal(Crossbar(1))\n"
        "data = simulate(chip, random_program(Crossbar(1), np.random.default_rng(0)), 'op')\n"
        "save_measurement(data, 'm.nc')\n"
        "print([name for name in sys.modules if name.split('.')[0] == 'dask'])\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_failed_write_leaves_the_old_file(measurements, tmp_path, monkeypatch):
    path = tmp_path / "m.nc"
    save_measurement(measurements["op"], path)

    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(MeasurementError, match="No space left on device"):
        save_measurement(measurements["ac"], path)
    monkeypatch.undo()
    xr.testing.assert_identical(load_measurement(path), measurements["op"])
    assert [p.name for p in tmp_path.iterdir()] == ["m.nc"]


def test_a_disk_that_fills_up_is_an_error_and_not_the_end_of_the_process(tmp_path):
    # A real limit of the system, lower than the file: HDF5 on the disk itself would crash, at the latest at exit.
    code = (
        "import resource, signal, sys, numpy as np, xarray as xr\n"
        "from thermospice.netlists import MeasurementError, save_measurement\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, resource.RLIM_INFINITY))\n"
        "try: save_measurement(xr.Dataset({'x': ('t', np.arange(20000.0))}), 'm.nc')\n"
        "except MeasurementError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "m.nc: cannot write the measurement" in done.stdout
    assert not list(tmp_path.iterdir())


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


def test_damaged_measurements_are_refused_and_nothing_else_is_said(measurements, tmp_path):
    path = tmp_path / "m.nc"
    save_measurement(measurements["op"], path)
    good = path.read_bytes()
    place = good.index(b"crossbar")
    group = good.index(b"OHDR")  # a header that HDF5 has a checksum for
    damaged = (
        good[: len(good) // 2],
        good[:place] + b"\xff\xfe" + good[place + 2 :],
        good[: group + 8] + b"\xff" * 4 + good[group + 12 :],
    )
    for k, content in enumerate(damaged):
        (tmp_path / f"{k}.nc").write_bytes(content)
    code = (
        "import sys\nfrom thermospice.netlists import MeasurementError, load_measurement\n"
        "for name in sys.argv[1:]:\n"
        "    try: load_measurement(name)\n"
        "    except MeasurementError as error: print(error)\n"
    )
    names = [f"{k}.nc" for k in range(len(damaged))]
    done = subprocess.run([sys.executable, "-c", code, *names], cwd=tmp_path, capture_output=True, text=True)
    assert done.stderr == ""
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == names


def test_a_damaged_file_that_keeps_hdf5_busy_for_ever_is_refused(monkeypatch):
    """One byte of a good file is another one, found by fuzzing; HDF5 2.0 never returns from it."""
    monkeypatch.setattr(netcdf, "TIME_LIMIT", 2.0)
    path, started = Path(__file__).with_name("damaged.nc"), time.perf_counter()
    with pytest.raises(MeasurementError, match=r"damaged\.nc: cannot read the measurement") as caught:
        load_measurement(path)
    assert time.perf_counter() - started < 10
    assert "\n" not in str(caught.value)


def test_a_reader_that_does_not_return_is_stopped(measurements, tmp_path, monkeypatch):
    path, sleeper = tmp_path / "m.nc", tmp_path / "python"
    save_measurement(measurements["op"], path)
    sleeper.write_text("#!/bin/sh\nexec sleep 60\n")
    sleeper.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(sleeper))
    monkeypatch.setattr(netcdf, "TIME_LIMIT", 0.3)
    started = time.perf_counter()
    with pytest.raises(MeasurementError, match=r"damaged, it was not read within 0\.3"):
        load_measurement(path)
    assert time.perf_counter() - started < 5


def test_another_data_set(tmp_path):
    path = tmp_path / "m.nc"
    xr.Dataset({"x": ("t", np.zeros(3))}).to_netcdf(path, engine="h5netcdf")
    with pytest.raises(MeasurementError, match="not a measurement"):
        load_measurement(path)


def test_times_stay_numbers_however_their_unit_is_spelled(measurements, tmp_path):
    # Catches `seconds`, which xarray makes whole nanoseconds of.
    time_ = measurements["tran"]["time"]
    odd = measurements["tran"].assign_coords(time=("time", time_.values + 1.25e-10, {"units": "seconds"}))
    (tmp_path / "m.nc").write_bytes(bytes(odd.to_netcdf(engine="h5netcdf")))
    again = load_measurement(tmp_path / "m.nc")
    assert again["time"].dtype == float
    np.testing.assert_array_equal(again["time"].values, odd["time"].values)


@pytest.mark.parametrize("encoding", [{"_FillValue": -9999.0}, {"missing_value": -9999.0}])
def test_fill_values_of_a_file_are_gaps(measurements, tmp_path, encoding):
    holed = measurements["op"].copy(deep=True)
    holed["v"].values[1] = np.nan
    (tmp_path / "m.nc").write_bytes(bytes(holed.to_netcdf(engine="h5netcdf", encoding={"v": encoding})))
    assert np.isnan(load_measurement(tmp_path / "m.nc")["v"].values[1])
