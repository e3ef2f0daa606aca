"""A circuit of one's own: what the summary and a person are told of a simulation."""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from rich.table import Table

from ...netlists.own_circuits import CircuitResult
from ...netlists.simulators import versions
from ._circuit_files import write as write
from ._circuit_quantities import model_response, poles, spice_covariance, spice_response

_LOUDEST = 12
"""Elements that a person is shown of those that make noise; the file has all."""

_SLOWEST = 8


def summary(result: CircuitResult, netlist: Path, seed: int | None) -> dict[str, Any]:
    """Plain numbers in SI units; what was not computed is absent."""
    model = result.model
    attrs = result.measurement.attrs
    request = result.request
    pole = model.stability.pole
    return {
        "netlist": str(netlist),
        "network": result.observed.network.name,
        "outputs": list(result.observed.labels),
        "analysis": request.analysis,
        "n": len(result.observed.labels),
        "temperature": float(result.observed.network.temperature),
        "v": result.v,
        "predicted": result.predicted,
        "time_constants": model.time_constants,
        "poles": poles(model),
        "stability": model.stability.verdict,
        "rightmost_pole": None if pole is None else [pole.real, pole.imag],
        **_OF_ANALYSIS[request.analysis](result),
        "engine": attrs["simulator"],
        "version": attrs["simulator_version"],
        "netlist_sha256": attrs["netlist_sha256"],
        "simulator_elapsed_s": attrs["elapsed_s"],
        "instance_seed": seed,
        "warnings": (*result.warnings, *result.faults),
        "faults": result.faults,
        "passed": result.passed,
        "versions": versions(),
    }


def _nothing(result: CircuitResult) -> dict[str, Any]:
    return {}


def _of_response(result: CircuitResult) -> dict[str, Any]:
    size = np.abs(spice_response(result))
    peak = size.argmax(axis=0)
    frequency = result.measurement["frequency"].values
    return {
        "input": result.input,
        "gain": size.max(axis=0),
        "peak_frequency": frequency[peak],
        "response_error": _relative(spice_response(result), model_response(result)),
    }


def _of_noise(result: CircuitResult) -> dict[str, Any]:
    found: dict[str, Any] = {"band": result.request.band}
    covariance = spice_covariance(result)
    model = result.budget.covariance
    parts = result.budget.variances
    if model is None or parts is None:
        return {**found, "infinite": result.budget.infinite}
    if covariance is not None:
        found |= {"covariance": covariance, "rms": np.sqrt(np.diag(covariance)), "rho": _rho(covariance)}
    contributors = {name: [float(part) for part in parts[:, k]] for k, name in enumerate(result.model.contributors)}
    return found | {
        "model_covariance": model,
        "model_rms": np.sqrt(np.diag(model)),
        "model_rho": _rho(model),
        "contributors": contributors,
    }


def _of_transient(result: CircuitResult) -> dict[str, Any]:
    return {"duration": float(result.measurement["time"].values[-1]), "settled": result.settled}


_OF_ANALYSIS = {"op": _nothing, "ac": _of_response, "noise": _of_noise, "tran": _of_transient}


def _rho(covariance: Float[np.ndarray, "n n"]) -> list[list[float | None]]:
    sd = np.sqrt(np.diag(covariance))
    rows = []
    for i, row in enumerate(covariance):
        scale = sd[i] * sd
        rows.append([float(c / s) if s > 0 else None for c, s in zip(row, scale, strict=True)])
    return rows


def _relative(values: Any, expected: Any) -> float | None:
    scale = float(np.linalg.norm(expected))
    return float(np.linalg.norm(values - expected)) / scale if scale > 0 else None


def tables(result: CircuitResult) -> list[Table]:
    """For a person."""
    found = [_output_table(result)]
    if result.request.analysis == "noise" and result.model.contributors:
        found += _loudest(result)
    return found


def _output_table(result: CircuitResult) -> Table:
    columns: dict[str, Any] = {"SPICE": result.v, "model": result.predicted}
    if result.request.analysis == "ac":
        columns = {
            "largest response": np.abs(spice_response(result)).max(axis=0),
            "model's": np.abs(model_response(result)).max(axis=0),
        }
    covariance = spice_covariance(result) if result.request.analysis == "noise" else None
    model = result.budget.covariance if covariance is not None else None
    if covariance is not None and model is not None:
        columns |= {"rms": np.sqrt(np.diag(covariance)), "model's rms": np.sqrt(np.diag(model))}
        if len(covariance) > 1:
            sd = np.sqrt(np.diag(covariance))
            with np.errstate(invalid="ignore", divide="ignore"):
                columns[f"rho with {result.observed.labels[0]}"] = covariance[0] / (sd[0] * sd)
    shown = Table("output", *columns, box=None)
    for label, *row in zip(result.observed.labels, *columns.values(), strict=True):
        shown.add_row(label, *(f"{value + 0.0: .6g}" for value in row))
    return shown


def _loudest(result: CircuitResult) -> list[Table]:
    parts = result.budget.variances
    if parts is None:
        return []
    total = parts.sum(axis=1, keepdims=True)
    shares = np.divide(parts, total, out=np.zeros_like(parts), where=total > 0)
    shown = Table("noise by element", *result.observed.labels, box=None)
    for k in np.argsort(shares.max(axis=0))[::-1][:_LOUDEST]:
        shown.add_row(result.model.contributors[k], *(f"{share:.1%}" for share in shares[:, k]))
    return [shown]


def told(result: CircuitResult) -> list[str]:
    """Sentences on poles, time constants, and what is infinite."""
    model = result.model
    lines = [f"{result.observed.network.name} is {model.stability.sentence}"]
    if len(model.time_constants):
        shown = ", ".join(f"{tau:.4g}" for tau in model.time_constants[:_SLOWEST])
        more = f" and {len(model.time_constants) - _SLOWEST} more" if len(model.time_constants) > _SLOWEST else ""
        lines.append(f"time constants {shown} s{more}")
    if result.request.analysis == "noise":
        if not model.contributors:
            lines.append("nothing in the circuit makes noise")
        elif spice_covariance(result) is None:
            lines.append(f"{result.budget.infinite}; add --band LOW,HIGH")
    return lines
