"""Every benchmark, each within its time, and at the end one table: what was promised, what was reached, against whom.

    python benchmarks/run_all.py [--out FOLDER] [--only growth,sde]

What a benchmark prints goes into FOLDER/NAME.txt (results/bench unless given), its numbers into NAME.json. Warnings of
the peers' own code are left out. A target that is missed, a benchmark that fails and one that takes more than its time
make the exit code 1, after all of them have been shown.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


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
    Benchmark("netlists", "ngspice -b", 120, ("--rounds", "3")),
    Benchmark("growth", "ngspice -b; one LU and Lyapunov solve", 480, ("--largest", "256", "--rounds", "1")),
    Benchmark("engines", "the other engine", 120, ("--sizes", "2,8,16,32")),
    Benchmark("scale", "none", 30),
    Benchmark("campaign", "PySpice, one chip after another", 150, ("--rounds", "3")),
    Benchmark("sde", "thermox, torchsde, ngspice", 210, ("--repeats", "2")),
    Benchmark("training", "Woodbury; posteriors, curvlinops", 210),
    Benchmark("programs", "LAPACK", 90, writes=False),
    Benchmark("faults", "none", 90, ("--every", "8")),
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


def perform(benchmark: Benchmark, folder: Path) -> tuple[str | None, float]:
    """Run one. Returns what went wrong, if anything did, and its time [s]."""
    words = ("--out", str(folder / f"{benchmark.name}.json")) if benchmark.writes else ()
    environment = {**os.environ, "PYTHONWARNINGS": "ignore", "TF_CPP_MIN_LOG_LEVEL": "3"}
    began = time.perf_counter()
    with (folder / f"{benchmark.name}.txt").open("w", encoding="utf-8") as log:
        try:
            found = subprocess.run(
                (*benchmark.command, *words),
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                timeout=benchmark.seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"not done after {benchmark.seconds:g} s", time.perf_counter() - began
    seconds = time.perf_counter() - began
    # One that has missed a target says so by its code, after all of its numbers are written.
    written = not benchmark.writes or (folder / f"{benchmark.name}.json").is_file()
    return (None if found.returncode == 0 or written else f"failed with code {found.returncode}"), seconds


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
    given = parser.parse_args()
    wanted = [b for b in BENCHMARKS if not given.only or b.name in given.only.split(",")]
    if not wanted:
        parser.error(f"--only: expected some of {', '.join(b.name for b in BENCHMARKS)}, got {given.only!r}")
    given.out.mkdir(parents=True, exist_ok=True)
    faults, lines = [], []
    for benchmark in wanted:
        (given.out / f"{benchmark.name}.json").unlink(missing_ok=True)
        fault, seconds = perform(benchmark, given.out)
        print(f"-- {benchmark.name}: {seconds:.0f} s" + (f", {fault}" if fault else ""), flush=True)
        faults += [f"{benchmark.name}: {fault}; see {given.out / benchmark.name}.txt"] if fault else []
        lines += judged(benchmark, given.out)
    print(*table(lines), *faults, sep="\n")
    return 1 if faults or not all(line.passed for line in lines) else 0


if __name__ == "__main__":
    raise SystemExit(main())
