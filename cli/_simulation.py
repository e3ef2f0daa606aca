"""One simulation with everything that the folder and the summary say about it."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float
from rich.table import Table

from ..circuits import Instance, Level, Program, Scaling, load
from ..netlists import (
    AGREEMENT,
    ANALYSES,
    AmplifierSubcircuit,
    Analysis,
    Job,
    Judge,
    OperatingPower,
    deck,
    faults_of,
    operating_power,
    simulate,
)
from ..reports import Figure, figures, png
from ._effects import without_effect
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
    temperature: float | None = None
    """As asked for [K]; the design has it."""
    band: tuple[float, float] | None = None
    """Of the noise's covariance [Hz]."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it, in volts of the circuit's nodes."""

    measurement: xr.Dataset
    circuit: str
    v: Float[np.ndarray, " n"]
    """Where the waveform ends; the operating point in the other analyses."""
    predicted: Float[np.ndarray, " n"]
    """The same by the circuit's linear equations."""
    clipped: tuple[str, ...]
    """Entries beyond the conductance range."""
    warnings: tuple[str, ...]
    faults: tuple[str, ...]
    """Why the simulator's numbers are not those of the circuit's equations."""
    time_constants: Float[np.ndarray, " n"] | None
    """Of the cells' modes, the slowest first [s]; None in a large mesh."""
    settled: bool
    """Whether `v` is where the circuit rests."""
    power: OperatingPower | None
    """Of the operating point, where that is the analysis."""


def get_analysis(
    name: str, noise: bool, duration: float | None = None, band: tuple[float, float] | None = None
) -> Analysis:
    """An analysis by its command-line name.

    Raises:
        InputError: unknown, or noise, a duration or a band where they mean nothing.
    """
    for analysis in ANALYSES:
        if analysis == name:
            for option, given in (("noise", noise), ("duration", duration is not None)):
                if given and analysis != "tran":
                    raise InputError(
                        f"{option}: only a transient takes it, and the analysis is {name}; take analysis tran"
                    )
            if band is not None:
                _check_band(name, *band)
            return analysis
    raise InputError(f"analysis: expected one of {', '.join(ANALYSES)}, got {name!r}")


def _check_band(analysis: str, low: float, high: float) -> None:
    if analysis != "noise":
        raise InputError(f"band: only noise takes it, and the analysis is {analysis}; take analysis noise")
    if not 0 < low < high < np.inf:
        raise InputError(f"band: expected two frequencies, the lower one first, got {low:g} and {high:g} Hz")


def run(request: Request) -> Result:
    """Run the analysis, and the operating point that says where the circuit settles."""
    task = _job(request, request.analysis, request.noise)
    measurement = _simulate(task)
    rest = measurement if request.analysis == "op" else _simulate(_job(request, "op", False))
    judge = Judge.of(request.instance, request.program, request.level, request.scaling)
    found = _findings(request, measurement, rest, judge)
    loaded = load(
        request.instance.design.programming, request.instance.topology, request.program, request.scaling.conductance
    )
    measured = tuple(dict.fromkeys(text for data in (measurement, rest) for text in json.loads(data.attrs["warnings"])))
    warnings = (*measured, *_out_of_range(loaded.clipped), *found.warnings, *_ineffective(request))
    return Result(
        measurement,
        deck(task),
        _shown(measurement, rest),
        _predicted(measurement, judge),
        loaded.clipped,
        warnings,
        found.faults,
        _time_constants(judge, request.program.n),
        found.settled,
        _power(request),
    )


def _ineffective(request: Request) -> Iterator[str]:
    """Options that change nothing in this design."""
    design = request.instance.design
    return without_effect(design, request.level, request.temperature, request.corner, request.age)


@dataclass(frozen=True, slots=True)
class _Findings:
    faults: tuple[str, ...]
    warnings: tuple[str, ...]
    settled: bool


def _findings(request: Request, measurement: xr.Dataset, rest: xr.Dataset, judge: Judge) -> _Findings:
    """What the measurements and the circuit's equations say of each other, and whether the waveform has settled."""
    faults = [*faults_of(measurement), *faults_of(rest)]
    if request.analysis != "tran":
        # Neither an operating point nor what is linear about it shows that the circuit would run away from it.
        if request.amplifier is not None:
            wave = _simulate(_job(request, "tran", False))
            faults += [*faults_of(wave), *_elsewhere(request, wave, rest, 0.0)]
        return _Findings(tuple(dict.fromkeys(faults)), (), True)
    left = judge.left(float(measurement["time"].values[-1]), measurement["v0"].values)
    if left > AGREEMENT[request.level]:
        text = f"not settled: the transient ends {left:.1%} away from where the circuit settles; the answer is its end"
        return _Findings(tuple(faults), (text,), False)
    noise = judge.noise_sd if request.noise else 0.0
    faults += _elsewhere(request, measurement, rest, noise)
    return _Findings(tuple(dict.fromkeys(faults)), (), not faults)


