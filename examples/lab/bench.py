"""A chip on a bench, with what benches add; nothing of thermospice is in here, so that it can be held against it.

    python examples/lab/bench.py FOLDER [--seed 3] [--cells 2] [--hum 0.002] [--outlier 0]

A crossbar of ideal integrators, 1 kohm and 1 nF: `C_i dv_i/dt = -(sum_j A_ij (1 + e_ij) v_j - (1 + d_i) b_i)/R0`, with
1 % resistors and 5 % capacitors. FOLDER gets `lab.yaml`, records `step-K.csv` to fit and `check-K.csv` that are not to
be fitted, and `truth.json`. The trigger is late, each probe has a gain of its own, each record a baseline that drifts,
there is hum of the mains, noise, and on request a reading that is off in one record.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import scipy.linalg

R0, C, R_SIGMA, C_SIGMA = 1e3, 1e-9, 0.01, 0.05
NOISE, DELAY, GAIN, BASELINE, MAINS = 1e-3, 0.1e-6, 0.01, 3e-3, 60.0


def draw(n, rng):
    """Deviations of a chip."""
    return {
        "conductance": R_SIGMA * rng.standard_normal((n, n)),
        "drive": R_SIGMA * rng.standard_normal(n),
        "capacitance": C_SIGMA * rng.standard_normal(n),
    }


def program(n, rng):
    """A stable matrix and a drive."""
    A = np.eye(n) + 0.25 * rng.uniform(-1, 1, (n, n))
    return A, rng.uniform(-1, 1, n)


def waveform(chip, A, b, times):
    """Outputs [V] at times [s] after the drive steps on."""
    tau = R0 * C * (1 + chip["capacitance"])
    F = A * (1 + chip["conductance"]) / tau[:, None]
    end = np.linalg.solve(F, (1 + chip["drive"]) * b / tau)
    return np.array([end - scipy.linalg.expm(-F * t) @ end for t in np.maximum(times, 0.0)])


def record(chip, A, b, bench, start, rng, hum, outlier):
    """Times [s] and readings [V] as the bench's file has them."""
    times = np.concatenate([np.linspace(0, 1e-6, 21)[1:], np.linspace(1e-6, 12e-6, 81)[1:]])
    v = bench["gain"] * waveform(chip, A, b, times - bench["delay"])
    v = v + BASELINE * rng.standard_normal(len(b)) + hum * np.sin(2 * np.pi * MAINS * (start + times))[:, None]
    v = v + NOISE * rng.standard_normal(v.shape)
    if outlier:
        v[len(v) // 2, 0] += outlier
    return times, v


def write_csv(path, times, v):
    cells = ", ".join(f"v{k + 1} [mV]" for k in range(v.shape[1]))
    rows = [f"{1e6 * t:.6f}, " + ", ".join(f"{1e3 * x:.4f}" for x in row) for t, row in zip(times, v, strict=True)]
    path.write_text("\n".join((f"time [us], {cells}", *rows, "")))


def write_bench(folder, seed, n=2, programs=6, checks=2, hum=2e-3, outlier=0.0, scale=1.0):
    """Everything of one chip; `scale` is a fault, a factor that nobody tells."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    chip = draw(n, rng)
    bench = {"gain": 1 + GAIN * rng.standard_normal(n), "delay": DELAY * rng.standard_normal()}
    lines, records = [], []
    for k in range(programs + checks):
        name = f"step-{k}" if k < programs else f"check-{k - programs}"
        A, b = program(n, rng)
        odd = outlier if k == 1 else 0.0
        times, v = record(chip, A, b, bench, rng.uniform(0, 1), rng, hum, odd)
        write_csv(folder / f"{name}.csv", times, scale * v)
        lines.append(f"  {name}: {{matrix: {A.tolist()}, drive: {b.tolist()}}}")
        records.append(f"  {name}.csv: {{program: {name}}}")
    head = ["design: board-1k-1n", "topology: crossbar", "level: ideal", f"chip: number {seed}", "drive_scale: 1"]
    more = ["probe_gain: 1", f"readout_noise: {1e3 * NOISE:g} mV", "unknown: [trigger-delay, readout-gain, baseline]"]
    text = "\n".join((*head, *more, "programs:", *lines, "records:", *records, ""))
    (folder / "lab.yaml").write_text(text)
    truth = {name: values.tolist() for name, values in chip.items()}
    (folder / "truth.json").write_text(json.dumps({**truth, "readout_gain": (bench["gain"] - 1).tolist()}))
    return chip, bench


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    for option, kind, default in (("seed", int, 3), ("cells", int, 2), ("hum", float, 2e-3), ("outlier", float, 0.0)):
        parser.add_argument(f"--{option}", type=kind, default=default)
    given = parser.parse_args()
    write_bench(given.folder, given.seed, given.cells, hum=given.hum, outlier=given.outlier)
