"""One face for every optimiser: a step on a batch, its loss, and what the step would cost."""

from torch import nn

from .._types import LossFunction
from ..costs import Clocked, Tallied, cost_model
from ..experiments import OPTIMIZER_KINDS, Experiment, extrapolation, make_solver
from ..parallel import Ranks
from ._first_order import FirstOrder
from ._layerwise import Layerwise
from ._natural import Natural, natural_stepper
from ._taken import Stepper


def make_stepper(
    module: nn.Module, loss_fn: LossFunction, experiment: Experiment, seed: int, ranks: Ranks | None = None
) -> Stepper:
    """The experiment's optimiser on the module's trainable parameters; `seed` starts the device's noise.

    ranks: the processes of a data-parallel run, each with its part of every batch.
    """
    kind = OPTIMIZER_KINDS[experiment.optimizer]
    if kind.steps == "curvature":
        return _by_curvature(module, loss_fn, experiment, seed, ranks)
    if kind.steps == "layers":
        return _by_layers(module, loss_fn, experiment, seed, ranks is not None)

    assert kind.make is not None, "an optimiser that steps by the gradient alone says how it is made"
    optimizer = kind.make([p for p in module.parameters() if p.requires_grad], experiment)
    return FirstOrder(module, loss_fn, optimizer, ranks)


def _by_curvature(
    module: nn.Module, loss_fn: LossFunction, experiment: Experiment, seed: int, ranks: Ranks | None
) -> Stepper:
    cells = sum(p.numel() for p in module.parameters() if p.requires_grad)
    solver = Clocked(make_solver(experiment, seed, cells))
    optimizer = natural_stepper(module, loss_fn, experiment, solver, ranks is not None)

    natural = Natural(optimizer, solver, cost_model(solver.solver))
    natural.warning = extrapolation(solver.solver, cells)
    return natural


def _by_layers(
    module: nn.Module, loss_fn: LossFunction, experiment: Experiment, seed: int, data_parallel: bool
) -> Stepper:
    device = make_solver(experiment, seed, 0)
    layerwise = Layerwise(module, loss_fn, experiment, Tallied(device), data_parallel)
    layerwise.warning = extrapolation(device, _widest_factor(module))
    return layerwise


def _widest_factor(module: nn.Module) -> int:
    """A Kronecker factor has a row for each input of a layer and one for its bias, or one for each output."""
    weights = [p for p in module.parameters() if p.ndim > 1]
    return max((max(p.shape[0], p[0].numel() + 1) for p in weights), default=0)
