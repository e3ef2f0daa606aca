"""Measuring a chip for its calibration, and what the fit found."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from rich.table import Table

from ..behavioral import DeviceModel, calibrate, digitise
from ..circuits import Instance, Level, Program, choose_scaling, random_program
from ..netlists import Job, load_measurement, simulate, simulate_many
from ._errors import InputError
from ._folder import write_dataset, write_json, write_text

SAMPLES = 400
"""Readouts of each transient; a 12-bit step is then averaged down to 2e-4 of the swing."""
PROGRAMS_PER_CELL = 3
"""With fewer, some combinations of entries that another program uses are hardly measured."""
# Streams of a seed: one for each thing that is drawn.
_CALIBRATION, _READOUT = 2, 4


def load(paths: Sequence[Path]) -> list[xr.Dataset]:
    """Measurements from files."""
    return [load_measurement(path) for path in paths]


def check_programs(programs: int | None, size: int) -> int:
    """How many programs to measure.

    Raises:
        InputError: fewer than one.
    """
    if programs is not None and programs < 1:
        raise InputError(f"--programs: expected at least 1, got {programs}")
    return PROGRAMS_PER_CELL * size if programs is None else programs


def measure(instance: Instance, level: Level, programs: int, seed: int) -> list[xr.Dataset]:
    """Transients of random programs, as the converters see them, and one noise measurement."""
    chosen = random_programs(instance, programs, np.random.default_rng([seed, _CALIBRATION]))
    readout = np.random.default_rng([seed, _READOUT])
    seen = [
        digitise(data, instance.design.converters, readout, times=SAMPLES)
        for data in transients(instance, level, chosen)
    ]
    noise = simulate(instance, chosen[0], "noise", level, scaling=choose_scaling(instance, chosen[0], level))
    # Without amplifiers a crossbar's readout noise is white without limit and has no variance.
    return [*seen, noise] if "covariance" in noise else seen


def random_programs(instance: Instance, count: int, rng: np.random.Generator) -> list[Program]:
    """Symmetric ones as training loads them, and general ones, which tell rows from columns."""
    kinds = ((10.0, True), (3.0, False))
    return [random_program(instance.topology, rng, *kinds[k % 2]) for k in range(count)]


def transients(instance: Instance, level: Level, programs: Sequence[Program]) -> list[xr.Dataset]:
    """Each program in ngspice, from rest until settled.

    Raises:
        SimulatorError, ValueError: what went wrong with the first that failed.
    """
    jobs = [Job(instance, p, "tran", level, scaling=choose_scaling(instance, p, level)) for p in programs]
    found = simulate_many(jobs)
    for result in found:
        if isinstance(result, Exception):
            raise result
    return [result for result in found if isinstance(result, xr.Dataset)]


def fit(measurements: Sequence[xr.Dataset]) -> DeviceModel:
    """The calibrated model."""
    return calibrate(measurements)


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


def summary(device: DeviceModel, instance: Instance | None) -> dict[str, Any]:
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
        "rms_z": rms_z(rows),
        "residual": device.provenance.residual,
        "samples": device.provenance.samples,
        "discarded": device.provenance.discarded,
    }
    for name in ("gain", "gain_bandwidth", "noise_scale"):
        estimate = getattr(device, name)
        if estimate is not None:
            found[name] = {"value": estimate.value, "standard_error": estimate.standard_error}
    return found


def table(device: DeviceModel, instance: Instance | None) -> Table:
    """One line for each kind of deviation."""
    rows = parameters(device, instance)
    shown = Table("deviation", "fitted", "rms", "rms standard error", "rms z-score", box=None)
    for name in dict.fromkeys(row["name"] for row in rows):
        group = [row for row in rows if row["name"] == name]
        rms = [float(np.sqrt(np.mean([row[key] ** 2 for row in group]))) for key in ("estimate", "standard_error")]
        z = rms_z(group)
        shown.add_row(name, str(len(group)), f"{rms[0]:.2e}", f"{rms[1]:.1e}", "–" if z is None else f"{z:.2f}")
    return shown
