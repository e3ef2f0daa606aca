"""ngspice and VACASK on the same chips: processor seconds of the simulator by analysis and cells, and which is taken.

Spectra of ngspice count by the share of each core, since it spreads them over processes, and VACASK does not.

The thresholds of `--engine auto` (`VACASK_FASTER in `netlists/vacask``) come from here: an engine that is
chosen for a circuit of these sizes may be at most a tenth slower than the other one.

    python benchmarks/bench_engines.py [--out FILE.json] [--sizes 2,8,16,32,64]

It needs the extra `vacask`; without it there is nothing to choose from, and it says so. What KLU brings is seen with
THERMOSPICE_NGSPICE set to an ngspice of 42 or newer that has it; Debian 12 has 39, Debian 13 has 44.2.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import math
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from _table import Row, finish
from thermospice.circuits import Crossbar, Design, random_program
from thermospice.measurements import Analysis
from thermospice.netlists import SimulatorMissing, find_ngspice, second_opinion, simulate
from thermospice.netlists.decks import NOISE_RUNS_PER_PROCESS
from thermospice.netlists.simulators import find_vacask
from thermospice.netlists.vacask import takes_vacask

ANALYSES: tuple[Analysis, ...] = ("op", "ac", "noise", "tran")
LARGEST = {"noise": 16}
SLOWER = 1.1


def processor(run: Callable[[], object]) -> float:
    """Seconds of the processor in child processes, the least of two runs."""
    return min(_once(run) for _ in range(2))


def _once(run: Callable[[], object]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def compared(analysis: Analysis, cells: int) -> Iterator[Row]:
    rng = np.random.default_rng(0)
    topology = Crossbar(cells)
    chip, program = Design.preset("board-1k-1n").sample(topology, rng), random_program(topology, rng)
    ngspice = processor(lambda: simulate(chip, program, analysis))
    if analysis == "noise":
        # its spectra are spread over processes, some tens in each
        spectra = cells * (cells + 1) // 2
        ngspice /= min(os.cpu_count() or 1, math.ceil(spectra / NOISE_RUNS_PER_PROCESS))
    vacask = processor(lambda: second_opinion(chip, program, analysis))
    yield Row(f"{analysis}, {cells} cells: ngspice", ngspice, "s")
    yield Row(f"{analysis}, {cells} cells: VACASK", vacask, "s")
    taken, other = (vacask, ngspice) if takes_vacask(analysis, cells, find_ngspice().klu) else (ngspice, vacask)
    yield Row(f"{analysis}, {cells} cells: taken over the other", taken / other, "x", most=SLOWER)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="JSON file")
    parser.add_argument("--sizes", default="2,8,16,32,64", help="cells")
    given = parser.parse_args()
    sizes = [int(size) for size in given.sizes.split(",")]
    try:
        vacask = find_vacask()
    except SimulatorMissing as error:
        print(error)
        return finish([], {"ngspice": find_ngspice().version}, given.out)
    rows = []
    for analysis in ANALYSES:
        for cells in (n for n in sizes if n <= LARGEST.get(analysis, max(sizes))):
            for row in compared(analysis, cells):
                print(row, flush=True)
                rows.append(row)
    return finish(
        rows, {"ngspice": find_ngspice().version, "klu": find_ngspice().klu, "vacask": vacask.version}, given.out
    )


if __name__ == "__main__":
    raise SystemExit(main())
