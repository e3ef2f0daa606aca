"""Thermodynamic natural gradient descent."""

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ...files.arguments import check_whole, shown
from .._types import LossFunction, Vector
from ..curvature import AnyFactors, Check, CurvatureKind, FlatModule, Linearise, MicroBatch, Referee, Whole, check_check
from ..parallel import Ranks
from ..programs import Factors, Layered, Window
from ..solvers import Solver
from ._batch_checks import MISSING, check_batch, check_parts, is_closure
from ._checks import check_averaged, check_curvature, check_deflated, check_finite, check_settings
from ._closure import ask, refuse_other_gradients
from ._deflated_start import deflated_start
from ._parameter_groups import Places, add_group, check_groups, follow, grouped, same_in_all, spread
from ._solver_state import (
    Stale,
    analog_state,
    own_state,
    packed_program,
    refuse_other_sizes,
    reloaded,
    set_solver_state,
    solver_state,
    unpacked_program,
)
from ._stability import Stability, Unstable, check_unstable
from ._unsolved import refuse_unsolved
from ._updates import LevenbergMarquardt, adam, momentum_step, part_taken, reduction_ratio

Start = Literal["warm", "gradient", "zero"]
CurvatureRows = Literal["all", "sampled"]

# A mean over some thousand samples is rounded by less than this, in units of its precision.
_ROUNDING_OF_LOSS = 100.0


