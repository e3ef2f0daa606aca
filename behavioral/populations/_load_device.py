"""What calibrate saved: one chip, or a process."""

from collections.abc import Mapping
from pathlib import Path

from .._exceptions import DeviceModelError
from ..devices import DeviceModel
from ._population_file import read_json
from ._population_model import POPULATION_KIND, PopulationModel


def get_device_model(path: Path) -> DeviceModel:
    """The model of one chip, as `calibrate` saves it.

    Raises:
        DeviceModelError: unreadable, or not a model.
        DeviceModelError: the model of a process instead.
    """
    found = load_device(path)
    if isinstance(found, DeviceModel):
        return found
    raise DeviceModelError(
        f"{path}: tells of a process ({len(found.instances)} chips), and one chip is expected here; calibrate one"
        f" ({found.topology}), and give its device.json"
    )


def load_device(path: str | Path) -> DeviceModel | PopulationModel:
    """What `calibrate` saved: the model of a chip or of a process.

    Raises:
        DeviceModelError: unreadable, or neither.
    """
    data = read_json(path)
    if isinstance(data, Mapping) and data.get("kind") == POPULATION_KIND:
        return PopulationModel.from_dict(data, str(path))
    return DeviceModel.from_dict(data, str(path))
