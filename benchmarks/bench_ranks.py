"""One training on 1 to 8 processes, simulated: messages, bytes, and what bounds a step.

The optimisers' own code runs, each process as a thread that gets the others' tensors by memory; what it would have sent
is counted, and what it computes is timed by the clock of its thread, so that a machine of few cores tells as much as a
large one. A step then takes what the slowest thread computes, a latency for each hop of a message (`--latency`; a ring
for gathers and sums, a tree for what one shows), and the received bytes at the network's rate (`--rate`). The batch is
the same for all counts: a network of 10,000 parameters on the digits, 64 samples of 10 classes.

What bounds it is the largest of three: what every process does for itself (the factorisation, the device), its share of
the rest, and the messages. The threads' loss has to be that of one process.

    python benchmarks/bench_ranks.py [--latency 5e-5] [--rate 1.25e9] [--out FILE.json]
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import math
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from _network import DAMPING, EPOCH_STEPS, TIME, Board, Setting
from _table import Row, finish
from thermospice.training import KFAC, TNGD, Cholesky, DeviceSPU, IdealSPU, Woodbury
from thermospice.training.parallel import Ranks
from torch import Tensor
from torch.nn import functional

COUNTS = (1, 2, 4, 8)
STEPS = 3
SAME = 1e-4
"""Relative, of the losses: sums in another order, in single precision."""

CASES: dict[str, dict[str, Any]] = {
    "Woodbury by layers": {"solver": lambda: Woodbury(), "curvature": "layers"},
    "Woodbury on stored J": {"solver": lambda: Woodbury(), "curvature": "ggn"},
    "IdealSPU by layers": {"solver": lambda: IdealSPU(t=TIME), "curvature": "layers"},
    "DeviceSPU by layers": {"solver": lambda: DeviceSPU(Board(), t=TIME), "curvature": "layers"},
    "K-FAC": {"solver": lambda: Cholesky()},
}


@dataclass
class Meeting:
    """Where the threads of a group find each other's tensors."""

    count: int
    seats: list[Any] = field(init=False)
    gate: threading.Barrier = field(init=False)

    def __post_init__(self) -> None:
        self.seats = [None] * self.count
        self.gate = threading.Barrier(self.count)

    def exchange(self, rank: int, value: Any) -> list[Any]:
        self.seats[rank] = value
        self.gate.wait()
        found = list(self.seats)
        self.gate.wait()
        return found


@dataclass
class Counted:
    """`Ranks` among threads, which counts what it would have received."""

    rank: int
    meeting: Meeting
    messages: int = 0
    hops: float = 0.0
    received: float = 0.0

    @property
    def count(self) -> int:
        return self.meeting.count

    def sum(self, x: Tensor) -> Tensor:
        self._note(2 * (self.count - 1), 2.0 * x.nbytes * (self.count - 1) / self.count)
        total: Tensor = torch.stack(self.meeting.exchange(self.rank, x)).sum(0)
        return total

    def gather(self, x: Tensor) -> Tensor:
        self._note(self.count - 1, float(x.nbytes) * (self.count - 1))
        return torch.cat(self.meeting.exchange(self.rank, x))

    def shown(self, x: Tensor, owner: int) -> Tensor:
        self._note(math.log2(self.count), 0.0 if owner == self.rank else float(x.nbytes))
        seen: Tensor = self.meeting.exchange(self.rank, x)[owner]
        return seen.clone()

    def _note(self, hops: float, received: float) -> None:
        self.messages += 1
        self.hops += hops
        self.received += received


@dataclass(frozen=True)
class Step:
    """Of one process, the last of some: seconds that it computed, and what it received."""

    loss: float
    seconds: float
    messages: int
    hops: float
    received: float


def steps(case: dict[str, Any], at: Setting, ranks: Counted, joined: threading.local) -> Step:
    joined.ranks = ranks
    settings = dict(case)
    solver = settings.pop("solver")()
    kind = TNGD if "curvature" in settings else KFAC
    optimizer = kind(
        at.module,
        functional.cross_entropy,
        lr=0.05,
        damping=DAMPING,
        solver=solver,
        data_parallel=ranks.count > 1,
        **settings,
    )
    x = at.x.chunk(ranks.count)[ranks.rank]
    y = at.y.chunk(ranks.count)[ranks.rank]
    for _ in range(STEPS):
        before = (ranks.messages, ranks.hops, ranks.received)
        began = time.thread_time()
        loss = float(optimizer.step(x, y))
        seconds = time.thread_time() - began
    messages, hops, received = before
    return Step(loss, seconds, ranks.messages - messages, ranks.hops - hops, ranks.received - received)


def together(case: dict[str, Any], count: int, joined: threading.local) -> list[Step]:
    meeting = Meeting(count)
    settings = [Setting.of(64, 71, EPOCH_STEPS) for _ in range(count)]
    with ThreadPoolExecutor(count) as pool:
        waiting = [pool.submit(steps, case, at, Counted(rank, meeting), joined) for rank, at in enumerate(settings)]
        return [one.result() for one in waiting]


def rows_of(name: str, latency: float, rate: float, joined: threading.local) -> Iterator[Row]:
    alone = 0.0
    loss = math.nan
    for count in COUNTS:
        found = together(CASES[name], count, joined)
        computed = max(one.seconds for one in found)
        waited = max(one.hops for one in found) * latency
        moved = max(one.received for one in found)
        whole = computed + waited + moved / rate
        alone, loss = (whole, found[0].loss) if count == 1 else (alone, loss)
        what = f"{name}, {count}"
        if count > 1:
            yield Row(f"{what}: messages of a step", found[0].messages, "")
            yield Row(f"{what}: received in a step", moved / 1e6, "MB")
            yield Row(f"{what}: of its time waiting for messages", 1.0 - computed / whole, "")
            apart = max(abs(one.loss - loss) for one in found) / abs(loss)
            yield Row(f"{what}: loss off that of one", apart, "", most=SAME if count == COUNTS[-1] else None)
        yield Row(f"{what}: a step", 1e3 * whole, "ms")
        if count > 1:
            yield Row(f"{what}: times as fast as one", alone / whole, "x")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latency", type=float, default=5e-5, help="of one hop of a message [s]")
    parser.add_argument("--rate", type=float, default=1.25e9, help="of the network [byte/s]; ten gigabits")
    parser.add_argument("--out", type=Path, help="JSON file")
    given = parser.parse_args()
    torch.set_num_threads(1)
    joined = threading.local()
    Ranks.here = classmethod(lambda cls: joined.ranks)  # type: ignore[method-assign,assignment]
    rows: list[Row] = []
    for name in CASES:
        for row in rows_of(name, given.latency, given.rate, joined):
            print(row, flush=True)
            rows.append(row)
    return finish(rows, {"latency_s": given.latency, "bytes_per_s": given.rate}, given.out)


if __name__ == "__main__":
    raise SystemExit(main())
