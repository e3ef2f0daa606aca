"""A campaign on 1 to 64 workers, simulated: messages, bytes, and what bounds it.

The study is planned, batched and handed out by the campaign's own code; only the workers are simulated, as clocks: each
takes `--run` seconds for a chip, and each message `--latency` on its way. What the one process that hands out does is
really done and timed: it pickles every batch, reads every outcome, and keeps it in the campaign's store on this disk.
What Dask itself needs for a message comes on top (`--dask`, its documentation says 0.2 to 1 ms). The last rows are the
number of workers from which on that process is the bound, its time for a run being no smaller than a worker's share,
and its time for a million chips.

    python benchmarks/bench_scale.py [--chips 2000] [--run 0.03] [--latency 0.001] [--out FILE.json]
"""

import argparse
import heapq
import pickle
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from _table import Row, finish
from thermospice.campaigns import parse_study, plan
from thermospice.campaigns.runs import Store, perform
from thermospice.circuits import Design

WORKERS = (1, 2, 4, 8, 64)
LEAST_EFFICIENCY = 0.9
"""Of eight workers."""


class Simulated:
    """Workers as clocks; an outcome has the numbers of a real one."""

    def __init__(self, workers: int, run: float, latency: float, dask: float) -> None:
        self._free = [0.0] * workers
        self._run, self._latency, self._dask = run, latency, dask
        self._seen = time.process_time()
        self._done: list[tuple[float, int, list[dict[str, Any]]]] = []
        self.now = self.busy = 0.0
        self.messages = self.out = self.back = 0

    def slots(self) -> int:
        return len(self._free)

    def submit(self, batch: Sequence[Any]) -> None:
        sent = pickle.dumps(list(batch))
        self.messages, self.out = self.messages + 1, self.out + len(sent)
        self._catch_up()
        start = max(heapq.heappop(self._free), self.now + self._latency)
        end = start + self._run * len(batch)
        heapq.heappush(self._free, end)
        outcomes = [self._outcome(request) for request in batch]
        heapq.heappush(self._done, (end + self._latency, self.messages, outcomes))

    def next(self) -> list[Any]:
        self._catch_up()
        at, _, outcomes = heapq.heappop(self._done)
        self.now = max(self.now, at)
        received = pickle.dumps(outcomes)
        found: list[Any] = pickle.loads(received)
        self.messages, self.back = self.messages + 1, self.back + len(received)
        return found

    def _catch_up(self) -> None:
        """What this process has worked since the last message, and what Dask needs for this one."""
        worked = time.process_time() - self._seen + self._dask
        self._seen += worked - self._dask
        self.busy += worked
        self.now += worked

    def _outcome(self, request: Any) -> dict[str, Any]:
        metrics = {"relative_error": 0.01, "power_W": 1e-3}
        return {"key": request["key"], "status": "done", "metrics": metrics, "arrays": {}, "elapsed_s": self._run}


def campaign(requests: Sequence[Any], workers: int, run: float, latency: float, dask: float) -> Simulated:
    with tempfile.TemporaryDirectory() as folder, Store.opened(Path(folder)) as store:
        simulated = Simulated(workers, run, latency, dask)
        perform(iter(requests), simulated, store.put, lambda done, failed: None)
    return simulated


def rows_of(found: Simulated, workers: int, chips: int, run: float) -> list[Row]:
    ideal = chips * run / workers
    least = LEAST_EFFICIENCY if workers == 8 else None
    return [
        Row(f"{workers} workers: messages", found.messages, ""),
        Row(f"{workers} workers: handed out", found.out / 1e6, "MB"),
        Row(f"{workers} workers: handed back", found.back / 1e6, "MB"),
        Row(f"{workers} workers: time", found.now, "s"),
        Row(f"{workers} workers: of the ideal", ideal / found.now, "", least=least),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chips", type=int, default=2000)
    parser.add_argument("--run", type=float, default=0.03, help="of a chip on a worker [s]")
    parser.add_argument("--latency", type=float, default=0.001, help="of a message [s]")
    parser.add_argument("--dask", type=float, default=0.001, help="of Dask's scheduler for a message [s]")
    parser.add_argument("--out", type=Path, help="JSON file")
    given = parser.parse_args()
    circuit = {"design": Design.preset("board-1k-1n").to_dict()}
    study = parse_study({"name": "scale", "instances": given.chips, "circuit": circuit}, "scale")
    requests = [{"key": run.key, "task": run.task, "campaign": "scale"} for run in plan(study, "scale").runs]
    rows: list[Row] = []
    busy = 0.0
    for workers in WORKERS:
        found = campaign(requests, workers, given.run, given.latency, given.dask)
        rows += rows_of(found, workers, given.chips, given.run)
        busy = found.busy / given.chips
    rows.append(Row("handing out and reading, for a run", 1e3 * busy, "ms"))
    rows.append(Row("workers from which on that is the bound", given.run / busy, ""))
    rows.append(Row("hours of handing out 1,000,000 chips", 1e6 * busy / 3600.0, "h"))
    print(*rows, sep="\n")
    return finish(
        rows, {"chips": given.chips, "run_s": given.run, "latency_s": given.latency, "dask_s": given.dask}, given.out
    )


if __name__ == "__main__":
    raise SystemExit(main())
