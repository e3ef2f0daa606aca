"""A calibration that its measurements contradict, on the command line: exit codes, files, what later commands say."""

import contextlib
import io
import json
import shutil

import pytest
import xarray as xr
from thermospice.behavioral import DeviceModel
from thermospice.cli import main

from ..commands import Outcome

DELAY = 5e-8


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    """A chip measured in ngspice, and the same transients with a trigger that comes 50 ns late."""
    folder = tmp_path_factory.mktemp("verdict")
    assert main(["calibrate", "--size", "2", "--out", str(folder / "right"), "--quiet"]) == 0
    (folder / "late").mkdir()
    for path in (folder / "right" / "calibration").glob("*.nc"):
        data = xr.load_dataset(path, engine="h5netcdf")
        if data.attrs["analysis"] == "tran":
            data = data.assign_coords(time=("time", data["time"].values + DELAY, dict(data["time"].attrs)))
        data.to_netcdf(folder / "late" / path.name, engine="h5netcdf")
    return folder


@pytest.fixture(scope="module")
def fitted(campaign):
    """What the command answers for the late transients; its device lies in `device` of the campaign's folder."""
    files = sorted((campaign / "late").glob("*.nc"))
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "200")
        code = main(["calibrate", *map(str, files), "--out", str(campaign / "device"), "--json"])
    return Outcome(code, out.getvalue(), err.getvalue())


@pytest.fixture
def contradicted(campaign, fitted, tmp_path):
    """The answer, with a copy of the device in this test's folder."""
    shutil.copytree(campaign / "device", tmp_path / "device")
    return fitted, json.loads(fitted.out)


def test_a_contradicted_fit_exits_with_one_and_names_its_rows(campaign, contradicted, run, tmp_path):
    # Catches a gain-bandwidth of 3.7 +- 0.1 MHz, of an amplifier of 65 MHz, with exit code 0.
    outcome, found = contradicted
    assert outcome.code == 1
    assert found["verdict"] == "contradicted"
    rows = {(row["family"], row["row"]) for row in found["contradictions"]}
    assert any("record" in row or row == "trigger-delay" for _, row in rows)
    assert "contradicted by" in outcome.err
    assert "withheld" in outcome.err
    # The interval holds the amplifier that there is, and no deviation is known better than its tolerance.
    gain_bandwidth = found["gain_bandwidth"]
    assert abs(gain_bandwidth["value"] - 65e6) < 1.96 * gain_bandwidth["standard_error"]
    assert all(row["standard_error"] >= 3.9e-4 for row in found["parameters"])
    assert DeviceModel.load(tmp_path / "device" / "device.json").verdict.contradicted
    stored = json.loads((tmp_path / "device" / "identifiability.json").read_text())["verdict"]
    assert stored["status"] == "contradicted"
    assert len(stored["checks"]) == found["checks"] > len(found["contradictions"]) > 0


def test_later_commands_tell_it(campaign, contradicted, run):
    chip = campaign / "right" / "instance.json"
    verified = run("verify", "--device", "device/device.json", "--instance", chip, "--json")
    assert verified.code == 1
    assert "4 programs: SPICE" in verified.err  # of one chip, which was counted four times
    row = next(row for row in json.loads(verified.out)["rows"] if row["analysis"] == "calibration")
    assert not row["passed"]
    assert row["value"] > row["limit"] == 0
    assert "contradicted by" in row["reason"]
    solved = run("solve", "--size", 2, "--on", "model", "--device", "device/device.json", "--json")
    assert json.loads(solved.out)["device_verdict"] == "contradicted"
    assert "contradicted by" in solved.err
    options = ("--optimizer", "tngd", "--solver", "device-spu", "--steps", 2, "--device", "device/device.json")
    trained = run("train", "regression", *options, "--json")
    assert json.loads(trained.out)["device_verdict"] == "contradicted"
    assert "contradicted by" in trained.err


def test_the_delay_as_an_unknown_makes_it_right(campaign, run, tmp_path):
    files = sorted((campaign / "late").glob("*.nc"))
    outcome = run("calibrate", *files, "--nuisance", "trigger-delay,baseline", "--out", "device", "--json")
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    assert found["verdict"] == "consistent"
    delay = found["bench"]["trigger_delay"]
    assert abs(delay["value"] - DELAY) < 4.5 * delay["standard_error"] < 0.1 * DELAY
    right = json.loads((campaign / "right" / "summary.json").read_text())
    for mine, other in zip(found["parameters"], right["parameters"], strict=True):
        assert abs(mine["estimate"] - other["true"]) < 4.5 * mine["standard_error"]
    # The fidelity table counts none against it.
    verified = run(
        "verify", "--device", "device/device.json", "--instance", campaign / "right" / "instance.json", "--json"
    )
    row = next(row for row in json.loads(verified.out)["rows"] if row["analysis"] == "calibration")
    assert row["passed"]
    assert verified.code == 0


def test_unknown_nuisances_are_refused(run):
    run("calibrate", "--nuisance", "jitter").refused("--nuisance", "expected some of trigger-delay", "'jitter'")


@pytest.mark.slow
@pytest.mark.parametrize("topology", ["crossbar", "rc-mesh"])
def test_transistors_have_one_band_for_both_commands(run, topology):
    # Catches a covariance over all frequencies in one command, and five decades in the other.
    options = ("--design", "cmos-100k-10p", "--level", "transistor", "--topology", topology, "--size", 2)
    outcome = run("calibrate", *options, "--held-out", 4, "--out", "device", "--json")
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    assert found["verdict"] == "consistent"
    verified = run("verify", "--device", "device/device.json", "--json")
    assert verified.code == 0, verified.out
    # Offsets that the transistors have by themselves are within the error bars.
    z = [
        (row["estimate"] - row["true"]) / row["standard_error"]
        for row in found["parameters"]
        if "offset" in row["name"]
    ]
    assert max(map(abs, z)) < 4
