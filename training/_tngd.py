"""Thermodynamic natural gradient descent."""

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ._curvature import curvature
from ._factors import Factors
from ._module import FlatModule
from ._products import Products, products
from ._solution import Solver
from ._types import LossFunction, Vector
from ._update import LevenbergMarquardt, adam, momentum_step

Start = Literal["warm", "gradient", "zero"]


class Diverged(ArithmeticError):
    """The loss or the direction is not finite; the parameters are those before the step."""


class TNGD(torch.optim.Optimizer):
    """Natural gradient descent with `g ~ (J^T H J + damping I)^-1 grad` from any solver.

    `theta <- theta - lr g` (Donatella et al., 2024, "Thermodynamic natural gradient descent"). With an exact
    solver it is natural gradient descent; with an analog one, stopped at time t, it lies between gradient and
    natural gradient.

    module, loss_fn: `step(inputs, targets)` computes `loss_fn(module(inputs), targets)`; all parameters that require
        gradients make one group, `module.parameters()` order. `inputs`: a tensor, a tuple or a mapping of tensors.
    start: "warm" - the first step starts the device at the gradient, each later one where it was read out last;
        "gradient" - each step at its gradient (t = 0 is then SGD); "zero" - each step at zero.
    delay: analog time [tau] for which a warm device goes on relaxing on the last program while the next is computed.
    momentum: heavy ball on the direction, as `torch.optim.SGD`. betas: feed the direction to Adam instead ((0, 0) is a
        sign step, the published TNGD-Adam). weight_decay: adds `weight_decay * theta` to the gradient.
    levenberg_marquardt: adapts `param_groups[0]["damping"]` after each step, at one forward pass.
    curvature: "factors" (J, H), or "products" for a matrix-free `ConjugateGradient`.
    chunk: samples differentiated at a time.

    `stats` holds the solver's last stats, `damping`, and the sums `steps` and `total_analog_time` [tau].
    Raises ValueError for settings out of range; `Diverged` from `step` before anything is changed.
    """

    def __init__(
        self,
        module: nn.Module,
        loss_fn: LossFunction,
        lr: float = 0.01,
        damping: float = 0.01,
        solver: Solver | None = None,
        delay: float = 0.0,
        start: Start = "warm",
        *,
        momentum: float = 0.0,
        betas: tuple[float, float] | None = None,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        levenberg_marquardt: LevenbergMarquardt | None = None,
        curvature: Literal["factors", "products"] = "factors",
        chunk: int | None = None,
    ) -> None:
        _check(lr, damping, delay, start, momentum, betas)
        self._flat = FlatModule.of(module)
        defaults = {
            "lr": lr, "damping": damping, "weight_decay": weight_decay,
            "momentum": momentum, "betas": betas, "eps": eps,
        }  # fmt: skip
        super().__init__(self._flat.parameters, defaults)
        self.loss_fn = loss_fn
        self.solver: Solver = solver if solver is not None else _default_solver()
        self.delay = delay
        self.start: Start = start
        self.levenberg_marquardt = levenberg_marquardt
        self.stats: dict[str, float] = {}
        self._curvature = curvature
        self._chunk = chunk
        self._vectors: dict[str, Tensor] = {}
        self._sums = {"steps": 0.0, "total_analog_time": 0.0}
        self._stale: tuple[Factors | Products, Vector] | None = None
        self._loaded: Any = None

    @property
    def readout(self) -> Vector | None:
        """(N,) The device's last readout, where a warm start goes on; None before the first step."""
        return self._vectors.get("readout")

    def step(self, inputs: Any, targets: Any) -> Tensor:  # type: ignore[override]
        """One step on a batch. Returns the loss before it, a scalar."""
        group = self.param_groups[0]
        program, loss, gradient = self._linearise(inputs, targets, group["damping"])
        theta = self._flat.flatten()
        b = gradient + group["weight_decay"] * theta if group["weight_decay"] else gradient
        _check_finite("the loss", loss, "lower lr or raise damping")
        g = self._relax(program, b)
        _check_finite("the solver's direction", g, "raise damping")
        change = -group["lr"] * self._direction(g, group)
        self._flat.assign(theta + change)
        if self.levenberg_marquardt is not None:
            self._adapt_damping(program, inputs, targets, loss, gradient, change)
        return loss

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        if self.param_groups:
            raise ValueError("TNGD: one parameter group only; freeze parameters by requires_grad instead")
        super().add_param_group(param_group)

    def state_dict(self) -> dict[str, Any]:
        """All that a bit-for-bit resume needs: analog state, the solver's generator, the stale program of a delay.

        Not inside: the module's parameters and torch's global generator (dropout), which belong to the caller.
        """
        state = super().state_dict()
        generator = getattr(self.solver, "generator", None)
        state["analog"] = {
            "vectors": {name: v.clone() for name, v in self._vectors.items()},
            "sums": dict(self._sums),
            "generator": None if generator is None else generator.get_state(),
            "stale": self._pack_stale(),
        }
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        analog = state_dict["analog"]
        like = self._flat.flatten()
        self._vectors = {name: v.to(like) for name, v in analog["vectors"].items()}
        self._sums = dict(analog["sums"])
        if analog["generator"] is not None:
            self.solver.generator.set_state(analog["generator"].cpu())  # type: ignore[attr-defined]
        stale = analog["stale"]
        self._loaded = None
        self._stale = None
        if stale is not None:
            H = None if stale["H"] is None else stale["H"].to(like)
            self._stale = Factors(stale["J"].to(like), H, stale["damping"]), stale["b"].to(like)

    def _linearise(self, inputs: Any, targets: Any, damping: float) -> tuple[Factors | Products, Tensor, Vector]:
        if self._curvature == "products":
            made = products(self._flat.module, self.loss_fn, inputs, targets, damping)
            return made, made.loss, made.gradient
        batch = curvature(self._flat.module, self.loss_fn, inputs, targets, damping, self._chunk)
        # J may be loaded in place where nothing asks for the program again
        spare = self.delay == 0.0 and self.levenberg_marquardt is None
        return replace(batch.factors, scratch=spare), batch.loss, batch.gradient

    def _relax(self, program: Factors | Products, b: Vector) -> Vector:
        x0, waited = self._initial(b)
        loaded = self.solver.init(program)
        solution = self.solver.compute(loaded, b, x0)
        if self.delay > 0.0:
            self._stale, self._loaded = (program, b), loaded
        self._vectors["readout"] = solution.value
        self._sums["steps"] += 1
        self._sums["total_analog_time"] += solution.stats.get("analog_time", 0.0) + waited
        self.stats = {**solution.stats, "damping": program.damping, **self._sums}
        return solution.value

    def _initial(self, b: Vector) -> tuple[Vector | None, float]:
        last = self._vectors.get("readout")
        if self.start == "zero":
            return None, 0.0
        if self.start == "gradient" or last is None:
            return b, 0.0
        if self._stale is None:
            return last, 0.0
        program, drive = self._stale
        loaded = self.solver.init(program) if self._loaded is None else self._loaded
        waiting = self.solver.compute(loaded, drive, last, self.delay)
        return waiting.value, waiting.stats.get("analog_time", 0.0)

    def _direction(self, g: Vector, group: dict[str, Any]) -> Vector:
        if group["betas"] is not None:
            return adam(self._vectors, g, group["betas"], group["eps"], int(self._sums["steps"]))
        return momentum_step(self._vectors, g, group["momentum"]) if group["momentum"] else g

    def _adapt_damping(
        self, program: Factors | Products, inputs: Any, targets: Any, loss: Tensor, gradient: Vector, change: Vector
    ) -> None:
        assert self.levenberg_marquardt is not None
        with torch.no_grad():
            after = self.loss_fn(self._flat.outputs(self._flat.flatten(), inputs), targets)
        curved = program.matvec(change) - program.damping * change
        predicted = float(gradient @ change + 0.5 * change @ curved)
        ratio = float(after - loss) / predicted if predicted else 1.0
        self.param_groups[0]["damping"] = self.levenberg_marquardt.next(program.damping, ratio)
        self.stats["reduction_ratio"] = ratio

    def _pack_stale(self) -> dict[str, Any] | None:
        if self._stale is None:
            return None
        program, b = self._stale
        if not isinstance(program, Factors):
            raise ValueError("TNGD: a delay needs curvature='factors' to be saved")
        packed = {f.name: getattr(program, f.name) for f in fields(program) if f.name != "scratch"}
        return {**packed, "b": b}


def _default_solver() -> Solver:
    from ._ideal_spu import IdealSPU

    return IdealSPU(t=50.0)


def _check(lr: float, damping: float, delay: float, start: str, momentum: float, betas: Iterable[float] | None) -> None:
    for name, value in (("lr", lr), ("damping", damping), ("delay", delay), ("momentum", momentum)):
        if not 0.0 <= value < float("inf"):
            raise ValueError(f"TNGD: expected {name} finite and >= 0, got {value}")
    if start not in ("warm", "gradient", "zero"):
        raise ValueError(f'TNGD: expected start "warm", "gradient" or "zero", got {start!r}')
    if delay > 0.0 and start != "warm":
        raise ValueError(f'TNGD: a delay needs start="warm"; start={start!r} resets the device after it')
    if betas is not None and (momentum or not all(0.0 <= beta < 1.0 for beta in betas)):
        raise ValueError(f"TNGD: expected betas in [0, 1) and no momentum, got betas={betas}, momentum={momentum}")


def _check_finite(name: str, value: Tensor, remedy: str) -> None:
    if not bool(torch.isfinite(value).all()):
        raise Diverged(f"{name} is not finite: {remedy}; the parameters are those before this step")
