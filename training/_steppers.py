"""One face for every optimiser: a step on a batch, its loss, and what the step would cost."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from ._clock import now
from ._cost import CostModel, Parts
from ._experiment import Experiment, ExperimentError
from ._ideal_spu import IdealSPU
from ._kfac import KFAC
from ._layered import Layered
from ._make_solver import cost_model, extrapolation, make_solver, present
from ._module import arguments
from ._programs import Factored
from ._ranks import Ranks
from ._solution import AnyProgram, Solution, Solver
from ._tally import Tallied
from ._tasks import Split
from ._tngd import TNGD, Diverged
from ._types import Array, LinAlgError, LossFunction


@dataclass(frozen=True)
class Taken:
    """The loss before a step, and the parts of the time [s] and energy [J] that it would take."""

    loss: float
    time: Parts
    energy: Parts = field(default_factory=Parts)


@runtime_checkable
class Stepper(Protocol):
    @property
    def warning(self) -> str | None: ...

    def step(self, batches: Sequence[Split]) -> Taken:
        """One step on all of them together. Raises `Diverged` when it cannot be taken."""
        ...

    def set_learning_rate(self, lr: float) -> None: ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


def make_stepper(
    module: nn.Module, loss_fn: LossFunction, experiment: Experiment, seed: int, ranks: Ranks | None = None
) -> Stepper:
    """The experiment's optimiser on the module's trainable parameters; `seed` starts the device's noise.

    ranks: the processes of a data-parallel run, each with its part of every batch.
    """
    if experiment.optimizer == "tngd":
        cells = sum(p.numel() for p in module.parameters() if p.requires_grad)
        solver = _Clocked(make_solver(experiment, seed, cells))
        optimizer = _tngd(module, loss_fn, experiment, solver, ranks is not None)
        natural = _Natural(optimizer, solver, cost_model(solver.solver))
        natural.warning = extrapolation(solver.solver, cells)
        return natural
    if experiment.optimizer == "kfac":
        if ranks is not None:
            raise ExperimentError("optimizer: kfac takes its steps in one process; start it without torchrun")
        device = make_solver(experiment, seed, 0)
        layerwise = _Layerwise(module, loss_fn, experiment, Tallied(device))
        # a factor has a row for each input of a layer and one for its bias, or one for each output
        widest = max((max(p.shape[0], p[0].numel() + 1) for p in module.parameters() if p.ndim > 1), default=0)
        layerwise.warning = extrapolation(device, widest)
        return layerwise
    parameters = [p for p in module.parameters() if p.requires_grad]
    return _FirstOrder(module, loss_fn, _first_order(parameters, experiment), ranks)


def call(module: nn.Module, inputs: Any) -> Tensor:
    """The outputs for one tensor, a tuple of positional or a mapping of keyword arguments."""
    args, kwargs = arguments(inputs)
    return module(*args, **kwargs)


class _Optimised:
    """What every stepper asks of its optimiser."""

    _optimizer: torch.optim.Optimizer
    warning: str | None = None
    """What whoever reads the result must know of the device."""

    def set_learning_rate(self, lr: float) -> None:
        for group in self._optimizer.param_groups:
            group["lr"] = lr

    def state_dict(self) -> dict[str, Any]:
        return self._optimizer.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._optimizer.load_state_dict(state)


class _FirstOrder(_Optimised):
    """Digital: what it costs is what it took."""

    def __init__(
        self, module: nn.Module, loss_fn: LossFunction, optimizer: torch.optim.Optimizer, ranks: Ranks | None
    ) -> None:
        self._module, self._loss_fn, self._optimizer, self._ranks = module, loss_fn, optimizer, ranks

    def step(self, batches: Sequence[Split]) -> Taken:
        began = now()
        self._optimizer.zero_grad()
        total = 0.0
        for batch in batches:
            # all of one size, and a task's loss is a mean
            loss = self._loss_fn(call(self._module, batch.inputs), batch.targets) / len(batches)
            loss.backward()
            total += loss.item()
        if self._ranks is not None:
            total = self._averaged(total, self._ranks)
        self._optimizer.step()
        return Taken(total, Parts(digital=now() - began))

    def _averaged(self, loss: float, ranks: Ranks) -> float:
        """Gradients and loss of the whole batch, whose parts have one size."""
        given = [p for group in self._optimizer.param_groups for p in group["params"] if p.grad is not None]
        for p in given:
            p.grad = ranks.sum(p.grad) / ranks.count
        return float(ranks.sum(torch.tensor(loss, device=given[0].device))) / ranks.count


class _Natural(_Optimised):
    """TNGD; gradient and factors cost what they took, an analog solve what the device would need."""

    _optimizer: TNGD

    def __init__(self, optimizer: TNGD, solver: "_Clocked", cost: CostModel | None) -> None:
        self._optimizer, self._solver, self._cost = optimizer, solver, cost
        self._first = True

    def step(self, batches: Sequence[Split]) -> Taken:
        self._solver.reset()
        began = now()
        try:
            for batch in batches[:-1]:
                self._optimizer.accumulate(batch.inputs, batch.targets)
            loss = self._optimizer.step(batches[-1].inputs, batches[-1].targets)
        except (ArithmeticError, ValueError, LinAlgError) as error:
            raise _fault(error, self._first) from error
        self._first = False
        seconds = now() - began
        if self._cost is None:
            return Taken(float(loss), Parts(digital=seconds))
        used = self._solver
        size = (used.r, used.N, used.analog_time, (used.asked_at or began) - began, used.runs)
        return Taken(float(loss), self._cost.time(*size), self._cost.energy(*size, array_power=used.array_power))


class _Layerwise(_Optimised):
    """K-FAC; factors and gradient cost what they took, the solves what a crossbar of each factor's size would need."""

    _optimizer: KFAC

    def __init__(self, module: nn.Module, loss_fn: LossFunction, e: Experiment, solver: Tallied) -> None:
        settings = present(
            lr=e.lr,
            damping=e.damping,
            momentum=e.momentum,
            weight_decay=e.weight_decay,
            decay=e.factor_decay,
            bits=e.bits,
        )
        try:
            self._optimizer = KFAC(module, loss_fn, solver=solver, **settings)
        except ValueError as error:
            raise ExperimentError(_first_line(error)) from error
        cost = cost_model(solver.solver)
        self._cost = None if cost is None else replace(cost, arrays="crossbar")
        self._solver, self._first = solver, True

    def step(self, batches: Sequence[Split]) -> Taken:
        self._solver.reset()
        began = now()
        try:
            loss = self._optimizer.step(batches[0].inputs, batches[0].targets)
        except (ArithmeticError, ValueError, LinAlgError) as error:
            raise _fault(error, self._first) from error
        self._first = False
        seconds = now() - began
        if self._cost is None:
            return Taken(float(loss), Parts(digital=seconds))
        parts = self._solver.time(self._cost, seconds - self._solver.seconds)
        return Taken(float(loss), parts, self._solver.energy(self._cost))


