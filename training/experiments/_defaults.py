"""The values of settings that an experiment leaves open: tuned for its task, or general ones."""

from pathlib import Path
from typing import Any

from ..parallel import Ranks
from ..tasks import Task
from ._experiment import Experiment
from ._experiment_file import read_mapping
from ._methods import GENERAL, SETTINGS, TUNED_AS

FOLDER = Path(__file__).parent.parent / "tasks" / "tuned"


def tuned_settings(task: str, method: str) -> dict[str, Any]:
    """The schedule and the settings of `tuned/<task>.yaml` for a method, a key of `SETTINGS`."""
    path = FOLDER / f"{task}.yaml"
    if not path.exists():
        return {}
    table = read_mapping(path)
    chosen = table.get("methods", {}).get(TUNED_AS.get(method, method), {}).get("chosen", {})
    return {"schedule": table.get("schedule"), **chosen}


def with_defaults(experiment: Experiment, task: Task) -> Experiment:
    """The same experiment with nothing left open that the optimiser needs; epochs become steps.

    Raises `ExperimentError` where the values do not go together, `TaskError` for more samples than there are.
    """
    task = task.first(experiment.train_size)
    values = _values(experiment, task)
    missing = {name: value for name, value in values.items() if getattr(experiment, name) is None}
    complete = experiment.replace(**missing, epochs=None)
    return complete.replace(curvature="layers") if _may_be_layered(complete, task) else complete


def _values(experiment: Experiment, task: Task) -> dict[str, Any]:
    """What the experiment takes wherever it says nothing."""
    method = experiment.method
    table = {**GENERAL[TUNED_AS.get(method, method)], **tuned_settings(experiment.task, method)}
    values = {name: value for name, value in table.items() if name in SETTINGS[method]}

    values["schedule"] = table.get("schedule") or "constant"
    values["batch_size"] = min(task.batch_size, len(task.train))
    values["steps"] = _steps(experiment, task, experiment.batch_size or values["batch_size"])
    values["log_every"] = task.log_every
    values["test_every"] = task.test_every
    if experiment.solves is not None:
        values["solver"] = experiment.solves
    return values


def _steps(experiment: Experiment, task: Task, batch: int) -> int:
    if experiment.epochs is None:
        return task.steps
    # an epoch has as many steps as whole batches
    return experiment.epochs * max(len(task.train) // (batch * (experiment.accumulate or 1)), 1)


def _may_be_layered(e: Experiment, task: Task) -> bool:
    """Is the curvature left open, and may it be kept layer by layer, which is the fastest?"""
    plain = (e.accumulate or 1) == 1 and e.autocast is None and not Ranks.joined()
    return e.optimizer == "tngd" and e.curvature is None and task.layered and plain
