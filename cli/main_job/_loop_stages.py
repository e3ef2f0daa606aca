"""A second chip, with a cell for each parameter of a small network, and training with it in the loop."""

from pathlib import Path

from ...behavioral import DeviceModel, calibrate
from ...circuits import Crossbar, Design, Instance
from ...circuits.trials import get_instance
from ...fidelity import loop_parameters, loop_row, train_in_the_loop
from ...files import read_json, write_json
from ...measurements import PROGRAMS_PER_CELL, load_numbered, save_measurements
from ...netlists import measure_for_calibration
from ._state import JobSettings

FOLDER = "in-the-loop"


def measure_chip(folder: Path, settings: JobSettings) -> None:
    """The chip, and what its calibration sees of it."""
    design = Design.load(folder / "design.yaml")
    chip = get_instance(design, Crossbar(loop_parameters()), settings.seed)
    (folder / FOLDER).mkdir(exist_ok=True)
    chip.save(folder / FOLDER / "instance.json")
    count = PROGRAMS_PER_CELL * chip.topology.n
    save_measurements(measure_for_calibration(chip, "macro", count, settings.seed), folder / FOLDER / "calibration")


def calibrate_chip(folder: Path, settings: JobSettings) -> None:
    """Its calibrated model."""
    calibrate(load_numbered(folder / FOLDER / "calibration")).save(folder / FOLDER / "device.json")


def train(folder: Path, settings: JobSettings) -> None:
    """The same steps with the chip in ngspice, with its calibrated model, and with the design alone."""
    chip = Instance.load(folder / FOLDER / "instance.json")
    device = DeviceModel.load(folder / FOLDER / "device.json")
    write_json(folder / f"{FOLDER}.json", train_in_the_loop(chip, device, settings.seed))


def check(folder: Path, settings: JobSettings) -> None:
    """Its row in the fidelity table."""
    chip = Instance.load(folder / FOLDER / "instance.json")
    row = loop_row(chip, read_json(folder / f"{FOLDER}.json"))
    # An interrupted run may have written it already.
    others = [other for other in read_json(folder / "fidelity.json") if other["metric"] != row["metric"]]
    write_json(folder / "fidelity.json", [*others, row])
