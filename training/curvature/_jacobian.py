"""Curvature factors of a module at one batch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .._exceptions import ran_out
from .._types import Jacobian, LossFunction, Rows, Vector
from ..parallel import Ranks
from ..programs import Factors, block_product, gathered_batch
from ._flat_module import FlatModule
from ._losses import loss_and_slope, output_hessian, sampled_slopes, warn_of_no_curvature
from ._plain_pass import PlainPass, evaluating, probe
from ._sample_shares import sample_shares
from ._sample_wise import SampleWise

Kind = Literal["ggn", "fisher"]
AskLoss = Callable[[Tensor], tuple[Tensor, Tensor]]
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, eq=False)
class Curvature:
    """One batch's loss (scalar), gradient (N,) and curvature factors, all of the same forward pass."""

    loss: Tensor
    gradient: Vector
    factors: Factors


@dataclass(frozen=True, slots=True, eq=False)
class Linearised:
    """A module linearised at one batch. `outputs` and `loss` (scalar) are what it gave there.

    rows: the Jacobian J of the outputs, (B k, N), where `slope` is None; else J_x^T slope_x of each sample, (B, N).
    """

    outputs: Float[Tensor, "B *output"]
    loss: Tensor
    rows: Jacobian
    slope: Float[Tensor, "B *output"] | None = None

    @classmethod
    def joined(cls, parts: "Sequence[Linearised]") -> "Linearised":
        """One batch of all parts' samples. Raises ValueError for parts whose outputs do not fit together."""
        first = parts[0]
        if len(parts) == 1:
            return first
        shapes = {tuple(part.outputs.shape[1:]) for part in parts}
        if len(shapes) > 1:
            raise ValueError(
                f"TNGD: micro-batches make one batch where a sample's outputs have one shape, got {sorted(shapes)}; "
                "pad them to one length"
            )
        slopes = [part.slope for part in parts if part.slope is not None]
        return cls(
            torch.cat([part.outputs for part in parts]),
            first.loss,
            torch.cat([part.rows for part in parts]),
            torch.cat(slopes) if slopes else None,
        )


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
        outputs. "fisher" - the empirical Fisher matrix `sum_x a_x g_x g_x^T` of the samples' own gradients (Kunstner
        et al., 2019, on when the two differ): g_x is the gradient of the loss of sample x alone, and a_x what it counts
        in the loss of the batch: 1/B for a mean, 1 for a sum, `w_x/sum w` for a weighted or masked mean. J (B, N) has
        the rows `sqrt(a_x) g_x`, H is the identity. A sample is a row of the outputs.
    `inputs`: a tensor, a tuple of positional or a mapping of keyword arguments.
    `chunk`: samples differentiated at a time (default: an eighth of the batch), the memory above J itself.
    autocast: compute the forward pass in bfloat16 or float16; J, H and all that follows stay float32.
    Active dropout draws one mask per sample from torch's global generator, the same for J and for the loss.

    Samples are differentiated one by one, and one plain forward and backward pass of the whole batch (two of each with
    dropout or autocast) tells whether that is right. Where it is not, because samples are mixed or torch cannot
    transform the module, each row of J is a plain backward pass of the whole batch: right, and up to B times the work.

    Raises ValueError: batch normalisation in training mode, no or unlike trainable parameters, outputs that are not one
    tensor of real numbers, a loss that couples samples, that depends on parameters in another way than by the outputs
    or has its own, and mixed precision where it does not hold.
    """
    flat = FlatModule.of(module)
    made = linearised(flat, loss_fn, inputs, targets, chunk, kind=kind, autocast=autocast)
    whole = evaluated(made, loss_fn, targets, damping)
    check_range(whole, autocast)
    return whole


def linearised(
    flat: FlatModule,
    loss_fn: LossFunction,
    inputs: Any,
    targets: Any,
    chunk: int | None = None,
    *,
    kind: Kind = "ggn",
    autocast: torch.dtype | None = None,
) -> Linearised:
    """All that `curvature` needs to know of the module, whatever the loss makes of it. Raises as that does."""
    if kind not in ("ggn", "fisher"):
        raise ValueError(f'curvature: expected kind "ggn" or "fisher", got {kind!r}')
    _check_autocast(flat, autocast)
    plain = PlainPass.of(flat, inputs, autocast)

    def of_loss(outputs: Tensor) -> tuple[Tensor, Tensor]:
        return loss_and_slope(loss_fn, outputs, targets, flat.parameters)

    # What the loss is may be asked of the plain outputs only: torch.func leaves nothing that can be asked later.
    loss, slope = of_loss(plain.outputs.detach())
    samples = SampleWise(flat, inputs, chunk, autocast)
    comparable = not plain.random and autocast is None
    quick = _quick(plain, samples, of_loss if kind == "fisher" else None, comparable)
    if quick is None:
        plain.after.restore()
        if kind == "ggn":
            return Linearised(plain.outputs.detach(), loss, plain.jacobian())
        return Linearised(plain.outputs.detach(), loss, plain.rows(_one_by_one(slope), len(slope)), slope)
    return replace(quick, loss=loss if comparable else of_loss(quick.outputs)[0])


def evaluated(
    made: Linearised,
    loss_fn: LossFunction,
    targets: Any,
    damping: float,
    ranks: Ranks | None = None,
    sampled: bool = False,
) -> Curvature:
    """Loss, gradient and factors of a linearised module.

    ranks: processes that each have their part of the batch; the loss is that of all of them, as is the gradient, the
    factors are this process's own. sampled: one row for each sample, at `sampled_slopes`.
    """
    outputs = made.outputs
    wanted = targets
    own = slice(None)
    if ranks is not None:
        outputs, wanted, own = gathered_batch(ranks, made.outputs, targets, len(made.rows))
    loss, slope = loss_and_slope(loss_fn, outputs, wanted)
    if made.slope is None:
        H = output_hessian(loss_fn, outputs, wanted)
        warn_of_no_curvature(H, slope)
        gradient = made.rows.T @ slope[own].reshape(-1)
        factors = Factors(made.rows, H[own].contiguous() if ranks is not None else H, damping)
        if sampled:
            u = sampled_slopes(loss_fn, outputs, wanted, H)[own]
            factors = Factors(block_product(u.unsqueeze(1), made.rows), None, damping)
    else:
        shares = sample_shares(loss_fn, outputs, wanted, slope)[own]
        scales = _scales(slope[own], made.slope)
        # what came back of the slope of a part without any loss, of ignored targets alone, is no number
        rows = made.rows if bool((scales != 0.0).all()) else made.rows.where((scales != 0.0).unsqueeze(1), 0.0)
        gradient = rows.T @ scales
        roots = torch.where(shares > 0.0, shares.where(shares > 0.0, 1.0).rsqrt(), 0.0)
        factors = Factors(rows * (scales * roots).unsqueeze(1), None, damping)
    return Curvature(loss, gradient if ranks is None else ranks.sum(gradient), factors)


def _quick(plain: PlainPass, samples: SampleWise, of_loss: AskLoss | None, comparable: bool) -> Linearised | None:
    """Sample by sample; None where that is not right. `of_loss`: for rows that are pulled back, one for each sample."""
    if not comparable and not _apart(plain, samples):
        return None
    plain.before.restore()
    return _pulled(plain, samples, of_loss, comparable) if of_loss else _jacobian(plain, samples, comparable)


def _jacobian(plain: PlainPass, samples: SampleWise, comparable: bool) -> Linearised | None:
    found = _attempt(samples.jacobian)
    if found is None or (comparable and not plain.agrees(found[0])):
        return None
    outputs, J = found
    u = probe(plain.outputs)
    if comparable and not plain.confirms(J, u.flatten(), u):
        return None
    return Linearised(outputs.reshape(plain.outputs.shape), plain.outputs.new_zeros(()), J)


def _pulled(plain: PlainPass, samples: SampleWise, of_loss: AskLoss, comparable: bool) -> Linearised | None:
    found = _attempt(samples.outputs)
    # where a sample of the loss is another thing than one of the inputs, it has no row of its own here
    if found is None or len(found) != len(plain.outputs) or (comparable and not plain.agrees(found)):
        return None
    outputs = found.reshape(plain.outputs.shape)
    slope = of_loss(outputs)[1]
    rows = _attempt(lambda: samples.pulled_back(slope.reshape(found.shape)))
    if rows is None:
        return None
    weights = probe(rows[:, 0])
    if comparable and not plain.confirms(rows, weights, _times(weights, slope)):
        return None
    return Linearised(outputs, plain.outputs.new_zeros(()), rows, slope)


def _apart(plain: PlainPass, samples: SampleWise) -> bool:
    """Whether samples have nothing to do with each other, asked without chance and in full precision."""
    flat = samples.flat
    inputs = samples.inputs
    device = flat.parameters[0].device
    full = SampleWise(flat, inputs, samples.chunk)
    with evaluating(flat.module), torch.random.fork_rng([device] if device.type == "cuda" else []):
        calm = PlainPass.of(flat, inputs)
        if calm.random or calm.outputs.shape != plain.outputs.shape:
            return False
        found = _attempt(full.outputs)
        if found is None or not calm.agrees(found):
            return False
        u = probe(calm.outputs)
        rows = _attempt(lambda: full.pulled_back(u.reshape(found.shape)))
        if rows is None:
            return False
        weights = probe(rows[:, 0])
        return calm.confirms(rows, weights, _times(weights, u.reshape(len(rows), -1)).reshape(u.shape))


def _attempt(derivatives: Callable[[], Found]) -> Found | None:
    """None where torch.func cannot transform the module."""
    try:
        return derivatives()
    except Exception as error:
        if ran_out(error):
            raise
        return None


def _one_by_one(slope: Tensor) -> Any:
    for i in range(len(slope)):
        only = torch.zeros_like(slope)
        only[i] = slope[i]
        yield only


def _times(weights: Rows, slope: Tensor) -> Tensor:
    return weights.reshape(-1, *[1] * (slope.dim() - 1)) * slope


def _scales(slope: Tensor, pulled: Tensor) -> Rows:
    """What each sample's slope in the whole batch is of the one that was pulled back in its part of it.

    Raises ValueError where it is no multiple of it.
    """
    whole = slope.reshape(len(slope), -1)
    part = pulled.reshape(len(pulled), -1)
    if torch.equal(whole, part):
        return torch.ones_like(whole[:, 0])
    known = part.isfinite().all(1) & (part != 0.0).any(1)
    part = torch.where(known.unsqueeze(1), part, 0.0)
    size = part.square().sum(1)
    scales = torch.where(known, (whole * part).sum(1) / size.where(known, 1.0), 0.0)
    left = (whole - scales.unsqueeze(1) * part).abs().max()
    if bool(whole.isfinite().all()) and float(left) > 1e3 * torch.finfo(whole.dtype).eps * float(whole.abs().max()):
        raise ValueError("loss_fn: expected a sum or mean over samples, got one that couples those of micro-batches")
    return scales


def _check_autocast(flat: FlatModule, dtype: torch.dtype | None) -> None:
    first = flat.parameters[0]
    if dtype is not None and dtype not in (torch.bfloat16, torch.float16):
        raise ValueError(f"autocast: expected torch.bfloat16 or torch.float16, got {dtype}")
    if dtype is not None and first.dtype != torch.float32:
        raise ValueError(
            f"autocast: expected float32 parameters, got {first.dtype}: a forward pass in {dtype} would lose the "
            "digits that they are kept for; leave autocast out or use float32"
        )


def check_range(made: Curvature, autocast: torch.dtype | None) -> None:
    """Raises ValueError for derivatives that float16 cannot hold."""
    if autocast is torch.float16 and bool(made.loss.isfinite()) and not bool(made.gradient.isfinite().all()):
        raise ValueError(
            "autocast: derivatives left the range of float16 (6e-8 to 65504); "
            "use torch.bfloat16, whose range is that of float32"
        )
