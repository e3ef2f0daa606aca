"""Small result folders, one for each command, as the commands leave them; and what their reports have to say."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BAD = '<script>alert("x")</script>'
"""Stands in every text that comes of a file."""

METRIC = {"count": 3, "mean": 0.02, "median": 0.02, "min": 0.01, "max": 0.03, "mean_low": 0.0, "mean_high": 0.04}
STANDARD = {"value": 0.01, "standard_error": 0.002}


@dataclass(frozen=True)
class Made:
    """One folder and its report."""

    summary: Mapping[str, Any]
    titles: tuple[str, ...]
    state: str
    says: tuple[str, ...]
    files: Mapping[str, Any] = field(default_factory=dict)

    def write(self, path: Path) -> Path:
        path.mkdir(parents=True)
        (path / "summary.json").write_text(json.dumps(self.summary))
        for name, content in self.files.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_text(content if isinstance(content, str) else json.dumps(content))
        return path


def summary(command: str, **found: Any) -> dict[str, Any]:
    typed = [command, "--out", f"a folder; {BAD}"]
    return {"command": command, "arguments": typed, "seed": 3, "versions": {"numpy": BAD}, "elapsed_s": 1.5, **found}


CHIP = {
    "design": BAD, "topology": "crossbar", "level": "macro", "n": 2, "temperature": 300.0, "engine": "ngspice",
    "version": "39", "v": [0.1, 0.2], "x": [0.1, 0.21], "warnings": [BAD],
}  # fmt: skip
LIMIT = {
    "metric": "relative_error", "at_most": 0.03, "required_yield": 0.95, "passed": 14, "of": 25, "yield": 0.56,
    "yield_low": 0.3714, "yield_high": 0.7333,
}  # fmt: skip
STUDY = {
    "study": "yield", "description": BAD, "kind": "circuit", "method": "grid", "runs": 25, "done": 24, "failed": 1,
    "missing": 0, "instances": 25, "settings": 1, "independent": 25, "outcome": "complete", "yield": 0.56,
    "yield_low": 0.3714, "yield_high": 0.7333, "metrics": {"relative_error": METRIC}, "limits": [LIMIT],
    "units": {"relative_error": "1"}, "failures": [{"run": 7, "reason": f"={BAD}"}], "pictures": [],
    "worst": [
        {"metric": "relative_error", "run": 7, "chip": 7, "parameters": {}, "failed": True, "kept": False},
        {"metric": "relative_error", "run": 4, "chip": 4, "parameters": {}, "value": 0.09, "failed": False,
         "kept": False},
    ],
}  # fmt: skip
CONDITIONS = {
    "study": "board", "kind": "netlist", "runs": 4, "done": 4, "failed": 0, "missing": 0, "instances": 2,
    "settings": 2, "independent": 2, "outcome": "complete", "metrics": {}, "pictures": [], "units": {"tau": "s"},
    "characteristics": [
        {"condition": "corner slow", "metric": "tau", "unit": "s", "min": 1e-6, "typ": 2e-6, "max": 3e-6,
         "limit_max": 2e-6, "passed": 1, "of": 2, "yield": 0.5, "yield_low": 0.09, "yield_high": 0.91,
         "required_yield": 1.0, "worst_chip": 1, "worst_value": 3e-6},
        {"condition": "corner fast", "metric": "tau", "unit": "s", "min": 1e-6, "typ": 1e-6, "max": 1e-6,
         "limit_max": 2e-6, "passed": 2, "of": 2, "yield": 1.0, "yield_low": 0.34, "yield_high": 1.0},
    ],
    "shortfalls": [
        {"condition": "corner slow", "metric": "tau", "reason": "x",
         "elements": [{"element": BAD, "deviation": 0.02, "change": 1e-7}]}
    ],
}  # fmt: skip
RUN = {"task": "digits", "optimizer": "tngd", "solver": "ideal-spu", "steps": 5}
RUNS = "".join(
    json.dumps({**RUN, "run": f"a-s{seed}", "seed": seed, **end}) + "\n"
    for seed, end in enumerate([{"train_loss": 0.5, "test_accuracy": 0.9}, {"stopped": f"diverged {BAD}"}])
)
ROW = {"topology": "crossbar", "level": "macro", "size": 2, "analysis": "tran", "metric": f"waveform {BAD}"}
ELEMENT = {
    "element": BAD, "nominal": 1e3, "value": 1.01e3, "deviation": 0.01, "standard_error": 0.002, "tolerance": 0.05,
    "identified": False, "truth": 0.012,
}  # fmt: skip

REPORTS: Mapping[str, Made] = {
    "simulate": Made(
        summary("simulate", analysis="noise", rms=[7e-5, 8e-5], passed=True, noise_kinds={BAD: 0.9, "other": 0.1},
                noise_shares={BAD: [0.9, 0.1], "r1": [0.1, 0.9]}, noise_band=[10.0, 1e9], relative_error=0.02, **CHIP),
        ("Simulation: noise densities", "Circuit", "Seeds and versions"), "passed",
        ("cell 0 70 µV", "90.0 %", "2.00 % off the exact one", "thermospice calibrate"),
        {"circuit.cir": "* x"},
    ),
    "simulate-wrong": Made(
        summary("simulate", analysis="tran", passed=False, faults=[f"latched {BAD}"], **CHIP),
        ("Simulation: transient", "Circuit", "Seeds and versions"), "failed", ("Failed: Latched",),
    ),
    "simulate-netlist": Made(
        summary("simulate", netlist=f"{BAD}.cir", outputs=["v1", BAD], analysis="noise", engine="ngspice", version="39",
                v=[0.0, 0.0], rms=[1e-4, 2e-4], contributors={BAD: [3e-8, 1e-8], "R2": [1e-8, 3e-8]}, passed=True),
        ("Simulation: noise densities of", "Seeds and versions"), "passed", ("v1 100 µV", "50.0 %"),
    ),
    "symbolic": Made(
        summary("symbolic", topology="crossbar", size=2, expressions={BAD: BAD}, omitted=[BAD],
                proofs=[{"name": "a", "claim": f"A {BAD}", "holds": True},
                        {"name": "b", "claim": "B", "holds": False}]),
        ("Formulas", "Circuit", "Seeds and versions"), "failed", ("It does not hold that B", "1 of 2 claims hold"),
    ),
    "verify": Made(
        summary("verify", fitted=[BAD]), ("Fidelity", "Seeds and versions"), "failed",
        ("1 of 2 checks passed", "Failed: waveform", "3.00e-03, limit 2.00e-03", "thermospice verify --topology"),
        {"fidelity.json": [{**ROW, "value": v, "limit": 2e-3, "passed": True} for v in (1e-5, 3e-3)]},
    ),
    "calibrate": Made(
        summary("calibrate", design=BAD, topology="crossbar", level="macro", n=2, verdict="contradicted", checks=9,
                contradictions=[{"text": f"record 3 {BAD}"}], not_identified=[BAD], gain=STANDARD,
                held_out=[{"metric": "waveform", "passed": False, "value": 0.3, "limit": 0.1}]),
        ("Calibration", "Circuit", "Seeds and versions"), "failed",
        ("contradict the design", "Record 3", "Held out: waveform 3.00e-01", "Not identified", "1.00 ± 0.20 %"),
        {"parameters.json": [
            {"name": "conductance", "index": [0, 1], "estimate": 0.01, "standard_error": 0.002, "unit": ""}],
         "residuals.json": [{"file": BAD, "analysis": "tran", "rms": 4.0, "used": False, "why": BAD}]},
    ),
    "calibrate-process": Made(
        summary("calibrate", design=BAD, topology="crossbar", level="macro", instances=3, contradicted={},
                spreads={"conductance": {"mean": STANDARD, "chip": STANDARD, "local": None}}),
        ("Process", "Circuit", "Seeds and versions"), "passed", ("3 of 3 chips", "50 %", "1.00 ± 0.20 %"),
    ),
    "calibrate-netlist": Made(
        summary("calibrate", netlist=BAD, outputs=["v1"], elements=[ELEMENT], misfit={"ac": 1.1}, chance=0.4,
                verdict="consistent"),
        ("Elements", "Seeds and versions"), "passed", ("Not identified", "1.00 ± 0.20 %", "1.2 %"),
    ),
    "sweep": Made(
        summary("sweep", **STUDY), ("Study: yield", "Seeds and versions"), "failed",
        ("kept by 14 of 25 runs, 56.0 % (95 % interval 37.1 % to 73.3 %), and 95.0 % is required",
         "1 of 25 runs failed", "seed 7 (failed) and seed 4 (9 %)", "more chips will not help"),
        {"table.csv": "run\n", "study.yaml": "name: x\n"},
    ),
    "sweep-netlist": Made(
        summary("sweep", **CONDITIONS), ("Study: board", "Seeds and versions"), "failed",
        ("1 of 2 limits are kept", "corner slow: slowest time constant at most 2 µs: kept by 1 of 2 chips, 50.0 %",
         "the worst is the chip of seed 1 (3 µs)", "+2 %"),
        {"characteristics.csv": "x\n"},
    ),
    "train": Made(
        summary("train"), ("Training", "Seeds and versions"), "failed",
        ("1 of 2 runs ended", "a-s1 stopped: diverged", "(of the others: 1 stopped)", "learning rate", "0.25",
         "✗ 1 stopped", "checkpoint.pt"),
        {"runs.jsonl": RUNS, "a-s0/experiment.yaml": "task: digits\nlr: 0.25\ndamping: 0.1\nt: 10.0\nbatch_size: 32\n"},
    ),
    "tune": Made(
        summary("train", task="digits", settings="digits.yaml", best={"optimizer": "sgd"},
                chosen={BAD: {"lr": 0.1, "validation_loss": 0.5}, "sgd": {"lr": 0.3, "validation_loss": 0.4}}),
        ("Tuning", "Seeds and versions"), "open",
        ("sgd 0.4, <script>", "learning rate", "0.3", " --optimizer sgd"),
    ),
    "solve": Made(
        summary("solve", problem="inverse", on=BAD, n=2, runs=4, value=[[1.0, 2.0], [3.0, 4.0]],
                standard_error=[[0.1, 0.1], [0.1, 0.0]], exact=[[1.1, 2.0], [3.0, 4.0]], relative_error=0.02,
                relative_standard_error=0.03, relative_noise_error=0.02, relative_device_error=0.01),
        ("Inverse of a matrix", "Seeds and versions"), "passed", ("2.00 % off", "error bar of 3.00 %", "--runs"),
    ),
    "solve-program": Made(
        summary("solve", problem="qp", on="model", n=2, failure=f"no answer {BAD}", worth=BAD, loads=3),
        ("Quadratic program", "Seeds and versions"), "failed", ("Failed: No answer", "--on ideal"),
    ),
    "export": Made(
        summary("export", to="spice", name=BAD, files={"subcircuit": "chip.cir"}, topology="crossbar", n=2,
                verdict="consistent", clipped=[]),
        ("Exported chip", "Circuit", "Seeds and versions"), "open", ("for spice", "bench"), {"chip.cir": "* x"},
    ),
}  # fmt: skip
