"""Hessian of a loss with respect to the model's outputs, sample by sample."""

import functools
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .._types import LossFunction, OutputHessian
from ..programs import block_product, hessian_root
from ._coupling import HessianProduct, refuse_coupling
from ._randomness import GeneratorStates


def output_hessian(loss_fn: LossFunction, outputs: Float[Tensor, "B *output"], targets: Any) -> OutputHessian:
    """Hessian of the *whole* loss in the outputs of each sample, (B, k, k), outputs flattened to k.

    The reduction is part of it: for a mean over B samples each block carries its 1/B, so that
    `sum_x J_x^T H_x J_x` is the Gauss-Newton matrix of `loss_fn` as it is. Cross-entropy and squared error, and nothing
    derived from them, are recognised (functions, modules, `functools.partial` of either) and take a closed form; any
    other twice-differentiable loss that is a sum over samples costs k Hessian-vector products in the outputs.

    Raises ValueError when the loss couples samples, has reduction "none", or no second derivative in torch.
    """
    closed = _closed_form(loss_fn, outputs, targets)
    if isinstance(closed, _CrossEntropy):
        return closed.hessian(outputs, targets)
    if isinstance(closed, _SquaredError):
        return closed.hessian(outputs)
    return _hessian_by_products(loss_fn, outputs, targets)


def sampled_slopes(
    loss_fn: LossFunction, outputs: Float[Tensor, "B *output"], targets: Any, H: OutputHessian
) -> Float[Tensor, "B k"]:
    """A vector for each sample whose second moment is its block of `H`, from torch's global generator.

    H: `output_hessian` of the same. Of a cross-entropy it is the slope at a class that the model's own distribution
    draws, of a squared error that at a normal target about the output: the Fisher matrix, which is the Gauss-Newton
    matrix of these losses, by one draw (Martens, 2020, "New insights and perspectives on the natural gradient method").
    Of any other loss it is normal, with that covariance.
    """
    closed = _closed_form(loss_fn, outputs, targets)
    if isinstance(closed, _CrossEntropy):
        return closed.sampled(outputs, targets)
    white = torch.randn(H.shape[:2], dtype=H.dtype, device=H.device)
    return block_product(hessian_root(H, keep=True), white.flatten()).reshape(H.shape[:2])


def is_known(loss_fn: LossFunction, outputs: Tensor, targets: Any) -> bool:
    """Whether the loss is one that has a closed form here."""
    return _closed_form(loss_fn, outputs, targets) is not None


def loss_and_slope(
    loss_fn: LossFunction,
    outputs: Float[Tensor, "B *output"],
    targets: Any,
    parameters: Sequence[Tensor] = (),
) -> tuple[Tensor, Float[Tensor, "B *output"]]:
    """The loss, a scalar, and its gradient in the outputs.

    Raises ValueError for a loss that is none, that draws random numbers, that does not depend on the outputs, that
    depends on `parameters` in another way, or that has trainable parameters of its own, wherever it keeps them.
    """
    _refuse_own_parameters(loss_fn, parameters)
    before = GeneratorStates.now(outputs.device)
    with torch.enable_grad():
        z = outputs.detach().requires_grad_(True)
        loss = loss_fn(z.clone(), targets)  # a loss may change its arguments in place
    if not isinstance(loss, Tensor) or loss.numel() != 1 or not loss.is_floating_point():
        shape = f"{loss.dtype}{list(loss.shape)}" if isinstance(loss, Tensor) else type(loss).__name__
        raise ValueError(f"loss_fn: expected a scalar, a sum or a mean over the samples, got {shape}")
    if not before.same_as(GeneratorStates.now(outputs.device)):
        raise ValueError("loss_fn: it draws random numbers, and is another function at each call")
    _refuse_untrained(loss, z, parameters)
    slope, *direct = _gradients(loss, [z, *parameters])
    if any(g is not None and bool((g != 0.0).any()) for g in direct):
        raise ValueError(
            "loss_fn: depends on the module's parameters in another way than by its outputs, which J^T H J leaves out; "
            "take a penalty on parameters out of it and use weight_decay"
        )
    if slope is None:
        raise ValueError("loss_fn: does not depend on the outputs by anything that torch can differentiate")
    return loss.detach().reshape(()), slope


