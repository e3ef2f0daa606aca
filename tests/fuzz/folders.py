"""Result folders with one damaged file, for `report`: each kind of file that it reads is a row of `FILES`."""

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import yaml
from outcomes import refused_or_taken
from places import Choose, replaced
from thermospice.reports import build_report
from thermospice.reports.figures import LIGHT
from thermospice.reports.section_parts import _section as _section

_FOLDER = Path(tempfile.mkdtemp(prefix="thermospice-fuzz-reports-"))

METRIC = {"count": 3, "mean": 0.1, "mean_low": 0.05, "mean_high": 0.15, "median": 0.1, "min": 0.0, "max": 0.2}
POINT = {"parameters": {"design.mismatch.resistor_sigma": 0.01, "size": 4}, "metrics": {"relative_error": METRIC}}
STUDY = {
    "command": "sweep", "study": "tolerances", "method": "grid", "seed": 1, "runs": 4, "done": 3, "failed": 1,
    "missing": 0, "yield": 0.5, "yield_low": 0.1, "yield_high": 0.9, "metrics": {"relative_error": METRIC},
    "points": [POINT, POINT], "units": {"relative_error": "1", "noise_rms": "V"},
    "failures": [{"run": 3, "reason": "no"}], "pictures": ["relative_error.png"],
    "specification": [
        {"parameters": {"bits": None}, "loosest": 0.02, "mean": 0.1, "mean_low": 0.0, "mean_high": 0.2, "next": 0.05}
    ],
}  # fmt: skip
SIMULATION = {
    "command": "simulate", "topology": "crossbar", "n": 2, "design": "board", "level": "macro", "temperature": 300.15,
    "engine": "ngspice", "version": "39", "analysis": "tran", "relative_error": 0.01, "predicted_relative_error": 0.02,
    "v": [0.5, -0.5], "x": [0.5, -0.6], "warnings": ["it clips"], "seed": 0, "elapsed_s": 1.5,
}  # fmt: skip
RUN = {
    "command": "run", "seed": 1, "instance_seed": 2, "quick": True, "started": "today", "elapsed_s": 12.5,
    "engine": "ngspice 39", "topology": "crossbar", "n": 2, "versions": {"ngspice": "39", "numpy": "2.0"},
}  # fmt: skip
INSTANCE = {"topology": {"name": "crossbar", "n": 2}, "seed": 7}
DESIGN = {
    "name": "board", "description": "a board", "sources": {"R0": "the paper"}, "R0": 1000.0, "C": 1e-9, "L": None,
    "amplifier": {"gain": 1e5, "gain_bandwidth": 1e7}, "mismatch": {"resistor_sigma": 0.01}, "injected_noise": 0.0,
}  # fmt: skip
CHECKS = [
    {"topology": "crossbar", "level": level, "size": 4, "analysis": analysis, "metric": "waveform", "value": value,
     "limit": 2e-3, "passed": value < 2e-3}
    for level, analysis, value in (("macro", "tran", 1e-5), ("macro", "ac", 3e-3), ("ideal", "proof", 0.0))
]  # fmt: skip
PARAMETERS = [
    {"name": name, "index": [k, 0], "estimate": 0.01, "standard_error": 0.001, "true": 0.011, "unit": unit}
    for name, unit in (("conductance", ""), ("offset", "V"))
    for k in range(2)
]
HELDOUT = [{name: [0.5, -0.5 + 0.01 * k] for k, name in enumerate(("spice", "design", "calibrated", "nominal"))}]
COVARIANCE = {"spice": [[1e-12, 1e-13], [1e-13, 1e-12]], "model": [[1e-12, 2e-13], [2e-13, 1e-12]]}
IN_THE_LOOP = {
    **{name: {"losses": [1.0, 0.5], "parameters": [1.0, 2.0 + 0.01 * k]}
       for k, name in enumerate(("spice", "calibrated", "design"))},
    "sd": [1e-3, 1e-3], "draws": 12,
}  # fmt: skip
ENTRIES = [
    {"run": f"digits-{name}-s{seed}", "task": "digits", "seed": seed, "optimizer": name, "solver": solver, "steps": 10,
     "train_loss": 0.1 + 0.01 * seed, "test_loss": 0.2, "test_accuracy": 0.9, "elapsed_s": 1.0, "modelled_time_s": 0.2,
     "modelled_energy_J": 1e-3, **({"modelled_digital_s": 0.1, "modelled_loading_s": 0.1} if solver else {})}
    for name, solver in (("tngd", "ideal-spu"), ("adam", None))
    for seed in range(2)
]  # fmt: skip
CURVES = [
    {"run": entry["run"], "task": "digits", "seed": entry["seed"], "solver": entry["solver"], "step": step,
     "train_loss": 1.0 / (1 + step), "test_accuracy": 0.5, "modelled_time_s": 0.01 * step}
    for entry in ENTRIES
    for step in (0, 5, 10)
]  # fmt: skip


