"""From an allocator's complaint to one line that says what is large and what to lower."""

import re

import psutil
import torch
from torch import nn

from ..._exceptions import ExperimentError
from ...experiments import Experiment
from ...tasks import Task
from ._step_size import StepSize


def explain_memory(
    error: BaseException, experiment: Experiment, task: Task, module: nn.Module, step: int, kept: int | None
) -> ExperimentError:
    """`step`: the one that failed. `kept`: the step of the checkpoint on disk, None where there is none."""
    asked = re.search(r"allocate (?:about )?([0-9.]+ ?(?:bytes|[KMGT]i?B))", str(error))
    told = f" (asked for {asked[1]} more)" if asked else ""
    state = "no checkpoint was written yet" if kept is None else f"the checkpoint of step {kept} is kept"
    where = f"{experiment.task}, {experiment.method}: out of memory in step {step}{told}"
    return ExperimentError(f"{where}: {_advice(experiment, task, module)}; {state}")


def refuse_what_does_not_fit(experiment: Experiment, task: Task, module: nn.Module) -> None:
    """Raises `ExperimentError` with the number where no step can be made in the memory that is free."""
    free = free_memory_of(experiment.processor)
    least = StepSize.of(experiment, task, module).least
    if least > free:
        raise ExperimentError(
            f"{experiment.task}, {experiment.method}: a step takes {least / 1e9:.3g} GB of memory at least, and "
            f"{free / 1e9:.3g} GB are free: {_advice(experiment, task, module)}"
        )


def free_memory_of(processor: str) -> float:
    """Memory [byte] that a training on a processor of torch can still have."""
    if processor.startswith("cuda"):
        return float(torch.cuda.mem_get_info(processor)[0])
    return float(psutil.virtual_memory().available)


def _advice(experiment: Experiment, task: Task, module: nn.Module) -> str:
    step = StepSize.of(experiment, task, module)
    if step.r == 0:
        return f"{step.N} parameters and a batch of {step.B}; lower batch_size, or free memory"
    size = f"batch_size {step.B} makes "
    if step.stored:
        size += f"J {step.r} x {step.N} ({step.jacobian / 1e9:.3g} GB)" + (" and " if step.matrices else "")
    if step.matrices:
        size += f"matrices {step.r} x {step.r} ({step.matrix / 1e9:.3g} GB each)"
    other = "" if experiment.iterates else " and solver: conjugate-gradient"
    fewer = "take a row for each sample by curvature: fisher, or "
    return f"{size}; lower batch_size, {fewer}store no J by curvature: products{other}"
