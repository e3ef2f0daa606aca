"""Elements of a circuit of one's own: measured, inferred, shown."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from ...behavioral.circuit_calibration import (
    CircuitCalibration,
    CircuitRecord,
    calibrate_circuit,
    circuit_record,
)
from ...circuits.linear_circuits import LinearCircuit, Observed
from ...circuits.tolerances import Tolerances
from ...files import FileError, parse_json, write_text
from ...measurements import load_circuit_measurement
from ...netlists.own_circuits import CircuitRequest, simulate_circuit, source_names, trusted_circuit
from .._exceptions import InputError

_READOUT = 21
"""Stream of the seed: errors of the instruments."""


def telling(circuit: Observed) -> tuple[str, ...]:
    """Analyses that tell something of a circuit."""
    model = LinearCircuit.of(circuit.network, circuit.labels)
    found = []
    if model.settled.any():
        found += ["op", *(["tran"] if len(model.poles) else [])]
    if len(source_names(circuit.network)) == 1:
        found.append("ac")
    if model.contributors:
        found.append("noise")
    return tuple(found)


def measured(circuit: Observed, analyses: Sequence[str], temperature: float | None, seed: int) -> list[CircuitRecord]:
    """A circuit in ngspice, with the errors of instruments: 0.1 % of the largest voltage, 3 % of a density."""
    rng = np.random.default_rng([seed, _READOUT])
    records = []
    for analysis in analyses:
        request = CircuitRequest(analysis=analysis, temperature=temperature)  # type: ignore[arg-type]
        result = trusted_circuit(simulate_circuit(circuit, request))
        records.append(circuit_record(result.measurement, result.input).with_errors(rng))
    return records


def read(paths: Sequence[Path], circuit: Observed) -> list[CircuitRecord]:
    """Measurements of `thermospice simulate --netlist`.

    Raises:
        InputError: of other outputs.
        MeasurementError: a file that is no measurement.
    """
    records = []
    for path in paths:
        data = load_circuit_measurement(path)
        labels = _labels(data.attrs["outputs"])
        if labels != circuit.labels:
            raise InputError(
                f"{path}: expected a measurement of the outputs {', '.join(circuit.labels)}, got"
                f" {', '.join(labels) or 'none'}"
            )
        source = data.attrs.get("input")
        if source is not None and source not in source_names(circuit.network):
            raise InputError(f"{path}: input: there is no source {source!r} in the netlist")
        records.append(circuit_record(data, source))
    return records


def _labels(text: Any) -> tuple[str, ...]:
    try:
        found = parse_json(str(text), "outputs")
    except FileError:
        return ()
    return tuple(map(str, found)) if isinstance(found, list) else ()


def calibrated(
    circuit: Observed, tolerances: Tolerances, records: Sequence[CircuitRecord], temperature: float | None
) -> CircuitCalibration:
    """The elements."""
    if temperature is not None:
        circuit = replace(circuit, network=replace(circuit.network, temperature=temperature))
    return calibrate_circuit(circuit, tolerances, records)


def elements(found: CircuitCalibration, truth: Mapping[str, float] | None) -> list[dict[str, Any]]:
    """A row for each element, in SI units."""
    rows = []
    for k, name in enumerate(found.names):
        row = {
            "element": name,
            "nominal": float(found.nominal[k]),
            "value": float(found.nominal[k] * (1 + found.deviations[k])),
            "deviation": float(found.deviations[k]),
            "standard_error": float(found.errors[k]),
            "tolerance": float(found.prior[k]),
            "identified": bool(found.identified[k]),
        }
        if truth is not None:
            row["truth"] = truth[name] - 1
            row["z"] = float((found.deviations[k] - truth[name] + 1) / found.errors[k])
        rows.append(row)
    return rows


def write(found: CircuitCalibration, truth: Mapping[str, float] | None, folder: Path) -> None:
    """The rows as a table."""
    rows = elements(found, truth)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(folder / "elements.csv", text.getvalue())


def summary(found: CircuitCalibration, truth: Mapping[str, float] | None) -> dict[str, Any]:
    """What --json prints."""
    return {
        "elements": elements(found, truth),
        "misfit": dict(found.misfit),
        "chance": found.chance,
        "verdict": "contradicted" if found.contradicted else "consistent",
        "passed": not found.contradicted,
    }


def table(found: CircuitCalibration, truth: Mapping[str, float] | None) -> Table:
    """For a person."""
    columns = ["element", "value", "deviation", "±", "tolerance", *(["drawn"] if truth is not None else []), ""]
    shown = Table(*columns, box=None)
    for row in elements(found, truth):
        drawn = [f"{row['truth']:+.2%}"] if truth is not None else []
        shown.add_row(
            row["element"],
            f"{row['value']:.5g}",
            f"{row['deviation']:+.2%}",
            f"{row['standard_error']:.2%}",
            f"{row['tolerance']:.2%}",
            *drawn,
            "" if row["identified"] else "not identified",
        )
    return shown


def told(found: CircuitCalibration) -> list[str]:
    """Sentences on the fit."""
    parts = ", ".join(f"{name} {value:.2f}" for name, value in found.misfit.items())
    lines = [f"misfit in standard deviations: {parts}"]
    if found.contradicted:
        lines.append(
            f"contradicted: so large a misfit has a chance of {found.chance:.1e}: no elements within their tolerances"
            " explain the measurements; error bars are widened by the misfit"
        )
    return lines
