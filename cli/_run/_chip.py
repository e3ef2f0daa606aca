"""The chip of the main job: drawn, simulated, calibrated, and compared with its models."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ...behavioral import DeviceModel, compare
from ...circuits import (
    Crossbar,
    Instance,
    Program,
    Scaling,
    choose_scaling,
    random_program,
    symbolic,
)
from ...netlists import Job, deck, load_measurement, simulate
from .. import _calibration as calibration
from .. import _findings as findings
from .._errors import InputError
from .._folder import write_dataset, write_json, write_text
from .._inputs import get_design, get_instance
from ._state import Settings

# Streams of the run's seed: one for each thing that is drawn.
_PROGRAM, _HELDOUT = 1, 3

HELDOUT_PROGRAMS = 8


def draw(folder: Path, settings: Settings) -> None:
    """Design, chip and program."""
    design = get_design(settings.design)
    if design.amplifier is None:
        raise InputError(f"--design: the main job needs amplifiers, and {design.name} has none; try board-1k-1n")
    topology = Crossbar(settings.size)
    instance = get_instance(design, topology, settings.seed)
    program = random_program(topology, np.random.default_rng([settings.seed, _PROGRAM]))
    write_text(folder / "design.yaml", design.to_yaml())
    instance.save(folder / "instance.json")
    write_json(folder / "program.json", program.to_dict())


def prove(folder: Path, settings: Settings) -> None:
    """What the topology computes, proved from its components."""
    found = symbolic.proofs(symbolic.state_space(Crossbar(settings.size)))
    claims = [{"name": p.name, "claim": p.claim, "holds": p.holds} for p in found]
    write_json(folder / "symbolic.json", {"topology": "crossbar", "size": settings.size, "proofs": claims})


def measure(folder: Path, settings: Settings) -> None:
    """The program in ngspice: circuit, transient, noise."""
    instance, program = _load(folder)
    scaling = choose_scaling(instance, program)
    job = Job(instance, program, "tran", scaling=scaling)
    write_text(folder / "circuit.cir", deck(job))
    write_dataset(folder / "measurement.nc", simulate(instance, program, "tran", scaling=scaling))
    write_dataset(folder / "noise.nc", simulate(instance, program, "noise", scaling=scaling))


def measure_for_calibration(folder: Path, settings: Settings) -> None:
    """What the calibration sees of the chip."""
    instance, _ = _load(folder)
    count = calibration.PROGRAMS_PER_CELL * instance.topology.n
    calibration.save_all(calibration.measure(instance, "macro", count, settings.seed), folder / "calibration")


def fit(folder: Path, settings: Settings) -> None:
    """The calibrated model, the exact one, and the table of what was fitted against what was drawn."""
    instance, _ = _load(folder)
    device = calibration.fit(calibration.load_all(folder / "calibration"))
    device.save(folder / "device.json")
    DeviceModel.nominal(instance).save(folder / "nominal.json")
    write_json(folder / "parameters.json", findings.parameters(device, instance))


def measure_heldout(folder: Path, settings: Settings) -> None:
    """Transients of programs that the calibration never saw."""
    instance, _ = _load(folder)
    rng = np.random.default_rng([settings.seed, _HELDOUT])
    programs = calibration.random_programs(instance, HELDOUT_PROGRAMS, rng)
    calibration.save_all(calibration.transients(instance, "macro", programs), folder / "heldout")


def compare_models(folder: Path, settings: Settings) -> None:
    """Waveforms, settled readouts and covariance of SPICE beside those of the models."""
    models = _models(folder)
    measured = calibration.load_all(folder / "heldout")
    write_json(folder / "heldout.json", [_settled(data, models) for data in measured])
    write_dataset(folder / "waveforms.nc", _waveforms(measured[0], models))
    noise = load_measurement(folder / "noise.nc")
    expected = models["nominal"].response(*_loaded(noise)).stationary_covariance()
    write_json(folder / "covariance.json", {"spice": noise["covariance"].values, "model": expected})


def check(folder: Path, settings: Settings) -> None:
    """The fidelity table of this chip."""
    models = _models(folder)
    measured = calibration.load_all(folder / "heldout")
    noise = load_measurement(folder / "noise.nc")
    rows = [_ideal_row(folder, settings)]
    for name, limit in _LIMITS.items():
        worst = max((compare(data, models[name]) for data in measured), key=lambda c: c.value)
        rows.append(worst.row(limit) | {"metric": f"{name} model, normalised rms, worst held-out program"})
    rows.append(compare(noise, models["nominal"]).row(1e-3) | {"metric": "covariance against Lyapunov, Frobenius"})
    rows += [_z_row(folder, settings), _verdict_row(models["calibrated"], settings)]
    write_json(folder / "fidelity.json", rows)


_LIMITS = {
    # The same circuit equations, solved exactly and by ngspice with reltol 1e-6: its local errors add up to 1e-4.
    "nominal": 1e-4,
    # What an 8-bit-accurate solver needs of its model: half a step of 2^-8.
    "calibrated": 2e-3,
}


def _ideal_row(folder: Path, settings: Settings) -> dict[str, Any]:
    """No mismatch, ideal amplifiers: SPICE against numpy."""
    instance, program = _load(folder)
    perfect = instance.design.nominal(instance.topology)
    v = simulate(perfect, program, "op", "ideal")["v"].values
    error = float(np.linalg.norm(v - program.solution) / np.linalg.norm(program.solution))
    # ngspice stops at reltol 1e-6 in node voltages; a condition number of 10 and 8 cells turn that into 1e-5 at most.
    return _row(settings, "ideal", "op", "settled against A^-1 b, no mismatch", error, 2e-4)


def _z_row(folder: Path, settings: Settings) -> dict[str, Any]:
    rows = json.loads((folder / "parameters.json").read_text("utf-8"))
    # A row's common factor is settled by the prior alone, and its entries' z-scores move with it: at worst there are
    # as many independent scores as cells. Of 8 unit normal scores the rms exceeds 2 once in ten thousand.
    rms = findings.rms_z(rows) or 0.0
    return _row(settings, "macro", "calibration", "rms z-score of the fitted against the drawn deviations", rms, 2.0)


def _verdict_row(device: DeviceModel, settings: Settings) -> dict[str, Any]:
    verdict = device.verdict
    metric = f"checks of the calibration that contradict it, of {len(verdict.checks)}"
    row = _row(settings, "macro", "calibration", metric, float(len(verdict.contradictions)), 0.0)
    return {**row, "reason": findings.short(verdict)} if verdict.contradicted else row


def _row(settings: Settings, level: str, analysis: str, metric: str, value: float, limit: float) -> dict[str, Any]:
    row = {
        "topology": "crossbar",
        "level": level,
        "size": settings.size,
        "analysis": analysis,
        "metric": metric,
    }
    return {**row, "value": value, "limit": limit, "passed": bool(value <= limit)}


def _load(folder: Path) -> tuple[Instance, Program]:
    stored = json.loads((folder / "program.json").read_text("utf-8"))
    return Instance.load(folder / "instance.json"), Program.from_dict(stored)


def _models(folder: Path) -> dict[str, DeviceModel]:
    """The design alone, the calibrated model, and the one that knows what was drawn."""
    instance, _ = _load(folder)
    return {
        "design": DeviceModel.nominal(instance.design.nominal(instance.topology)),
        "calibrated": DeviceModel.load(folder / "device.json"),
        "nominal": DeviceModel.load(folder / "nominal.json"),
    }


def _loaded(data: xr.Dataset) -> tuple[Program, Scaling]:
    scaling = Scaling(data.attrs["conductance_scale"], data.attrs["drive_scale"])
    return Program(data["A"].values, data["b"].values), scaling


def _settled(data: xr.Dataset, models: Mapping[str, DeviceModel]) -> dict[str, Any]:
    settled = {name: model.response(*_loaded(data)).settled for name, model in models.items()}
    return {"spice": data["v"].values[-1], **settled}


def _waveforms(data: xr.Dataset, models: Mapping[str, DeviceModel]) -> xr.Dataset:
    time = data["time"].values
    # A figure shows no more than some hundred points of a curve; ngspice makes thousands.
    kept = np.unique(np.searchsorted(time, np.linspace(0, time[-1], 500)).clip(max=len(time) - 1))
    waves = {name: model.response(*_loaded(data)).mean_at(time[kept]) for name, model in models.items()}
    sd = np.sqrt(np.diag(models["calibrated"].response(*_loaded(data)).stationary_covariance()))
    spice = data["v"].values[kept]
    variables = {name: (("time", "cell"), values) for name, values in {"spice": spice, **waves}.items()}
    return xr.Dataset(variables | {"sd": ("cell", sd)}, {"time": time[kept], "cell": np.arange(len(sd))})
