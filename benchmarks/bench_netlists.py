# ruff: noqa: E402  (the thread counts must stand before the imports)
"""Cost of the harness around ngspice, all in one run: medians of rounds in which harness and plain program take turns.

- a transient of about a second, and an operating point, by `simulate` and by `ngspice -b` on the same deck;
- 65,536 resistors from a program to the text of a deck;
- a mesh of 10,000 cells from its sparse matrix to settled voltages, and to its frequency response, each in a process of
  its own, with the peak memory of Python and of ngspice; a dense matrix of that size alone has 800 MB;
- KLU against SPARSE on a circuit with amplifiers, where the ngspice has both.

    python benchmarks/bench_netlists.py [--out FILE.json] [--rounds 5]
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import scipy.sparse
from _table import Row, finish
from thermospice.circuits import Crossbar, Design, Program, choose_scaling, random_program, sparse_mesh
from thermospice.circuits.networks import nodal_equations
from thermospice.netlists import Job, deck, find_ngspice, simulate, simulate_network

# What the project promises.
LONG_RATIO = 1.1
SHORT_EXTRA = 0.010  # s
TEXT = 3.0  # s
MESH_MEMORY = 800.0  # MB, of one dense matrix

BOARD = Design.preset("board-1k-1n")
SIDE = 100


def chip(cells: int, analysis: Any, **options: Any) -> Job:
    instance = BOARD.sample(Crossbar(cells), np.random.default_rng(0), 0)
    program = random_program(Crossbar(cells), np.random.default_rng(1))
    return Job(instance, program, analysis, scaling=choose_scaling(instance, program), **options)


def plain(text: str) -> None:
    """`ngspice -b` on a deck, in a folder of its own; its results stay in the file."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "circuit.cir").write_text(text)
        command = [find_ngspice().path, "-b", "-r", "out.raw", "circuit.cir"]
        subprocess.run(command, cwd=folder, capture_output=True, stdin=subprocess.DEVNULL)


def harness(job: Job) -> None:
    simulate(job.instance, job.program, job.analysis, job.level, job.duration, job.scaling, points_per_decade=None)


