"""The verdict on comparisons with limits."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..results import Folder, Verified
from ..wording import listed
from ._verdict import Verdict

_MOST_TOLD = 5


def verified(folder: Folder) -> Verdict:
    """The whole table."""
    return Verdict(_asked(folder)) + compared(folder)


def compared(folder: Folder) -> Verdict:
    """What passed of the table and what failed."""
    rows = folder.fidelity
    failed = [row for row in rows if not row.get("passed")]
    passed = len(rows) - len(failed)
    counted = (f"{passed} of {len(rows)} checks passed.",) if rows else ()
    summary = folder.summary_as(Verified)
    fitted = summary.get("fitted") or ()
    notes = (f"{listed(fitted)} took part in the calibration, and prove nothing here.",) if fitted else ()
    none = counted if rows and not passed else ()
    return Verdict("", counted if passed else (), (*none, *_failures(failed)), notes, tuple(_advice(failed)))


def _asked(folder: Folder) -> str:
    rows = folder.fidelity
    circuits = list(dict.fromkeys(str(row.get("topology", "")) for row in rows))
    sizes = sorted({int(row["size"]) for row in rows if "size" in row})
    levels = list(dict.fromkeys(str(row.get("level", "")) for row in rows))
    if "netlist" in folder.summary_as(Verified):
        return f"Do SPICE and the equations say the same of {folder.summary_as(Verified)['netlist']}?"
    what = f"{listed(circuits)}, {listed(levels)}, {listed(str(n) for n in sizes)} cells"
    return f"Do SPICE, the formulas and the fast model say the same ({what})?"


def _failures(failed: Sequence[Mapping[str, Any]]) -> list[str]:
    told = [_failure(row) for row in failed[:_MOST_TOLD]]
    if len(failed) > _MOST_TOLD:
        told.append(f"And {len(failed) - _MOST_TOLD} more checks, see the table below.")
    return told


def _failure(row: Mapping[str, Any]) -> str:
    where = ", ".join(str(row[name]) for name in ("topology", "level") if row.get(name))
    cells = f", {row['size']} cells" if "size" in row else ""
    numbers = f"{row['value']:.2e}, limit {row['limit']:.2e}" if {"value", "limit"} <= row.keys() else "not computed"
    why = f" {row['reason']}" if row.get("reason") else ""
    return f"{row.get('metric', '')} ({where}{cells}). By {row.get('analysis', 'comparison')}: {numbers}.{why}"


def _advice(failed: Sequence[Mapping[str, Any]]) -> list[str]:
    if not failed:
        return []
    row = failed[0]
    if row.get("analysis") == "calibration" or "residual by noise" in str(row.get("metric", "")):
        return ["Calibrate again on records of this chip at this temperature, or widen the design's tolerances."]
    size = f" --size {row['size']}" if row.get("size") else ""
    return [
        "Look at the first that failed alone: thermospice verify"
        f" --topology {row.get('topology', '')} --level {row.get('level', '')}{size}; do not use the model for it"
        " until it passes."
    ]