class _Clocked:
    """A solver that notes when it was first asked in a step, how large its program was, and what the device did."""

    def __init__(self, solver: Solver) -> None:
        self.solver = solver
        self.r, self.N = 0, 0
        self.reset()

    def reset(self) -> None:
        self.asked_at: float | None = None
        self.analog_time, self.runs = 0.0, 0
        self.array_power: float | None = None

    def __getattr__(self, name: str) -> Any:
        # TNGD saves the `generator` of solvers that have one.
        if name == "solver":
            raise AttributeError(name)
        return getattr(self.solver, name)

    def init(self, program: AnyProgram) -> Any:
        if isinstance(program, Factored):
            self.r, self.N = program.r, program.N
        loaded = self._made(program)
        self._note()
        return self.solver.init(loaded)

    def compute(self, state: Any, b: Array, x0: Array | None = None, t: float | None = None) -> Solution[Array]:
        self._note()
        solution = self.solver.compute(state, b, x0, t)
        self.analog_time += solution.stats.get("analog_time", 0.0)
        if t is None:  # a delay goes on with what is loaded, and reads nothing out
            self.runs += int(solution.stats.get("attempts", 1))
            self.array_power = solution.stats.get("array_power")
        return solution

    def _made(self, program: AnyProgram) -> AnyProgram:
        """What is loaded, made by the digital side: a device's arrays hold the Jacobian itself."""
        if cost_model(self.solver) is None or not isinstance(program, Layered):
            return program
        whole = program.factors()
        # the ideal device is simulated as well without it
        return program if isinstance(self.solver, IdealSPU) else whole

    def _note(self) -> None:
        if self.asked_at is None:
            self.asked_at = now()


def _tngd(module: nn.Module, loss_fn: LossFunction, e: Experiment, solver: Solver, data_parallel: bool) -> TNGD:
    settings = present(
        lr=e.lr,
        damping=e.damping,
        delay=e.delay,
        start=e.start,
        momentum=e.momentum,
        weight_decay=e.weight_decay,
        curvature=e.curvature,
        autocast=None if e.autocast is None else getattr(torch, e.autocast),
    )
    try:
        return TNGD(module, loss_fn, solver=solver, data_parallel=data_parallel, **settings)
    except ValueError as error:
        raise ExperimentError(_first_line(error)) from error


def _first_order(parameters: list[nn.Parameter], e: Experiment) -> torch.optim.Optimizer:
    common = present(lr=e.lr, weight_decay=e.weight_decay)
    if e.optimizer == "adam":
        betas = (0.9 if e.beta1 is None else e.beta1, 0.999 if e.beta2 is None else e.beta2)
        return torch.optim.Adam(parameters, betas=betas, **common)
    return torch.optim.SGD(parameters, **present(momentum=e.momentum), **common)


def _fault(error: Exception, first: bool) -> Exception:
    """On the first step the fault is in the settings, not in where training has led."""
    settings = first and isinstance(error, ValueError) and not isinstance(error, LinAlgError)
    return ExperimentError(_first_line(error)) if settings else Diverged(_first_line(error))


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
