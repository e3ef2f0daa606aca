"""The tables of hostile inputs as a whole, and as many random cases beside as are asked for.

python tests/fuzz/tables.py CASES [SEED]

Each table is a process of its own, as many at a time as there are cores. A failure is printed with the words by which
`one` tries it again: python tests/fuzz/tables.py one TABLE NUMBER
"""

import os
import random
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

SHARES: Mapping[str, float] = {
    "readers": 0.93,  # of random cases; a fraction of a millisecond to some milliseconds each
    "bytes": 0.05,
    "folders": 0.02,  # a tenth of a second each
}
_MOST_SHOWN = 20


def readers(number: int) -> None:
    """A file with places replaced, to the reader of its kind."""
    rng = random.Random(f"readers {number}")
    target = rng.choice(_STRUCTURED)
    target.try_plain(rng.randrange)


def damaged_bytes(number: int) -> None:
    """A file with bytes replaced, and perhaps cut off."""
    rng = random.Random(f"bytes {number}")
    target = rng.choice(_QUICK)
    content = bytearray(target.seed)
    for _ in range(rng.randrange(1, 8)):
        content[rng.randrange(len(content))] = rng.randrange(256)
    target.try_bytes(bytes(content[: rng.choice((len(content), rng.randrange(len(content) + 1)))]))


def folders(number: int) -> None:
    """A result folder with one damaged file, to the report."""
    from folders import FILES, report_on_replaced

    rng = random.Random(f"folders {number}")
    quick = [name for name, file in FILES.items() if not file.slow]
    report_on_replaced(rng.choice(quick), rng.randrange)


def nodes(number: int) -> None:
    """Each input with each kind of node."""
    from inputs import CASES, try_node

    try_node(*CASES[number])


def sizes(number: int) -> None:
    """Each option with each value that is too large."""
    from inputs import check_refused

    check_refused([*_sizes()[number], "--out", tempfile.mkdtemp()])


def studies(number: int) -> None:
    """Each field of a study that is too large."""
    from pathlib import Path

    from inputs import check_refused
    from sizes import STUDY_FIELDS, study_file

    path = study_file(list(STUDY_FIELDS)[number], Path(tempfile.mkdtemp()))
    check_refused(["sweep", str(path), "--out", tempfile.mkdtemp()])


def environments(number: int) -> None:
    """Each command in all surroundings."""
    from environments import CASES, try_environment

    try_environment(*CASES[number])


TABLES: Mapping[str, Callable[[int], None]] = {
    "readers": readers,
    "bytes": damaged_bytes,
    "folders": folders,
    "nodes": nodes,
    "sizes": sizes,
    "studies": studies,
    "environments": environments,
}


def _sizes() -> list[list[str]]:
    from sizes import OPTIONS

    return [[*command, option, value] for command, option, values in OPTIONS.values() for value in values]


def _count(table: str, cases: int) -> int:
    if table in SHARES:
        return round(SHARES[table] * cases)
    import environments
    import inputs
    from sizes import STUDY_FIELDS

    return {
        "nodes": len(inputs.CASES),
        "sizes": len(_sizes()),
        "studies": len(STUDY_FIELDS),
        "environments": len(environments.CASES),
    }[table]


def try_all(table: str, cases: int, first: int) -> int:
    """Every case of a table; the number of those that failed."""
    failed = 0
    count = _count(table, cases)
    offset = first if table in SHARES else 0
    for number in range(offset, offset + count):
        try:
            TABLES[table](number)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            failed += 1
            if failed <= _MOST_SHOWN:
                text = "".join(traceback.format_exception_only(error)).strip()
                print(f"failed: one {table} {number}: {text[:600]}", flush=True)
    print(f"{table}: {count:,} cases, {failed} failed", flush=True)
    return failed


def main(cases: int, first: int) -> int:
    """Each table in a process of its own; 1 when a case failed."""

    def run(table: str) -> int:
        return subprocess.run([sys.executable, __file__, "all", table, str(cases), str(first)]).returncode

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        codes = list(pool.map(run, TABLES))
    print("some cases failed" if any(codes) else "every case held")
    return int(any(codes))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["one" | "all" as what, table, *numbers]:
            from targets import targets

            _QUICK = [target for target in targets().values() if not target.slow]
            _STRUCTURED = [target for target in _QUICK if target.dump is not None]
            os.chdir(tempfile.mkdtemp())
            if what == "one":
                TABLES[table](int(numbers[0]))
            else:
                sys.exit(int(try_all(table, int(numbers[0]), int(numbers[1])) > 0))
        case [cases, *seed]:
            sys.exit(main(int(cases), 10_000_000 * int(seed[0]) if seed else 0))
