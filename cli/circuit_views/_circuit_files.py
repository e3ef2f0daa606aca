"""A circuit of one's own: what its result folder holds, as text, tables and pictures."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from ...files import write_bytes, write_text
from ...measurements import write_dataset
from ...netlists.own_circuits import CircuitResult
from ...reports import circuit_figures, png
from ._circuit_quantities import model_response, poles, spice_covariance, spice_response

_DRAWN = 300
"""Times at which the model's waveform is worked out."""


def write(result: CircuitResult, folder: Path) -> None:
    """The circuit, the measurement, tables and pictures."""
    write_text(folder / "circuit.cir", result.circuit)
    write_dataset(folder / "measurement.nc", result.measurement)
    write_text(folder / "poles.csv", csv_text(("real_1_per_s", "imaginary_1_per_s"), poles(result.model)))
    for name, (header, rows) in _tables(result).items():
        write_text(folder / f"{name}.csv", csv_text(header, rows))
    for name, draw in _pictures(result).items():
        write_bytes(folder / f"{name}.png", png(draw))


Rows = list[Sequence[float | str]]


def _tables(result: CircuitResult) -> Mapping[str, tuple[Sequence[str], Rows]]:
    labels = result.observed.labels
    data = result.measurement
    model = result.model
    match result.request.analysis:
        case "op":
            rows = zip(labels, result.v, model.settled, strict=True)
            return {"op": (("output", "spice_V", "model_V"), [list(row) for row in rows])}
        case "ac":
            f = data["frequency"].values
            return {
                "ac": (
                    _complex_header(("spice", "model"), labels),
                    joined(f, beside_each_other(spice_response(result)), beside_each_other(model_response(result))),
                ),
                "transfer": _transfer(result),
            }
        case "noise":
            f = data["frequency"].values
            header = ["frequency_Hz", *(f"{kind}_{n}_V2_per_Hz" for kind in ("spice", "model") for n in labels)]
            spectra = joined(f, data["psd"].values, model.psd(f))
            return {"noise": (header, spectra)} | _contributor_table(result) | _covariance_table(result)
        case "tran":
            header = ["time_s", *(f"{n}_V" for n in labels)]
            return {"tran": (header, joined(data["time"].values, data["v"].values))}


def _complex_header(kinds: Sequence[str], labels: Sequence[str]) -> list[str]:
    return ["frequency_Hz", *(f"{kind}_{n}_{part}" for kind in kinds for n in labels for part in ("re", "im"))]


def beside_each_other(values: Any) -> Float[np.ndarray, "f k"]:
    """Real and imaginary parts beside each other."""
    return np.stack([values.real, values.imag], axis=-1).reshape(len(values), -1)


def joined(*columns: Float[np.ndarray, "..."]) -> Rows:
    """Columns as the rows of a table."""
    rows: Rows = np.column_stack(columns).tolist()
    return rows


def _transfer(result: CircuitResult) -> tuple[Sequence[str], Rows]:
    """From every source to every output, by the equations."""
    f = result.measurement["frequency"].values
    H = result.model.transfer(f)
    names = [f"{source}_to_{label}" for label in result.observed.labels for source in result.model.inputs]
    return _complex_header((), ()) + [f"{n}_{part}" for n in names for part in ("re", "im")], joined(
        f, beside_each_other(H.reshape(len(f), -1))
    )


def _contributor_table(result: CircuitResult) -> dict[str, tuple[Sequence[str], Rows]]:
    parts = result.budget.variances
    if parts is None:
        return {}
    rows: Rows = [[name, *parts[:, k].tolist()] for k, name in enumerate(result.model.contributors)]
    return {"contributors": (["element", *(f"variance_{n}_V2" for n in result.observed.labels)], rows)}


def _covariance_table(result: CircuitResult) -> dict[str, tuple[Sequence[str], Rows]]:
    found = spice_covariance(result)
    model = result.budget.covariance
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


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table as the text of a CSV file."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def _pictures(result: CircuitResult) -> dict[str, Any]:
    labels = result.observed.labels
    data = result.measurement
    model = result.model
    match result.request.analysis:
        case "op":
            return {"op": lambda: circuit_figures.settled(labels, result.v, model.settled)}
        case "ac":
            f = data["frequency"].values
            source = result.input or ""
            spice = spice_response(result)
            modelled = model_response(result)
            return {"ac": lambda: circuit_figures.responses(labels, f, spice, modelled, source)}
        case "noise":
            f = data["frequency"].values
            psd = data["psd"].values
            found = {"noise": lambda: circuit_figures.densities(labels, f, psd, model.psd(f))}
            if not model.contributors:
                return found
            parts = model.contributions(f)[:, 0]
            names = model.contributors
            return found | {"contributors": lambda: circuit_figures.contributors(labels[0], names, f, parts, psd[:, 0])}
        case "tran":
            t = data["time"].values
            v = data["v"].values
            if result.request.noise or not result.followed:
                return {"tran": lambda: circuit_figures.transients(labels, t, v)}
            times, modelled = model.step(float(t[-1]), _DRAWN)
            return {"tran": lambda: circuit_figures.transients(labels, t, v, times, modelled)}
