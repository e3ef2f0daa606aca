"""For which device each of the ten programs of `solve` is worth it: time, energy and error beside this machine.

    python benchmarks/bench_programs.py [--on ideal model] [--size 4] [--watts 65]

Of each program the table tells what the device takes (loading where it is counted, settling, reading), its energy, and
its relative error against LAPACK; then the same for LAPACK on this machine, whose error is rounding alone. A computer's
energy is not measured: it is the time at so many watts for the whole computer, `--watts`, an assumption. The ideal
device has no amplifiers, and its energy is the heat of its resistors. What a device needs digitally between its
readouts (residuals and steps of qp, svm, kalman and logistic) is in neither side, so a device that wins there wins its
solves alone. Where the device loses, the table says so.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import scipy.linalg

LINEAR = {
    "solve": lambda A, b: np.linalg.solve(A, b),
    "inverse": lambda A, b: np.linalg.inv(A),
    "lyapunov": lambda A, b: scipy.linalg.solve_continuous_lyapunov(A, np.eye(len(A))),
    "determinant": lambda A, b: np.linalg.det(A),
    "expm": lambda A, b: scipy.linalg.expm(A),
}
PROGRAMS = ("qp", "svm", "bayes", "kalman", "logistic")
SIZELESS = {"kalman"}  # its built-in track has four cells
REPEATS = 20


def digital(problem: str, folder: Path) -> float:
    """Shortest time [s] of the same problem on this machine."""
    A = np.loadtxt(folder / "matrix.csv", delimiter=",", ndmin=2)
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        LINEAR[problem](A, np.ones(len(A)))
        times.append(time.perf_counter() - start)
    return min(times)


def asked(problem: str, on: str, size: int, folder: Path) -> dict:
    """Summary of one program on the device; a run short of its tolerance has one too."""
    command = [Path(sys.executable).with_name("thermospice"), "solve", "--problem", problem, "--on", on, "--json"]
    more = [] if problem in SIZELESS else ["--size", str(size)]
    done = subprocess.run([*command, *more, "--out", str(folder)], capture_output=True, text=True, check=False)
    if not done.stdout.strip():
        raise SystemExit(done.stderr.strip())
    return json.loads(done.stdout)


def error_of(summary: dict) -> float:
    """Relative error where there is a right answer beside it, else the relative gap."""
    return summary["relative_error"] if "relative_error" in summary else summary["relative_gap"]


def verdict(faster: float, leaner: float) -> str:
    """What both ratios, device over computer, come to."""
    sides = ["time" if faster < 1 else "", "energy" if leaner < 1 else ""]
    won = " and ".join(side for side in sides if side)
    return f"wins in {won}" if won else "loses"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--on", nargs="+", default=["ideal", "model"], help="ideal, model, or a device.json")
    parser.add_argument("--size", type=int, default=4)
    parser.add_argument("--watts", type=float, default=65.0, help="of the whole computer, assumed")
    given = parser.parse_args()
    for on in given.on:
        table(on, given.size, given.watts)
    print(
        "error: relative, of the device, for qp and svm the gap; LAPACK's is rounding. A device's digital work between"
    )
    print("its readouts is not counted: qp, svm, kalman and logistic that win do so in their solves alone.")


def table(on: str, size: int, watts: float) -> None:
    """One line for each program on a device."""
    print(f"on {on}, {size} cells; energy of this machine: its time at {watts:g} W, assumed")
    print(f"{'program':12s} {'device s':>10s} {'device J':>10s} {'error':>9s} {'digital s':>10s} {'digital J':>10s}")
    with tempfile.TemporaryDirectory() as scratch:
        for problem in (*LINEAR, *PROGRAMS):
            folder = Path(scratch) / problem
            summary = asked(problem, on, size, folder)
            here = digital(problem, folder) if problem in LINEAR else summary["digital_time_s"]
            seconds = summary.get("device_time_s", summary["analog_time_s"])
            joules = here * watts
            told = verdict(seconds / here, summary["energy_J"] / joules)
            print(
                f"{problem:12s} {seconds:10.2e} {summary['energy_J']:10.2e} {error_of(summary):9.1e}"
                f" {here:10.2e} {joules:10.2e}  {told}"
            )


if __name__ == "__main__":
    main()
