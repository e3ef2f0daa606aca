"""The optimisers that an experiment can name. A new one is a row of `OPTIMIZER_KINDS`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

import torch
from torch import nn

from ..rivals import LBFGS
from ._fields import ExperimentFields
from .search import RHO, Range, Space

StepsBy = Literal["gradient", "curvature", "layers"]
"""What an optimiser is given for a step: the gradient, a program of the whole network, or one of each layer's."""

FirstOrderMaker = Callable[[list[nn.Parameter], ExperimentFields], torch.optim.Optimizer]


@dataclass(frozen=True)
class OptimizerKind:
    """Everything that the package knows of a kind of optimiser."""

    settings: tuple[str, ...]
    """Fields of an experiment that mean something to it, whatever solver it has."""
    steps: StepsBy = "gradient"
    make: FirstOrderMaker | None = None
    """torch's optimiser for the parameters, of one that steps by the gradient alone."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """What it takes on a task that it was not tuned for; with a solver, what all of its solvers take."""
    search: Space = field(default_factory=dict)
    """Ranges that `tune` searches; empty where the solvers are tuned, or nothing is."""


def _sgd(parameters: list[nn.Parameter], e: ExperimentFields) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, **present(momentum=e.momentum, lr=e.lr, weight_decay=e.weight_decay))


def _adam(parameters: list[nn.Parameter], e: ExperimentFields) -> torch.optim.Optimizer:
    betas = (0.9 if e.beta1 is None else e.beta1, 0.999 if e.beta2 is None else e.beta2)
    return torch.optim.Adam(parameters, betas=betas, **present(lr=e.lr, weight_decay=e.weight_decay))


def _lbfgs(parameters: list[nn.Parameter], e: ExperimentFields) -> torch.optim.Optimizer:
    return LBFGS(parameters, **present(lr=e.lr))


def present(**values: Any) -> dict[str, Any]:
    """The settings that have a value."""
    return {name: value for name, value in values.items() if value is not None}


_DAMPED = ("damping", "damping_last")
_DIGITAL = ("lr", "weight_decay", "accumulate")

OPTIMIZER_KINDS: Mapping[str, OptimizerKind] = MappingProxyType(
    {
        "sgd": OptimizerKind(
            settings=_DIGITAL,
            make=_sgd,
            defaults={"lr": 0.1},
            search={"lr": Range(0.03, 3.0)},
        ),
        "momentum": OptimizerKind(
            settings=(*_DIGITAL, "momentum"),
            make=_sgd,
            defaults={"lr": 0.05, "momentum": 0.9},
            search={"lr": Range(0.01, 1.0), "momentum": Range(0.0, 0.98, from_one=True)},
        ),
        "adam": OptimizerKind(
            settings=(*_DIGITAL, "beta1", "beta2"),
            make=_adam,
            defaults={"lr": 1e-3},
            search={"lr": Range(1e-3, 0.1), "beta1": Range(0.0, 0.98, from_one=True)},
        ),
        "lbfgs": OptimizerKind(
            settings=("lr", "accumulate"),
            make=_lbfgs,
            defaults={"lr": 1.0},
        ),
        "tngd": OptimizerKind(
            settings=(
                *_DIGITAL,
                *_DAMPED,
                "momentum",
                "beta1",
                "beta2",
                "curvature",
                "curvature_rows",
                "curvature_average",
                "curvature_decay",
                "autocast",
                "levenberg_marquardt",
            ),
            steps="curvature",
        ),
        "kfac": OptimizerKind(
            settings=("lr", "weight_decay", *_DAMPED, "momentum", "factor_decay", "bits"),
            steps="layers",
            defaults={"lr": 0.1, "damping": 0.03, "t": 50.0, "kappa0": 0.0, "factor_decay": 0.95},
            search={
                RHO: Range(0.3, 20.0),
                "damping": Range(1e-3, 0.3),
                "momentum": Range(0.0, 0.95, from_one=True),
                "factor_decay": Range(0.3, 0.98, from_one=True),
            },
        ),
    }
)
