"""A small result folder with known numbers, as `thermospice run` would leave it."""

import json
from pathlib import Path

import numpy as np
import xarray as xr
import yaml

N = 4
SHIFTS = {"spice": 0.0, "calibrated": 2e-3, "design": 0.05}
OPTIMISERS = {"tngd-ideal": 0.11, "tngd-device": 0.12, "ngd-exact": 0.10, "adam": 0.09, "sgd": 0.3}


def make_folder(path: Path, seeds: int = 3) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    _json(path / "summary.json", {"command": "run", "seed": 1, "elapsed_s": 12.5, "versions": {"ngspice": "39"}})
    _json(path / "instance.json", {"topology": {"name": "crossbar", "n": N}, "seed": 7})
    design = {
        "name": "board",
        "description": "a board",
        "sources": {"R0": "the paper"},
        "R0": 1000.0,
        "C": 1e-9,
    }
    (path / "design.yaml").write_text(yaml.safe_dump(design | {"amplifier": {"gain": 1e5, "gain_bandwidth": 1e7}}))
    _waveforms(path, rng)
    A = rng.normal(size=(N, N))
    P = (A @ A.T + np.eye(N)) * 1e-12
    _json(path / "covariance.json", {"spice": P.tolist(), "model": (P * (1 + 1e-4)).tolist()})
    _parameters(path, rng)
    v = rng.normal(size=(6, N)) * 0.5
    _json(
        path / "heldout.json",
        [
            {
                "spice": list(r),
                "design": list(r * 1.01),
                "calibrated": list(r * 1.0001),
                "nominal": list(r * 1.000001),
            }
            for r in v
        ],
    )
    _json(path / "fidelity.json", [_row("settled", 1e-5, 2e-4), _row("waveform", 3e-3, 2e-3)])
    _training(path, rng, seeds)
    _in_the_loop(path)
    return path


def _in_the_loop(path: Path) -> None:
    trained = {name: {"losses": [1.0, 0.5], "parameters": [1.0, 2.0 + shift]} for name, shift in SHIFTS.items()}
    _json(path / "in-the-loop.json", {**trained, "sd": [1e-3, 1e-3], "draws": 12, "t": 5.0})


def _row(metric: str, value: float, limit: float) -> dict[str, object]:
    row = {"topology": "crossbar", "level": "macro", "size": N, "analysis": "tran", "metric": metric}
    return row | {"value": value, "limit": limit, "passed": value <= limit}


def _waveforms(path: Path, rng: np.random.Generator) -> None:
    time = np.linspace(0, 1e-5, 200)
    spice = rng.normal(size=N) * (1 - np.exp(-time[:, None] / 1e-6 / (1 + np.arange(N))))
    data = xr.Dataset(
        {
            "spice": (("time", "cell"), spice),
            "design": (("time", "cell"), spice * 1.01),
            "calibrated": (("time", "cell"), spice * 1.0005),
            "nominal": (("time", "cell"), spice * 1.000001),
            "sd": ("cell", np.full(N, 2e-6)),
        },
        {"time": time, "cell": np.arange(N)},
    )
    data.to_netcdf(path / "waveforms.nc", engine="h5netcdf")


def _parameters(path: Path, rng: np.random.Generator) -> None:
    rows = []
    for name, unit, sigma in (("conductance", "", 1e-2), ("capacitance", "", 5e-2), ("offset", "V", 1e-3)):
        for k in range(N):
            true, error = sigma * rng.normal(), 0.05 * sigma
            fitted = true + error * rng.normal()
            rows.append(
                {
                    "name": name,
                    "index": [k],
                    "estimate": fitted,
                    "standard_error": error,
                    "true": true,
                    "unit": unit,
                }
            )
    _json(path / "parameters.json", rows)


def _training(path: Path, rng: np.random.Generator, seeds: int) -> None:
    runs, curves = [], []
    for name, floor in OPTIMISERS.items():
        for seed in range(seeds):
            run = f"{name}-s{seed}"
            for step in range(0, 200, 2):
                loss = floor + 2.2 * np.exp(-step / 40) * np.exp(0.1 * rng.normal())
                entry = {
                    "run": run,
                    "task": "digits",
                    "solver": "ideal-spu" if "tngd" in name else "",
                    "seed": seed,
                    "step": step,
                    "train_loss": loss,
                }
                if step % 20 == 0:
                    entry |= {"test_accuracy": 0.98 - 0.8 * np.exp(-step / 30) + 0.002 * rng.normal()}
                curves.append(entry | {"modelled_time_s": (step + 1) * (4e-3 if "tngd" in name else 1e-3)})
            runs.append(_entry(name, floor, run, seed))
    (path / "training").mkdir(exist_ok=True)
    (path / "training" / "runs.jsonl").write_text("".join(json.dumps(run) + "\n" for run in runs))
    (path / "training" / "curves.jsonl").write_text("".join(json.dumps(row) + "\n" for row in curves))


def _entry(name: str, floor: float, run: str, seed: int) -> dict[str, object]:
    entry: dict[str, object] = {"run": run, "task": "digits", "seed": seed, "steps": 200, "elapsed_s": 1.0}
    entry |= {"train_loss": floor + 0.001 * seed, "test_accuracy": 0.98 - floor / 50 + 0.001 * seed}
    if "tngd" not in name:
        return entry | {"modelled_time_s": 0.2}
    parts = {"modelled_digital_s": 0.1, "modelled_loading_s": 0.6, "modelled_relaxation_s": 0.01}
    return entry | {"solver": "ideal-spu", "modelled_time_s": 0.71, **parts}


def _json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value))
