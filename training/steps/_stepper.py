"""One face for every optimiser: a step on a batch, its loss, and what the step would cost."""

from torch import nn

from .._exceptions import ExperimentError
from .._types import LossFunction
from ..costs import Clocked, Tallied, cost_model
from ..experiments import Experiment, extrapolation, make_solver
from ..parallel import Ranks
from ._first_order import FirstOrder, first_order_stepper
from ._layerwise import Layerwise
from ._natural import Natural, natural_stepper
from ._taken import Stepper


def make_stepper(
    module: nn.Module, loss_fn: LossFunction, experiment: Experiment, seed: int, ranks: Ranks | None = None
) -> Stepper:
    """The experiment's optimiser on the module's trainable parameters; `seed` starts the device's noise.

    ranks: the processes of a data-parallel run, each with its part of every batch.
    """
    if experiment.optimizer == "tngd":
        cells = sum(p.numel() for p in module.parameters() if p.requires_grad)
        solver = Clocked(make_solver(experiment, seed, cells))
        optimizer = natural_stepper(module, loss_fn, experiment, solver, ranks is not None)
        natural = Natural(optimizer, solver, cost_model(solver.solver))
        natural.warning = extrapolation(solver.solver, cells)
        return natural
    if experiment.optimizer == "kfac":
        if ranks is not None:
            raise ExperimentError("optimizer: kfac takes its steps in one process; start it without torchrun")
        device = make_solver(experiment, seed, 0)
        layerwise = Layerwise(module, loss_fn, experiment, Tallied(device))
        # a factor has a row for each input of a layer and one for its bias, or one for each output
        widest = max((max(p.shape[0], p[0].numel() + 1) for p in module.parameters() if p.ndim > 1), default=0)
        layerwise.warning = extrapolation(device, widest)
        return layerwise
    parameters = [p for p in module.parameters() if p.requires_grad]
    return FirstOrder(module, loss_fn, first_order_stepper(parameters, experiment), ranks)
