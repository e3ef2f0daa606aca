"""A step by a closure, as `torch.optim.LBFGS` has it, and the gradients that a user made before a step."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from .._types import LossFunction, Vector
from ..curvature import FlatModule, GeneratorStates

# Relative deviations of gradients that two passes through the same network may have by rounding.
CLOSE = {torch.float64: 1e-9, torch.float32: 1e-4}


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What one call of a closure showed.

    gradient: (N,) as the closure left it, clipped if it clips. loss_fn: its loss as a function of the module's outputs,
    by calling it again, up to its `backward()`, with a module that answers with these.
    """

    inputs: Any
    gradient: Vector
    grads: tuple[Tensor | None, ...]
    loss_fn: LossFunction


def ask(name: str, flat: FlatModule, closure: Callable[[], Any]) -> Asked:
    """Call a closure. Raises ValueError for one that is not zero_grad, loss, backward, return the loss."""
    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
    before = GeneratorStates.now(flat.parameters[0].device)
    handle = flat.module.register_forward_pre_hook(lambda _, args, kw: calls.append((args, kw)), with_kwargs=True)
    try:
        with torch.enable_grad(), _Backwards(stop=False) as backwards:
            loss = closure()
    finally:
        handle.remove()
    _check_one_call(name, len(calls), backwards.losses, loss)
    if not before.same_as(GeneratorStates.now(flat.parameters[0].device)):
        raise ValueError(f"{name}: the closure draws random numbers; use step(inputs, targets), or call eval()")
    args, keywords = calls[0]
    if args and keywords:
        raise ValueError(f"{name}: expected a closure that calls the module by position or by keyword, got both")
    grads = tuple(p.grad for p in flat.parameters)
    return Asked(keywords or args, _flattened(flat, grads), grads, _loss_of_outputs(flat.module, closure))


def refuse_other_gradients(name: str, pairs: Iterable[tuple[Tensor, Tensor]]) -> None:
    """Raises ValueError where parameters hold gradients, clipped ones say, that are not those of the batch.

    pairs: each parameter, and its gradient by the batch. Raises it also for a hook that waits for a
    gradient in `.grad`, where a step leaves none.
    """
    pairs = list(pairs)
    if any(getattr(p, "_post_accumulate_grad_hooks", None) for p, _ in pairs):
        raise ValueError(
            f"{name}: a parameter has a hook that waits for its gradient "
            "(register_post_accumulate_grad_hook), which step(inputs, targets) never makes; remove it, "
            "or hand the gradients over by step(closure)"
        )
    held = [(p.grad.to_dense().flatten(), own.flatten()) for p, own in pairs if p.grad is not None]
    if not held:
        return
    given, own = (torch.cat(column) for column in zip(*held, strict=True))
    if bool(given.any()) and not float((given - own).norm()) <= CLOSE[own.dtype] * float(own.norm()):
        raise ValueError(
            f"{name}: the parameters hold gradients (p.grad) that are not those of this batch, and "
            "step(inputs, targets) computes its own; call zero_grad() before it, or hand them over by step(closure)"
        )


class _Stopped(Exception):
    """A closure has come to its backward pass."""


class _Backwards(TorchFunctionMode):
    """Notes what `backward` is called on, and may stop there."""

    def __init__(self, stop: bool) -> None:
        super().__init__()
        self.stop = stop
        self.losses: list[Tensor] = []

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is Tensor.backward:
            self.losses.append(args[0])
            if self.stop:
                raise _Stopped
        return func(*args, **(kwargs or {}))


def _check_one_call(name: str, calls: int, losses: list[Tensor], loss: Any) -> None:
    if calls != 1 or len(losses) != 1:
        raise ValueError(
            f"{name}: expected a closure that calls the module once and loss.backward() once, as for "
            f"torch.optim.LBFGS; it called the module {calls} and backward() {len(losses)} times"
        )
    if not isinstance(loss, Tensor) or not torch.equal(loss.detach(), losses[0].detach()):
        raise ValueError(
            f"{name}: expected a closure that returns the loss that it calls backward() on; a scaled loss (GradScaler, "
            "accumulated gradients) has another curvature than the loss"
        )


def _flattened(flat: FlatModule, grads: Sequence[Tensor | None]) -> Vector:
    dense = [torch.zeros_like(p) if g is None else g.to_dense() for g, p in zip(grads, flat.parameters, strict=True)]
    return torch.cat([g.reshape(-1) for g in dense]).detach().clone()


def _loss_of_outputs(module: nn.Module, closure: Callable[[], Any]) -> LossFunction:
    def loss_fn(outputs: Any, targets: None) -> Tensor:
        with _answering(module, outputs), _Backwards(stop=True) as backwards:
            try:
                closure()
            except _Stopped:
                return backwards.losses[0]
        raise ValueError("closure: expected it to call loss.backward() at each call")

    return loss_fn


@contextmanager
def _answering(module: nn.Module, outputs: Any) -> Iterator[None]:
    """A module that answers with these outputs, whatever it is asked and whatever hooks it has."""
    own = vars(module).get("forward")
    handle = module.register_forward_hook(lambda *_: outputs)
    module.forward = lambda *_, **__: outputs
    try:
        yield
    finally:
        handle.remove()
        del module.forward
        if own is not None:
            module.forward = own
