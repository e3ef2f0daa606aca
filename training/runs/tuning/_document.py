"""A tuning as a document that says how it was found, and which experiments read as defaults."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from ...experiments import RANGES
from ...tasks import Task
from ._budget import TuningBudget
from ._target import Reached


@dataclass(frozen=True)
class Tuned:
    """A method's best finalist, and the losses of all trials' runs.

    `losses[i]` holds the final validation losses of the settings `trials[i]`, more of them for finalists; a run that
    diverged counts as infinite. `reached`: when the runs of `final_seeds` with the chosen settings had a validation
    loss of `target_loss`, None of one that never had; the target is that which the method that does worst ends with.
    `fixed`: settings that all of its runs had, and that were not searched.
    """

    method: str
    chosen: Mapping[str, Any]
    validation_loss: float
    trials: tuple[Mapping[str, Any], ...]
    losses: tuple[tuple[float, ...], ...]
    target_loss: float | None = None
    fixed: Mapping[str, Any] = field(default_factory=dict)
    # times are those of one machine at one moment
    reached: tuple[Reached | None, ...] = field(default=(), compare=False)


def to_yaml(
    name: str,
    tuned: Sequence[Tuned],
    budget: TuningBudget,
    task: Task,
    left_out: Mapping[str, str] | None = None,
    data: Path | None = None,
) -> str:
    """The tuning as a document, which `load_experiment` reads.

    left_out: methods that the task does not let train, and why. data: the folder of the task's files.
    """
    steps = budget.steps or task.steps
    size = {} if budget.train_size is None else {"train_size": budget.train_size}
    content = {
        "task": name,
        **({} if data is None else {"data": str(data.absolute())}),
        "criterion": "final validation loss, mean over the seeds; a diverged run counts as infinite",
        "reproduce": _command(name, budget),
        "schedule": budget.schedule,
        "budget": {
            "trials": budget.trials,
            "seeds": list(budget.seeds),
            "finalists": budget.finalists,
            "final_seeds": list(budget.final_seeds),
            "steps": steps,
            "batch_size": budget.batch_size or task.batch_size,
            **size,
            "search": f"scrambled Halton sequence, seed {budget.search_seed}, uniform in the logarithm",
        },
        **_target(tuned),
        "methods": {best.method: _described(best) for best in tuned},
        **({"left_out": dict(left_out)} if left_out else {}),
    }
    head = "# Settings that each optimiser got from the same budget, on validation data alone.\n"
    return head + yaml.safe_dump(content, sort_keys=False, width=110)


def _command(name: str, budget: TuningBudget) -> str:
    default = TuningBudget()
    names = ("steps", "batch_size", "train_size", "trials", "schedule")
    given = {name: getattr(budget, name) for name in names if getattr(budget, name) != getattr(default, name)}
    options = [f"--{name.replace('_', '-')} {value}" for name, value in given.items()]
    return " ".join(["thermospice train", name, "--tune", *options])


def _target(tuned: Sequence[Tuned]) -> dict[str, Any]:
    target = tuned[0].target_loss if tuned else None
    return {} if target is None else {"target_loss": round(target, 5)}


def _described(best: Tuned) -> dict[str, Any]:
    steps = [None if one is None else one.step for one in best.reached]
    above = [None if one is None else one.above for one in best.reached]
    return {
        "chosen": dict(best.chosen),
        **({"fixed": dict(best.fixed)} if best.fixed else {}),
        "validation_loss": round(best.validation_loss, 5),
        "diverged_trials": sum(not np.isfinite(losses).all() for losses in best.losses),
        **({"steps_to_target": steps, "last_step_above_target": above} if steps else {}),
        "ranges": {name: searched.described for name, searched in RANGES[best.method].items()},
    }
