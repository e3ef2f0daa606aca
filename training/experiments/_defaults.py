"""The values of settings that an experiment leaves open: tuned ones from `tasks/<task>.yaml`, general ones without."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..parallel import Ranks
from ..tasks import Task
from ._experiment import Experiment
from ._experiment_file import read_mapping
from ._settings import SETTINGS

FOLDER = Path(__file__).parent.parent / "tasks" / "tuned"
# Solvers of the same linear system share what was tuned; only the first of each kind is.
TUNED_AS: Mapping[str, str] = {
    "device-spu": "ideal-spu",
    "model-spu": "ideal-spu",
    "spice-spu": "ideal-spu",
    "cholesky": "woodbury",
    "conjugate-gradient": "woodbury",
    "kfac-cholesky": "kfac",
    "kfac-ideal-spu": "kfac",
    "kfac-device-spu": "kfac",
}
_GENERAL: Mapping[str, Mapping[str, Any]] = {
    "sgd": {"lr": 0.1},
    "momentum": {"lr": 0.05, "momentum": 0.9},
    "adam": {"lr": 1e-3},
    "ideal-spu": {"lr": 0.1, "damping": 0.1, "t": 10.0, "delay": 0.0, "start": "warm", "kappa0": 0.0},
    "woodbury": {"lr": 0.1, "damping": 0.1},
    "kfac": {"lr": 0.1, "damping": 0.03, "t": 50.0, "kappa0": 0.0, "factor_decay": 0.95},
}


def tuned_settings(task: str, method: str) -> dict[str, Any]:
    """What `tasks/<task>.yaml` says for a key of `SETTINGS`: its schedule and what was chosen for the method."""
    path = FOLDER / f"{task}.yaml"
    if not path.exists():
        return {}
    table = read_mapping(path)
    chosen = table.get("methods", {}).get(TUNED_AS.get(method, method), {}).get("chosen", {})
    return {"schedule": table.get("schedule"), **chosen}


def with_defaults(experiment: Experiment, task: Task) -> Experiment:
    """The same experiment with nothing left open that the optimiser needs. Raises `ExperimentError`."""
    method = experiment.method
    table = {**_GENERAL[TUNED_AS.get(method, method)], **tuned_settings(experiment.task, method)}
    wanted = {name: value for name, value in table.items() if name in SETTINGS[method]}
    wanted["schedule"] = table.get("schedule") or "constant"
    wanted |= {"steps": task.steps, "batch_size": min(task.batch_size, len(task.train))}
    if experiment.solves is not None:
        wanted["solver"] = experiment.solves
    complete = experiment.replace(**{k: v for k, v in wanted.items() if getattr(experiment, k) is None})
    return complete.replace(curvature="layers") if _may_be_layered(complete, task) else complete


def _may_be_layered(e: Experiment, task: Task) -> bool:
    """Is the curvature left open, and may it be kept layer by layer, which is the fastest?"""
    plain = (e.accumulate or 1) == 1 and e.autocast is None and not e.delay and not Ranks.joined()
    return e.optimizer == "tngd" and e.curvature is None and task.layered and plain
