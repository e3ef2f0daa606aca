"""Chips of 64 and 32 cells: the behavioural model against ngspice on the same chip, and many chips in arrays.

Prepared means what a device that is used more than once has done already: the circuit is reduced, its modes and the
noise of a step are known (model), the deck is written (ngspice; reading and setting up its matrix is part of each run).

- "noisy transient": one run of all readouts, at the points and over the time of ngspice's run with seeded noise.
- "settled answer": A loaded, one more b: the operating point in ngspice, `Prepared.answers` in the model.
- "settled answers, 1,000 at a time": the same per answer.
- "1,000 chips": chips drawn, reduced and settled, against the same one chip after another.
"""

import resource
import time
from collections.abc import Callable, Iterator

import numpy as np
from thermospice.behavioral import DeviceBatch, DeviceModel
from thermospice.circuits import Crossbar, Design, Instances, Program, Scaling, random_program
from thermospice.netlists import simulate

CELLS = 64
DESIGN = Design.preset("board-1k-1n")
SCALING = Scaling(1.0, 0.25)
CHIPS = 1000

LIMITS = {"noisy transient": 1_000.0, "settled answer": 10_000.0}
"""What the project promises: at least so many times faster than ngspice."""


def cpu(run: Callable[[], object], repeats: int = 1) -> float:
    """Seconds of the processor for one run, the least of some, simulator included."""
    times = []
    for _ in range(repeats):
        start = _clock()
        run()
        times.append(_clock() - start)
    return min(times)


def _clock() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _quick(run: Callable[[], object], repeats: int = 200) -> float:
    """The same for a run too short for the clock, after a first one that fills what is kept."""
    run()
    return cpu(lambda: [run() for _ in range(repeats)], 3) / repeats


def measure(duration: float) -> Iterator[tuple[int, str, float, float, float | None]]:
    """Cells, program, seconds, ratio to the model's row and limit; the noisy transient lasts `duration` [s]."""
    rng = np.random.default_rng(0)
    topology = Crossbar(CELLS)
    program, chip = random_program(topology, rng), DESIGN.sample(topology, rng)
    model = DeviceModel.nominal(chip)
    yield from _transient(model, program, duration)
    yield from _answers(model, program)
    yield from _many()


def _transient(
    model: DeviceModel, program: Program, duration: float
) -> Iterator[tuple[int, str, float, float, float | None]]:
    records: list[np.ndarray] = []

    def ngspice() -> None:
        record = simulate(
            model.instance, program, duration=duration, scaling=SCALING, noise=True, seed=1, timeout=3600.0
        )
        records.append(record["time"].values)

    theirs = cpu(ngspice)
    response, times = model.response(program, SCALING), records[0]
    rng = np.random.default_rng(1)
    mine = _quick(lambda: response.sample(times, rng), 20)
    what = f"noisy transient, {len(times)} points"
    yield CELLS, f"{what}, thermospice", mine, 1.0, None
    yield CELLS, f"{what}, ngspice", theirs, theirs / mine, LIMITS["noisy transient"]


def _answers(model: DeviceModel, program: Program) -> Iterator[tuple[int, str, float, float, float | None]]:
    prepared, many = model.prepared(program, SCALING), np.random.default_rng(2).uniform(-1, 1, (1000, CELLS))
    mine = _quick(lambda: prepared.answers(many[0]))
    batch = _quick(lambda: prepared.answers(many), 5) / len(many)
    theirs = cpu(lambda: simulate(model.instance, Program(program.A, many[0]), "op", scaling=SCALING), 3)
    yield CELLS, "settled answer, thermospice", mine, 1.0, None
    yield CELLS, "settled answers, 1,000 at a time", batch, batch / mine, None
    yield CELLS, "settled answer, ngspice", theirs, theirs / mine, LIMITS["settled answer"]


def _many() -> Iterator[tuple[int, str, float, float, float | None]]:
    topology, few = Crossbar(32), 5
    program = random_program(topology, np.random.default_rng(3))
    steps = 1e-6 * np.arange(1, 101)

    def batch() -> None:
        chips = Instances.sample(DESIGN, topology, np.random.default_rng(4), CHIPS)
        # A hundred at a time: their matrices then stay in the cache.
        for first in range(0, CHIPS, 100):
            _ = DeviceBatch(chips[first : first + 100]).response(program, SCALING).solution

    def loop() -> None:
        rng = np.random.default_rng(4)
        for _ in range(few):
            _ = DeviceModel.nominal(DESIGN.sample(topology, rng)).response(program, SCALING).solution

    def paths() -> None:
        chips = Instances.sample(DESIGN, topology, np.random.default_rng(4), CHIPS)
        DeviceBatch(chips, "ideal").response(program, SCALING).sample(steps, np.random.default_rng(5))

    def paths_loop() -> None:
        rng = np.random.default_rng(4)
        for _ in range(few):
            chip = DeviceModel.nominal(DESIGN.sample(topology, rng), "ideal")
            chip.response(program, SCALING).sample(steps, rng)

    names = {"settled, level macro": (batch, loop), "100 points each, level ideal": (paths, paths_loop)}
    for name, (together, in_turn) in names.items():
        mine, theirs = cpu(together, 2), cpu(in_turn, 2) * CHIPS / few
        yield 32, f"{CHIPS:,} chips {name}, batch", mine, 1.0, None
        yield 32, f"{CHIPS:,} chips {name}, one by one", theirs, theirs / mine, None
