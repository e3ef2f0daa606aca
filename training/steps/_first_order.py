"""Steps of SGD, Adam and L-BFGS."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from .._types import LossFunction
from ..costs import Parts, now
from ..curvature import call
from ..parallel import Ranks
from ..tasks import Split
from ._taken import Taken

_STABILITY = ("damping", "lambda_max", "growth", "loop_margin", "damping_slack", "policy_acted", "unstable_runs")


class Optimised:
    """What every stepper asks of its optimiser."""

    _optimizer: torch.optim.Optimizer
    warning: str | None = None
    """What whoever reads the result must know of the device."""

    def set_learning_rate(self, lr: float) -> None:
        for group in self._optimizer.param_groups:
            group["lr"] = lr

    def set_damping(self, damping: float) -> None:
        """Set the damping of an optimiser that has one."""
        for group in self._optimizer.param_groups:
            group["damping"] = damping

    @property
    def stability(self) -> dict[str, float]:
        """What the last step told of its damping and of the device's loop."""
        stats: Mapping[str, float] = getattr(self._optimizer, "stats", {})
        told = _STABILITY if "growth" in stats or stats.get("policy_acted") else ("damping",)
        return {name: stats[name] for name in told if name in stats}

    def state_dict(self) -> dict[str, Any]:
        return self._optimizer.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._optimizer.load_state_dict(state)


class FirstOrder(Optimised):
    """Digital: what it costs is what it took."""

    def __init__(
        self, module: nn.Module, loss_fn: LossFunction, optimizer: torch.optim.Optimizer, ranks: Ranks | None
    ) -> None:
        self._module = module
        self._loss_fn = loss_fn
        self._optimizer = optimizer
        self._ranks = ranks

    def step(self, batches: Sequence[Split]) -> Taken:
        began = now()
        # the loss before the step, however often the optimiser looks at it
        loss = self._optimizer.step(lambda: self._loss(batches))
        return Taken(float(loss), Parts(digital=now() - began))

    def _loss(self, batches: Sequence[Split]) -> float:
        """The loss of all batches together; leaves its gradient in the parameters."""
        self._optimizer.zero_grad()
        total = 0.0
        for batch in batches:
            # all of one size, and a task's loss is a mean
            loss = self._loss_fn(call(self._module, batch.inputs), batch.targets) / len(batches)
            loss.backward()
            total += loss.item()
        return total if self._ranks is None else self._averaged(total, self._ranks)

    def _averaged(self, loss: float, ranks: Ranks) -> float:
        """Gradients and loss of the whole batch, whose parts have one size."""
        given = [p for group in self._optimizer.param_groups for p in group["params"] if p.grad is not None]
        for p in given:
            p.grad = ranks.sum(p.grad) / ranks.count
        return float(ranks.sum(torch.tensor(loss, device=given[0].device))) / ranks.count
