"""One simulation with everything that the folder and the summary say about it."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float
from rich.table import Table

from ..circuits import Corners, Instance, Level, Program, Scaling, load, state_space
from ..netlists import (
    ANALYSES,
    AmplifierSubcircuit,
    Analysis,
    Job,
    OperatingPower,
    deck,
    operating_power,
    simulate,
)
from ..reports import Figure, figures, png
from ._errors import InputError
from ._folder import write_bytes, write_dataset, write_json, write_text
from ._versions import versions


@dataclass(frozen=True, slots=True)
class Request:
    """What is simulated."""

    instance: Instance
    program: Program
    analysis: Analysis
    level: Level
    scaling: Scaling
    duration: float | None
    noise: bool
    seed: int
    amplifier: AmplifierSubcircuit | None = None
    corner: str = "typical"
    age: float | None = None
    """Of the chip [s]; the instance is the chip at this age."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it; `v` are settled voltages without the drive's scale [V]."""

    measurement: xr.Dataset
    circuit: str
    v: Float[np.ndarray, " n"]
    predicted: Float[np.ndarray, " n"]
    clipped: tuple[str, ...]
    """Entries beyond the conductance range."""
    warnings: tuple[str, ...]
    power: OperatingPower | None
    """Of the operating point, where that is the analysis."""


def get_analysis(name: str, noise: bool, duration: float | None = None) -> Analysis:
    """An analysis by its command-line name.

    Raises:
        InputError: unknown, or noise or a duration where they mean nothing.
    """
    for analysis in ANALYSES:
        if analysis == name:
            for option, given in (("--noise", noise), ("--duration", duration is not None)):
                if given and analysis != "tran":
                    raise InputError(
                        f"{option}: only a transient takes it, and --analysis is {name}; use --analysis tran"
                    )
            return analysis
    raise InputError(f"--analysis: expected one of {', '.join(ANALYSES)}, got {name!r}")


def run(request: Request) -> Result:
    """Run the analysis, and the operating point that says where the circuit settles."""
    instance, task = request.instance, _job(request, request.analysis, request.noise)
    measurement = _simulate(task)
    settled = measurement if request.analysis == "op" else _simulate(_job(request, "op", False))
    v = settled["v"].values / request.scaling.drive
    space = state_space(instance.network(request.program, request.level, request.scaling))
    predicted = space.settled / request.scaling.drive
    clipped = load(instance.design, instance.topology, request.program, request.scaling.conductance).clipped
    warnings = (
        *json.loads(measurement.attrs["warnings"]),
        *_out_of_range(clipped),
        *_beyond_rails(request.level, v, predicted),
        *_without_effect(request),
    )
    power = None
    if request.analysis == "op":
        power = operating_power(instance, request.program, request.level, request.scaling, amplifier=request.amplifier)
    return Result(measurement, deck(task), v, predicted, clipped, warnings, power)


def _job(request: Request, analysis: Analysis, noise: bool) -> Job:
    duration = request.duration if analysis == "tran" else None
    seed = request.seed if noise else None
    return Job(
        request.instance,
        request.program,
        analysis,
        request.level,
        duration,
        request.scaling,
        noise,
        seed,
        amplifier=request.amplifier,
    )


def _simulate(task: Job) -> xr.Dataset:
    names = ("instance", "program", "analysis", "level", "duration", "scaling", "noise", "seed", "amplifier")
    return simulate(**{name: getattr(task, name) for name in names})


CLIPPED: Mapping[Level, float] = {"ideal": 1e-3, "macro": 1e-3, "transistor": 2e-2}
"""SPICE and the linear prediction agree to 1e-5 inside the rails; a hundred times that means that they are left. A
real amplifier has an offset and a gain of its own besides."""


def _beyond_rails(level: Level, v: Float[np.ndarray, " n"], predicted: Float[np.ndarray, " n"]) -> tuple[str, ...]:
    error = _relative(v - predicted, predicted)
    if error is None or error <= CLIPPED[level]:
        return ()
    if level == "ideal":
        return (
            f"the circuit settles {error:.1%} away from its linear prediction: the gain of 1e7 that stands for an ideal"
            " amplifier does not reach for this program; expected a smaller condition number",
        )
    other = ", or it is not the amplifier that the design describes" if level == "transistor" else ""
    return (
        f"the circuit settles {error:.1%} away from its linear prediction: an amplifier is at its rails{other};"
        " use --drive-scale auto or a smaller drive",
    )


SHOWN = 3


def _out_of_range(clipped: Sequence[str]) -> tuple[str, ...]:
    if not clipped:
        return ()
    more = f", and {len(clipped) - SHOWN} more (summary.json has all)" if len(clipped) > SHOWN else ""
    return (f"beyond the conductance range: {'; '.join(clipped[:SHOWN])}{more}",)