def _json(data: Any) -> bytes:
    return json.dumps(data).encode()


def _lines(data: Any) -> bytes:
    rows = data if isinstance(data, list) else [data]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _yaml(data: Any) -> bytes:
    return yaml.safe_dump(data).encode()


def _netcdf(data: Any) -> bytes:
    """Whatever of the plain data xarray and netCDF can hold; the rest never gets as far as a file."""
    try:
        return bytes(xr.Dataset.from_dict(data).to_netcdf(engine="h5netcdf"))
    except Exception:
        return b"no data set"


def _waveforms() -> Any:
    time = np.linspace(0, 1e-5, 5)
    waves = {name: (("time", "cell"), np.outer(time, [1.0, 2.0])) for name in ("spice", "design", "calibrated")}
    more = {"nominal": waves["spice"], "sd": ("cell", np.full(2, 2e-6))}
    return xr.Dataset(waves | more, {"time": time, "cell": [0, 1]}).to_dict()


@dataclass(frozen=True)
class File:
    """A file of a result folder, what it holds, and what has to lie beside it to be read."""

    name: str
    plain: Any
    dump: Callable[[Any], bytes] = _json
    beside: tuple[tuple[str, bytes], ...] = ()
    slow: bool = False
    """Starts a process to be read."""


_PNG = b"\x89PNG\r\n\x1a\n and so on"

FILES = {
    "run summary": File("summary.json", RUN),
    "simulation": File("summary.json", SIMULATION, beside=(("tran.png", _PNG),)),
    "study": File("summary.json", STUDY, beside=(("relative_error.png", _PNG),)),
    "instance": File("instance.json", INSTANCE),
    "design": File("design.yaml", DESIGN, _yaml),
    "checks": File("fidelity.json", CHECKS),
    "parameters": File("parameters.json", PARAMETERS),
    "held out": File("heldout.json", HELDOUT, beside=(("fidelity.json", _json(CHECKS)),)),
    "covariance": File("covariance.json", COVARIANCE),
    "in the loop": File("in-the-loop.json", IN_THE_LOOP),
    "runs": File("runs.jsonl", ENTRIES, _lines),
    "curves": File("curves.jsonl", CURVES, _lines, beside=(("runs.jsonl", _lines(ENTRIES)),)),
    "training": File("training/runs.jsonl", ENTRIES, _lines, beside=(("training/curves.jsonl", _lines(CURVES)),)),
    "waveforms": File("waveforms.nc", _waveforms(), _netcdf, slow=True),
}


@contextmanager
def drawn_once() -> Iterator[None]:
    """Figures in one of the two looks: the other one draws the same data."""
    draw = _section.svg_uri
    _section.svg_uri = lambda figure, theme: draw(figure, theme) if theme is LIGHT else ""
    try:
        yield
    finally:
        _section.svg_uri = draw


def report_on(name: str, content: bytes) -> bool:
    """Whether `report` takes a folder with this file; raises what the command line would call a bug."""
    file = FILES[name]
    folder = Path(tempfile.mkdtemp(dir=_FOLDER))
    for other, beside in (*file.beside, (file.name, content)):
        path = folder / other
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(beside)
    with drawn_once():
        return refused_or_taken(lambda: build_report([folder], folder / "report.html"))


def report_on_replaced(name: str, choose: Choose) -> bool:
    """As `report_on`, with some places of the good data replaced."""
    file = FILES[name]
    return report_on(name, file.dump(replaced(file.plain, choose)))


@cache
def good(name: str) -> bytes:
    return FILES[name].dump(FILES[name].plain)
