"""Kronecker-factored natural gradient descent with every layer's factors on the device."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from .._exceptions import Diverged
from .._types import LossFunction
from ..curvature import FlatModule, Layer, trainable_layers
from ..devices.chips import to_own_scale
from ..parallel import Ranks
from ..solvers import Solver
from ._batch_checks import MISSING, check_batch, check_parts, is_closure
from ._closure import refuse_other_gradients
from ._kronecker import Block, kronecker
from ._solver_state import analog_state, own_state, set_solver_state, solver_state
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
        data_parallel: bool = False,
    ) -> None:
        check_parts("KFAC", loss_fn, solver)
        for name, value in (("lr", lr), ("momentum", momentum), ("weight_decay", weight_decay)):
            if not 0.0 <= value < math.inf:
                raise ValueError(f"KFAC: expected {name} finite and >= 0, got {value}")
        if not 0.0 < damping < math.inf:
            raise ValueError(f"KFAC: expected a finite damping > 0, got {damping}")
        if not 0.0 <= decay < 1.0:
            raise ValueError(f"KFAC: expected 0 <= decay < 1, got {decay}")
        if bits is not None and bits < 2:
            raise ValueError(f"KFAC: expected bits >= 2, or None, got {bits}")
        self._layers = trainable_layers(module)
        parameters = [p for layer in self._layers.values() for p in layer.parameters(recurse=False)]
        super().__init__(parameters, {"lr": lr, "damping": damping, "momentum": momentum, "weight_decay": weight_decay})
        self._flat = FlatModule.of(module)
        self._module = module
        self.loss_fn = loss_fn
        self.decay = decay
        self.bits = bits
        self.solver: Solver = solver if solver is not None else _default_solver()
        self.stats: dict[str, float] = {"steps": 0.0, "solves": 0.0, "total_analog_time": 0.0}
        self._ranks = Ranks.here() if data_parallel else None
        self._averages: list[tuple[Tensor, Tensor]] = []
        self._velocity: list[Tensor] = []

    def step(self, inputs: Any = MISSING, targets: Any = MISSING) -> Tensor:  # type: ignore[override]
        """One step on a batch. Returns the loss before it, a scalar. Raises as that of `TNGD`; there is no closure."""
        if is_closure("KFAC", inputs, targets):
            raise TypeError("KFAC: expected step(inputs, targets); a closure is for TNGD")
        check_batch("KFAC", inputs, targets)
        group = self.param_groups[0]
        self._flat.refuse_changes()
        made = kronecker(self._module, self._layers, self.loss_fn, inputs, targets, self._ranks)
        if not bool(made.loss.isfinite()):
            raise Diverged("the loss is not finite: lower lr or raise damping; nothing was changed by this step")
        refuse_other_gradients("KFAC", _own_gradients(self._layers.values(), made.blocks))
        self._average(made.blocks)
        directions = [
            self._solved(block, A, G, layer, group)
            for block, (A, G), layer in zip(made.blocks, self._corrected(), self._layers.values(), strict=True)
        ]
        if self._ranks is not None:
            # the same numbers in every process, whatever their rounding
            directions = [self._ranks.shown(d, 0) for d in directions]
        if not all(bool(d.isfinite().all()) for d in directions):
            raise Diverged("the solver's direction is not finite: raise damping; the parameters are unchanged")
        if group["momentum"]:
            last = self._velocity or [torch.zeros_like(d) for d in directions]
            directions = [group["momentum"] * v + d for v, d in zip(last, directions, strict=True)]
            self._velocity = directions
        with torch.no_grad():
            for layer, direction in zip(self._layers.values(), directions, strict=True):
                _subtract(layer, group["lr"] * direction)
        self.stats["steps"] += 1
        return made.loss

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        if self.param_groups:
            raise ValueError("KFAC: one parameter group only; freeze parameters by requires_grad instead")
        super().add_param_group(param_group)

    def state_dict(self) -> dict[str, Any]:
        """All that a bit-for-bit resume needs, as for `TNGD`."""
        state = super().state_dict()
        state["analog"] = {
            "averages": [(A.clone(), G.clone()) for A, G in self._averages],
            "velocity": [v.clone() for v in self._velocity],
            "stats": dict(self.stats),
            "solver": solver_state(self.solver),
        }
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As that of `TNGD`."""
        analog = analog_state(state_dict, "KFAC", ("averages", "velocity", "stats", "solver"), self.param_groups)
        like = next(self._module.parameters())
        averages = [(A.to(like, copy=True), G.to(like, copy=True)) for A, G in analog["averages"]]
        velocity = [v.to(like, copy=True) for v in analog["velocity"]]
        self._refuse_other_layers(averages, velocity)
        set_solver_state(self.solver, analog["solver"])
        super().load_state_dict(state_dict)
        self._averages = averages
        self._velocity = velocity
        self.stats = dict(analog["stats"])

    def __getstate__(self) -> dict[str, Any]:
        return own_state(self)

    def _refuse_other_layers(self, averages: list[tuple[Tensor, Tensor]], velocity: list[Tensor]) -> None:
        sizes = [tuple(_as_matrix(layer).shape) for layer in self._layers.values()]
        saved = [(len(G), len(A)) for A, G in averages]
        if (averages and saved != sizes) or (velocity and [tuple(v.shape) for v in velocity] != sizes):
            raise ValueError(f"KFAC: expected the state of layers {sizes}, got that of {saved}")

    def _average(self, blocks: tuple[Block, ...]) -> None:
        old = self._averages or [(torch.zeros_like(b.A), torch.zeros_like(b.G)) for b in blocks]
        keep = self.decay
        take = 1.0 - self.decay
        self._averages = [(keep * A + take * b.A, keep * G + take * b.G) for (A, G), b in zip(old, blocks, strict=True)]

    def _corrected(self) -> list[tuple[Tensor, Tensor]]:
        seen = 1.0 - self.decay ** (self.stats["steps"] + 1)
        return [(A / seen, G / seen) for A, G in self._averages]

    def _solved(
        self, block: Block, A: Float[Tensor, "i i"], G: Float[Tensor, "o o"], layer: Any, group: dict[str, Any]
    ) -> Float[Tensor, "o i"]:
        D = block.gradient
        if group["weight_decay"]:
            D = D + group["weight_decay"] * _as_matrix(layer)
        pi = float(((A.trace() / len(A)) / (G.trace() / len(G)).clamp_min(1e-30)).sqrt().clamp(1e-6, 1e6))
        root = math.sqrt(group["damping"])
        return self._inverse(A, pi * root, self._inverse(G, root / pi, D).T).T

    def _inverse(self, F: Float[Tensor, "n n"], damping: float, right: Float[Tensor, "n m"]) -> Float[Tensor, "n m"]:
        """`(F + damping I)^-1 right`, column by column."""
        whole = F + damping * torch.eye(len(F), dtype=F.dtype, device=F.device)
        scale = float(whole.abs().max())
        loaded = self.solver.init(_Loaded((whole / scale).double().cpu().numpy(), np.zeros(len(F))))
        columns = [self._ask(loaded, column) / scale for column in right.T]
        return torch.stack(columns, 1)

    def _ask(self, loaded: Any, b: Tensor) -> Tensor:
        solution = self.solver.compute(loaded, to_own_scale(b, self.bits))
        refuse_unsolved("KFAC", self.solver, solution)
        self.stats["solves"] += 1
        self.stats["total_analog_time"] += solution.stats.get("analog_time", 0.0)
        return to_own_scale(solution.value, self.bits)


def _default_solver() -> Solver:
    from ..solvers import Cholesky

    return Cholesky()


def _as_matrix(layer: nn.Linear | nn.Conv2d) -> Tensor:
    weight = layer.weight.detach().flatten(1)
    return weight if layer.bias is None else torch.cat([weight, layer.bias.detach().unsqueeze(1)], 1)


def _own_gradients(layers: Iterable[Layer], blocks: Iterable[Block]) -> Iterator[tuple[Tensor, Tensor]]:
    for layer, block in zip(layers, blocks, strict=True):
        inputs = layer.weight[0].numel()
        yield layer.weight, block.gradient[:, :inputs]
        if layer.bias is not None:
            yield layer.bias, block.gradient[:, inputs]


def _subtract(layer: nn.Linear | nn.Conv2d, change: Tensor) -> None:
    inputs = layer.weight[0].numel()
    layer.weight -= change[:, :inputs].reshape(layer.weight.shape)
    if layer.bias is not None:
        layer.bias -= change[:, inputs]
