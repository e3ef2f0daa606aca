"""A circuit of one's own: what the folder, the summary and a person are told of a simulation."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from rich.table import Table

from ...circuits.linear_circuits import LinearCircuit
from ...files import write_bytes, write_text
from ...measurements import write_dataset
from ...netlists.own_circuits import CircuitResult, TrustedResult
from ...netlists.simulators import versions
from ...reports import circuit_figures, png

_LOUDEST = 12
"""Elements that a person is shown of those that make noise; the file has all."""

_SLOWEST = 8
_DRAWN = 300
"""Times at which the model's waveform is worked out."""


def write(result: CircuitResult, folder: Path) -> None:
    """The circuit, the measurement, tables and pictures."""
    write_text(folder / "circuit.cir", result.circuit)
    write_dataset(folder / "measurement.nc", result.measurement)
    write_text(folder / "poles.csv", _csv(("real_1_per_s", "imaginary_1_per_s"), _poles(result.model)))
    for name, (header, rows) in _tables(result).items():
        write_text(folder / f"{name}.csv", _csv(header, rows))
    for name, draw in _pictures(result).items():
        write_bytes(folder / f"{name}.png", png(draw))


def summary(result: CircuitResult, netlist: Path, seed: int | None) -> dict[str, Any]:
    """Plain numbers in SI units; what was not computed is absent."""
    model, attrs, request = result.model, result.measurement.attrs, result.request
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
        "poles": _poles(model),
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


def _poles(model: LinearCircuit) -> list[tuple[float, float]]:
    ordered = sorted(model.poles, key=lambda p: (-p.real, p.imag))
    return [(float(pole.real), float(pole.imag)) for pole in ordered]


def _nothing(result: CircuitResult) -> dict[str, Any]:
    return {}


def _of_response(result: CircuitResult) -> dict[str, Any]:
    size = np.abs(_response(result))
    peak = size.argmax(axis=0)
    frequency = result.measurement["frequency"].values
    return {
        "input": result.input,
        "gain": size.max(axis=0),
        "peak_frequency": frequency[peak],
        "response_error": _relative(_response(result), _modelled_response(result)),
    }


def _of_noise(result: CircuitResult) -> dict[str, Any]:
    found: dict[str, Any] = {"band": result.request.band}
    covariance = spice_covariance(result)
    model, parts = result.budget.covariance, result.budget.variances
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


def spice_covariance(result: CircuitResult) -> Float[np.ndarray, "n n"] | None:
    """Of the simulator [V^2]; None where it has no limit."""
    name = "covariance" if result.request.band is None else "band_covariance"
    found = result.measurement.get(name)
    return None if found is None else np.asarray(found.values)


def _rho(covariance: Float[np.ndarray, "n n"]) -> list[list[float | None]]:
    sd = np.sqrt(np.diag(covariance))
    rows = []
    for i, row in enumerate(covariance):
        scale = sd[i] * sd
        rows.append([float(c / s) if s > 0 else None for c, s in zip(row, scale, strict=True)])
    return rows


def _response(result: CircuitResult) -> Any:
    return result.measurement["v_re"].values + 1j * result.measurement["v_im"].values


def _modelled_response(result: CircuitResult) -> Any:
    column = result.model.inputs.index(result.input or "")
    return result.model.transfer(result.measurement["frequency"].values)[:, :, column]


def _relative(values: Any, expected: Any) -> float | None:
    scale = float(np.linalg.norm(expected))
    return float(np.linalg.norm(values - expected)) / scale if scale > 0 else None


Rows = list[Sequence[float | str]]


def _tables(result: CircuitResult) -> Mapping[str, tuple[Sequence[str], Rows]]:
    labels, data, model = result.observed.labels, result.measurement, result.model
    match result.request.analysis:
        case "op":
            rows = zip(labels, result.v, model.settled, strict=True)
            return {"op": (("output", "spice_V", "model_V"), [list(row) for row in rows])}
        case "ac":
            f = data["frequency"].values
            return {
                "ac": (
                    _complex_header(("spice", "model"), labels),
                    _joined(f, _parts(_response(result)), _parts(_modelled_response(result))),
                ),
                "transfer": _transfer(result),
            }
        case "noise":
            f = data["frequency"].values
            header = ["frequency_Hz", *(f"{kind}_{n}_V2_per_Hz" for kind in ("spice", "model") for n in labels)]
            spectra = _joined(f, data["psd"].values, model.psd(f))
            return {"noise": (header, spectra)} | _contributor_table(result) | _covariance_table(result)
        case "tran":
            header = ["time_s", *(f"{n}_V" for n in labels)]
            return {"tran": (header, _joined(data["time"].values, data["v"].values))}


