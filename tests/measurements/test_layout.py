"""One layout of a measurement: what is written says which, and what is read has to be of it."""

import numpy as np
import pytest
import xarray as xr
from thermospice.circuits import Crossbar, Design, Program, Scaling
from thermospice.measurements import (
    MeasurementError,
    dataset,
    load_measurement,
    read_measurement,
    save_measurement,
)


@pytest.fixture
def measurement() -> xr.Dataset:
    chip = Design.preset("board-1k-1n").nominal(Crossbar(n=2))
    program = Program(np.array([[1.0, 0.25], [0.25, 1.0]]), np.array([0.5, -0.25]))
    settled = {"v": (("cell",), np.array([0.5, -0.25]), "V")}
    return dataset(chip, program, "ideal", Scaling(), settled, {"analysis": "op"})


def test_what_the_writer_writes_the_reader_accepts(measurement, tmp_path):
    save_measurement(measurement, tmp_path / "m.nc")
    kept = load_measurement(tmp_path / "m.nc")
    assert kept.attrs["schema"] == 1
    np.testing.assert_array_equal(read_measurement(kept).values["v"], [0.5, -0.25])


def test_a_measurement_of_another_layout_is_refused(measurement):
    # Catches a version that is checked but written by nobody, so that no file of a later version is ever refused.
    measurement.attrs["schema"] += 1
    with pytest.raises(MeasurementError, match=r"expected schema 1, got 2; measure again"):
        read_measurement(measurement)


def test_a_measurement_from_before_the_version_was_written_is_read(measurement):
    del measurement.attrs["schema"]
    assert read_measurement(measurement).analysis == "op"