class TNGD(torch.optim.Optimizer):
    """Natural gradient descent with `g ~ (J^T H J + damping I)^-1 grad` from any solver.

    `theta <- theta - lr g` (Donatella et al., 2024, "Thermodynamic natural gradient descent"). With an exact
    solver it is natural gradient descent; with an analog one, stopped at time t, it lies between gradient and
    natural gradient.

    module, loss_fn: `step(inputs, targets)` computes `loss_fn(module(inputs), targets)`; all parameters that require
        gradients are trained, `module.parameters()` order. `inputs`: a tensor, a tuple or a mapping of tensors.
    params: parameter groups as torch has them, with `lr`, `weight_decay` and `momentum` of their own; all trained
        parameters of the module must be in one. `damping` and `betas` are those of the one system that they share.
    start: "warm" - the first step starts the device at the gradient, each later one where it was read out last;
        "gradient" - each step at its gradient (t = 0 is then SGD); "zero" - each step at zero.
    deflated: slowest modes of each program that its start has settled already, by Lanczos on the digital side, whose
        products of F and a vector `stats` counts; see `deflated_start`. The time of a step is then set by the next one.
    delay: analog time [tau] for which a warm device goes on relaxing on the last program while the next is computed.
    momentum: heavy ball on the direction, as `torch.optim.SGD`. betas: feed the direction to Adam instead ((0, 0) is a
        sign step, the published TNGD-Adam). weight_decay: adds `weight_decay * theta` to the gradient.
    levenberg_marquardt: adapts `param_groups[0]["damping"]` after each step, at one forward pass; a step that
        raises the loss (with its weight decay) is undone, and `stats["accepted"]` is then 0: momentum starts anew. Of
        an answer that overshoots, for noise or errors of a device, `stats["part_taken"]` is what lowers the quadratic
        model most. A step by betas stays, since it is as long at any damping. Not for modules that draw random numbers.
    curvature: "ggn" (Gauss-Newton) or "fisher" (empirical), both as factors; see `curvature`. "layers": the
        Gauss-Newton matrix of a module of `Linear` and `Conv2d` layers, many times as fast where a solver needs no
        stored Jacobian (all but a device with flaws); see `layered`. "products": the same by products alone, for a
        matrix-free `ConjugateGradient`.
    curvature_rows: "all" - a row of the arrays for each output of a sample; "sampled" - one for each sample, at an
        answer that the model's own distribution draws from torch's global generator, so that the matrix is right on
        average (see `curvature.sampled_slopes`). For "ggn" and "layers".
    curvature_average: steps whose rows make up the curvature, those of this batch among them, each as it was
        linearised then; the arrays have so many times the rows. The weight of a step falls by `curvature_decay` (at
        most 1, equal weights) from each step to the next; weights add up to one. The gradient is this batch's alone.
    check: how derivatives by layers are held against plain ones. "gradient": those of each step against the plain
        gradient of its loss, which the step takes, and those of the first step, of each 16th and of one after `train`
        or `eval` in a chance direction too, at one backward pass more; "every": so at each step; "off": not at all.
    chunk: samples differentiated at a time; those of "layers" and "products" all are.
    autocast: forward pass in torch.bfloat16 or torch.float16; factors, solver and parameters stay float32.
    data_parallel: every process of torch's process group steps on its own part of the batch, all of one size; they
        take the step that one process would take with all of it. `torch.manual_seed` must differ for dropout only.

    Gradient accumulation: `accumulate(inputs, targets)` for all micro-batches but the last, then
    `step(inputs, targets)`: the step that the whole batch would give.

    unstable: what a step does about a device whose loop would ring up: a mode grows by e within t or, of a warm device,
        does not decay at half the rate of the damping that was asked for, since what grows a little in each step grows
        without end.
        "raise-damping" multiplies what it adds to the damping by 1.5 until the loop is stable, and takes 2 % of it
        back after each stable step; it does so too where amplifiers reach their rails. "shorten-t" starts this step at
        the gradient, for at most 0.9 of the time in which the fastest mode grows by e, as a delay does that is too
        long. "stop" raises `UnstableLoop`. After 40 tries all of them do. A new damping sets N resistors anew, the
        arrays stay.

    pickle and `copy.deepcopy` take the module along; copy (module, optimizer) together to keep the two together.
    A parameter that is frozen leaves the system, with its part of momentum and readout, and comes back with none; one
    that is new is added by `add_param_group`. A delayed program of other parameters is dropped.

    `stats` holds the solver's last stats, `damping`, and the sums `steps`, `total_analog_time` [tau], `policy_acted`
    (steps with an unstable loop) and `unstable_runs` of the device in them.
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
        params: Iterable[Any] | None = None,
        unstable: Unstable = "raise-damping",
        deflated: int = 0,
        momentum: float = 0.0,
        betas: tuple[float, float] | None = None,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        levenberg_marquardt: LevenbergMarquardt | None = None,
        curvature: CurvatureKind = "ggn",
        curvature_rows: CurvatureRows = "all",
        curvature_average: int = 1,
        curvature_decay: float = 1.0,
        check: Check = "gradient",
        chunk: int | None = None,
        autocast: torch.dtype | None = None,
        data_parallel: bool = False,
    ) -> None:
        check_settings(lr, damping, delay, start, momentum, betas, weight_decay, eps)
        check_deflated(deflated, delay)
        check_parts("TNGD", loss_fn, solver)
        if chunk is not None:
            check_whole("TNGD", "chunk", chunk, 1)
        check_curvature(curvature, autocast, data_parallel, delay)
        check_averaged(curvature_rows, curvature_average, curvature_decay, curvature, data_parallel)
        check_unstable("TNGD", unstable)
        if levenberg_marquardt is not None and not isinstance(levenberg_marquardt, LevenbergMarquardt):
            found = shown(levenberg_marquardt)
            raise TypeError(f"TNGD: expected levenberg_marquardt as LevenbergMarquardt() or None, got {found}")
        check_check("TNGD", check)
        if check != "gradient" and curvature != "layers":
            raise ValueError(f'TNGD: check is of curvature "layers"; "{curvature}" is checked at each step')
        self._flat = FlatModule.of(module)
        defaults: dict[str, Any] = {"lr": lr, "damping": damping, "weight_decay": weight_decay, "momentum": momentum}
        if betas is not None:  # schedulers that move a momentum look for this name
            defaults |= {"betas": tuple(betas), "eps": eps}
        super().__init__(grouped("TNGD", module, params, self._flat.parameters), defaults)
        check_groups("TNGD", self.param_groups)
        self.loss_fn = loss_fn
        self.solver: Solver = solver if solver is not None else _default_solver()
        self.delay = delay
        self.start: Start = start
        self.deflated = deflated
        self.levenberg_marquardt = levenberg_marquardt
        self.stats: dict[str, float] = {}
        self._ranks = Ranks.here() if data_parallel else None
        sampled = curvature_rows == "sampled"
        self._linearise = Linearise(
            self._flat, loss_fn, curvature, chunk, autocast, self._ranks, Referee(check), sampled
        )
        self._window = Window(curvature_average, curvature_decay)
        self._stability = Stability(unstable)
        self._parts: list[MicroBatch] = []
        self._vectors: dict[str, Tensor] = {}
        self._sums = {"steps": 0.0, "total_analog_time": 0.0}
        self._stale: Stale | None = None
        self._loaded: Any = None

    @property
    def readout(self) -> Vector | None:
        """(N,) The device's last readout, where a warm start goes on; None before the first step."""
        return self._vectors.get("readout")

    def accumulate(self, inputs: Any, targets: Any) -> Tensor:
        """Linearise a micro-batch for the next step. Returns its loss, a scalar."""
        self._follow_changes()
        check_batch("TNGD", inputs, targets)
        self._parts.append(self._linearise.part(inputs, targets, self._damping))
        return self._parts[-1].made.loss

    def step(self, inputs: Any = MISSING, targets: Any = MISSING) -> Tensor:  # type: ignore[override]
        """One step on a batch and what was accumulated before it. Returns the loss before it, a scalar.

        `step(closure)`, as for `torch.optim.LBFGS`, takes the gradients that the closure leaves, clipped or not. It is
        called once, and then again, up to its `backward()`, for the loss as a function of the outputs.

        Raises ValueError where the parameters hold other gradients than those of the batch, which would be ignored.
        """
        if is_closure("TNGD", inputs, targets):
            return self._step_by(inputs)
        check_batch("TNGD", inputs, targets)
        whole, parts = self._whole(inputs, targets)
        check_finite("the loss", whole.loss, self._remedy(inputs, whole.loss))
        if self._linearise.autocast is None:
            own = self._flat.unflatten(whole.gradient).values()
            refuse_other_gradients("TNGD", zip(self._flat.parameters, own, strict=True))
        self._move(whole, parts, whole.gradient, self._linearise)
        return whole.loss

    def _step_by(self, closure: Callable[[], Any]) -> Tensor:
        if (
            self._parts
            or self._ranks is not None
            or self._linearise.kind == "fisher"
            or self._linearise.autocast is not None
        ):
            raise ValueError(
                "TNGD: step(closure) has no accumulated batches, data_parallel, autocast, or curvature "
                '"fisher"; use step(inputs, targets)'
            )
        self._follow_changes()
        asked = ask("TNGD", self._flat, closure)
        linearise = replace(self._linearise, loss_fn=asked.loss_fn)
        try:
            parts = [linearise.part(asked.inputs, None, self._damping)]
            whole = linearise.whole(parts, self._damping)
            check_finite("the loss", whole.loss, self._remedy(asked.inputs, whole.loss))
            check_finite("the closure's gradient", asked.gradient, "lower lr or raise damping")
            self._move(whole, parts, asked.gradient, linearise)
        finally:
            for p, grad in zip(self._flat.parameters, asked.grads, strict=True):
                p.grad = grad
        return whole.loss

    def _move(self, whole: Whole, parts: list[MicroBatch], gradient: Vector, linearise: Linearise) -> None:
        theta = self._flat.flatten()
        decay = self._spread("weight_decay")
        decays = any(group["weight_decay"] for group in self.param_groups)
        runs = self._stability.runs
        whole, window = self._averaged(whole)
        drive = gradient + decay * theta if decays else gradient
        g, program = self._relax(whole.program, drive)
        check_finite("the solver's direction", g, "raise damping")
        if self.levenberg_marquardt is not None and self.param_groups[0].get("betas") is None:
            self.stats["part_taken"] = part_taken(program, drive, g)
            g = self.stats["part_taken"] * g
        change = -self._spread("lr") * self._direction(g)
        self._flat.assign(theta + change)
        self._window = window
        self._stability.settle(runs)
        self.stats |= self._stability.stats()
        whole = replace(whole, program=program)
        rose = self.levenberg_marquardt is not None and not self._fell(whole, parts, theta, change, linearise)
        # a step by betas is as long at any damping: undone, it would be tried again for ever
        if rose and self.param_groups[0].get("betas") is None:
            self._flat.assign(theta)
            # or what it carries would raise the loss again, which no damping changes
            self._vectors |= {name: torch.zeros_like(v) for name, v in self._vectors.items() if name == "momentum"}

    def _averaged(self, whole: Whole) -> tuple[Whole, Window]:
        """The same with the curvature of the last steps in it, and what the next step averages over."""
        if self._window.length == 1:
            return whole, self._window
        assert isinstance(whole.program, Factors | Layered), "`check_averaged` lets no other curvature through"
        window = self._window.with_newest(whole.program)
        return replace(whole, program=window.averaged()), window

    @property
    def _damping(self) -> float:
        """What was asked for, and what an unstable loop needs above it."""
        same_in_all("TNGD", self.param_groups)
        return float(self.param_groups[0]["damping"]) + self._stability.added

    def _spread(self, name: str) -> float | Vector:
        return spread(self._flat.parameters, self.param_groups, name)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Train more of the module's parameters from the next step on. Raises ValueError for those of another."""
        if "stats" in vars(self):
            add_group("TNGD", self._flat.module, self.param_groups, super().add_param_group, param_group)
        else:  # torch adds those that it is given by itself
            super().add_param_group(param_group)

    def _follow_changes(self) -> None:
        """Parameters that were frozen, or added, since the last step."""
        flat = follow("TNGD", self._flat, self.param_groups)
        if flat is self._flat:
            return
        if self._parts:
            raise ValueError("TNGD: parameters were frozen or added since a batch was accumulated; call step before")
        here, there = Places(self._flat.parameters), Places(flat.parameters)
        if self.param_groups[0].get("betas") is not None:
            self._vectors.setdefault("born", torch.zeros_like(self._flat.flatten()))
        fill = {"born": self._sums["steps"]}
        self._vectors = {name: here.moved(v, there, fill.get(name, 0.0)) for name, v in self._vectors.items()}
        self._flat, self._linearise = flat, replace(self._linearise, flat=flat)
        self._window = replace(self._window, kept=())
        self._stale = self._loaded = None

    def state_dict(self) -> dict[str, Any]:
        """All that a bit-for-bit resume needs: analog state, the solver's generator, the stale program of a delay.

        Not inside: the module's parameters and torch's global generator (dropout), which belong to the caller.
        """
        state = super().state_dict()
        state["analog"] = {
            "vectors": {name: v.clone() for name, v in self._vectors.items()},
            "stats": {name: value for name, value in self.stats.items() if math.isfinite(value)},
            "sums": {**self._sums, **self._stability.stats()},
            "solver": solver_state(self.solver),
            "stale": None if self._stale is None else self._stale.pack(),
            **self._window_state(),
        }
        return state

    def _window_state(self) -> dict[str, Any]:
        """Of an average over steps; other states are as they always were."""
        kept = [packed_program(one) for one in self._window.kept]
        return {"window": kept} if self._window.length > 1 else {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where another TNGD of the same module and settings stood.

        Raises ValueError for another optimiser's state, or another module's, before anything is changed.
        """
        analog = analog_state(state_dict, "TNGD", ("vectors", "sums", "solver", "stale"), self.param_groups)
        self._follow_changes()
        like = self._flat.flatten()
        refuse_other_sizes("TNGD", analog["vectors"], len(like))
        stale = None if analog["stale"] is None else Stale.unpack(analog["stale"], like)
        kept = tuple(unpacked_program(one, like) for one in analog.get("window", ()))  # other versions kept none
        set_solver_state(self.solver, analog["solver"])
        super().load_state_dict(state_dict)
        self._window = replace(self._window, kept=kept[-self._window.length :])
        self._vectors = {name: v.to(like, copy=True) for name, v in analog["vectors"].items()}
        self._sums = {name: analog["sums"][name] for name in ("steps", "total_analog_time")}
        self._stability.load(analog["sums"])
        self.stats = dict(analog["stats"] if "stats" in analog else analog["sums"])
        self._loaded, self._parts, self._stale = None, [], stale

    def __getstate__(self) -> dict[str, Any]:
        return own_state(self)

    def _whole(self, inputs: Any, targets: Any) -> tuple[Whole, list[MicroBatch]]:
        try:
            self.accumulate(inputs, targets)
            parts = self._parts
            whole = self._linearise.whole(self._parts, self._damping)
        finally:
            self._parts = []
        # J may be loaded in place where nothing asks for the program again
        once = self.delay == 0.0 and self.levenberg_marquardt is None and self._window.length == 1
        if isinstance(whole.program, Factors) and once:
            # nor may a part hold on to a J of its own
            return replace(whole, program=replace(whole.program, scratch=True)), []
        return whole, parts

    def _relax(self, program: AnyFactors, b: Vector) -> tuple[Vector, AnyFactors]:
        """The device's answer, and the program that it answers: an unstable loop may have needed more damping."""
        x0, waited = self._initial(b)
        x0, cost = self._settled(program, b, x0)
        before = solver_state(self.solver)
        warm = self.start == "warm" and "readout" in self._vectors
        relaxed = self._stability.relaxed(self.solver, program, b, x0, warm)
        solution, program = relaxed.solution, relaxed.program
        refuse_unsolved("TNGD", self.solver, solution)
        if self._ranks is not None:
            # the same numbers in every process, whatever their rounding
            solution = replace(solution, value=self._ranks.shown(solution.value, 0))
            self._stability.added = float(self._ranks.shown(torch.tensor(self._stability.added).to(b), 0))
        if self.delay > 0.0:
            self._stale, self._loaded = Stale(program, b, before), relaxed.loaded
        self._vectors["readout"] = solution.value
        self._sums["steps"] += 1
        self._sums["total_analog_time"] += solution.stats.get("analog_time", 0.0) + waited
        self.stats = {**solution.stats, **cost, "damping": program.damping, **self._sums}
        return solution.value, program

    def _initial(self, b: Vector) -> tuple[Vector | None, float]:
        last = self._vectors.get("readout")
        if self.start == "zero":
            return None, 0.0
        if self.start == "gradient" or last is None:
            return b, 0.0
        if self._stale is None:
            return last, 0.0
        if self._loaded is None:
            self._loaded = reloaded(self.solver, self._stale)
        waiting = self._stability.asked(self.solver, self._loaded, self._stale.b, last, self.delay)
        return waiting.value, waiting.stats.get("analog_time", 0.0)

    def _settled(self, program: AnyFactors, b: Vector, x0: Vector | None) -> tuple[Vector | None, dict[str, float]]:
        if not self.deflated:
            return x0, {}
        with torch.no_grad():
            found = deflated_start(program, b, x0, self.deflated)
        value = found.value if self._ranks is None else self._ranks.shown(found.value, 0)
        return value, {"lanczos_products": float(found.products), "slowest_left": found.slowest_left}

    def _direction(self, g: Vector) -> Vector:
        group = self.param_groups[0]
        if group.get("betas") is not None:
            return adam(self._vectors, g, group["betas"], group["eps"], int(self._sums["steps"]))
        if not any(one["momentum"] for one in self.param_groups):
            return g
        return momentum_step(self._vectors, g, self._spread("momentum"))

    def _remedy(self, inputs: Any, loss: Tensor) -> str:
        if not bool(loss.isfinite()):
            with torch.no_grad(), self._linearise.outputs.joined(self._flat.module):
                outputs = self._flat.outputs(self._flat.flatten(), inputs)
            if bool(outputs.isfinite().all()):
                return "the outputs are, so look at the targets (are all of them ignored?), or lower lr"
        return "lower lr or raise damping"

    def _fell(self, whole: Whole, parts: list[MicroBatch], theta: Vector, change: Vector, linearise: Linearise) -> bool:
        """Adapt the damping to what a step did to the loss. Returns whether it did not rise beyond rounding."""
        assert self.levenberg_marquardt is not None
        damping = whole.program.damping
        try:
            after = linearise.loss(parts)
        except Exception:
            self._flat.assign(theta)
            raise
        curved = whole.program.matvec(change) - damping * change
        predicted = float(whole.gradient @ change + 0.5 * change @ curved)
        of_decay = float((self._spread("weight_decay") * (theta + 0.5 * change)) @ change)
        predicted += of_decay
        rise = float(after - whole.loss) + of_decay
        uphill = self.stats.get("part_taken") == 0.0
        accepted = not uphill and rise <= _ROUNDING_OF_LOSS * torch.finfo(theta.dtype).eps * abs(float(whole.loss))
        self.stats["reduction_ratio"] = ratio = 0.0 if uphill else reduction_ratio(rise, predicted)
        self.stats["accepted"] = float(accepted or "betas" in self.param_groups[0])
        rule = self.levenberg_marquardt
        for group in self.param_groups:
            group["damping"] = rule.next(damping, ratio) if accepted or uphill else rule.after_rise(damping)
        self._stability.added = 0.0  # the rule has taken it up
        return accepted


def _default_solver() -> Solver:
    from ..solvers import IdealSPU

    return IdealSPU(t=50.0)
