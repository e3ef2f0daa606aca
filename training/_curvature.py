"""Curvature factors of a module at one batch, by torch.func."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.func import jacrev, vjp, vmap
from torch.utils import _pytree as pytree

from ._factors import Factors
from ._losses import loss_and_slope, normaliser, output_hessian
from ._module import FlatModule
from ._types import LossFunction, Vector

Kind = Literal["ggn", "fisher"]


@dataclass(frozen=True, slots=True, eq=False)
class Curvature:
    """One batch's loss (scalar), gradient (N,) and curvature factors, all of the same forward pass.

    normaliser: what the loss divides its sum over the samples by; None for a sum.
    """

    loss: Tensor
    gradient: Vector
    factors: Factors
    normaliser: float | None = None


def curvature(
    module: nn.Module,
    loss_fn: LossFunction,
    inputs: Any,
    targets: Any,
    damping: float = 0.0,
    chunk: int | None = None,
    *,
    kind: Kind = "ggn",
    autocast: torch.dtype | None = None,
) -> Curvature:
    """Loss, gradient and `F = J^T H J + damping I` of `module` under `loss_fn`.

    kind: "ggn" - the Gauss-Newton matrix of Schraudolph (2002), "Fast curvature matrix-vector products": J (B k, N) the
        outputs' Jacobian in the trainable parameters (`module.parameters()` order), H the loss's Hessian in the
        outputs. "fisher" - the empirical Fisher matrix `1/B sum_x g_x g_x^T` of the samples' own gradients (Kunstner
        et al., 2019, on when the two differ): J (B, N) has the rows `g_x/sqrt(B)`, H is the identity; without the
        1/B for a loss that is a sum.
    `inputs`: a tensor, a tuple of positional or a mapping of keyword arguments, all batched first.
    `chunk`: samples differentiated at a time (default: an eighth of the batch), the memory above J itself.
    autocast: compute the forward pass in bfloat16 or float16; J, H and all that follows stay float32.
    Active dropout draws one mask per sample from torch's global generator, the same for J and for the loss.

    Raises ValueError: layers with batch statistics, no or unlike trainable parameters, a loss that couples samples,
    and mixed precision where it does not hold.
    """
    flat = FlatModule.of(module)
    sample = _autocast(flat, autocast)
    outputs, J = _linearised(flat, inputs, chunk, sample, kind)
    with torch.no_grad():
        loss, slope = loss_and_slope(loss_fn, outputs, targets)
        divisor = normaliser(loss_fn, outputs, targets)
        if J is not None:
            factors = Factors(J, output_hessian(loss_fn, outputs, targets), damping)
            gradient = J.T @ slope.reshape(-1)
        else:
            shares = _pulled_back(flat, inputs, slope, chunk, sample)
            gradient = shares.sum(0)
            # one sample's share of a mean is 1/B of its gradient
            rows = shares if divisor is None else shares.mul_(len(shares) ** 0.5)
            factors = Factors(rows, None, damping)
    _check_range(gradient, loss, autocast)
    return Curvature(loss, gradient, factors, divisor)


@dataclass(frozen=True, slots=True)
class _Sample:
    """One sample's outputs, flat and as they are."""

    flat: FlatModule
    device: str
    autocast: torch.dtype | None

    def __call__(self, values: dict[str, Tensor], x: Any) -> tuple[Tensor, Tensor]:
        one = pytree.tree_map(lambda a: a.unsqueeze(0), x)
        with torch.autocast(self.device, self.autocast, enabled=self.autocast is not None):
            out = self.flat.outputs(values, one).squeeze(0)
        out = out.to(self.flat.parameters[0].dtype)
        return out.reshape(-1), out


def _autocast(flat: FlatModule, dtype: torch.dtype | None) -> _Sample:
    first = flat.parameters[0]
    if dtype is not None and dtype not in (torch.bfloat16, torch.float16):
        raise ValueError(f"autocast: expected torch.bfloat16 or torch.float16, got {dtype}")
    if dtype is not None and first.dtype != torch.float32:
        raise ValueError(
            f"autocast: expected float32 parameters, got {first.dtype}: a forward pass in {dtype} would lose the "
            "digits that they are kept for; leave autocast out or use float32"
        )
    return _Sample(flat, first.device.type, dtype)


