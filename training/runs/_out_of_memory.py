"""What a step of a large program takes: said beforehand, and when the memory has run out after all."""

import re
import time
import warnings
from contextlib import suppress

import torch
from torch import nn

from ...files.opening import most_memory
from .._exceptions import ExperimentError
from ..curvature import call
from ..experiments import Experiment
from ..tasks import Task

_LONG = 60.0
"""Seconds of a step, from which on they are said before the first."""


def forecast(experiment: Experiment, task: Task, module: nn.Module) -> None:
    """Before the first step: warn of a long one, and refuse one whose arrays do not fit into the memory.

    Of a stored Jacobian alone: each of its rows is a backward pass, of which one is made here and its time taken.
    Raises `ExperimentError`.
    """
    if experiment.optimizer != "tngd" or experiment.curvature not in (None, "ggn") or experiment.processor != "cpu":
        return
    k = _outputs(task, module)
    if k is None:
        return
    r = (experiment.batch_size or len(task.train)) * (experiment.accumulate or 1) * k
    N = sum(p.numel() for p in module.parameters() if p.requires_grad)
    width = torch.finfo(getattr(torch, experiment.precision)).bits // 8
    size = width * (r * N + (0 if experiment.iterates else _MATRICES * r * r))
    where = f"{experiment.task}, {experiment.method}"
    advice = _advice(experiment, task, module)
    if size > most_memory():
        raise ExperimentError(
            f"{where}: a step needs {size / 1e9:.3g} GB, and {most_memory() / 1e9:.3g} GB may be taken: {advice}"
        )
    seconds = _backward_time(task, module) * r if r > _MANY_ROWS else 0.0
    if seconds > _LONG:
        warnings.warn(
            f"{where}: a step takes up to {seconds / 60:.2g} min for {r} backward passes, and {size / 1e9:.2g} GB:"
            f" {advice}",
            stacklevel=2,
        )


_MATRICES = 3  # r x r: the Gram matrix, its eigenvectors, and what works on them
_MANY_ROWS = 2_000  # fewer are done before anybody wonders


def _backward_time(task: Task, module: nn.Module) -> float:
    """Of one sample's output, backwards [s]; torch's generators are left as they were."""
    with torch.random.fork_rng([]):
        output = call(module, task.train.take(slice(0, 1)).inputs).sum()
        parameters = [p for p in module.parameters() if p.requires_grad]
        began = time.perf_counter()
        torch.autograd.grad(output, parameters, allow_unused=True)
        return time.perf_counter() - began


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
    fewer = "take a row for each sample by curvature: fisher, or "
    return f"{size}; lower batch_size, {fewer}store no J by curvature: products{other}"


def _outputs(task: Task, module: nn.Module) -> int | None:
    with suppress(Exception), torch.no_grad(), torch.random.fork_rng([]):
        return int(call(module, task.train.take(slice(0, 1)).inputs).numel())
    return None
