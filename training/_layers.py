"""Layers whose Jacobians are outer products of what goes in and what comes back: linear ones and convolutions."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

Layer = nn.Linear | nn.Conv2d


@dataclass(frozen=True, slots=True, eq=False)
class Use:
    """How a forward pass used a layer: its inputs site by site, a one appended for the bias, and its output.

    A site is a position of a sequence, or of a convolution's output.
    """

    layer: Layer
    rows: Float[Tensor, "B sites i"]
    out: Tensor

    def sites(self, delta: Tensor) -> Float[Tensor, "B sites o"]:
        """A derivative in the layer's output, site by site."""
        if isinstance(self.layer, nn.Conv2d):
            return delta.flatten(2).mT
        return delta.reshape(len(delta), -1, delta.shape[-1])


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
                f"layer {name!r} ({type(layer).__name__}) has no Kronecker factors; expected Linear or Conv2d "
                'without groups; freeze it by requires_grad_(False), or use TNGD with curvature "ggn"'
            )
        if len(own) < len(list(layer.parameters(recurse=False))) or seen & {id(p) for p in own}:
            raise ValueError(f'layer {name!r} is trained in part, or shares a parameter; use TNGD with curvature "ggn"')
        seen |= {id(p) for p in own}
        layers[name] = layer
    if not layers:
        raise ValueError("module: expected at least one trained Linear or Conv2d layer, got none")
    return layers


def forward(module: nn.Module, layers: Sequence[Layer], inputs: Any) -> tuple[Tensor, list[Use]]:
    """The module's outputs, ready to be differentiated in the layers' outputs.

    inputs: a tensor, a tuple of positional or a mapping of keyword arguments.
    Raises ValueError: no sample, a layer that is used more or less than once, a convolution not padded with zeros.
    """
    with _watched(layers) as seen, torch.enable_grad():
        if isinstance(inputs, dict):
            outputs = module(**inputs)
        else:
            outputs = module(*inputs) if isinstance(inputs, tuple | list) else module(inputs)
    if len(outputs) == 0:
        raise ValueError("inputs: expected at least one sample, got an empty batch")
    if [len(uses) for uses in seen.values()] != [1] * len(layers):
        raise ValueError('module: expected every trained layer to be used once; use TNGD with curvature "ggn"')
    return outputs, [Use(layer, _rows(layer, x), out) for layer, ((x, out),) in seen.items()]


def _rows(layer: Layer, x: Tensor) -> Float[Tensor, "B sites i"]:
    if isinstance(layer, nn.Conv2d):
        if isinstance(layer.padding, str) or layer.padding_mode != "zeros":
            raise ValueError(
                f"convolution: expected zeros by numbers as padding, got {layer.padding!r} of {layer.padding_mode!r}; "
                'use TNGD with curvature "ggn"'
            )
        x = nn.functional.unfold(x, layer.kernel_size, layer.dilation, layer.padding, layer.stride).mT
    else:
        x = x.reshape(len(x), -1, x.shape[-1])
    return x if layer.bias is None else torch.cat([x, torch.ones_like(x[..., :1])], -1)


@contextmanager
def _watched(layers: Sequence[Layer]) -> Iterator[dict[Layer, list[tuple[Tensor, Tensor]]]]:
    seen: dict[Layer, list[tuple[Tensor, Tensor]]] = {layer: [] for layer in layers}

    def note(layer: Any, args: tuple[Tensor, ...], out: Tensor) -> None:
        seen[layer].append((args[0].detach(), out))

    handles = [layer.register_forward_hook(note) for layer in layers]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()
