"""Measuring a chip for its calibration, and what the fit found."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from rich.table import Table

from ..behavioral import Calibration, DeviceModel, calibrate, digitise, recalibration_times
from ..circuits import (
    Cascade,
    Instance,
    Level,
    Program,
    RLCGrid,
    Scaling,
    Topology,
    choose_scaling,
    random_program,
    state_space,
)
from ..netlists import Analysis, Job, load_measurement, simulate_many
from ._errors import InputError
from ._folder import write_dataset, write_json, write_text
from ._versions import versions

SAMPLES = 400
"""Readouts of each transient; a 12-bit step is then averaged down to 2e-4 of the swing."""
_VALUES = 3200
"""Readouts of all cells together: of more cells each needs fewer, as there are more programs."""
PROGRAMS_PER_CELL = 3
"""With fewer, some combinations of entries that another program uses are hardly measured."""
_CASCADE_PROGRAMS = 16
KINDS = ("op", "tran", "ac", "noise", "record")
"""What a chip can be measured by; `record` is a transient with noise."""
_FEW = 4
"""Programs for each response: one holds as much as several transients."""
_SPECTRA = 2
"""Programs for noise, and at least for responses: one symmetric and one general."""
_RECORD = 100
"""Time constants that a noisy record lasts."""
_RANGE = 0.5
"""Part of the converters' range that the settled voltages may use."""
# Streams of a seed: one for each thing that is drawn.
_CALIBRATION, _READOUT = 2, 4


def load(paths: Sequence[Path]) -> list[xr.Dataset]:
    """Measurements from files."""
    return [load_measurement(path) for path in paths]


def check_programs(programs: int | None, topology: Topology) -> int:
    """How many programs to measure: three for each cell, and for a cascade at least so many as tell its arrays apart.

    Raises:
        InputError: fewer than one.
    """
    if programs is not None and programs < 1:
        raise InputError(f"--programs: expected at least 1, got {programs}")
    least = _CASCADE_PROGRAMS if isinstance(topology, Cascade) else 1
    return max(least, PROGRAMS_PER_CELL * topology.n) if programs is None else programs


def check_kinds(kinds: Sequence[str] | None, instance: Instance, level: Level) -> tuple[str, ...]:
    """What to measure. Responses tell the arrays of a cascade apart, a grid's settled mean is zero, and transistors
    have poles of their own.

    Raises:
        InputError: an unknown kind.
    """
    for kind in kinds or ():
        if kind not in KINDS:
            raise InputError(f"--analysis: expected some of {', '.join(KINDS)}, got {kind!r}")
    if kinds:
        return tuple(dict.fromkeys(kinds))
    responses = level == "transistor" or isinstance(instance.topology, Cascade | RLCGrid)
    return ("tran", "ac", "noise") if responses else ("tran", "noise")


def measure(
    instance: Instance, level: Level, programs: int, seed: int, kinds: Sequence[str] | None = None
) -> list[xr.Dataset]:
    """Random programs on a chip: settled voltages and transients as the converters see them, responses, noise.

    Raises:
        SimulatorError, ValueError: what went wrong with the first run that failed.
    """
    chosen = random_programs(instance, programs, np.random.default_rng([seed, _CALIBRATION]))
    wanted = check_kinds(kinds, instance, level)
    jobs = [job for kind in wanted for job in _jobs(instance, level, chosen, kind, seed)]
    readout = np.random.default_rng([seed, _READOUT])
    found = [_seen(job, data, readout) for job, data in zip(jobs, simulated(jobs), strict=True)]
    # Without amplifiers a crossbar's readout noise is white without limit and has no variance.
    return [data for data in found if data.attrs["analysis"] != "noise" or "covariance" in data]