def _without_effect(request: Request) -> tuple[str, ...]:
    design, found = request.instance.design, []
    if request.corner != "typical" and design.corners == Corners():
        found.append(f"design {design.name} has no `corners:`, so that --corner {request.corner} changes nothing")
    drift = design.drift
    if request.age is not None and drift.temperature_sigma == 0 and drift.ageing_exponent == 0:
        found.append(f"design {design.name} has no `drift:`, so that --at {request.age:g} changes nothing")
    return tuple(found)


def write(request: Request, result: Result, folder: Path) -> None:
    """The circuit, the measurement, a plot, and what they were made from."""
    write_text(folder / "circuit.cir", result.circuit)
    write_dataset(folder / "measurement.nc", result.measurement)
    write_text(folder / "design.yaml", request.instance.design.to_yaml())
    request.instance.save(folder / "instance.json")
    write_json(folder / "program.json", request.program.to_dict())
    write_bytes(folder / f"{request.analysis}.png", png(_plot(request, result)))


def _plot(request: Request, result: Result) -> Callable[[], Figure]:
    data = result.measurement
    match request.analysis:
        case "op":
            answer = request.program.solution if _settles(request) else None
            return lambda: figures.operating_point(result.v, answer)
        case "tran":
            return lambda: figures.transient(data["time"].values, data["v"].values)
        case "ac":
            response = data["v_re"].values + 1j * data["v_im"].values
            return lambda: figures.ac_response(data["frequency"].values, response)
        case "noise":
            return lambda: figures.noise_density(data["frequency"].values, data["psd"].values)


def summary(request: Request, result: Result) -> dict[str, Any]:
    """Plain numbers in SI units; what was not computed is absent."""
    x, attrs = request.program.solution, result.measurement.attrs
    found: dict[str, Any] = {
        "design": request.instance.design.name,
        "topology": request.instance.topology.name,
        "level": request.level,
        "analysis": request.analysis,
        "n": request.program.n,
        "temperature": request.instance.design.temperature,
        "v": result.v,
        "x": x,
        "conductance_scale": request.scaling.conductance,
        "drive_scale": request.scaling.drive,
        "engine": attrs["simulator"],
        "version": attrs["simulator_version"],
        "seed": request.seed,
        "instance_seed": request.instance.seed,
        "netlist_sha256": attrs["netlist_sha256"],
        "simulator_elapsed_s": attrs["elapsed_s"],
        "corner": request.corner,
        "age_s": request.age,
        "amplifier": None if request.amplifier is None else request.amplifier.name,
        "rank": getattr(request.instance.topology, "r", None),
        "clipped": result.clipped,
        "warnings": result.warnings,
        "versions": versions(),
    }
    if result.power is not None:
        found |= {"resistor_power_W": result.power.resistors, "supply_power_W": result.power.supplies}
    covariance = result.measurement.get("covariance")
    if covariance is not None:
        found["covariance"] = covariance.values
    if _settles(request):
        errors = {"relative_error": _relative(result.v - x, x)}
        return found | errors | {"predicted_relative_error": _relative(result.predicted - x, x)}
    if covariance is not None:
        inverse = np.linalg.inv(request.program.A)
        found["inverse"] = covariance.values / request.instance.design.kappa0
        found["relative_error"] = _relative(found["inverse"] - inverse, inverse)
    return found


def _settles(request: Request) -> bool:
    """Whether the settled voltages are the answer; a grid answers by its covariance, kappa0 A^-1."""
    return request.instance.topology.answer == "mean"


def table(request: Request, result: Result) -> Table:
    """What the chip answers, beside the exact answer, for a person."""
    columns = {"SPICE v (V)": result.v, "exact x (V)": request.program.solution, "predicted (V)": result.predicted}
    covariance = result.measurement.get("covariance")
    if not _settles(request):
        del columns["exact x (V)"]
        if covariance is not None:
            variance = np.diag(covariance.values)
            columns = {
                "noise (V rms)": np.sqrt(variance),
                "SPICE (A^-1)_ii": variance / request.instance.design.kappa0,
                "exact (A^-1)_ii": np.diag(np.linalg.inv(request.program.A)),
            }
    shown = Table("cell", *columns, box=None)
    for k, row in enumerate(zip(*columns.values(), strict=True)):
        shown.add_row(str(k), *(f"{value: .6g}" for value in row))
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
    error, predicted = summary["relative_error"], summary["predicted_relative_error"]
    return [f"relative error {error:.3g}; the circuit's own equations predict {predicted:.3g}"]


def shown_warnings(result: Result) -> tuple[str, ...]:
    """Warnings for a person: ngspice's way to an operating point in one line."""
    steps = [text for text in result.warnings if _STEPPING.match(text)]
    others = tuple(text for text in result.warnings if not _STEPPING.match(text))
    if not steps:
        return others
    return (f"ngspice found its operating point step by step ({len(steps)} lines in summary.json)", *others)


_STEPPING = re.compile(r"Trying (gmin|source)|Note: .*(gmin|source) step", re.IGNORECASE)


def _relative(difference: Float[np.ndarray, "..."], values: Float[np.ndarray, "..."]) -> float | None:
    scale = float(np.linalg.norm(values))
    return float(np.linalg.norm(difference)) / scale if scale > 0 else None
