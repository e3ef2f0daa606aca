"""A study in the report: its numbers, the loosest values, its pictures, its failures."""

import base64
import json
from pathlib import Path

import pytest
from thermospice.reports import build_report

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
ESTIMATE = {"count": 5, "mean": 1.0204, "median": 1.01, "min": 0.9, "max": 1.1, "mean_low": 0.95, "mean_high": 1.09}
SUMMARY = {
    "study": "limits",
    "method": "grid",
    "seed": 3,
    "runs": 10,
    "done": 9,
    "failed": 1,
    "missing": 0,
    "yield": 0.9,
    "yield_low": 0.6,
    "yield_high": 0.98,
    "metrics": {"train_loss_ratio": ESTIMATE},
    "points": [
        {"parameters": {"training.design.converters.dac_bits": None}, "metrics": {"train_loss_ratio": ESTIMATE}},
        {"parameters": {"training.design.converters.dac_bits": 4}, "metrics": {"train_loss_ratio": {"count": 0}}},
    ],
    "specification": [
        {"parameters": {"bits": 4}, "next": 0.001},
        {"parameters": {"bits": 8}, "loosest": 0.03, "next": 0.1, "mean": 1.02, "mean_low": 1.0, "mean_high": 1.04},
    ],
    "failures": [{"run": 7, "reason": "the loop is unstable"}],
    "pictures": ["train_loss-map.png", "specification.png", "../outside.png", "gone.png"],
}


@pytest.fixture
def page(tmp_path: Path) -> str:
    folder = tmp_path / "study"
    folder.mkdir()
    (tmp_path / "outside.png").write_bytes(PNG)
    for name in ("train_loss-map.png", "specification.png"):
        (folder / name).write_bytes(PNG)
    (folder / "summary.json").write_text(json.dumps(SUMMARY))
    return build_report([folder], tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_numbers_are_those_of_the_folder(page):
    for words in ("9 of 10 runs done, 1 failed", "90.0% of the runs (60.0% to 98.0%)", "1.02 (0.95 to 1.09)", "exact"):
        assert words in page
    assert "standard errors to each side" not in page  # five values are not few
    for words in ("the loop is unstable", "0.03", "1 to 1.04"):
        assert words in page


def test_units_versions_and_few_runs_are_said(tmp_path):
    few = {**ESTIMATE, "count": 3}
    summary = {
        **SUMMARY,
        "command": "sweep",
        "metrics": {"settle_time": few, "overshoot": few},
        "points": [{"parameters": {"circuit.size": 4}, "metrics": {"settle_time": few}}],
        "units": {"settle_time": "s", "overshoot": "1"},
        "engine": "ngspice 39",
        "versions": {"numpy": "2.4"},
        "pictures": [],
    }
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    found = build_report([tmp_path], tmp_path / "report.html").read_text(encoding="utf-8")
    assert found.count('<th scope="col">settling time</th>') == 1
    assert found.count(">settling time</td>") == 1
    assert ">1.02 s</td>" in found
    assert ">overshoot</td>" in found
    assert ">102 %</td>" in found
    assert "Of 3 values an interval reaches 4.3 standard errors" in found
    for words in ("ngspice 39", "numpy", "2.4"):
        assert words in found[found.index("<h3>Seeds and versions") :]


def test_pictures_are_those_of_the_folder_and_the_map_of_limits_comes_first(page):
    assert page.count("data:image/png;base64,") == 4  # two pictures, each for the light and the dark look
    assert page.index("<figcaption>specification<") < page.index("<figcaption>Training loss, map<")
    assert "outside" not in page


def test_a_circuit_of_ones_own_has_one_typical_value_and_that_is_no_median(tmp_path):
    # Catches a second table of the same name whose `typ` is the median of the chips.
    row = {"condition": "T", "metric": "tau", "unit": "s", "min": 1e-6, "typ": 2.5e-6, "max": 3e-6, "limit_max": 4e-6}
    row |= {"passed": 2, "of": 2, "yield": 1.0, "yield_low": 0.3, "yield_high": 1.0}
    limit = {"metric": "tau", "passed": 2, "of": 2, "yield": 1.0, "yield_low": 0.3, "yield_high": 1.0, "at_most": 4e-6}
    point = {"parameters": {"netlist.temperature": 300.0}, "metrics": {"tau": ESTIMATE}, "limits": [limit]}
    summary = {**SUMMARY, "points": [point], "limits": [limit], "characteristics": [row]}
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    page = build_report([tmp_path], tmp_path / "report.html").read_text(encoding="utf-8")
    assert "circuit without deviations (typ)" in page
    assert "typical (median)" not in page


RANKED = {
    "parameter": "design.mismatch.resistor_sigma",
    "moves": 0.034,
    "moves_low": 0.02,
    "moves_high": 0.05,
    "lowest_at": 0.001,
    "highest_at": 0.02,
    "total": 0.67,
    "total_low": 0.42,
    "total_high": 0.92,
    "first": 0.64,
}
RANKING = {"metric": "relative_error", "unit": "1", "of_the_chips": "mean", "chips": 8, "ranking": [RANKED]}
JUDGED = {
    "metric": "relative_error",
    "at_most": 0.03,
    "required_yield": 0.9,
    "passed": 17,
    "of": 20,
    "yield": 0.85,
    "yield_low": 0.6211,
    "yield_high": 0.9679,
}
VERIFICATION = {"seeds": {"first": 8, "last": 27}, "chips": 20, "failed": 0, "limits": [JUDGED]}
OPTIMISED = {
    "designs": 22,
    "designs_kept": 9,
    "unit": "EUR",
    "design": 21,
    "parameters": {"design.mismatch.resistor_sigma": 0.00438},
    "cost": 33.67,
    "energy_per_step_J": 0.0705,
    "verification": VERIFICATION,
}


def test_a_ranking_has_words_units_and_intervals(tmp_path):
    (tmp_path / "summary.json").write_text(json.dumps({**SUMMARY, "sensitivity": RANKING}))
    page = build_report([tmp_path], tmp_path / "report.html").read_text(encoding="utf-8")
    for words in ("resistor mismatch", "3.4 % (2 % to 5 %)", "67 % (42 % to 92 %)", "0.1 %", "depends most on"):
        assert words in page


def test_a_design_that_new_chips_refuse_is_a_failure_with_its_interval(tmp_path):
    # Catches a verdict by the search's own chips, which were all kept.
    (tmp_path / "summary.json").write_text(json.dumps({**SUMMARY, "failed": 0, "optimised": OPTIMISED}))
    page = build_report([tmp_path], tmp_path / "report.html").read_text(encoding="utf-8")
    for words in ("Falls short", "17 of 20", "62.1 % to 96.8 %", "33.67 EUR", "70.5 mJ", "0.438 %", "more chips"):
        assert words in page
