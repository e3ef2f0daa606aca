"""Kronecker-factored natural gradient descent with every layer's factors on the device."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from ...files.arguments import check_flag, check_number, check_whole
from .._exceptions import Diverged, UnstableLoop
from .._types import LossFunction
from ..curvature import Check, FlatModule, KroneckerLayer, OutputParts, Referee, check_check, kronecker_layers
from ..devices.chips import SaturatedDevice, to_own_scale
from ..parallel import Ranks
from ..solvers import Solver
from ._batch_checks import MISSING, check_batch, check_parts, is_closure
from ._closure import refuse_other_gradients
from ._kronecker import Block, kronecker
from ._parameter_groups import add_group, check_groups, follow, grouped, same_in_all, value_of
from ._solver_state import analog_state, own_state, set_solver_state, solver_state
from ._stability import ATTEMPTS, Stability, Unstable, check_unstable
from ._unsolved import refuse_unsolved


@dataclass(frozen=True, slots=True, eq=False)
class _Loaded:
    """A factor as a device holds it: its largest entry is one. Any drive will do for `b`."""

    A: NDArray[np.float64]
    b: NDArray[np.float64]


class KFAC(torch.optim.Optimizer):
    """Natural gradient descent with a Kronecker product for each layer, both factors inverted by a linear solver.

    A layer's gradient as a matrix, D (o, i), becomes `(G + sqrt(lam)/pi)^-1 D (A + pi sqrt(lam))^-1`. A (i, i) is the
    second moment of the layer's inputs, G (o, o) the loss's curvature in its outputs, and `pi^2 = (tr A/i)/(tr G/o)`
    (Martens and Grosse, 2015; for convolutions Grosse and Martens, 2016). Every inverse is a
    dense program of the solver contract: loaded once for a step, scaled so that its largest entry is one, then asked
    once for each column of D, and for each row of what comes out of that.

    module: trained layers are `Linear` and `Conv2d`. lr, damping (lam), momentum, weight_decay: as for `TNGD`.
    solver: any, such as `DeviceSPU` (one crossbar at a time, its own converters in use) or `IdealSPU`; by default
        exact. An analog time is in units of tau for a program whose largest entry is one.
    decay: of the factors' moving average from step to step, 0 <= decay < 1; corrected for its start.
    bits: of the converters before and after each solve, on the scale of each vector; None leaves both exact.
    check, params, unstable: as for `TNGD`, with three backward passes for a full check; a layer that was frozen comes
        back with factors anew.
    data_parallel: every process of torch's process group steps on its own part of the batch, all of one size; the
        factors and the step are those of the whole.

    `stats` holds `solves`, the sum `total_analog_time` [tau], and `steps`.
    Raises ValueError: settings out of range, layers without Kronecker factors; `Diverged` from `step` before anything
    is changed.
    """

    def __init__(
        self,
        module: nn.Module,
        loss_fn: LossFunction,
        lr: float = 0.01,
        damping: float = 0.01,
        solver: Solver | None = None,
        *,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        decay: float = 0.95,
        bits: int | None = None,
        check: Check = "gradient",
        params: Iterable[Any] | None = None,
        unstable: Unstable = "raise-damping",
        data_parallel: bool = False,
    ) -> None:
        check_parts("KFAC", loss_fn, solver)
        for name, value in (("lr", lr), ("momentum", momentum), ("weight_decay", weight_decay)):
            check_number("KFAC", name, value)
        check_number("KFAC", "damping", damping, above=True)
        check_number("KFAC", "decay", decay, below=1.0)
        if bits is not None:
            check_whole("KFAC", "bits", bits, 2)
        check_flag("KFAC", "data_parallel", data_parallel)
        check_unstable("KFAC", unstable)
        check_check("KFAC", check)
        self._layers = kronecker_layers(module)
        parameters = [p for layer in self._layers.values() for p in layer.parameters(recurse=False)]
        defaults = {"lr": lr, "damping": damping, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(grouped("KFAC", module, params, parameters), defaults)
        check_groups("KFAC", self.param_groups)
        self._stability = Stability(unstable)
        self._flat = FlatModule.of(module)
        self._module = module
        self.loss_fn = loss_fn
        self.decay = decay
        self.bits = bits
        self.solver: Solver = solver if solver is not None else _default_solver()
        self.stats: dict[str, float] = {"steps": 0.0, "solves": 0.0, "total_analog_time": 0.0}
        self._ranks = Ranks.here() if data_parallel else None
        self._averages: dict[str, tuple[Tensor, Tensor]] = {}
        self._velocity: dict[str, Tensor] = {}
        self._outputs = OutputParts()
        self._referee = Referee(check)
        self._seen: dict[str, float] = {}

    def step(self, inputs: Any = MISSING, targets: Any = MISSING) -> Tensor:  # type: ignore[override]
        """One step on a batch. Returns the loss before it, a scalar. Raises as that of `TNGD`; there is no closure."""
        if is_closure("KFAC", inputs, targets):
            raise TypeError("KFAC: expected step(inputs, targets); a closure is for TNGD")
        check_batch("KFAC", inputs, targets)
        self._follow_changes()
        level = self._referee.level(self._module)
        made = self._outputs.tried(
            self._module,
            lambda: kronecker(
                self._module, self._layers, self._outputs.loss(self.loss_fn), inputs, targets, level, self._ranks
            ),
        )
        self._referee.passed()
        if not bool(made.loss.isfinite()):
            raise Diverged("the loss is not finite: lower lr or raise damping; nothing was changed by this step")
        refuse_other_gradients("KFAC", _own_gradients(self._layers.values(), made.blocks))
        blocks = dict(zip(self._layers, made.blocks, strict=True))
        self._average(blocks)
        directions = self._stable_directions(blocks)
        if self._ranks is not None:
            # the same numbers in every process, whatever their rounding
            directions = {name: self._ranks.shown(d, 0) for name, d in directions.items()}
        if not all(bool(d.isfinite().all()) for d in directions.values()):
            raise Diverged("the solver's direction is not finite: raise damping; the parameters are unchanged")
        if any(group["momentum"] for group in self.param_groups):
            momentum = self._by_layer("momentum")
            last = {name: self._velocity.get(name, torch.zeros_like(d)) for name, d in directions.items()}
            directions = self._velocity = {name: momentum[name] * last[name] + d for name, d in directions.items()}
        rates = self._by_layer("lr")
        with torch.no_grad():
            for name, layer in self._layers.items():
                _subtract(layer, rates[name] * directions[name])
        self.stats["steps"] += 1
        return made.loss

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """As that of `TNGD`, of whole layers."""
        if "stats" in vars(self):
            add_group("KFAC", self._module, self.param_groups, super().add_param_group, param_group)
        else:  # torch adds those that it is given by itself
            super().add_param_group(param_group)

    def _follow_changes(self) -> None:
        flat = follow("KFAC", self._flat, self.param_groups)
        if flat is self._flat:
            return
        layers = kronecker_layers(self._module)
        for kept in (self._averages, self._velocity, self._seen):
            for name in kept.keys() - layers.keys():  # a layer that comes back begins anew
                del kept[name]
        self._flat, self._layers = flat, layers

    def _by_layer(self, setting: str) -> dict[str, float | Tensor]:
        """A setting of the groups for each layer, a matrix where its weight and its bias differ."""
        of = value_of(self.param_groups, setting)
        return {name: _of_layer(layer, of) for name, layer in self._layers.items()}

    def _stable_directions(self, blocks: Mapping[str, Block]) -> dict[str, Tensor]:
        """By the policy, all of them anew with more damping where a loop would ring up."""
        same_in_all("KFAC", self.param_groups)
        runs = self._stability.runs
        decay = self._by_layer("weight_decay")
        while True:
            damping = self.param_groups[0]["damping"] + self._stability.added
            try:
                directions = {name: self._solved(name, block, decay[name], damping) for name, block in blocks.items()}
            except (UnstableLoop, SaturatedDevice):
                if self._stability.unstable != "raise-damping" or self._stability.runs - runs >= ATTEMPTS:
                    raise
                self._stability.raise_damping(damping)
            else:
                self._stability.settle(runs)
                self.stats |= {**self._stability.stats(), "damping": damping}
                return directions

    def state_dict(self) -> dict[str, Any]:
        """All that a bit-for-bit resume needs, as for `TNGD`."""
        state = super().state_dict()
        state["analog"] = {
            "averages": [(self._averages[n][0].clone(), self._averages[n][1].clone()) for n in self._saved],
            "velocity": [self._velocity[n].clone() for n in self._layers if n in self._velocity],
            "seen": torch.tensor([self._seen[n] for n in self._saved]),
            "stats": dict(self.stats),
            "solver": solver_state(self.solver),
        }
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As that of `TNGD`."""
        analog = analog_state(state_dict, "KFAC", ("averages", "velocity", "stats", "solver"), self.param_groups)
        self._follow_changes()
        like = next(self._module.parameters())
        averages = [(A.to(like, copy=True), G.to(like, copy=True)) for A, G in analog["averages"]]
        velocity = [v.to(like, copy=True) for v in analog["velocity"]]
        self._refuse_other_layers(averages, velocity)
        set_solver_state(self.solver, analog["solver"])
        super().load_state_dict(state_dict)
        self.stats = dict(analog["stats"])
        self._stability.load(self.stats)
        seen = analog.get("seen", torch.full((len(averages),), self.stats["steps"])).tolist()
        self._averages = dict(zip(self._layers, averages, strict=False))
        self._velocity = dict(zip(self._layers, velocity, strict=False))
        self._seen = dict(zip(self._layers, seen, strict=False))

    @property
    def _saved(self) -> list[str]:
        return [name for name in self._layers if name in self._averages]

    def __getstate__(self) -> dict[str, Any]:
        return own_state(self)

    def _refuse_other_layers(self, averages: list[tuple[Tensor, Tensor]], velocity: list[Tensor]) -> None:
        sizes = [tuple(_as_matrix(layer).shape) for layer in self._layers.values()]
        saved = [(len(G), len(A)) for A, G in averages]
        if (averages and saved != sizes) or (velocity and [tuple(v.shape) for v in velocity] != sizes):
            raise ValueError(f"KFAC: expected the state of layers {sizes}, got that of {saved}")

    def _average(self, blocks: Mapping[str, Block]) -> None:
        keep = self.decay
        take = 1.0 - self.decay
        for name, b in blocks.items():
            A, G = self._averages.get(name, (torch.zeros_like(b.A), torch.zeros_like(b.G)))
            self._averages[name] = (keep * A + take * b.A, keep * G + take * b.G)
            self._seen[name] = self._seen.get(name, 0.0) + 1.0

    def _corrected(self, name: str) -> tuple[Tensor, Tensor]:
        seen = 1.0 - self.decay ** self._seen[name]
        A, G = self._averages[name]
        return A / seen, G / seen

    def _solved(self, name: str, block: Block, decay: float | Tensor, damping: float) -> Float[Tensor, "o i"]:
        A, G = self._corrected(name)
        D = block.gradient + decay * _as_matrix(self._layers[name])
        pi = float(((A.trace() / len(A)) / (G.trace() / len(G)).clamp_min(1e-30)).sqrt().clamp(1e-6, 1e6))
        root = math.sqrt(damping)
        return self._inverse(A, pi * root, self._inverse(G, root / pi, D).T).T

    def _inverse(self, F: Float[Tensor, "n n"], damping: float, right: Float[Tensor, "n m"]) -> Float[Tensor, "n m"]:
        """`(F + damping I)^-1 right`, column by column."""
        whole = F + damping * torch.eye(len(F), dtype=F.dtype, device=F.device)
        scale = float(whole.abs().max())
        loaded = self.solver.init(_Loaded((whole / scale).double().cpu().numpy(), np.zeros(len(F))))
        columns = [self._ask(loaded, column) / scale for column in right.T]
        return torch.stack(columns, 1)

    def _ask(self, loaded: Any, b: Tensor) -> Tensor:
        drive = to_own_scale(b, self.bits)
        if self._stability.unstable == "shorten-t":
            solution = self._stability.asked(self.solver, loaded, drive, None)
        else:
            solution = self.solver.compute(loaded, drive)
        refuse_unsolved("KFAC", self.solver, solution)
        self.stats["solves"] += 1
        self.stats["total_analog_time"] += solution.stats.get("analog_time", 0.0)
        return to_own_scale(solution.value, self.bits)