def timed(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compared(job: Job, rounds: int) -> tuple[float, float]:
    """Seconds by the harness and by the plain program, medians of rounds in which they take turns."""
    text = deck(job)
    harness(job)
    pairs = [(timed(lambda: harness(job)), timed(lambda: plain(text))) for _ in range(rounds)]
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def text_seconds() -> float:
    A = np.random.default_rng(0).uniform(0.1, 1.0, (256, 256)) + 256 * np.eye(256)
    instance, program = BOARD.nominal(Crossbar(256)), Program(A, np.ones(256))
    from thermospice.netlists.decks import network_cards, to_text

    def write() -> None:
        network = instance.network(program, "ideal")
        text = to_text(network, network_cards(network, None, "none"))
        assert text.count("\nR") >= 65536

    return timed(write)


@contextmanager
def peak_of_children() -> Iterator[list[float]]:
    """Largest resident memory of any process that this one starts [byte]; looked at every few milliseconds.

    The kernel's own account of a child begins with the memory of the process that it was forked from.
    """
    peak, over = [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(0.005):
            for process in psutil.Process().children(recursive=True):
                try:
                    if "ngspice" in process.name():
                        peak[0] = max(peak[0], process.memory_info().rss)
                except psutil.Error:
                    continue

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def mesh(analysis: Any) -> dict[str, float]:
    """Seconds, and peak memory of this process and of ngspice [MB], of a square mesh."""
    chain = scipy.sparse.diags([-np.ones(SIDE - 1), -np.ones(SIDE - 1)], [-1, 1])
    off = scipy.sparse.kron(chain, scipy.sparse.eye(SIDE)) + scipy.sparse.kron(scipy.sparse.eye(SIDE), chain)
    A = (off + scipy.sparse.diags(0.1 - np.asarray(off.sum(axis=1)).ravel())).tocsr()
    rng, start = np.random.default_rng(0), time.perf_counter()
    network = sparse_mesh(BOARD, A, rng.normal(size=SIDE**2), rng)
    options = {"points_per_decade": 5} if analysis == "ac" else {}
    with peak_of_children() as peak:
        found = simulate_network(network, analysis, **options)
    seconds = time.perf_counter() - start
    nodal = nodal_equations(network)
    assert nodal is not None
    values = found.v.values if analysis == "op" else found.v_re.values[0]
    # At a hundredth of the slowest rate the real part is 1e-4 off the settled value at most.
    np.testing.assert_allclose(values, nodal.settled, rtol=1e-3, atol=1e-3 * np.abs(nodal.settled).max())
    return {
        "seconds": seconds,
        "ngspice_s": found.elapsed_s,
        "points": float(found.sizes.get("frequency", 1)),
        "memory_MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
        "ngspice_memory_MB": peak[0] / 1e6,
    }


def apart(analysis: str) -> dict[str, float]:
    """`mesh` in a process of its own."""
    command = [sys.executable, __file__, "--mesh", analysis]
    found: dict[str, float] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return found


def klu_rows(rounds: int) -> list[Row]:
    ngspice = find_ngspice()
    if not ngspice.klu:
        return []
    job = chip(32, "tran")
    texts = {klu: deck(job, replace(ngspice, klu=klu)) for klu in (True, False)}
    pairs = [(timed(lambda: plain(texts[True])), timed(lambda: plain(texts[False]))) for _ in range(rounds)]
    with_klu, without = (statistics.median(seconds) for seconds in zip(*pairs, strict=True))
    return [Row("32 cells with amplifiers, KLU over SPARSE", with_klu / without, "x", 1.0)]


def measure(rounds: int) -> list[Row]:
    long, short = compared(chip(24, "tran"), rounds), compared(chip(8, "op"), 4 * rounds)
    rows = [
        Row("24 cells, transient, ngspice -b", long[1], "s"),
        Row("the same by the harness", long[0], "s"),
        Row("harness over ngspice -b", long[0] / long[1], "x", LONG_RATIO),
        Row("8 cells, operating point, ngspice -b", short[1], "s"),
        Row("the same by the harness", short[0], "s"),
        Row("harness less ngspice -b", short[0] - short[1], "s", SHORT_EXTRA),
        Row("65,536 resistors to text", text_seconds(), "s", TEXT),
    ]
    for analysis in ("op", "ac"):
        found = apart(analysis)
        what = f"{SIDE**2:,} cells, .{analysis}"
        what += f", {found['points']:.0f} frequencies" if analysis == "ac" else ""
        rows += [
            Row(what, found["seconds"], "s"),
            Row(f"{what}: of which ngspice", found["ngspice_s"], "s"),
            Row(f"{what}: peak memory of Python", found["memory_MB"], "MB", MESH_MEMORY),
            Row(f"{what}: peak memory of ngspice", found["ngspice_memory_MB"], "MB"),
        ]
    return rows + klu_rows(rounds)


def main() -> int:
    parser = argparse.ArgumentParser(description="Cost of the harness around ngspice.")
    parser.add_argument("--out", type=Path, help="also write the numbers there, as JSON")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mesh", choices=("op", "ac"), help="only the mesh, as JSON")
    options = parser.parse_args()
    if options.mesh is not None:
        print(json.dumps(mesh(options.mesh)))
        return 0
    rows = measure(options.rounds)
    print(*rows, sep="\n")
    ngspice = find_ngspice()
    solver = "KLU and SPARSE" if ngspice.klu else "SPARSE alone: KLU comes with ngspice 42 and newer"
    print(f"ngspice {ngspice.version}, {solver}")
    return finish(rows, {"ngspice": ngspice.version, "klu": ngspice.klu}, options.out)


if __name__ == "__main__":
    raise SystemExit(main())