def _complex_header(kinds: Sequence[str], labels: Sequence[str]) -> list[str]:
    return ["frequency_Hz", *(f"{kind}_{n}_{part}" for kind in kinds for n in labels for part in ("re", "im"))]


def _parts(values: Any) -> Float[np.ndarray, "f k"]:
    """Real and imaginary parts beside each other."""
    return np.stack([values.real, values.imag], axis=-1).reshape(len(values), -1)


def _joined(*columns: Float[np.ndarray, "..."]) -> Rows:
    rows: Rows = np.column_stack(columns).tolist()
    return rows


def _transfer(result: CircuitResult) -> tuple[Sequence[str], Rows]:
    """From every source to every output, by the equations."""
    f = result.measurement["frequency"].values
    H = result.model.transfer(f)
    names = [f"{source}_to_{label}" for label in result.observed.labels for source in result.model.inputs]
    return _complex_header((), ()) + [f"{n}_{part}" for n in names for part in ("re", "im")], _joined(
        f, _parts(H.reshape(len(f), -1))
    )


def _contributor_table(result: CircuitResult) -> dict[str, tuple[Sequence[str], Rows]]:
    parts = result.budget.variances
    if parts is None:
        return {}
    rows: Rows = [[name, *parts[:, k].tolist()] for k, name in enumerate(result.model.contributors)]
    return {"contributors": (["element", *(f"variance_{n}_V2" for n in result.observed.labels)], rows)}


def _covariance_table(result: CircuitResult) -> dict[str, tuple[Sequence[str], Rows]]:
    found, model = spice_covariance(result), result.budget.covariance
    if found is None or model is None:
        return {}
    labels = result.observed.labels
    rows: Rows = [
        [a, b, float(found[i, j]), float(model[i, j]), _ratio(found, i, j), _ratio(model, i, j)]
        for i, a in enumerate(labels)
        for j, b in enumerate(labels)
        if i <= j
    ]
    header = ["output", "other", "spice_V2", "model_V2", "spice_rho", "model_rho"]
    return {"covariance": (header, rows)}


def _ratio(covariance: Float[np.ndarray, "n n"], i: int, j: int) -> float | str:
    scale = np.sqrt(covariance[i, i] * covariance[j, j])
    return float(covariance[i, j] / scale) if scale > 0 else ""


def _csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def _pictures(result: CircuitResult) -> dict[str, Any]:
    labels, data, model = result.observed.labels, result.measurement, result.model
    match result.request.analysis:
        case "op":
            return {"op": lambda: circuit_figures.settled(labels, result.v, model.settled)}
        case "ac":
            f, source = data["frequency"].values, result.input or ""
            spice, modelled = _response(result), _modelled_response(result)
            return {"ac": lambda: circuit_figures.responses(labels, f, spice, modelled, source)}
        case "noise":
            f, psd = data["frequency"].values, data["psd"].values
            found = {"noise": lambda: circuit_figures.densities(labels, f, psd, model.psd(f))}
            if not model.contributors:
                return found
            parts = model.contributions(f)[:, 0]
            names = model.contributors
            return found | {"contributors": lambda: circuit_figures.contributors(labels[0], names, f, parts, psd[:, 0])}
        case "tran":
            t, v = data["time"].values, data["v"].values
            if result.request.noise or not result.followed:
                return {"tran": lambda: circuit_figures.transients(labels, t, v)}
            times, modelled = model.step(float(t[-1]), _DRAWN)
            return {"tran": lambda: circuit_figures.transients(labels, t, v, times, modelled)}


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
            "largest response": np.abs(_response(result)).max(axis=0),
            "model's": np.abs(_modelled_response(result)).max(axis=0),
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
        shown.add_row(label, *(f"{value: .6g}" for value in row))
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


def trusted_csv(result: TrustedResult) -> str:
    """The waveforms or responses of a trusted netlist."""
    if np.iscomplexobj(result.values):
        header = ["scale", *(f"{label}_{part}" for label in result.labels for part in ("re", "im"))]
        return _csv(header, _joined(result.scale, _parts(result.values)))
    return _csv(["scale", *result.labels], _joined(result.scale, result.values))


def trusted_summary(result: TrustedResult, netlist: Path, analysis: str) -> dict[str, Any]:
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


def trusted_table(result: TrustedResult) -> Table:
    """The last values of a trusted netlist."""
    shown = Table("output", "SPICE, last value", box=None)
    for label, value in zip(result.labels, result.values[-1], strict=True):
        shown.add_row(label, f"{abs(value) if np.iscomplexobj(value) else value: .6g}")
    return shown
