"""One simulation with everything that the folder and the summary say about it."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure as Figure
from rich.table import Table

from ...files import write_bytes, write_json, write_text
from ...measurements import write_dataset
from ...netlists.runs import Request, Result, relative_norm
from ...netlists.simulators import versions
from ...reports import figures, png
from . import _noise as noise


def write(request: Request, result: Result, origins: noise.NoiseOrigins | None, folder: Path) -> None:
    """The circuit, the measurement, a plot, where noise comes from, and what they were made from."""
    write_text(folder / "circuit.cir", result.circuit)
    for name, text in result.netlists.items():
        write_text(folder / name, text)
    write_dataset(folder / "measurement.nc", result.measurement)
    write_text(folder / "design.yaml", request.instance.design.to_yaml())
    request.instance.save(folder / "instance.json")
    write_json(folder / "program.json", request.program.to_dict())
    write_bytes(folder / f"{request.analysis}.png", png(_plot(request, result)))
    if origins is not None:
        write_text(folder / "contributors.csv", noise.csv_text(origins))


def _plot(request: Request, result: Result) -> Callable[[], Figure]:
    data = result.measurement
    match request.analysis:
        case "op":
            answer = request.program.solution if _settles(request) else None
            return lambda: figures.operating_point(_answer(request, result), answer)
        case "tran":
            draw = figures.noisy_transient if request.noise else figures.transient
            return lambda: draw(data["time"].values, data["v"].values)
        case "ac":
            response = data["v_re"].values + 1j * data["v_im"].values
            return lambda: figures.ac_response(data["frequency"].values, response)
        case "noise":
            return lambda: figures.noise_density(data["frequency"].values, data["psd"].values)


def summary(request: Request, result: Result, origins: noise.NoiseOrigins | None = None) -> dict[str, Any]:
    """Plain numbers in SI units; what was not computed is absent."""
    attrs = result.measurement.attrs
    found: dict[str, Any] = {
        "design": request.instance.design.name,
        "topology": request.instance.topology.name,
        "level": request.level,
        "analysis": request.analysis,
        "n": request.program.n,
        "temperature": request.instance.design.temperature,
        "v": result.v,
        "x": request.program.solution,
        "answer": _answer(request, result) if _settles(request) else None,
        "conductance_scale": request.scaling.conductance,
        "drive_scale": request.scaling.drive,
        "engine": attrs["simulator"],
        "version": attrs["simulator_version"],
        "seed": request.seed,
        "noise": request.noise or None,
        "instance_seed": request.instance.seed,
        "netlist_sha256": attrs["netlist_sha256"],
        "simulator_elapsed_s": attrs["elapsed_s"],
        "corner": request.corner,
        "age_s": request.age,
        **_own_amplifier(request),
        "rank": getattr(request.instance.topology, "r", None),
        "time_constants": result.time_constants,
        "settled": result.settled,
        "clipped": result.clipped,
        "warnings": (*result.warnings, *result.faults),
        "faults": result.faults,
        "passed": not result.faults,
        "versions": versions(),
    }
    return {**found, **_measured(request, result), **noise.summary(origins), **_accuracy(request, result)}


def _measured(request: Request, result: Result) -> dict[str, Any]:
    """Power and covariance, where they were asked for."""
    found: dict[str, Any] = {}
    if result.power is not None:
        found |= {"resistor_power_W": result.power.resistors, "supply_power_W": result.power.supplies}
    covariance = _covariance(request, result)
    if covariance is not None:
        found |= {"covariance": covariance, "rms": np.sqrt(np.diag(covariance)), "band": request.band}
    return found


def _accuracy(request: Request, result: Result) -> dict[str, Any]:
    """How far the answer is from the exact one, and how far the circuit's equations say that it is."""
    x = request.program.solution
    if _settles(request):
        return {
            "relative_error": relative_norm(_answer(request, result) - x, x),
            "predicted_relative_error": relative_norm(result.predicted / request.scaling.drive - x, x),
        }
    covariance = _covariance(request, result)
    if covariance is None or request.band is not None:
        return {}
    exact = np.linalg.inv(request.program.A)
    inverse = covariance / request.instance.design.kappa0
    return {"inverse": inverse, "relative_error": relative_norm(inverse - exact, exact)}


