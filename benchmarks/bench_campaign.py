# ruff: noqa: E402  (the thread counts must stand before the imports)
"""Speed of a Monte Carlo campaign: 200 chips of the eight-cell crossbar, operating point, level macro, all in one run.

- `PySpice, one after another`: each chip drawn, fitted, built with PySpice, written, run by one ngspice process and
  read, in a plain loop;
- `campaign, 1 core` and `campaign, 2 cores`: the same chips by the machinery of `thermospice sweep`, results on disk.
  All its processes, the one that hands out the work among them, are confined to so many cores: left free, the first
  would use a second core for handing out.

The processes are there before the clock starts; their start is stated on its own. Medians of some rounds, in which the
three take turns, so that other work on the machine meets all of them; the load average says how much of it there was.

    python benchmarks/bench_campaign.py [--out FILE.json] [--chips 200] [--rounds 7]
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import secrets
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from _table import Row, finish
from thermospice.campaigns import Store, parse_study, plan
from thermospice.campaigns.planning import PlannedRun
from thermospice.campaigns.runs import Executor, executor, perform
from thermospice.circuits import Crossbar, Design, choose_scaling, random_program
from thermospice.netlists import build, find_ngspice
from thermospice.netlists.simulators import read_raw

CELLS = 8
# What the project promises.
FASTER_THAN_PYSPICE = 3.0
TWO_CORES = 2 * 0.85


def plain_loop(chips: int) -> list[np.ndarray]:
    """Settled voltages of the chips, one PySpice circuit and one process after another."""
    design, topology, found = Design.preset("board-1k-1n"), Crossbar(CELLS), []
    program = random_program(topology, np.random.default_rng([0, 1]))
    for chip in range(chips):
        instance = design.sample(topology, np.random.default_rng([chip, 0]), chip)
        scaling = choose_scaling(instance, program)
        names = " ".join(f"v({name})" for name in instance.network(program, "macro", scaling).outputs)
        text = f"{build(instance, program, scaling=scaling, noise='none')}\n.save {names}\n.op\n.end\n"
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "chip.cir").write_text(text)
            command = [find_ngspice().path, "-n", "-b", "-r", "out.raw", "chip.cir"]
            subprocess.run(command, cwd=folder, capture_output=True)
            plot = read_raw((Path(folder) / "out.raw").read_bytes())[0]
        found.append(np.array([plot[name][0] for name in names.split()]))
    return found


def campaign(runs: Sequence[PlannedRun], workers: Executor) -> list[np.ndarray]:
    """The same by a campaign, with every result on disk."""
    name = f"bench-{secrets.token_hex(4)}"  # of its own in every round
    with tempfile.TemporaryDirectory() as folder, Store.opened(Path(folder)) as store:
        requests = (
            {"key": run.key, "task": run.task, "timeout": 60, "memory": None, "campaign": name, "folder": None}
            for run in runs
        )
        perform(requests, workers, store.put, lambda done, failed: None)
        return [np.array((store.get(run.key) or {})["arrays"]["v"]) for run in runs]


@contextmanager
def confined(cores: int) -> Iterator[None]:
    """This process and all that it has started may use so many cores; what they start inherits it."""
    allowed = sorted(os.sched_getaffinity(0))
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    try:
        for process in processes:
            process.cpu_affinity(allowed[:cores])
        yield
    finally:
        for process in processes:
            process.cpu_affinity(allowed)


def timed(work: Any, *arguments: Any) -> tuple[float, list[np.ndarray]]:
    start = time.perf_counter()
    found = work(*arguments)
    return time.perf_counter() - start, found


def measure(chips: int, rounds: int) -> tuple[list[Row], dict[str, float]]:
    circuit = {"design": Design.preset("board-1k-1n").to_dict(), "size": CELLS}
    study = {"name": "bench", "circuit": circuit, "instances": chips}
    runs = plan(parse_study(study, "bench"), "bench").runs
    times: dict[str, list[float]] = {"plain": [], "one": [], "two": []}
    with ExitStack() as stack:
        pools, starts = {}, {}
        for label, cores in (("one", 1), ("two", 2)):
            start = time.perf_counter()
            pools[label] = stack.enter_context(executor(None, cores, f"bench-{label}"))
            campaign(runs, pools[label])  # every worker has started its process and done its share
            starts[f"start_{label}_s"] = round(time.perf_counter() - start, 2)
        for _ in range(rounds):
            seconds, expected = timed(plain_loop, chips)
            times["plain"].append(seconds)
            for label, workers in pools.items():
                with confined({"one": 1, "two": 2}[label]):
                    seconds, found = timed(campaign, runs, workers)
                times[label].append(seconds)
                # PySpice writes the same numbers; ngspice's tolerance is what they may differ by.
                np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)
    plain, one, two = (statistics.median(times[label]) for label in ("plain", "one", "two"))
    rows = [
        Row("PySpice, one after another", plain, "s"),
        Row("campaign, 1 core", one, "s"),
        Row("campaign, 2 cores", two, "s"),
        Row("PySpice over campaign, 1 core", plain / one, "x"),
        Row("PySpice over campaign, 2 cores", plain / two, "x", least=FASTER_THAN_PYSPICE),
        Row("campaign, 1 core over 2 cores", one / two, "x", least=TWO_CORES),
    ]
    return rows, starts


def main() -> int:
    parser = argparse.ArgumentParser(description="Speed of a Monte Carlo campaign.")
    parser.add_argument("--out", type=Path, help="also write the numbers there, as JSON")
    parser.add_argument("--chips", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    rows, starts = measure(options.chips, options.rounds)
    print(*rows, sep="\n")
    facts = {
        "chips": options.chips,
        **starts,
        "ngspice": find_ngspice().version,
    }
    return finish(rows, facts, options.out)


if __name__ == "__main__":
    raise SystemExit(main())
