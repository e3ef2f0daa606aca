# ruff: noqa: E402  (the thread counts must stand before the imports)
"""What whole commands cost as the number of cells grows, beside the simulator or the mathematics that they stand for.

- `simulate` of a crossbar at level macro against `ngspice -n -b` on the deck that it wrote, taking turns: processor
  time and peak memory of each process with its children, which other work on the machine changes less than wall time;
- `sweep` of chips at 32 cells against the simulator alone on as many decks: a transient each, and an operating point;
- `DeviceModel.response` with its settled mean and covariance against one dense LU and one Lyapunov equation of its
  states;
- the fit of `calibrate`: what one run costs with its derivatives by every unknown, against the bare product of these
  derivatives, and a whole fit against what is said of it beforehand;
- `symbolic`, `solve`, `calibrate`, `verify`, `sweep`: time, and the exponent of its growth between the two largest
  sizes; `run` has one size;
- how soon a command is there, and how soon a mistake is answered.

    python benchmarks/bench_growth.py [--out FILE.json] [--largest 128] [--rounds 3]

`--largest 300` takes ten minutes with ngspice 39, whose own time grows with the sixth power beyond its cache. Noise
ends at 32 cells: at 64 a covariance is 2080 spectra, of which each takes ngspice two thirds of a second.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.linalg
from _table import Row, finish
from thermospice.behavioral import Calibration, DeviceModel
from thermospice.behavioral.calibration import Parameters, fit_forecast, term_of
from thermospice.circuits import Crossbar, Design, random_program
from thermospice.measurements import check_programs, read_measurement, transients_of
from thermospice.netlists import find_ngspice, measure_for_calibration

# What the project promises.
FACTOR = {"op": 1.5, "ac": 1.2, "tran": 1.2, "noise": 1.2}
EXTRA = 1.5  # s
MEMORY = 400.0  # MB, above twice the simulator's
RESPONSE = 10.0
START, MISTAKE = 0.7, 1.0  # s
CAMPAIGN = 1.3

SIZES = (8, 32, 64, 128, 256, 300)
LARGEST = {"ac": 64, "tran": 64, "noise": 32}
"""Beyond, the simulator alone takes longer than all benchmarks may: 23 minutes for the noise of 64 cells."""

ONCE = 200
"""Cells from which on each runs once, whatever the number of rounds."""

OTHERS = {
    "symbolic": ((8, 32, 64), ("symbolic",)),
    "solve": ((8, 32, 64), ("solve", "--problem", "solve", "--on", "model", "--runs", "4")),
    "calibrate": ((2, 4, 8), ("calibrate", "--topology", "crossbar")),
    "verify": ((2, 4), ("verify", "--topology", "crossbar", "--level", "macro", "--quick", "--no-second-opinion")),
}

MISTAKES = (
    ("simulate", "--size", "none"),
    ("simulate", "--design", "board"),
    ("symbolic", "--topology", "ring"),
    ("solve", "--problem", "riddle"),
    ("calibrate", "--design", "board"),
    ("sweep", "missing.yaml"),
    ("report", "missing"),
    ("train", "digit"),
    ("verify", "--topology", "ring"),
)


@dataclass(frozen=True)
class Cost:
    """Of a process and its children: processor time [s], peak memory of the largest one [MB]."""

    seconds: float
    memory: float


# A process counts as its own the memory of the one that has started it, until it has its program: a small one starts.
_MEASURE = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
"""


def cost(command: Sequence[str], folder: Path, expected: int = 0) -> Cost:
    """Of a command that ends with the expected code: one that fails early would look fast."""
    measure = (sys.executable, "-S", "-E", "-c", _MEASURE, *command)
    told = subprocess.run(measure, cwd=folder, stdout=subprocess.PIPE, text=True, check=True).stdout
    code, seconds, memory = map(float, told.split())
    if code != expected:
        raise RuntimeError(f"{' '.join(command)}: ended with code {code:g}")
    return Cost(seconds, memory)


