"""Markdown of what comes with the package: presets, benchmarks, and tables that programs write."""

import ast
import csv
import json
from pathlib import Path

from ._markdown import code, prose, table


def presets() -> str:
    from thermospice.circuits import Design

    known = [Design.preset(name) for name in Design.presets()]
    rows = ((code(d.name), f"{d.R0:g} ohm", f"{d.C:g} F", f"{d.tau:.3g} s", prose(d.description)) for d in known)
    return table(("preset", "R0", "C", "tau = R0 C", "what it is"), rows)


def benchmarks() -> str:
    """What each benchmark measures, by its own words, and how it is called."""
    rows = []
    for path in sorted((Path(__file__).parents[3] / "benchmarks").glob("bench_*.py")):
        said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        first = " ".join(said.partition("\n\n")[0].split())
        call = next((line.strip() for line in said.splitlines() if line.strip().startswith("python ")), "")
        rows.append((prose(first), code(call or f"python benchmarks/{path.name}")))
    return table(("what", "command"), rows)


def board() -> str:
    """The measured board, from the table that its example writes."""
    with (Path(__file__).parents[2] / "validation" / "two-node-board.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    shown = [row for row in rows if not row["quantity"].startswith("density")]
    head = ("quantity", "measured", "±", "predicted", "measured / predicted", "standard errors away")
    names = ("measured", "standard_error", "predicted", "measured_over_predicted", "z")
    return table(head, ((row["quantity"], *(_rounded(row[name]) for name in names)) for row in shown))


def faults() -> str:
    """Single faults by kind, from the table that the benchmark writes."""
    path = Path(__file__).parents[2] / "validation" / "faults.json"
    kinds = json.loads(path.read_text(encoding="utf-8"))["kinds"]
    names = ("planted", "caught", "below", "missed")
    total = {"kind": "all", **{name: sum(kind[name] for kind in kinds) for name in names}}
    head = ("fault", "planted", "caught", "effect below a limit", "missed")
    return table(head, ((kind["kind"], *(str(kind[name]) for name in names)) for kind in [*kinds, total]))


def _rounded(text: str) -> str:
    return f"{float(text):.4g}" if text else ""
