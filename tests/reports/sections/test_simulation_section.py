"""A simulation in the report: its voltages, its error, its plot."""

import base64
import json
from pathlib import Path

from thermospice.reports import build_report

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SUMMARY = {
    "command": "simulate", "design": "board", "topology": "crossbar", "level": "macro", "analysis": "tran", "n": 2,
    "temperature": 300.15, "engine": "ngspice", "version": "39", "v": [-0.2203, 1.5], "x": [-0.22, 1.51],
    "relative_error": 0.0167, "predicted_relative_error": 0.0166, "warnings": ["one entry clips"],
}  # fmt: skip


def page(tmp_path: Path, **changes: object) -> str:
    folder = tmp_path / "first"
    folder.mkdir()
    (folder / "tran.png").write_bytes(PNG)
    (folder / "summary.json").write_text(json.dumps({**SUMMARY, **changes}))
    return build_report([folder], tmp_path / "report.html").read_text(encoding="utf-8")


def test_what_was_simulated_is_said_and_shown(tmp_path):
    found = page(tmp_path)
    for words in (
        "Simulation: transient",
        "-220.3 mV",
        "1.51 V",
        "0.0167",
        "foresee 0.0166",
        "ngspice 39",
        "one entry clips",
    ):
        assert words in found
    assert found.count("data:image/png;base64,") == 2
    assert "Not computed" not in found


def test_the_answer_is_not_the_voltage_of_a_node(tmp_path):
    # With a quarter of the drive.
    found = page(tmp_path, v=[-0.055, 0.375], answer=[-0.22, 1.5], drive_scale=0.25, settled=False)
    for words in ("-55 mV", "-220 mV", "375 mV", "1.5 V", "before it has settled"):
        assert words in found


def test_without_a_solution_there_is_no_table(tmp_path):
    summary = dict(SUMMARY)
    del summary["relative_error"]
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "summary.json").write_text(json.dumps(summary))
    found = build_report([tmp_path / "x"], tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Node voltages" not in found


def test_a_measurement_that_cannot_be_read_leaves_its_picture(tmp_path):
    folder = tmp_path / "first"
    folder.mkdir()
    (folder / "tran.png").write_bytes(PNG)
    (folder / "measurement.nc").write_text("no netCDF")
    (folder / "summary.json").write_text(json.dumps(SUMMARY))
    found = build_report([folder], tmp_path / "report.html").read_text(encoding="utf-8")
    assert found.count("data:image/png;base64,") == 2
