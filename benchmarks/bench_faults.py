# ruff: noqa: E402  (the thread counts must stand before the imports)
"""Single faults put into netlists of every topology and level, and the share of them that the fidelity table sees.

Each is looked at in the setting where the model says that it moves the answer most, and is caught when ngspice's answer
is then further from the model of the right circuit than the limit of that row. Of those that are not caught the table
says why: the effect that the model derives, by the limit. One whose effect exceeds the limit and is not caught is a
miss, and fails the benchmark.

    python benchmarks/bench_faults.py [--cells 2] [--every 1] [--topology T] [--level L] [--out FILE.json]
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from _table import Row, finish
from thermospice.circuits import LEVELS, TOPOLOGIES
from thermospice.fidelity import _cases as _cases
from thermospice.fidelity.faults import Trial, amplifier_faults, faults_of, settings, sights, try_amplifiers, try_faults
from thermospice.netlists.amplifiers import TwoStage

# What the project promises: so many faults, and none missed.
FAULTS = 1000

Chip = tuple[str, str]


def chips(topologies: Sequence[str], levels: Sequence[str], cells: int) -> Iterator[_cases.Case]:
    for level in levels or LEVELS:
        for case in _cases.cases(topologies or tuple(TOPOLOGIES), (level,), (cells,), None, 0):
            # The grid has no amplifiers, and is the same at each level.
            if case.level == level:
                yield case


def trials(case: _cases.Case, every: int) -> Iterator[Trial]:
    plan = list(settings(case.subject()))
    yield from try_faults(sights(plan), list(faults_of(plan))[::every])


def transistors(case: _cases.Case, every: int) -> Iterator[Trial]:
    """Of the amplifier itself, once for all topologies."""
    right, design = TwoStage().circuit(), case.instance.design.amplifier
    assert design is not None
    plan = sights(list(settings(case.subject())))
    yield from try_amplifiers(plan, right, design, list(amplifier_faults(right))[::every])


def share(found: Sequence[Trial]) -> str:
    caught = sum(trial.caught for trial in found)
    return f"{caught:5d} of {len(found):5d}  {100 * caught / len(found):5.1f} %"


def show(found: dict[Chip, list[Trial]]) -> None:
    by_kind: dict[str, list[Trial]] = defaultdict(list)
    for chip, group in found.items():
        print(f"{', '.join(chip):44s} {share(group)}")
        for trial in group:
            by_kind[trial.kind].append(trial)
    print()
    for kind in sorted(by_kind):
        print(f"{kind:44s} {share(by_kind[kind])}")
    print("\nnot caught, and what the model says of them:")
    for chip, group in found.items():
        for trial in group:
            if not trial.caught:
                print(f"  {'MISSED ' if trial.missed else ''}{', '.join(chip)}: {trial.derivation}")


def by_kind(found: Sequence[Trial]) -> list[dict[str, str | int]]:
    """How many faults of each kind were planted, caught, too small for a limit, and missed."""
    kinds: dict[str, list[Trial]] = defaultdict(list)
    for trial in found:
        kinds[trial.kind].append(trial)
    return [
        {
            "kind": kind,
            "planted": len(group),
            "caught": sum(trial.caught for trial in group),
            "below": sum(not trial.caught and not trial.missed for trial in group),
            "missed": sum(trial.missed for trial in group),
        }
        for kind, group in sorted(kinds.items())
    ]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cells", type=int, default=2)
    parser.add_argument("--every", type=int, default=1, help="take each so-many-th fault")
    parser.add_argument("--topology", action="append", default=[], choices=tuple(TOPOLOGIES))
    parser.add_argument("--level", action="append", default=[], choices=LEVELS)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    start, found = time.perf_counter(), {}
    for case in chips(options.topology, options.level, options.cells):
        name = case.instance.topology.name
        found[name, case.level] = list(trials(case, options.every))
        if case.level == "transistor" and ("amplifier", case.level) not in found:
            found["amplifier", case.level] = list(transistors(case, options.every))
        print(f"{name}, {case.level}: done after {time.perf_counter() - start:.0f} s", file=sys.stderr)
    show(found)
    everything = [trial for group in found.values() for trial in group]
    whole = options.every == 1 and not options.topology and not options.level
    rows = [
        Row("faults planted", len(everything), "", least=FAULTS if whole else None),
        Row("caught", sum(trial.caught for trial in everything), ""),
        Row("effect below the limit", sum(not t.caught and not t.missed for t in everything), ""),
        Row("missed", sum(trial.missed for trial in everything), "", most=0),
    ]
    print()
    print(*rows, sep="\n")
    uncaught = [
        {"topology": chip[0], "level": chip[1], **asdict(trial)}
        for chip, group in found.items()
        for trial in group
        if not trial.caught
    ]
    facts = {"seconds": time.perf_counter() - start, "kinds": by_kind(everything), "uncaught": uncaught}
    return finish(rows, facts, options.out)


if __name__ == "__main__":
    sys.exit(main())
