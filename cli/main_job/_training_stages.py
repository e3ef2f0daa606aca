"""What the main job trains."""

from pathlib import Path

from ...training import Experiment, experiment
from ...training.runs import ENTRY
from ._state import JobSettings

# Display name, and what it is: TNGD on the ideal device and on the calibrated one, whose programs make up for what was
# found, its exact limit, and two rivals.
_METHODS = {
    "tngd-ideal": {"optimizer": "tngd", "solver": "ideal-spu"},
    "tngd-device": {"optimizer": "tngd", "solver": "device-spu", "correction": "calibrated"},
    "ngd-exact": {"optimizer": "tngd", "solver": "woodbury"},
    "adam": {"optimizer": "adam"},
    "sgd": {"optimizer": "sgd"},
}


def experiments(folder: Path, settings: JobSettings) -> list[Experiment]:
    """Every method on the digits with the same seeds, steps and batches, each with its tuned settings."""
    shared = {
        "task": "digits",
        "seeds": tuple(range(settings.seed, settings.seed + _seeds(settings))),
        **({"steps": QUICK_STEPS} if settings.quick else {}),
    }
    device = {"device": folder / "device.json"}
    return [
        experiment({**shared, **method, "name": name, **(device if method.get("solver") == "device-spu" else {})}, name)
        for name, method in _METHODS.items()
    ]


QUICK_STEPS = 60

_USUAL_STEPS = 300
"""The task's own."""


def trainings_left(folder: Path, settings: JobSettings) -> tuple[int, int]:
    """How many runs there are still to be done, and how many steps each has."""
    done = sum(1 for _ in folder.glob(f"*/{ENTRY}"))
    return len(_METHODS) * _seeds(settings) - done, QUICK_STEPS if settings.quick else _USUAL_STEPS


def _seeds(settings: JobSettings) -> int:
    return 2 if settings.quick else 5
