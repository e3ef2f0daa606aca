"""Layer-wise Kronecker factors of the Gauss-Newton matrix."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import grad_and_value

from ._losses import output_hessian
from ._types import LossFunction, Matrix

Layer = nn.Linear | nn.Conv2d


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """One layer's `F ~ G x A` (Kronecker), acting on its gradient as a matrix (outputs, inputs and bias).

    A (i, i): second moment of the layer's inputs, a one appended for the bias. G (o, o): of the derivatives of the
    outputs' Hessian root in the layer's outputs, so that G carries the loss's curvature and its mean over the batch.
    """

    A: Float[Tensor, "i i"]
    G: Float[Tensor, "o o"]
    gradient: Float[Tensor, "o i"]


@dataclass(frozen=True, slots=True, eq=False)
class Kronecker:
    """One batch's loss, and a block for each layer, in the module's order."""

    loss: Tensor
    blocks: tuple[Block, ...]


def trainable_layers(module: nn.Module) -> dict[str, Layer]:
    """Linear and convolution layers that are trained.

    Raises ValueError: another kind of layer is trained, a part of a layer only, groups, or two uses of one parameter.
    """
    layers: dict[str, Layer] = {}
    seen: set[int] = set()
    for name, layer in module.named_modules():
        own = [p for p in layer.parameters(recurse=False) if p.requires_grad]
        if not own:
            continue
        if not isinstance(layer, nn.Linear | nn.Conv2d) or (isinstance(layer, nn.Conv2d) and layer.groups != 1):
            raise ValueError(
                f"KFAC: layer {name!r} ({type(layer).__name__}) has no Kronecker factors; expected Linear or Conv2d "
                "without groups; freeze it by requires_grad_(False), or use TNGD"
            )
        if len(own) < len(list(layer.parameters(recurse=False))) or seen & {id(p) for p in own}:
            raise ValueError(f"KFAC: layer {name!r} is trained in part, or shares a parameter; use TNGD")
        seen |= {id(p) for p in own}
        layers[name] = layer
    if not layers:
        raise ValueError("KFAC: expected at least one trained Linear or Conv2d layer, got none")
    return layers


def kronecker(
    module: nn.Module, layers: dict[str, Layer], loss_fn: LossFunction, inputs: Any, targets: Any
) -> Kronecker:
    """Factors of Martens and Grosse (2015), "Optimizing neural networks with Kronecker-factored approximate curvature",
    and of Grosse and Martens (2016) for convolutions, with the exact Hessian of the loss in the outputs instead of
    sampled targets: exact for one sample in a Linear layer.
    """
    with _watched(list(layers.values())) as seen, torch.enable_grad():
        outputs = module(**inputs) if isinstance(inputs, dict) else module(inputs)
    if [len(seen[layer]) for layer in layers.values()] != [1] * len(layers):
        raise ValueError("KFAC: expected every trained layer to be used once; use TNGD")
    uses = [seen[layer][0] for layer in layers.values()]
    with torch.no_grad():
        slope, loss = grad_and_value(lambda z: loss_fn(z, targets))(outputs.detach())
        w, V = torch.linalg.eigh(output_hessian(loss_fn, outputs.detach(), targets))
        root = V * w.clamp_min(0.0).sqrt().unsqueeze(-2)
    ends = [end for _, end in uses]
    G = [torch.zeros(()) for _ in uses]
    for column in root.unbind(-1):
        back = torch.autograd.grad(outputs, ends, column.reshape(outputs.shape), retain_graph=True)
        G = [
            total + _second_moment(_sites(layer, delta))
            for total, layer, delta in zip(G, layers.values(), back, strict=True)
        ]
    back = torch.autograd.grad(outputs, ends, slope)
    return Kronecker(
        loss,
        tuple(
            _block(layer, x, g, delta) for layer, (x, _), g, delta in zip(layers.values(), uses, G, back, strict=True)
        ),
    )


def _block(layer: Layer, x: Tensor, G: Tensor, delta: Tensor) -> Block:
    with torch.no_grad():
        rows, ends = _patches(layer, x), _sites(layer, delta)
        # sites of one sample are summed in A and averaged in G
        return Block(_second_moment(rows) / len(x), G / rows.shape[1], torch.einsum("bso,bsi->oi", ends, rows))


def _second_moment(x: Float[Tensor, "B sites n"]) -> Matrix:
    flat = x.reshape(-1, x.shape[-1])
    return flat.T @ flat


def _patches(layer: Layer, x: Tensor) -> Float[Tensor, "B sites i"]:
    if isinstance(layer, nn.Conv2d):
        if isinstance(layer.padding, str) or layer.padding_mode != "zeros":
            raise ValueError("KFAC: expected a convolution padded with zeros by numbers; use TNGD")
        x = nn.functional.unfold(x, layer.kernel_size, layer.dilation, layer.padding, layer.stride).mT
    else:
        x = x.reshape(len(x), -1, x.shape[-1])
    return x if layer.bias is None else torch.cat([x, torch.ones_like(x[..., :1])], -1)


def _sites(layer: Layer, delta: Tensor) -> Float[Tensor, "B sites o"]:
    return delta.flatten(2).mT if isinstance(layer, nn.Conv2d) else delta.reshape(len(delta), -1, delta.shape[-1])


@contextmanager
def _watched(layers: list[Layer]) -> Iterator[dict[Layer, list[tuple[Tensor, Tensor]]]]:
    seen: dict[Layer, list[tuple[Tensor, Tensor]]] = {layer: [] for layer in layers}

    def note(layer: Any, args: tuple[Tensor, ...], out: Tensor) -> None:
        seen[layer].append((args[0].detach(), out))

    handles = [layer.register_forward_hook(note) for layer in layers]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()