def _default_solver() -> Solver:
    from ..solvers import Cholesky

    return Cholesky()


def _of_layer(layer: KroneckerLayer, of: Mapping[int, float]) -> float | Tensor:
    weight = of[id(layer.weight)]
    if layer.bias is None or of[id(layer.bias)] == weight:
        return weight
    whole = torch.full_like(_as_matrix(layer), weight)
    whole[:, -1] = of[id(layer.bias)]
    return whole


def _as_matrix(layer: KroneckerLayer) -> Tensor:
    weight = layer.weight.detach().flatten(1)
    return weight if layer.bias is None else torch.cat([weight, layer.bias.detach().unsqueeze(1)], 1)


def _own_gradients(layers: Iterable[KroneckerLayer], blocks: Iterable[Block]) -> Iterator[tuple[Tensor, Tensor]]:
    for layer, block in zip(layers, blocks, strict=True):
        inputs = layer.weight[0].numel()
        yield layer.weight, block.gradient[:, :inputs]
        if layer.bias is not None:
            yield layer.bias, block.gradient[:, inputs]


def _subtract(layer: KroneckerLayer, change: Tensor) -> None:
    inputs = layer.weight[0].numel()
    layer.weight -= change[:, :inputs].reshape(layer.weight.shape)
    if layer.bias is not None:
        layer.bias -= change[:, inputs]
