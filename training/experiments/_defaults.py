"""The values of settings that an experiment leaves open: tuned for its task, or general ones."""

from collections.abc import Mapping
from typing import Any

from .._exceptions import ExperimentError
from ..parallel import Ranks
from ..tasks import Task
from ._experiment import Experiment
from ._methods import GENERAL, SETTINGS, TUNED_AS, names_of_tunings
from ._tuned_table import has_tunings, tuned_settings
from .tunings import TunedSettings

_AVERAGE = ("curvature_rows", "curvature_average", "curvature_decay")
_CHOSEN_WITH_LR = ("momentum", "start", *_AVERAGE)
"""Settings of a solver whose tuned values belong to the tuned rate: who gives a rate gets the general ones."""


def with_defaults(experiment: Experiment, task: Task) -> Experiment:
    """The same experiment with nothing left open that the optimiser needs; epochs become steps.

    Tuned values are those of the tuning whose steps are nearest, by their ratio, to `tuned_for`, or to the steps of the
    experiment where it has none; `tuned_for` is afterwards the steps of the tuning that a value came from, and None
    where none did. Raises `ExperimentError` where the values do not go together or `tuned_for` is of a task without
    tunings, `TaskError` for more samples than there are.
    """
    if experiment.tuned_for is not None and not has_tunings(experiment.task):
        raise ExperimentError(f"tuned_for: nothing has been tuned for the task {experiment.task}; remove it")
    task = task.first(experiment.train_size)
    batch = experiment.batch_size or min(task.batch_size, len(task.train))
    steps = experiment.steps or _steps(experiment, task, batch)
    tuned = _tuned(experiment, experiment.tuned_for or steps)
    chosen = {} if tuned is None else _fitting(experiment, tuned.chosen)
    values = {
        **_values(experiment.method, chosen),
        "schedule": (tuned.schedule if tuned else None) or "constant",
        "batch_size": batch,
        "steps": steps,
        "log_every": task.log_every,
        "test_every": task.test_every,
        "solver": experiment.solves,
    }
    missing = {k: value for k, value in values.items() if value is not None and getattr(experiment, k) is None}
    if missing:  # what is complete already keeps what it says
        missing["tuned_for"] = None if tuned is None or missing.keys().isdisjoint(chosen) else tuned.steps
    complete = experiment.replace(**missing, epochs=None)
    return complete.replace(curvature="layers") if _may_be_layered(complete, task) else complete


def _tuned(experiment: Experiment, steps: int) -> TunedSettings | None:
    return tuned_settings(experiment.task, names_of_tunings(experiment.method, experiment.correction), steps)


def _values(method: str, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """What was chosen, and general values for all else."""
    table = {**GENERAL[TUNED_AS.get(method, method)], **chosen}
    return {name: value for name, value in table.items() if name in SETTINGS[method]}


def _fitting(experiment: Experiment, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the tuned values that go with what the experiment gives."""
    e = experiment
    left: set[str] = set()
    if e.solves is not None and e.lr is not None:
        left.update(_CHOSEN_WITH_LR)
    if e.optimizer == "tngd" and not e.beta1 is e.beta2 is None:
        left.add("momentum")
    if e.curvature in ("fisher", "products") or any(getattr(e, name) is not None for name in _AVERAGE):
        left.update(_AVERAGE)
    if Ranks.joined():  # each process has its part of the rows
        left.update(_AVERAGE)
    if e.delay:
        left.add("start")
    if e.damping_last is not None:
        left.add("levenberg_marquardt")  # the damping follows one of the two
    return {name: value for name, value in chosen.items() if name not in left}


def _steps(experiment: Experiment, task: Task, batch: int) -> int:
    if experiment.epochs is None:
        return task.steps
    # an epoch has as many steps as whole batches
    return experiment.epochs * max(len(task.train) // (batch * (experiment.accumulate or 1)), 1)


def _may_be_layered(e: Experiment, task: Task) -> bool:
    """Is the curvature left open, and may it be kept layer by layer, which is the fastest?"""
    plain = (e.accumulate or 1) == 1 and e.autocast is None and not Ranks.joined()
    return e.optimizer == "tngd" and e.curvature is None and task.layered and plain