def _jobs(instance: Instance, level: Level, programs: Sequence[Program], kind: str, seed: int) -> list[Job]:
    few = programs[: max(_SPECTRA, len(programs) // _FEW)]
    match kind:
        case "noise":
            # Of n cells it takes n (n + 1)/2 analyses.
            return [job_of(instance, level, program, "noise") for program in programs[:_SPECTRA]]
        case "record":
            long = _RECORD * instance.design.tau
            return [job_of(instance, level, programs[0], "tran", noise=True, seed=seed, duration=long)]
        case "ac":
            return [job_of(instance, level, program, "ac") for program in few]
        case "op":
            return [job_of(instance, level, program, "op") for program in programs]
        case _:
            return [job_of(instance, level, program, "tran") for program in programs]


def job_of(instance: Instance, level: Level, program: Program, analysis: Analysis, **options: Any) -> Job:
    """A run in the scaling that the calibration uses."""
    return Job(instance, program, analysis, level, scaling=scaling(instance, program, level), **options)


def scaling(instance: Instance, program: Program, level: Level) -> Scaling:
    """As `choose_scaling`, with the settled voltages within half the converters' range."""
    found = choose_scaling(instance, program, level)
    swing = float(np.abs(state_space(instance.network(program, level, found)).settled).max())
    largest = _RANGE * instance.design.converters.full_scale
    halvings = max(0, int(np.ceil(np.log2(swing / largest)))) if swing > 0 else 0
    return Scaling(found.conductance, found.drive / 2**halvings)


def _seen(job: Job, data: xr.Dataset, readout: np.random.Generator) -> xr.Dataset:
    if job.analysis not in ("op", "tran"):
        return data
    # A noisy record keeps its equal steps.
    samples = min(SAMPLES, max(_VALUES // job.program.n, SAMPLES // 8))
    times = samples if job.analysis == "tran" and not job.noise else None
    return digitise(data, job.instance.design.converters, readout, times=times)


def random_programs(instance: Instance, count: int, rng: np.random.Generator) -> list[Program]:
    """Symmetric ones as training loads them, and general ones, which tell rows from columns."""
    kinds = ((10.0, True), (3.0, False))
    return [random_program(instance.topology, rng, *kinds[k % 2]) for k in range(count)]


def transients(instance: Instance, level: Level, programs: Sequence[Program]) -> list[xr.Dataset]:
    """Each program in ngspice, from rest until settled.

    Raises:
        SimulatorError, ValueError: what went wrong with the first that failed.
    """
    return simulated([job_of(instance, level, program, "tran") for program in programs])


def simulated(jobs: Sequence[Job]) -> list[xr.Dataset]:
    """All of them in ngspice.

    Raises:
        SimulatorError, ValueError: what went wrong with the first that failed.
    """
    found = simulate_many(jobs)
    for result in found:
        if isinstance(result, Exception):
            raise result
    return [result for result in found if isinstance(result, xr.Dataset)]


def fit(measurements: Sequence[xr.Dataset]) -> DeviceModel:
    """The calibrated model."""
    return calibrate(measurements)


def write_identifiability(found: Calibration, folder: Path) -> None:
    """What the measurements cannot separate, and what the model leaves unexplained of them."""
    shown = [{"weights": dict(one.weights), "open": one.open} for one in found.combinations]
    content = {"combinations": shown, "ambiguity": found.ambiguity, "excess": dict(found.excess)}
    write_json(folder / "identifiability.json", content)


def write(device: DeviceModel, instance: Instance | None, measured: Sequence[xr.Dataset], folder: Path) -> None:
    """The model, its parameters, and the chip and its measurements where they were made here."""
    write_json(folder / "parameters.json", parameters(device, instance))
    device.save(folder / "device.json")
    if instance is not None:
        instance.save(folder / "instance.json")
        write_text(folder / "design.yaml", instance.design.to_yaml())
        save_all(measured, folder / "calibration")


def save_all(measured: Sequence[xr.Dataset], folder: Path) -> None:
    """One numbered file for each measurement."""
    for k, data in enumerate(measured):
        write_dataset(folder / f"{k}.nc", data)


def load_all(folder: Path) -> list[xr.Dataset]:
    """What `save_all` wrote, in order."""
    return [load_measurement(path) for path in sorted(folder.glob("*.nc"), key=lambda p: int(p.stem))]


def parameters(device: DeviceModel, instance: Instance | None) -> list[dict[str, Any]]:
    """Every fitted deviation with its standard error; what was drawn beside it, where the chip is known."""
    rows: list[dict[str, Any]] = []
    for name, values in device.errors.items():
        for index in np.ndindex(values.shape):
            known = {} if instance is None else {"true": float(instance.errors[name][index])}
            row = {"name": name, "index": index, "unit": "V" if "offset" in name else ""}
            error = float(device.standard_errors[name][index])
            rows.append({**row, "estimate": float(values[index]), "standard_error": error, **known})
    return [row for row in rows if row["standard_error"] > 0]


def rms_z(rows: Sequence[dict[str, Any]]) -> float | None:
    """Root mean square of (fitted - drawn)/standard error; None where nothing drawn is known."""
    z = [(row["estimate"] - row["true"]) / row["standard_error"] for row in rows if "true" in row]
    return float(np.sqrt(np.mean(np.square(z)))) if z else None


_OF_THE_CHIP = {"gain": "V/V", "gain_bandwidth": "Hz", "noise_scale": "relative"}
"""Values of a model that all its cells share, with their units."""


def summary(device: DeviceModel, instance: Instance | None, found_by: Calibration | None = None) -> dict[str, Any]:
    """What was fitted, how well, and where it comes from."""
    rows = parameters(device, instance)
    found: dict[str, Any] = {
        "device": "device.json",
        "design": device.design.name,
        "topology": device.instance.topology.name,
        "level": device.level,
        "n": device.n,
        "parameters": rows,
        "not_identified": device.not_identified,
        "open_combinations": None if found_by is None else [str(one) for one in found_by.combinations],
        "ambiguity": None if found_by is None else found_by.ambiguity,
        "excess": None if found_by is None else dict(found_by.excess),
        "rms_z": rms_z(rows),
        "residual": device.provenance.residual,
        "samples": device.provenance.samples,
        "discarded": device.provenance.discarded,
        "versions": versions(),
    }
    for name in _OF_THE_CHIP:
        estimate = getattr(device, name)
        if estimate is not None:
            found[name] = {"value": estimate.value, "standard_error": estimate.standard_error}
    return found


def table(device: DeviceModel, instance: Instance | None) -> Table:
    """One line for each kind of deviation, and one for each value of the whole chip with its standard error."""
    rows = parameters(device, instance)
    shown = Table("deviation", "fitted", "value or rms", "standard error", "rms z-score", box=None)
    for name in dict.fromkeys(row["name"] for row in rows):
        group = [row for row in rows if row["name"] == name]
        rms = [float(np.sqrt(np.mean([row[key] ** 2 for row in group]))) for key in ("estimate", "standard_error")]
        z = rms_z(group)
        shown.add_row(
            with_unit(name), str(len(group)), f"{rms[0]:.2e}", f"{rms[1]:.1e}", "–" if z is None else f"{z:.2f}"
        )
    for name, unit in _OF_THE_CHIP.items():
        estimate = getattr(device, name)
        if estimate is not None:
            shown.add_row(f"{name} ({unit})", "1", f"{estimate.value:.4g}", f"{estimate.standard_error:.1e}", "–")
    return shown


def with_unit(deviation: str) -> str:
    """A kind of deviation with its unit: offsets are voltages, all others relative."""
    return f"{deviation} ({'V' if 'offset' in deviation else 'relative'})"


def told(found: Calibration) -> list[str]:
    """Sentences on what the fit could not find out."""
    lines = []
    if found.combinations:
        first = found.combinations[0]
        count = len(found.combinations)
        what = f"{count} combinations stay" if count > 1 else "one combination stays"
        lines.append(f"{what} as open as the tolerances, such as {first}")
    if found.ambiguity:
        lines.append(f"another chip gives the same measurements: {found.ambiguity}")
    lines += [f"{kind}: {x:.2g} times the stated error is left" for kind, x in found.excess.items() if x > 1]
    return lines


DAY = 86400.0
"""Recalibrations are planned for so long [s]."""
_REFERENCES = 4


def check_limit(keep_below: float | None) -> None:
    """Raise `InputError` unless it is a relative error."""
    if keep_below is not None and not 0 < keep_below < 1:
        raise InputError(f"--keep-below: expected a relative error between 0 and 1, such as 0.01, got {keep_below:g}")


def schedule(device: DeviceModel, instance: Instance, keep_below: float, seed: int) -> list[float]:
    """When to calibrate again within a day [s], so that the design's drift keeps the answer's error below a limit.

    Raises:
        InputError: a device without a settled answer, or one that drifts faster than it can be calibrated.
    """
    programs = random_programs(instance, _REFERENCES, np.random.default_rng([seed, _CALIBRATION]))
    try:
        return [float(t) for t in recalibration_times(device, programs, keep_below, DAY)]
    except ValueError as error:
        raise InputError(f"--keep-below: {error}") from None


def advice(found: Mapping[str, Any], keep_below: float | None) -> list[str]:
    """Sentences on the correction and the schedule, where they were asked for."""
    lines = []
    if correction := found.get("correction"):
        before, after = (f"{100 * correction[key]:.2g} %" for key in ("before", "after"))
        lines.append(
            f"held-out answers in ngspice err by at most {before} as they are, {after} with the drive corrected"
        )
    if (times := found.get("recalibrate_at_s")) is not None:
        count, limit = len(times) - 1, f"{100 * (keep_below or 0):.2g} %"
        lines.append(
            f"drift stays below {limit} for a day without another calibration"
            if not count
            else f"to keep drift below {limit} calibrate again {count} times in a day, first after {times[1]:.3g} s"
        )
    return lines
