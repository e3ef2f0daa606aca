"""Layer-wise Kronecker factors of the Gauss-Newton matrix."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .._types import LossFunction, Matrix
from ..curvature import (
    Layer,
    Level,
    Use,
    check_products,
    forward,
    loss_and_slope,
    output_hessian,
    probe,
    pulled_back,
    refuse_mixing,
    warn_of_no_curvature,
)
from ..parallel import Ranks
from ..programs import gathered_batch, hessian_root


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """One layer's `F ~ G x A` (Kronecker), acting on its gradient as a matrix (outputs, inputs and bias).

    A (i, i): second moment of the layer's inputs, a one appended for the bias. G (o, o): of the derivatives of the
    outputs' Hessian root in the layer's outputs, so that G carries the loss's curvature and its mean over the batch.
    """

    A: Float[Tensor, "i i"]
    G: Float[Tensor, "o o"]
    gradient: Float[Tensor, "o i"]

    def over(self, ranks: Ranks) -> "Block":
        """Of the samples of all processes: A is a mean over samples, the others are sums."""
        return Block(ranks.sum(self.A) / ranks.count, ranks.sum(self.G), ranks.sum(self.gradient))


@dataclass(frozen=True, slots=True, eq=False)
class Kronecker:
    """One batch's loss, and a block for each layer, in the module's order."""

    loss: Tensor
    blocks: tuple[Block, ...]


def kronecker(
    module: nn.Module,
    layers: Mapping[str, Layer],
    loss_fn: LossFunction,
    inputs: Any,
    targets: Any,
    level: Level = "chance",
    ranks: Ranks | None = None,
) -> Kronecker:
    """Factors of Martens and Grosse (2015), "Optimizing neural networks with Kronecker-factored approximate curvature",
    and of Grosse and Martens (2016) for convolutions, with the exact Hessian of the loss in the outputs instead of
    sampled targets: exact for one sample in a Linear layer.

    level: as of `layered`, at three backward passes in full, else at two.
    ranks: processes that each have their part of the batch; every one of them gets the factors of all.
    """
    outputs, uses = forward(module, list(layers.values()), inputs)
    with torch.no_grad():
        trained = [p for p in module.parameters() if p.requires_grad]
        whole = outputs.detach()
        own = slice(None)
        if ranks is not None:
            whole, targets, own = gathered_batch(ranks, whole, targets, whole.numel())
        loss, slope = loss_and_slope(loss_fn, whole, targets, trained)
        H = output_hessian(loss_fn, whole, targets)
        # of one number of columns in every process: that of the whole batch
        root = hessian_root(H)[own]
    warn_of_no_curvature(H, slope)
    slope = slope[own]
    back = pulled_back(outputs, uses, slope)
    if level != "none":
        u = probe(outputs) if level == "chance" else slope
        once = pulled_back(outputs, uses, u) if level == "chance" else back
        refuse_mixing(outputs, uses, u, once)
        check_products(outputs, uses, u, once)
    G = [torch.zeros(()) for _ in uses]
    for column in root.unbind(-1):
        G = [total + _second_moment(d) for total, d in zip(G, pulled_back(outputs, uses, column), strict=True)]
    blocks = tuple(_block(use, g, delta) for use, g, delta in zip(uses, G, back, strict=True))
    return Kronecker(loss, blocks if ranks is None else tuple(block.over(ranks) for block in blocks))


def _block(use: Use, G: Tensor, delta: Tensor) -> Block:
    with torch.no_grad():
        # sites of one sample are summed in A and averaged in G
        gradient = torch.einsum("bso,bsi->oi", delta, use.rows)
        return Block(_second_moment(use.rows) / len(delta), G / use.rows.shape[1], gradient)


def _second_moment(x: Float[Tensor, "B sites n"]) -> Matrix:
    flat = x.reshape(-1, x.shape[-1])
    return flat.T @ flat
