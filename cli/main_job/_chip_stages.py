"""The chip of the main job: drawn, simulated, calibrated, and compared with its models."""

from pathlib import Path

import numpy as np

from ...behavioral import DeviceModel, calibrate
from ...behavioral.comparison import parameters
from ...circuits import Crossbar, Instance, Program, choose_scaling, random_program, symbolic
from ...circuits.trials import get_design, get_instance
from ...fidelity import loaded_program, one_chip_rows, settled_answers, waveforms
from ...files import read_json, write_json, write_text
from ...measurements import (
    PROGRAMS_PER_CELL,
    calibration_programs,
    load_measurement,
    load_numbered,
    save_measurements,
    write_dataset,
)
from ...netlists import Job, designers_deck, measure_for_calibration, simulate
from ...netlists.runs import measure_transients, trusted
from .._exceptions import InputError
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
    write_text(folder / "circuit.cir", designers_deck(job))
    write_dataset(folder / "measurement.nc", trusted(simulate(instance, program, "tran", scaling=scaling)))
    write_dataset(folder / "noise.nc", trusted(simulate(instance, program, "noise", scaling=scaling)))


def measure_programs(folder: Path, settings: Settings) -> None:
    """What the calibration sees of the chip."""
    instance, _ = _load(folder)
    count = PROGRAMS_PER_CELL * instance.topology.n
    save_measurements(measure_for_calibration(instance, "macro", count, settings.seed), folder / "calibration")


def fit(folder: Path, settings: Settings) -> None:
    """The calibrated model, the exact one, and the table of what was fitted against what was drawn."""
    instance, _ = _load(folder)
    device = calibrate(load_numbered(folder / "calibration"))
    device.save(folder / "device.json")
    DeviceModel.nominal(instance).save(folder / "nominal.json")
    write_json(folder / "parameters.json", parameters(device, instance))


def measure_heldout(folder: Path, settings: Settings) -> None:
    """Transients of programs that the calibration never saw."""
    instance, _ = _load(folder)
    rng = np.random.default_rng([settings.seed, _HELDOUT])
    programs = calibration_programs(instance, HELDOUT_PROGRAMS, rng)
    save_measurements(measure_transients(instance, "macro", programs), folder / "heldout")


def compare_models(folder: Path, settings: Settings) -> None:
    """Waveforms, settled readouts and covariance of SPICE beside those of the models."""
    models = _models(folder)
    measured = load_numbered(folder / "heldout")
    write_json(folder / "heldout.json", [settled_answers(data, models) for data in measured])
    write_dataset(folder / "waveforms.nc", waveforms(measured[0], models))
    noise = load_measurement(folder / "noise.nc")
    expected = models["nominal"].response(*loaded_program(noise)).stationary_covariance()
    write_json(folder / "covariance.json", {"spice": noise["covariance"].values, "model": expected})


def check(folder: Path, settings: Settings) -> None:
    """The fidelity table of this chip."""
    instance, program = _load(folder)
    held_out = load_numbered(folder / "heldout")
    noise = load_measurement(folder / "noise.nc")
    parameters = read_json(folder / "parameters.json")
    rows = one_chip_rows(instance, program, _models(folder), held_out, noise, parameters)
    write_json(folder / "fidelity.json", rows)


def _load(folder: Path) -> tuple[Instance, Program]:
    return Instance.load(folder / "instance.json"), Program.from_dict(read_json(folder / "program.json"))


def _models(folder: Path) -> dict[str, DeviceModel]:
    """The design alone, the calibrated model, and the one that knows what was drawn."""
    instance, _ = _load(folder)
    return {
        "design": DeviceModel.nominal(instance.design.nominal(instance.topology)),
        "calibrated": DeviceModel.load(folder / "device.json"),
        "nominal": DeviceModel.load(folder / "nominal.json"),
    }