def warn_of_no_curvature(H: OutputHessian, slope: Tensor) -> None:
    """Say so where a loss has a slope in the outputs and no curvature in any of them."""
    if not bool(H.any()) and bool(slope.any()):
        warnings.warn(
            "loss_fn: its second derivative in the outputs is zero (as that of L1Loss, or of NLLLoss in "
            "log-probabilities, or the outputs are so large that its slope is the same everywhere, as that of a "
            "CrossEntropyLoss that has diverged), so the step is the gradient over the damping; give CrossEntropyLoss "
            'the logits, lower the rate where it diverges, or use curvature "fisher"',
            stacklevel=2,
        )


@dataclass(frozen=True, slots=True)
class _SquaredError:
    reduction: str = "mean"

    def hessian(self, outputs: Tensor) -> Tensor:
        B = outputs.shape[0]
        k = outputs[0].numel()
        scale = 2.0 / outputs.numel() if _is_mean(self.reduction) else 2.0
        return (scale * torch.eye(k, dtype=outputs.dtype, device=outputs.device)).expand(B, k, k)


@dataclass(frozen=True, slots=True)
class _CrossEntropy:
    weight: Tensor | None = None
    ignore_index: int = -100
    label_smoothing: float = 0.0
    reduction: str = "mean"

    def hessian(self, outputs: Tensor, targets: Tensor) -> Tensor:
        # (B, C, d1, ...) -> one softmax per sample and position
        logits = outputs.flatten(2) if outputs.dim() > 2 else outputs.unsqueeze(-1)
        B, C, d = logits.shape
        p = logits.softmax(1).movedim(1, -1)
        block = torch.diag_embed(p) - p.unsqueeze(-1) * p.unsqueeze(-2)
        block = block * self._weights(logits, targets)[..., None, None]
        if d == 1:
            return block.squeeze(1)
        H = logits.new_zeros(B, C, d, C, d)
        H.diagonal(dim1=2, dim2=4).copy_(block.permute(0, 2, 3, 1))
        return H.reshape(B, C * d, C * d)

    def sampled(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The slope `sqrt(w) (p - e_c)` of each sample and position, with classes c drawn from p."""
        logits = outputs.flatten(2) if outputs.dim() > 2 else outputs.unsqueeze(-1)
        p = logits.softmax(1).movedim(1, -1)
        B, d, C = p.shape
        drawn = torch.multinomial(p.reshape(-1, C), 1).reshape(B, d)
        slope = p - nn.functional.one_hot(drawn, C).to(p)
        return (slope * self._weights(logits, targets).sqrt().unsqueeze(-1)).movedim(-1, 1).reshape(B, -1)

    def _weights(self, logits: Tensor, targets: Tensor) -> Tensor:
        B, C, d = logits.shape
        w = logits.new_ones(C) if self.weight is None else self.weight.to(logits)
        if targets.is_floating_point():
            q = targets.to(logits).reshape(B, C, d)
            q = (1 - self.label_smoothing) * q + self.label_smoothing / C
            total = torch.einsum("c,bcd->bd", w, q)
            return total / (B * d) if _is_mean(self.reduction) else total
        index = targets.reshape(B, d)
        kept = index != self.ignore_index
        chosen = w[index.where(kept, 0)] * kept
        total = (1 - self.label_smoothing) * chosen + self.label_smoothing / C * w.sum() * kept
        return total / chosen.sum() if _is_mean(self.reduction) else total


def _is_mean(reduction: str) -> bool:
    if reduction not in ("mean", "sum"):
        raise ValueError(f'loss reduction: expected "mean" or "sum", got {reduction!r}')
    return reduction == "mean"


def _closed_form(loss_fn: LossFunction, outputs: Tensor, targets: Any) -> _CrossEntropy | _SquaredError | None:
    """None for all but the very losses that are known, with arguments of the shapes that they are known for."""
    kind = _recognised(loss_fn)
    if not isinstance(targets, Tensor):
        return None
    if isinstance(kind, _SquaredError):
        return kind if targets.shape == outputs.shape else None
    if isinstance(kind, _CrossEntropy) and outputs.dim() >= 2:
        sites = outputs.shape[:1] + outputs.shape[2:]
        return kind if targets.shape == (outputs.shape if targets.is_floating_point() else sites) else None
    return None


def _recognised(loss_fn: Any) -> _CrossEntropy | _SquaredError | None:
    # What is derived from a loss, or has a hook or a forward of its own, may compute anything.
    if type(loss_fn) is nn.CrossEntropyLoss and _untouched(loss_fn):
        return _CrossEntropy(loss_fn.weight, loss_fn.ignore_index, loss_fn.label_smoothing, loss_fn.reduction)
    if type(loss_fn) is nn.MSELoss and _untouched(loss_fn):
        return _SquaredError(loss_fn.reduction)
    keywords: dict[str, Any] = {}
    function: Any = loss_fn
    if type(function) is functools.partial and not function.args:
        function, keywords = function.func, function.keywords
    if function is nn.functional.cross_entropy and _fits(_CrossEntropy, keywords):
        return _CrossEntropy(**keywords)
    if function is nn.functional.mse_loss and _fits(_SquaredError, keywords):
        return _SquaredError(**keywords)
    return None


def _untouched(loss: nn.Module) -> bool:
    return "forward" not in vars(loss) and not loss._forward_hooks and not loss._forward_pre_hooks


def _fits(kind: type[_CrossEntropy] | type[_SquaredError], keywords: dict[str, Any]) -> bool:
    return keywords.keys() <= {f.name for f in fields(kind)}


def _hessian_by_products(loss_fn: LossFunction, outputs: Tensor, targets: Any) -> Tensor:
    B = outputs.shape[0]
    k = outputs[0].numel()
    product = HessianProduct.of(loss_fn, outputs, targets)
    refuse_coupling(loss_fn, outputs, targets, product)
    basis = torch.eye(k, dtype=outputs.dtype, device=outputs.device)
    columns = [product(e.expand(B, k).reshape(outputs.shape)).reshape(B, k) for e in basis]
    H = torch.stack(columns, dim=-1)
    return (H + H.mT) / 2


def _gradients(loss: Tensor, of: Sequence[Tensor]) -> Sequence[Tensor | None]:
    if not loss.requires_grad:
        return [None] * len(of)
    return torch.autograd.grad(loss, list(of), retain_graph=True, allow_unused=True)


def _refuse_own_parameters(loss_fn: LossFunction, parameters: Sequence[Tensor]) -> None:
    if not isinstance(loss_fn, nn.Module):
        return
    known = {id(p) for p in parameters}
    own = [name for name, p in loss_fn.named_parameters() if p.requires_grad and id(p) not in known]
    if own and known:
        raise ValueError(
            f"loss_fn: has a trainable parameter {own[0]!r} of its own, which would not be trained; make it a part of "
            "the module, or freeze it by requires_grad_(False)"
        )


def _refuse_untrained(loss: Tensor, outputs: Tensor, parameters: Sequence[Tensor]) -> None:
    """A lambda or a class of one's own may hold parameters that no walk through modules finds; autograd knows them."""
    known = {id(outputs), *(id(p) for p in parameters)}
    untrained = next((leaf for leaf in _leaves(loss) if id(leaf) not in known), None)
    if untrained is not None and parameters:
        raise ValueError(
            f"loss_fn: depends on a tensor of shape {tuple(untrained.shape)} that requires a gradient "
            "and is no trained parameter of the module, so that it would not be trained; make it a part "
            "of the module, or detach it"
        )


def _leaves(value: Tensor) -> Iterator[Tensor]:
    """The tensors from which autograd's graph of a value begins."""
    waiting = [value.grad_fn]
    seen = set(waiting)
    while waiting:
        node = waiting.pop()
        if node is None:
            continue
        if hasattr(node, "variable"):
            yield node.variable
        fresh = {following for following, _ in node.next_functions} - seen
        seen |= fresh
        waiting.extend(fresh)
