"""What the main job trains."""

from pathlib import Path

from ...training import Experiment, experiment
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
    seeds = 2 if settings.quick else 5
    shared = {
        "task": "digits",
        "seeds": tuple(range(settings.seed, settings.seed + seeds)),
        **({"steps": QUICK_STEPS} if settings.quick else {}),
    }
    device = {"device": folder / "device.json"}
    return [
        experiment({**shared, **method, "name": name, **(device if method.get("solver") == "device-spu" else {})}, name)
        for name, method in _METHODS.items()
    ]


QUICK_STEPS = 60
