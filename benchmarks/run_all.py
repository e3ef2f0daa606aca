"""Every benchmark, each within its time, and at the end one table: what was promised, what was reached, against whom.

    python benchmarks/run_all.py [--out FOLDER] [--only growth,sde] [--busy 4]

What a benchmark prints goes into FOLDER/NAME.txt (results/bench unless given), its numbers into NAME.json, and the
table into table.txt. Warnings of the peers' own code are left out. A target that is missed, a benchmark that fails and
one that takes more than its time make the exit code 1, after all of them have been shown. Time is over when both the
clock and the processor say so: other work on the machine only makes it later.
"""

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
BUSY = 4.0
"""A machine that does other work as well is given so many times the time, unless told; then a benchmark is ended."""


@dataclass(frozen=True)
class Benchmark:
    """A script, with sizes that fit its time [s] on two cores; they add up to 25 minutes."""

    name: str
    peer: str
    seconds: float
    words: tuple[str, ...] = ()
    writes: bool = True

    @property
    def command(self) -> tuple[str, ...]:
        return (sys.executable, str(HERE / f"bench_{self.name}.py"), *self.words)


BENCHMARKS = (
    Benchmark("scale", "none", 20),
    Benchmark("ranks", "one process", 60),
    Benchmark("netlists", "ngspice -b", 60, ("--rounds", "3")),
    Benchmark("engines", "the other engine", 60, ("--sizes", "2,8,16,32")),
    Benchmark("campaign", "PySpice, one chip after another", 90, ("--rounds", "3")),
    Benchmark("training", "Woodbury; posteriors, curvlinops", 200),
    Benchmark("programs", "LAPACK", 90, writes=False),
    Benchmark("faults", "none", 60, ("--every", "8")),
    Benchmark("sde", "thermox, torchsde, ngspice", 400, ("--repeats", "2")),
    Benchmark("growth", "ngspice -b; one LU and Lyapunov solve", 480, ("--largest", "256", "--rounds", "1")),
)


@dataclass(frozen=True)
class Line:
    """A row of the last table."""

    benchmark: str
    what: str
    target: str
    reached: str
    peer: str
    passed: bool


def perform(benchmark: Benchmark, folder: Path, busy: float) -> tuple[str | None, float, float]:
    """Run one. Returns what went wrong, if anything did, its time [s], and the processor's with all that it starts."""
    words = ("--out", str(folder / f"{benchmark.name}.json")) if benchmark.writes else ()
    environment = {**os.environ, "PYTHONWARNINGS": "ignore", "TF_CPP_MIN_LOG_LEVEL": "3"}
    before = worked_by_children()
    began = time.perf_counter()
    with (folder / f"{benchmark.name}.txt").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            (*benchmark.command, *words), stdout=log, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )
        try:
            code = process.wait(busy * benchmark.seconds)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            end(process)
    seconds = time.perf_counter() - began
    worked = worked_by_children() - before
    if code is None:
        return f"not done after {seconds:.0f} s", seconds, worked
    # One that has missed a target says so by its code, after all of its numbers are written.
    if code != 0 and benchmark.writes and not (folder / f"{benchmark.name}.json").is_file():
        return f"failed with code {code}", seconds, worked
    late = min(seconds, worked) > benchmark.seconds
    return (f"took {seconds:.0f} s, of {benchmark.seconds:g} s" if late else None), seconds, worked


def worked_by_children() -> float:
    """Processor time [s] of all processes that are over."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def end(process: subprocess.Popen[bytes]) -> None:
    """With all that it has started, simulators among them."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def judged(benchmark: Benchmark, folder: Path) -> Iterator[Line]:
    """The rows that have a target."""
    path = folder / f"{benchmark.name}.json"
    if not path.is_file():
        return
    for row in json.loads(path.read_text(encoding="utf-8"))["rows"]:
        if row.get("passed") is not None:
            yield Line(benchmark.name, _name(row), _target(row), _reached(row), benchmark.peer, bool(row["passed"]))


def _name(row: Mapping[str, Any]) -> str:
    return str(row["what"]) if "what" in row else f"{row['program']}, dimension {row['dimension']}"


def _target(row: Mapping[str, Any]) -> str:
    limits = (("at most", row.get("most")), ("at least", row.get("least", row.get("limit"))))
    return " and ".join(f"{word} {limit:g}" for word, limit in limits if limit is not None)


def _reached(row: Mapping[str, Any]) -> str:
    return f"{row['value']:.4g} {row['unit']}".strip() if "value" in row else f"{row['ratio']:.4g} x"


def table(lines: list[Line]) -> Iterator[str]:
    heads = Line("benchmark", "what", "target", "reached", "peer", True)
    columns = ("benchmark", "what", "target", "reached", "peer")
    widths = {name: max(len(getattr(line, name)) for line in (heads, *lines)) for name in columns}
    for line in (heads, *lines):
        cells = "  ".join(getattr(line, name).ljust(widths[name]) for name in columns)
        yield f"{cells}  {'' if line is heads else 'ok' if line.passed else 'MISSED'}".rstrip()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("results/bench"), help="folder")
    parser.add_argument("--only", default="", help="names, by commas")
    parser.add_argument("--busy", type=float, default=BUSY, help="end a benchmark after so many times its time")
    given = parser.parse_args()
    wanted = [b for b in BENCHMARKS if not given.only or b.name in given.only.split(",")]
    if not wanted:
        parser.error(f"--only: expected some of {', '.join(b.name for b in BENCHMARKS)}, got {given.only!r}")
    given.out.mkdir(parents=True, exist_ok=True)
    # the benchmark that is running ends with this one, and its simulators with it
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    faults, lines = [], []
    for benchmark in wanted:
        (given.out / f"{benchmark.name}.json").unlink(missing_ok=True)
        fault, seconds, worked = perform(benchmark, given.out, given.busy)
        took = f"{seconds:.0f} s, {worked:.0f} s of the processor, of {benchmark.seconds:g} s"
        print(f"-- {benchmark.name}: {took}" + (f": {fault}" if fault else ""), flush=True)
        faults += [f"{benchmark.name}: {fault}; see {given.out / benchmark.name}.txt"] if fault else []
        lines += judged(benchmark, given.out)
    told = "\n".join([*table(lines), *faults])
    (given.out / "table.txt").write_text(told + "\n", encoding="utf-8")
    print(told)
    return 1 if faults or not all(line.passed for line in lines) else 0


if __name__ == "__main__":
    raise SystemExit(main())
