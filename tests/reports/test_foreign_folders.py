"""A folder that somebody else has sent: its words are checked against its numbers, and its links lead nowhere."""

import base64
import json
from pathlib import Path

import pytest
from thermospice.reports import ReportError, build_report

from .sections.test_simulation_section import PNG, SUMMARY

ROW = {"topology": "crossbar", "level": "macro", "size": 2, "analysis": "tran", "metric": "nrms", "limit": 1e-3}
SECRET = PNG[:-12] + b"\x00" * 12


def page(folder: Path) -> str:
    return build_report([folder], folder.parent / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("value", [float("inf"), "1e-9", None, True, [0.0], 10**400])
def test_a_value_that_is_no_number_is_refused(tmp_path, value):
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "fidelity.json").write_text(json.dumps([{**ROW, "value": value, "passed": True}]))
    with pytest.raises(ReportError, match=r"fidelity\.json"):
        page(folder)


def test_a_row_that_says_passed_is_not_believed(tmp_path):
    folder = tmp_path / "theirs"
    folder.mkdir()
    rows = [{**ROW, "value": 1e-4, "passed": True}, {**ROW, "value": 2e-3, "passed": True}]
    (folder / "fidelity.json").write_text(json.dumps(rows))
    found = page(folder)
    assert "1 of 2 checks passed" in found
    assert "Failed: nrms (crossbar, macro, 2 cells)." in found


def test_a_row_that_says_failed_is(tmp_path):
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "fidelity.json").write_text(json.dumps([{**ROW, "value": 1e-4, "passed": False}]))
    assert "0 of 1 checks passed" in page(folder)


@pytest.mark.parametrize("kind", ["simulation", "study"])
def test_a_picture_that_links_to_another_file_is_left_out(tmp_path, kind):
    folder = tmp_path / "theirs"
    folder.mkdir()
    (tmp_path / "secret.png").write_bytes(SECRET)
    (folder / "tran.png").symlink_to("../secret.png")
    (folder / "ac.png").write_bytes(PNG)
    study = {"command": "sweep", "study": "s", "pictures": ["tran.png", "ac.png", "../secret.png"]}
    (folder / "summary.json").write_text(json.dumps(SUMMARY if kind == "simulation" else study))
    found = page(folder)
    assert base64.b64encode(SECRET).decode() not in found
    assert base64.b64encode(PNG).decode() in found
    assert "tran.png is a link to somewhere else, and is left out." in found


@pytest.mark.parametrize(
    "name", ["summary.json", "design.yaml", "fidelity.json", "waveforms.nc", "runs.jsonl", "training"]
)
def test_a_link_is_not_read(tmp_path, name):
    folder, other = tmp_path / "theirs", tmp_path / "other"
    folder.mkdir()
    other.mkdir()
    (folder / "instance.json").write_text(json.dumps({"topology": {"name": "crossbar", "n": 1}}))
    (other / "runs.jsonl").write_text("{}\n")
    (folder / name).symlink_to(other if name == "training" else other / "runs.jsonl")
    with pytest.raises(ReportError, match="a link to somewhere else"):
        page(folder)


def test_a_folder_by_a_link_is_the_folder(tmp_path):
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "summary.json").write_text(json.dumps(SUMMARY))
    (folder / "tran.png").write_bytes(PNG)
    (tmp_path / "latest").symlink_to("theirs")
    assert base64.b64encode(PNG).decode() in page(tmp_path / "latest")