def thermospice(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-c", "import sys; from thermospice.cli import main; sys.exit(main())", *words)


def median(costs: Sequence[Cost]) -> Cost:
    return Cost(statistics.median(c.seconds for c in costs), max(c.memory for c in costs))


def simulated(analysis: str, cells: int, rounds: int) -> tuple[Cost, Cost]:
    """The whole command and the plain program, taking turns."""
    whole, plain = [], []
    with tempfile.TemporaryDirectory() as name:
        for k in range(1 if cells >= ONCE else rounds):
            words = ("simulate", "--analysis", analysis, "--size", str(cells), "--out", f"r{k}", "--quiet")
            whole.append(cost(thermospice(*words, "--level", "macro"), Path(name)))
            deck = Path(name) / f"r{k}" / "circuit.cir"
            plain.append(cost((find_ngspice().path, "-n", "-b", str(deck)), Path(name)))
    return median(whole), median(plain)


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """Of the growth between the two largest sizes."""
    return math.log(seconds[-1] / seconds[-2]) / math.log(sizes[-1] / sizes[-2])


def simulations(largest: int, rounds: int) -> Iterator[Row]:
    for analysis, factor in FACTOR.items():
        sizes = [n for n in SIZES if n <= min(largest, LARGEST.get(analysis, largest))]
        sizes = sizes if len(sizes) > 1 else [8, LARGEST[analysis]]
        found = [simulated(analysis, n, rounds) for n in sizes]
        for n, (whole, plain) in zip(sizes, found, strict=True):
            print(f"simulate {analysis}, {n} cells: {whole} against {plain}", flush=True)
            extra, memory = whole.seconds - factor * plain.seconds, whole.memory - 2 * plain.memory
            yield Row(f"simulate {analysis}, {n} cells: above {factor:g}x", extra, "s", most=EXTRA)
            yield Row(f"simulate {analysis}, {n} cells: above 2x", memory, "MB", most=MEMORY)
        yield Row(f"simulate {analysis}: exponent", exponent(sizes, [w.seconds for w, _ in found]), "")
        yield Row(f"ngspice {analysis}: exponent", exponent(sizes, [p.seconds for _, p in found]), "")


def responses(largest: int) -> Iterator[Row]:
    design = Design.preset("board-1k-1n")
    sizes, times = [n for n in SIZES if n <= min(largest, 256)], []
    for n in sizes:
        rng = np.random.default_rng(0)
        model, program = DeviceModel.nominal(design.sample(Crossbar(n), rng)), random_program(Crossbar(n), rng)
        start = time.perf_counter()
        response = model.response(program)
        _ = response.settled, response.stationary_covariance()
        times.append(time.perf_counter() - start)
        F, Q = response.space.F, response.space.Q
        start = time.perf_counter()
        np.linalg.solve(F, response.space.drive)
        scipy.linalg.solve_continuous_lyapunov(F, Q)
        dense = time.perf_counter() - start
        # Of a few cells nothing takes long, and building a circuit is most of it.
        most = RESPONSE if n >= 64 else None
        yield Row(f"response, {n} cells: over LU and Lyapunov", times[-1] / dense, "x", most=most)
    yield Row("response: exponent", exponent(sizes, times), "")


def calibrations(largest: int) -> Iterator[Row]:
    design = Design.preset("board-1k-1n")
    sizes, times = [n for n in (8, 16, 32, 64) if n <= largest], []
    for n in sizes:
        chip = design.sample(Crossbar(n), np.random.default_rng(0))
        run = term_of(read_measurement(measure_for_calibration(chip, "macro", 1, 0, ("tran",))[0]))
        unknowns = Parameters.of(design, Crossbar(n), "macro")
        start = time.process_time()
        part = run.evaluate(unknowns, np.zeros(unknowns.size))
        _ = part.information
        times.append(time.process_time() - start)
        dense = np.random.default_rng(0).standard_normal(part.root.shape)
        start = time.process_time()
        dense.T @ dense
        yield Row(f"calibrate, a run of {n} cells: over the product", times[-1] / (time.process_time() - start), "x")
        count = check_programs(None, Crossbar(n))
        watched = min(transients_of(chip, "macro") or count, count)
        expected = fit_forecast(design, Crossbar(n), "macro", count, settled=count - watched)
        yield Row(f"calibrate, {n} cells: forecast", expected.seconds, "s")
    yield Row("calibrate, a run: exponent", exponent(sizes, times), "")
    chip = design.sample(Crossbar(16), np.random.default_rng(0))
    data = measure_for_calibration(chip, "macro", 48, 0, ("tran", "noise"))
    start = time.process_time()
    Calibration.of(data)
    seconds = time.process_time() - start
    yield Row("calibrate, fit of 16 cells", seconds, "s")
    expected = fit_forecast(design, Crossbar(16), "macro", 48)
    yield Row("calibrate, fit of 16 cells: over its forecast", seconds / expected.seconds, "x", most=3.0)


def others() -> Iterator[Row]:
    for name, (sizes, words) in OTHERS.items():
        with tempfile.TemporaryDirectory() as folder:
            commands = [thermospice(*words, "--size", str(n), "--out", f"n{n}", "--quiet") for n in sizes]
            seconds = [cost(command, Path(folder)).seconds for command in commands]
        yield Row(f"{name}, {sizes[-1]} cells", seconds[-1], "s")
        yield Row(f"{name}: exponent", exponent(sizes, seconds), "")


def sweeps() -> Iterator[Row]:
    """A study of four operating points, as its chips grow."""
    sizes, seconds = (8, 32, 64), []
    for n in sizes:
        with tempfile.TemporaryDirectory() as name:
            circuit = {"design": "board-1k-1n", "size": n, "analyses": ["op"]}
            (Path(name) / "study.yaml").write_text(json.dumps({"name": "chips", "instances": 4, "circuit": circuit}))
            seconds.append(cost(thermospice("sweep", "study.yaml", "--out", "s", "--quiet"), Path(name)).seconds)
    yield Row(f"sweep op, 4 chips of {sizes[-1]} cells", seconds[-1], "s")
    yield Row("sweep op: exponent", exponent(sizes, seconds), "")


def campaigns() -> Iterator[Row]:
    """What a study of chips costs, its start and its reports included, over the simulator alone on as many decks.

    The deck is the one that `simulate` writes of such a chip; a plain run begins a process of its own for each.
    """
    for analysis, chips, rounds in (("op", 200, 10), ("tran", 16, 2)):
        with tempfile.TemporaryDirectory() as name:
            circuit = {"design": "board-1k-1n", "size": 32, "analyses": [analysis]}
            study = {"name": "chips", "instances": chips, "circuit": circuit}
            (Path(name) / "study.yaml").write_text(json.dumps(study))
            whole = cost(thermospice("sweep", "study.yaml", "--out", "s", "--quiet"), Path(name)).seconds
            words = ("simulate", "--analysis", analysis, "--size", "32", "--out", "r", "--quiet")
            cost(thermospice(*words), Path(name))
            bare = (find_ngspice().path, "-n", "-b", str(Path(name) / "r" / "circuit.cir"))
            plain = chips * median([cost(bare, Path(name)) for _ in range(rounds)]).seconds
        what = f"{analysis}, {chips} chips of 32 cells"
        yield Row(f"ngspice {what}, one after another", plain, "s")
        yield Row(f"sweep {what}", whole, "s")
        yield Row(f"sweep {what}: over the simulator", whole / plain, "x", most=CAMPAIGN)


def starts(rounds: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        every = ((("--help",), START, 0), *((words, MISTAKE, 2) for words in MISTAKES))
        for words, most, code in every:
            seconds = median([cost(thermospice(*words), Path(folder), code) for _ in range(rounds)]).seconds
            yield Row(f"thermospice {' '.join(words)}", seconds, "s", most=most)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="JSON file")
    parser.add_argument("--largest", type=int, default=128, help="cells")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    rows = []
    for row in (*starts(given.rounds), *responses(given.largest), *calibrations(given.largest)):
        print(row, flush=True)
        rows.append(row)
    for found in (others(), sweeps(), campaigns(), simulations(given.largest, given.rounds)):
        for row in found:
            print(row, flush=True)
            rows.append(row)
    return finish(rows, {"ngspice": find_ngspice().version}, given.out)


if __name__ == "__main__":
    sys.exit(main())
