"""What a bench's records say of a circuit of one's own: rows, tables, sentences."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text

from ...behavioral.circuit_calibration import (
    READOUTS,
    CircuitCalibration,
    CircuitModel,
    Experiment,
    term_of,
)
from ...behavioral.devices import Check
from ...circuits.linear_circuits import Observed
from ...measurements.lab import CircuitMeasurement


def residuals(
    found: CircuitCalibration,
    fitted: Sequence[CircuitMeasurement],
    kept: Sequence[CircuitMeasurement],
    checks: Sequence[Check],
) -> list[dict[str, Any]]:
    """How far each record is from the fit, in units of its noise; those that were kept back with their verdict."""
    rows: list[dict[str, Any]] = [
        {"file": one.file, "analysis": one.kind, "rms": found.misfit[one.file], "used": True} for one in fitted
    ]
    for one, check in zip(kept, checks, strict=True):
        row: dict[str, Any] = {
            "file": one.file,
            "analysis": one.kind,
            "rms": float(np.sqrt(check.statistic)),
            "used": False,
            "held_out": True,
            "limit": None if check.limit is None else float(np.sqrt(check.limit)),
            "passed": check.passed,
        }
        rows.append(row if check.passed else {**row, "reason": str(check)})
    return rows


def experiments(found: Sequence[Experiment]) -> list[dict[str, Any]]:
    """Plain data; a record that there is not is absent."""
    return [
        {name: value for name, value in asdict(one).items() if value is not None} | {"text": str(one)} for one in found
    ]


def summary(
    found: CircuitCalibration,
    rows: Sequence[Mapping[str, Any]],
    further: Sequence[Experiment],
    notes: Sequence[str],
) -> dict[str, Any]:
    """What --json prints besides the elements."""
    checks = found.verdict.contradictions
    return {
        "residuals": list(rows),
        "held_out": [row for row in rows if not row["used"]],
        "not_identified": [name for name, told in zip(found.names, found.identified, strict=True) if not told],
        "experiments": [str(one) for one in further],
        "contradictions": [asdict(check) | {"text": str(check)} for check in checks],
        "bench": {name: {"value": e.value, "standard_error": e.standard_error} for name, e in found.bench.items()},
        "notes": list(notes),
    }


def told(found: CircuitCalibration, further: Sequence[Experiment]) -> list[str]:
    """Sentences on what contradicts the netlist, and on what is not identified."""
    return [
        *(f"contradicted by {check}" for check in found.verdict.contradictions[:3]),
        *(f"not identified: {one}" for one in further),
    ]


def bench_table(found: CircuitCalibration) -> Table:
    """What the bench adds, with standard errors."""
    shown = Table("bench", "value", "±", box=None)
    for name, estimate in found.bench.items():
        kind = name.split("[")[0].replace("_", "-")
        unit = READOUTS.get(kind, READOUTS["hum"])[1] or "relative"
        shown.add_row(f"{name} ({unit})", f"{estimate.value:.4g}", f"{estimate.standard_error:.1e}")
    return shown


def residual_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """A line for each record."""
    shown = Table("record", "analysis", "residual by noise, rms", "", box=None)
    for row in rows:
        verdict = "fitted" if row["used"] else "held out, passed" if row["passed"] else "held out, FAILED"
        shown.add_row(row["file"], row["analysis"], f"{row['rms']:.3g}", verdict)
    return shown


def rows(circuit: Observed, records: Sequence[CircuitMeasurement], checks: Sequence[Check]) -> list[dict[str, Any]]:
    """Rows of the fidelity table."""
    found = []
    for one, check in zip(records, checks, strict=True):
        row = {
            "topology": circuit.network.name,
            "level": "netlist",
            "size": len(circuit.labels),
            "file": one.file,
            "analysis": one.kind,
            "metric": f"{one.file}: residual by noise and error bars, mean square",
            "value": check.statistic,
            "limit": check.limit,
            "passed": check.passed,
        }
        found.append(row if check.passed else {**row, "reason": str(check)})
    return found


def judged_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """A line for each record, and the reason below one that fails."""
    shown = Table("record", "analysis", "residual by noise and error bars, squared", "limit", "", box=None)
    for row in rows:
        verdict = Text("passed", style="green") if row["passed"] else Text("FAILED", style="red")
        shown.add_row(row["file"], row["analysis"], f"{row['value']:.3g}", f"{row['limit']:.3g}", verdict)
    return shown


def hints(model: CircuitModel, records: Sequence[CircuitMeasurement], checks: Sequence[Check]) -> list[str]:
    """Where cross-spectra fail, whether those of the other convention would not."""
    found = []
    for one, check in zip(records, checks, strict=True):
        moments = one.moments
        if check.passed or moments is None or "im" not in moments.part:
            continue
        sign = np.array([-1.0 if part == "im" else 1.0 for part in moments.part])
        other = replace(one, moments=replace(moments, values=moments.values * sign))
        if model.judged([term_of(other)])[0].passed:
            found.append(
                f"{one.file}: fits with imaginary parts of the other sign: S(a,b) may be <A* B> there; if it is, say"
                " `conjugate: first`"
            )
    return found
