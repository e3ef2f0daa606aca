"""From an allocator's complaint to one line that says what is large and what to lower."""

import re
from contextlib import suppress

import torch
from torch import nn

from .._exceptions import ExperimentError
from ..curvature import call
from ..experiments import Experiment
from ..tasks import Task


def explain_memory(
    error: BaseException, experiment: Experiment, task: Task, module: nn.Module, step: int, kept: int | None
) -> ExperimentError:
    """`step`: the one that failed. `kept`: the step of the checkpoint on disk, None where there is none."""
    asked = re.search(r"allocate (?:about )?([0-9.]+ ?(?:bytes|[KMGT]i?B))", str(error))
    told = f" (asked for {asked[1]} more)" if asked else ""
    state = "no checkpoint was written yet" if kept is None else f"the checkpoint of step {kept} is kept"
    where = f"{experiment.task}, {experiment.method}: out of memory in step {step}{told}"
    return ExperimentError(f"{where}: {_advice(experiment, task, module)}; {state}")


def _advice(experiment: Experiment, task: Task, module: nn.Module) -> str:
    B = experiment.batch_size or len(task.train)
    N = sum(p.numel() for p in module.parameters() if p.requires_grad)
    if experiment.optimizer != "tngd" or experiment.curvature == "products":
        return f"{N} parameters and a batch of {B}; lower batch_size, or free memory"
    k = _outputs(task, module) if experiment.curvature != "fisher" else 1
    if k is None:
        return f"{N} parameters and a batch of {B}; lower batch_size"
    r = B * k
    width = torch.finfo(getattr(torch, experiment.precision)).bits // 8
    size = f"batch_size {B} makes J {r} x {N} ({r * N * width / 1e9:.3g} GB)"
    if not experiment.iterates:
        size += f" and matrices {r} x {r} ({r * r * width / 1e9:.3g} GB each)"
    other = "" if experiment.iterates else " and solver: conjugate-gradient"
    return f"{size}; lower batch_size, or store no J by curvature: products{other}"


def _outputs(task: Task, module: nn.Module) -> int | None:
    with suppress(Exception), torch.no_grad():
        return int(call(module, task.train.take(slice(0, 1)).inputs).numel())
    return None