def _check_range(gradient: Vector, loss: Tensor, autocast: torch.dtype | None) -> None:
    if autocast is torch.float16 and bool(loss.isfinite()) and not bool(gradient.isfinite().all()):
        raise ValueError(
            "autocast: derivatives left the range of float16 (6e-8 to 65504); "
            "use torch.bfloat16, whose range is that of float32"
        )


def _values(flat: FlatModule) -> dict[str, Tensor]:
    return dict(zip(flat.names, (p.detach() for p in flat.parameters), strict=True))


def _linearised(
    flat: FlatModule, inputs: Any, chunk: int | None, sample: _Sample, kind: Kind
) -> tuple[Tensor, Tensor | None]:
    if kind not in ("ggn", "fisher"):
        raise ValueError(f'curvature: expected kind "ggn" or "fisher", got {kind!r}')
    if _batch(inputs) == 0:
        raise ValueError("inputs: expected at least one sample, got an empty batch")
    return _jacobian(flat, inputs, chunk, sample) if kind == "ggn" else (_outputs(flat, inputs, chunk, sample), None)


def _jacobian(flat: FlatModule, inputs: Any, chunk: int | None, sample: _Sample) -> tuple[Tensor, Tensor]:
    per_sample = vmap(jacrev(sample, has_aux=True), in_dims=(None, 0), randomness="different")
    outputs: list[Tensor] = []
    J = torch.empty(0, flat.N)
    row = 0
    for piece in _chunks(inputs, chunk):
        blocks, out = per_sample(_values(flat), piece)
        outputs.append(out)
        rows = out.numel()
        if row == 0:
            J = out.new_empty(_batch(inputs) * out[0].numel(), flat.N)
        _store(J[row : row + rows], [blocks[name] for name in flat.names])
        row += rows
    return torch.cat(outputs), J


def _outputs(flat: FlatModule, inputs: Any, chunk: int | None, sample: _Sample) -> Tensor:
    """Outputs alone, leaving torch's generators where `_pulled_back` will draw the same masks."""

    def outputs(values: dict[str, Tensor], x: Any) -> Tensor:
        # differentiated as there, so that the same kernels draw
        out: Tensor = vjp(lambda v: sample(v, x)[1], values)[0]
        return out

    per_sample = vmap(outputs, in_dims=(None, 0), randomness="different")
    with torch.random.fork_rng(_cuda(flat)):
        return torch.cat([per_sample(_values(flat), piece).detach() for piece in _chunks(inputs, chunk)])


def _pulled_back(flat: FlatModule, inputs: Any, slope: Tensor, chunk: int | None, sample: _Sample) -> Tensor:
    """J_x^T slope_x of each sample, (B, N)."""

    def pulled(values: dict[str, Tensor], x: Any, u: Tensor) -> dict[str, Tensor]:
        back: dict[str, Tensor] = vjp(lambda v: sample(v, x)[1], values)[1](u)[0]
        return back

    per_sample = vmap(pulled, in_dims=(None, 0, 0), randomness="different")
    J = slope.new_empty(len(slope), flat.N)
    row = 0
    for piece in _chunks((inputs, slope), chunk):
        blocks = per_sample(_values(flat), *piece)
        rows = len(piece[1])
        _store(J[row : row + rows], [blocks[name].unsqueeze(1) for name in flat.names])
        row += rows
    return J


def _cuda(flat: FlatModule) -> list[torch.device]:
    device = flat.parameters[0].device
    return [device] if device.type == "cuda" else []


def _batch(inputs: Any) -> int:
    return len(pytree.tree_leaves(inputs)[0])


def _store(J: Tensor, blocks: list[Tensor]) -> None:
    # (samples, k, *shape) per parameter -> columns of J
    column = 0
    for block in blocks:
        width = block[0, 0].numel()
        J[:, column : column + width] = block.detach().reshape(len(J), width)
        column += width


def _chunks(inputs: Any, chunk: int | None) -> Iterator[Any]:
    B = _batch(inputs)
    size = chunk or max(1, B // 8)
    for start in range(0, B, size):
        piece = slice(start, start + size)
        yield pytree.tree_map(lambda a, s=piece: a[s], inputs)