_SIGMAS = 6.0


def _elsewhere(request: Request, wave: xr.Dataset, rest: xr.Dataset, noise: float) -> list[str]:
    """Whether a waveform that should have settled ends where the circuit has its operating point."""
    end, point = wave["v"].values[-1], rest["v"].values
    away, size = float(np.abs(end - point).max()), float(np.abs(point).max())
    if away <= AGREEMENT[request.level] * size + _SIGMAS * noise + _LEAST:
        return []
    cell = int(np.argmax(np.abs(end - point)))
    return [
        f"the transient ends at {end[cell]:.4g} V in cell {cell}, and the operating point is {point[cell]:.4g} V: the"
        " loop is unstable there or has latched, or an amplifier slows it down"
    ]


_LEAST = 1e-6
"""Voltages below this are the simulator's rounding [V]."""


def _shown(measurement: xr.Dataset, rest: xr.Dataset) -> Float[np.ndarray, " n"]:
    v = measurement["v"].values[-1] if measurement.attrs["analysis"] == "tran" else rest["v"].values
    return np.asarray(v, dtype=float)


def _predicted(measurement: xr.Dataset, judge: Judge) -> Float[np.ndarray, " n"]:
    if measurement.attrs["analysis"] != "tran":
        return judge.linear.settled
    return judge.predicted(float(measurement["time"].values[-1]), measurement["v0"].values)


def _time_constants(judge: Judge, n: int) -> Float[np.ndarray, " n"] | None:
    if judge.linear.nodal is not None:
        return None
    return np.sort(-1 / judge.linear.space.poles.real)[::-1][:n]


def _power(request: Request) -> OperatingPower | None:
    if request.analysis != "op":
        return None
    return operating_power(
        request.instance, request.program, request.level, request.scaling, amplifier=request.amplifier
    )


def _job(request: Request, analysis: Analysis, noise: bool) -> Job:
    return Job(
        request.instance,
        request.program,
        analysis,
        request.level,
        request.duration if analysis == "tran" else None,
        request.scaling,
        noise,
        request.seed if noise else None,
        amplifier=request.amplifier,
        band=request.band if analysis == "noise" else None,
    )


def _simulate(task: Job) -> xr.Dataset:
    names = ("instance", "program", "analysis", "level", "duration", "scaling", "noise", "seed", "amplifier", "band")
    return simulate(**{name: getattr(task, name) for name in names})


SHOWN = 3


def _out_of_range(clipped: Sequence[str]) -> tuple[str, ...]:
    if not clipped:
        return ()
    more = f", and {len(clipped) - SHOWN} more (summary.json has all)" if len(clipped) > SHOWN else ""
    return (f"beyond the conductance range: {'; '.join(clipped[:SHOWN])}{more}",)


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
            return lambda: figures.operating_point(_answer(request, result), answer)
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
        "answer": _answer(request, result) if _settles(request) else None,
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
        "time_constants": result.time_constants,
        "settled": result.settled,
        "clipped": result.clipped,
        "warnings": (*result.warnings, *result.faults),
        "passed": not result.faults,
        "versions": versions(),
    }
    if result.power is not None:
        found |= {"resistor_power_W": result.power.resistors, "supply_power_W": result.power.supplies}
    covariance = _covariance(request, result)
    if covariance is not None:
        found |= {"covariance": covariance, "rms": np.sqrt(np.diag(covariance)), "band": request.band}
    if _settles(request):
        drive = request.scaling.drive
        errors = {"relative_error": _relative(_answer(request, result) - x, x)}
        return found | errors | {"predicted_relative_error": _relative(result.predicted / drive - x, x)}
    if covariance is not None and request.band is None:
        inverse = np.linalg.inv(request.program.A)
        found["inverse"] = covariance / request.instance.design.kappa0
        found["relative_error"] = _relative(found["inverse"] - inverse, inverse)
    return found


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
    drive, covariance = request.scaling.drive, _covariance(request, result)
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
    elif covariance is not None:
        columns["noise (V rms)"] = np.sqrt(np.diag(covariance))
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
