"""Damping and analog time that a chip serves, found before the first step."""

import copy
import math
from collections.abc import Mapping
from typing import Literal

import torch
from torch import nn

from .._exceptions import ExperimentError
from .._types import LossFunction
from ..curvature import curvature
from ..devices import DeviceSPU, ServedRange, served_range
from ..experiments import Experiment, make_solver
from ..tasks import Split


def within_range(
    module: nn.Module, loss_fn: LossFunction, batch: Split, experiment: Experiment, seed: int
) -> Experiment:
    """The experiment with a damping and a time that its chip serves of the program of `batch`, as `served` asks.

    Raises:
        ExperimentError: the chip does not serve what was given and `served` is "refuse", or it serves nothing.
    """
    if experiment.served is None:
        return experiment
    cells = sum(p.numel() for p in module.parameters() if p.requires_grad)
    device = make_solver(experiment, seed, cells)
    assert isinstance(device, DeviceSPU), "no other solver takes `served`"
    kind: Literal["ggn", "fisher"] = "fisher" if experiment.curvature == "fisher" else "ggn"
    with torch.random.fork_rng():
        # of a copy: nothing of the run may change, such as running means
        made = curvature(copy.deepcopy(module), loss_fn, batch.inputs, batch.targets, _least(experiment), kind=kind)
    found = served_range(device, made.factors)
    changed = _adapted(experiment, found) if experiment.served == "adapt" else {}
    try:
        settings = experiment.replace(**changed)
        found.refuse(_least(settings), math.inf if settings.t is None else settings.t)
    except ValueError as error:
        raise ExperimentError(f"served: {error}") from None
    return settings


def _least(experiment: Experiment) -> float:
    """The smallest damping of the whole run."""
    return min(value for value in (experiment.damping, experiment.damping_last) if value is not None)


def _adapted(experiment: Experiment, found: ServedRange) -> Mapping[str, float]:
    """Settings as near to the given ones as the chip serves; what it cannot serve at all is left to be refused."""
    if not found.least_damping <= found.most_damping:
        return {}
    changed = {}
    for name in ("damping", "damping_last"):
        if (value := getattr(experiment, name)) is not None:
            changed[name] = min(max(value, found.least_damping), found.most_damping)
    if experiment.t is not None:
        changed["t"] = max(experiment.t, found.least_t)
    return changed