def _own_amplifier(request: Request) -> dict[str, Any]:
    """Where the amplifier comes from, if it is the user's own."""
    amplifier = request.instance.design.amplifier
    if amplifier is None or amplifier.circuit is None or request.level == "ideal":
        return {}
    circuit = amplifier.circuit
    return {
        "amplifier": circuit.subcircuit,
        "amplifier_file": circuit.file,
        "amplifier_sha256": circuit.sha256,
        "amplifier_pins": dict(circuit.pins),
        "amplifier_supply": [circuit.vss, circuit.vdd],
        "amplifier_notices": list(circuit.notices),
        "amplifier_model": amplifier.model_dump(exclude={"circuit"}),
    }


def _answer(request: Request, result: Result) -> Float[np.ndarray, " n"]:
    """The node voltages without the drive's scale [V]: what the chip says that `A^-1 b` is."""
    return result.v / request.scaling.drive


def _covariance(request: Request, result: Result) -> Float[np.ndarray, "n n"] | None:
    """Of the readouts' noise [V^2], over all frequencies or the band asked for; None where it has no limit."""
    found = result.measurement.get("covariance" if request.band is None else "band_covariance")
    return None if found is None else np.asarray(found.values)


def _settles(request: Request) -> bool:
    """Whether the settled voltages are the answer; a grid answers by its covariance, kappa0 A^-1."""
    return request.instance.topology.answer == "mean"


def table(request: Request, result: Result) -> Table:
    """What the chip answers, beside the exact answer, for a person."""
    drive = request.scaling.drive
    covariance = _covariance(request, result)
    columns = {"SPICE v (V)": result.v, "exact x (V)": request.program.solution, "predicted (V)": result.predicted}
    if drive != 1:
        columns |= {"predicted (V)": result.predicted / drive}
        columns = {"SPICE v (V)": result.v, f"v / {drive:g} (V)": result.v / drive, **columns}
    if not _settles(request):
        columns = {"SPICE v (V)": result.v, "predicted (V)": result.predicted}
        if covariance is not None and request.band is None:
            variance = np.diag(covariance)
            columns = {
                "noise (V rms)": np.sqrt(variance),
                "SPICE (A^-1)_ii": variance / request.instance.design.kappa0,
                "exact (A^-1)_ii": np.diag(np.linalg.inv(request.program.A)),
            }
    if covariance is not None:
        columns["noise (V rms)"] = np.sqrt(np.diag(covariance))
    shown = Table("cell", *columns, box=None)
    for k, row in enumerate(zip(*columns.values(), strict=True)):
        shown.add_row(str(k), *(f"{value + 0.0: .6g}" for value in row))
    return shown


def told(request: Request, summary: Mapping[str, Any]) -> list[str]:
    """Sentences on the answer's error, or on why there is none."""
    if not _settles(request):
        if "relative_error" in summary:
            return [f"relative error of the inverse of A {summary['relative_error']:.3g}"]
        name = request.instance.topology.name
        return [f"the voltages of an {name} settle to zero: it answers by its covariance; see --analysis noise"]
    if "predicted_relative_error" not in summary:
        return []
    error = summary["relative_error"]
    predicted = summary["predicted_relative_error"]
    return [f"relative error {error:.3g}; the circuit's own equations predict {predicted:.3g}"]


def shown_warnings(result: Result) -> tuple[str, ...]:
    """Warnings for a person: ngspice's way to an operating point in one line."""
    steps = [text for text in result.warnings if _STEPPING.match(text)]
    others = tuple(text for text in result.warnings if not _STEPPING.match(text))
    if not steps:
        return others
    return (f"ngspice found its operating point step by step ({len(steps)} lines in summary.json)", *others)


_STEPPING = re.compile(r"Trying (gmin|source)|Note: .*(gmin|source) step", re.IGNORECASE)
