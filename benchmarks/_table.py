"""The end of a benchmark: its table, the same as JSON with the machine that it ran on, and whether it kept its word."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

VERDICTS = {None: "", True: "ok", False: "MISSED"}


@dataclass(frozen=True)
class Row:
    """A number with its unit, and the most or the least that it may be."""

    what: str
    value: float
    unit: str
    most: float | None = None
    least: float | None = None

    @property
    def passed(self) -> bool | None:
        if self.most is None and self.least is None:
            return None
        return (self.most is None or self.value <= self.most) and (self.least is None or self.value >= self.least)

    def __str__(self) -> str:
        limits = (("<=", self.most), (">=", self.least))
        limit = " ".join(f"{sign} {number:g}" for sign, number in limits if number is not None)
        return f"{self.what:46s} {self.value:9.3f} {self.unit:3s} {limit:>8s} {VERDICTS[self.passed]}".rstrip()


def finish(rows: Sequence[Any], facts: Mapping[str, Any], out: Path | None) -> int:
    """Print the facts that are single values; write them and the rows (dataclasses with `passed`) as JSON.

    Returns:
        exit status: 1 when a row has missed its limit.
    """
    facts = {
        **facts,
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    print(", ".join(f"{name} {value}" for name, value in facts.items() if isinstance(value, str | int | float)))
    entries = [{**asdict(row), "passed": row.passed} for row in rows]
    found = [{key: value for key, value in entry.items() if value is not None} for entry in entries]
    if out is not None:
        out.write_text(json.dumps({"rows": found, **facts}, indent=2) + "\n")
    return 0 if all(row.passed is not False for row in rows) else 1
