"""Steps of TNGD."""

from collections.abc import Sequence

import torch
from torch import nn

from .._exceptions import Diverged, ExperimentError
from .._types import LinAlgError, LossFunction
from ..costs import Clocked, CostModel, Parts, now
from ..experiments import Experiment, present
from ..optimizers import TNGD, LevenbergMarquardt
from ..solvers import Solver
from ..tasks import Split
from ._first_order import Optimised
from ._taken import Taken


class Natural(Optimised):
    """TNGD; gradient and factors cost what they took, an analog solve what the device would need."""

    _optimizer: TNGD

    def __init__(self, optimizer: TNGD, solver: "Clocked", cost: CostModel | None) -> None:
        self._optimizer = optimizer
        self._solver = solver
        self._cost = cost
        self._first = True

    def step(self, batches: Sequence[Split]) -> Taken:
        self._solver.reset()
        began = now()
        try:
            for batch in batches[:-1]:
                self._optimizer.accumulate(batch.inputs, batch.targets)
            loss = self._optimizer.step(batches[-1].inputs, batches[-1].targets)
        except (ArithmeticError, ValueError, LinAlgError) as error:
            raise fault_of(error, self._first) from error
        self._first = False
        seconds = now() - began
        if self._cost is None:
            return Taken(float(loss), Parts(digital=seconds))
        used = self._solver
        size = (used.r, used.N, used.analog_time, (used.asked_at or began) - began, used.runs)
        return Taken(float(loss), self._cost.time(*size), self._cost.energy(*size, array_power=used.array_power))


def natural_stepper(
    module: nn.Module, loss_fn: LossFunction, e: Experiment, solver: Solver, data_parallel: bool
) -> TNGD:
    settings = present(
        lr=e.lr,
        damping=e.damping,
        delay=e.delay,
        start=e.start,
        deflated=e.deflated,
        momentum=e.momentum,
        betas=None if e.beta1 is e.beta2 is None else (e.beta1 or 0.0, e.beta2 or 0.0),
        levenberg_marquardt=LevenbergMarquardt() if e.levenberg_marquardt else None,
        unstable=e.unstable,
        weight_decay=e.weight_decay,
        curvature=e.curvature,
        curvature_rows=e.curvature_rows,
        curvature_average=e.curvature_average,
        curvature_decay=e.curvature_decay,
        autocast=None if e.autocast is None else getattr(torch, e.autocast),
    )
    try:
        return TNGD(module, loss_fn, solver=solver, data_parallel=data_parallel, **settings)
    except ValueError as error:
        raise ExperimentError(first_line(error)) from error


def fault_of(error: Exception, first: bool) -> Exception:
    """On the first step the fault is in the settings, not in where training has led."""
    settings = first and isinstance(error, ValueError) and not isinstance(error, LinAlgError)
    return ExperimentError(first_line(error)) if settings else Diverged(first_line(error))


def first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
