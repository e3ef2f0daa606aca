"""Steps of K-FAC."""

from collections.abc import Sequence
from dataclasses import replace

from torch import nn

from .._exceptions import ExperimentError
from .._types import LinAlgError, LossFunction
from ..costs import Parts, Tallied, cost_model, now
from ..experiments import Experiment, present
from ..optimizers import KFAC
from ..tasks import Split
from ._first_order import Optimised
from ._natural import fault_of, first_line
from ._taken import Taken


class Layerwise(Optimised):
    """K-FAC; factors and gradient cost what they took, the solves what a crossbar of each factor's size would need."""

    _optimizer: KFAC

    def __init__(
        self, module: nn.Module, loss_fn: LossFunction, e: Experiment, solver: Tallied, data_parallel: bool = False
    ) -> None:
        settings = present(
            lr=e.lr,
            damping=e.damping,
            momentum=e.momentum,
            weight_decay=e.weight_decay,
            decay=e.factor_decay,
            bits=e.bits,
            unstable=e.unstable,
        )
        try:
            self._optimizer = KFAC(module, loss_fn, solver=solver, data_parallel=data_parallel, **settings)
        except ValueError as error:
            raise ExperimentError(first_line(error)) from error
        cost = cost_model(solver.solver)
        self._cost = None if cost is None else replace(cost, arrays="crossbar")
        self._solver = solver
        self._first = True

    def step(self, batches: Sequence[Split]) -> Taken:
        self._solver.reset()
        began = now()
        try:
            loss = self._optimizer.step(batches[0].inputs, batches[0].targets)
        except (ArithmeticError, ValueError, LinAlgError) as error:
            raise fault_of(error, self._first) from error
        self._first = False
        seconds = now() - began
        if self._cost is None:
            return Taken(float(loss), Parts(digital=seconds))
        parts = self._solver.time(self._cost, seconds - self._solver.seconds)
        return Taken(float(loss), parts, self._solver.energy(self._cost))
