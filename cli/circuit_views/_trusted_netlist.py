"""A netlist that was run as it stands: what the folder, the summary and a person are told."""

from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from ...netlists.own_circuits import TrustedResult
from ._circuit_files import beside_each_other, csv_text, joined


def waveforms(result: TrustedResult) -> str:
    """The waveforms or responses of a trusted netlist."""
    if np.iscomplexobj(result.values):
        header = ["scale", *(f"{label}_{part}" for label in result.labels for part in ("re", "im"))]
        return csv_text(header, joined(result.scale, beside_each_other(result.values)))
    return csv_text(["scale", *result.labels], joined(result.scale, result.values))


def summary(result: TrustedResult, netlist: Path, analysis: str) -> dict[str, Any]:
    """What --json prints of a trusted netlist: no model, no verdict."""
    return {
        "netlist": str(netlist),
        "outputs": list(result.labels),
        "analysis": analysis,
        "trusted": True,
        "v": np.abs(result.values[-1]) if np.iscomplexobj(result.values) else result.values[-1],
        "engine": "ngspice",
        "version": result.version,
        "warnings": ["run in ngspice only: no model and no verdict stand beside it"],
    }


def table(result: TrustedResult) -> Table:
    """The last values of a trusted netlist."""
    shown = Table("output", "SPICE, last value", box=None)
    for label, value in zip(result.labels, result.values[-1], strict=True):
        shown.add_row(label, f"{abs(value) if np.iscomplexobj(value) else value: .6g}")
    return shown
