"""Where a chip's noise comes from, as `simulate --analysis noise` says it."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from thermospice.circuits import Instance, Program, Scaling
from thermospice.circuits.linear_circuits import LinearCircuit
from thermospice.circuits.loaded_chips import loaded_chip
from thermospice.cli import app
from typer.testing import CliRunner


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("noise") / "first"
    found = CliRunner().invoke(app, ["simulate", "--size", "2", "--analysis", "noise", "--out", str(out)])
    assert found.exit_code == 0
    assert "noise by element" in found.output
    assert "voltage noise of amplifiers" in " ".join(found.output.split())
    return out


def test_parts_are_those_of_the_closed_form(folder):
    # The referee is a Lyapunov equation for each cell; the trapezoid on 20 points a decade errs by about (ln 10 / 20)^2
    # / 12 = 1e-3 where a spectrum bends within an e-fold.
    summary = json.loads((folder / "summary.json").read_text())
    stored = json.loads((folder / "program.json").read_text())
    program = Program(np.array(stored["A"]), np.array(stored["b"]))
    scaling = Scaling(drive=summary["drive_scale"], conductance=summary["conductance_scale"])
    chip = loaded_chip(Instance.load(folder / "instance.json"), program, "macro", scaling)
    circuit = LinearCircuit.of(chip.network)
    variances = circuit.variances()
    expected = variances / variances.sum(axis=1, keepdims=True)
    found = np.array([summary["noise_shares"][name] for name in circuit.contributors]).T
    np.testing.assert_allclose(found, expected, atol=2e-3)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-12)
    assert sum(summary["noise_kinds"].values()) == pytest.approx(1.0)


def test_the_table_has_every_element_the_loudest_first(folder):
    rows = list(csv.DictReader((folder / "contributors.csv").read_text().splitlines()))
    largest = [max(float(row[f"share_of_cell_{cell}"]) for cell in (0, 1)) for row in rows]
    assert largest == sorted(largest, reverse=True)
    assert {row["kind"] for row in rows} == {
        "voltage noise of amplifiers", "current noise of amplifiers", "thermal noise of resistors"
    }  # fmt: skip
