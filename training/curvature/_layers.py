"""Layers whose Jacobians are outer products of what goes in and what comes back: linear ones and convolutions."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..programs import ROUNDING
from ._flat_module import arguments
from ._plain_pass import checked_outputs, precision, probe, refuse_empty

Layer = nn.Linear | nn.Conv2d

_ELSE = 'use TNGD with curvature "ggn"'


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
        names = {own_name for own_name, _ in layer.named_parameters(recurse=False)}
        # a subclass may do anything, and so may what keeps a weight under another name, as weight_norm does
        if type(layer) in (nn.Linear, nn.Conv2d) and (names | {"bias"}) != {"weight", "bias"}:
            raise ValueError(
                f"layer {name!r} ({type(layer).__name__}) has the parameters {', '.join(sorted(names))}; expected a "
                f"weight and a bias of its own, without weight_norm or another parametrization; {_ELSE}"
            )
        if type(layer) not in (nn.Linear, nn.Conv2d) or (isinstance(layer, nn.Conv2d) and layer.groups != 1):
            raise ValueError(
                f"layer {name!r} ({type(layer).__name__}) has no Kronecker factors; expected Linear or Conv2d "
                f"without groups; freeze it by requires_grad_(False), or {_ELSE}"
            )
        if len(own) < len(list(layer.parameters(recurse=False))) or seen & {id(p) for p in own}:
            raise ValueError(f"layer {name!r} is trained in part, or shares a parameter; {_ELSE}")
        seen |= {id(p) for p in own}
        layers[name] = layer
    if not layers:
        raise ValueError("module: expected at least one trained Linear or Conv2d layer, got none")
    return layers


def forward(module: nn.Module, layers: Sequence[Layer], inputs: Any) -> tuple[Tensor, list[Use]]:
    """The module's outputs, ready to be differentiated in the layers' outputs.

    inputs: a tensor, a tuple of positional or a mapping of keyword arguments, batched first.
    Raises ValueError: no sample, outputs that are no batch, a layer that is used more or less than once or not with one
    row for each sample.
    """
    refuse_empty(inputs)
    with _watched(layers) as seen, torch.enable_grad():
        args, kwargs = arguments(inputs)
        outputs = module(*args, **kwargs)
    checked_outputs(outputs)
    if [len(uses) for uses in seen.values()] != [1] * len(layers):
        raise ValueError(f"module: expected every trained layer to be used once; {_ELSE}")
    for (x, out), *_ in seen.values():
        if len(x) != len(outputs) or not out.requires_grad:
            raise ValueError(
                f"module: expected every trained layer to be used with a row for each of {len(outputs)} samples, with "
                f"gradients, got inputs {tuple(x.shape)}; {_ELSE}"
            )
    return outputs, [Use(layer, _rows(layer, x), out) for layer, ((x, out),) in seen.items()]


def pulled_back(outputs: Tensor, uses: Sequence[Use], slope: Tensor) -> list[Tensor]:
    """What of a derivative in the outputs comes back to each layer, site by site; zero where nothing does."""
    ends = [use.out for use in uses]
    back = torch.autograd.grad(outputs, ends, slope.reshape(outputs.shape), retain_graph=True, allow_unused=True)
    return [use.sites(torch.zeros_like(use.out) if end is None else end) for use, end in zip(uses, back, strict=True)]


def refuse_mixing(outputs: Tensor, uses: Sequence[Use], u: Tensor, once: Sequence[Tensor]) -> None:
    """Raises ValueError unless what comes back to a layer's sample is of that sample's outputs alone.

    A derivative `u` that is weighted sample by sample then comes back as `once`, what comes back of it, with the same
    weights: one backward pass.
    """
    weights = probe(u.reshape(len(u), -1)[:, 0])
    weighted = pulled_back(outputs, uses, weights.reshape(-1, *[1] * (u.dim() - 1)) * u)
    for use, plain, made in zip(uses, once, weighted, strict=True):
        left = made - weights[:, None, None] * plain
        size = float(plain.norm() * weights.abs().max())
        if not float(left.norm()) <= precision(made)[0] * size and math.isfinite(size):
            raise ValueError(
                f"module: samples are mixed behind a {type(use.layer).__name__} layer, which has no factors of its own "
                f"samples then; {_ELSE}"
            )


def check_products(outputs: Tensor, uses: Sequence[Use], slope: Tensor, back: Sequence[Tensor]) -> None:
    """Raises ValueError unless outer products with `back`, what comes back of `slope`, are the layers' gradients.

    They are not where a weight or a bias is used apart from its layer, or in another way than by it.
    """
    for use, delta in zip(uses, back, strict=True):
        known = _gradient(use.layer, outputs, slope)
        made = torch.einsum("bso,bsi->oi", delta, use.rows)
        # rounding, relative to the sum of the products' sizes
        size = float((delta.norm(dim=2) * use.rows.norm(dim=2)).sum())
        left = float((made - known).norm())
        if not left <= ROUNDING * torch.finfo(made.dtype).eps * size and math.isfinite(size):
            raise ValueError(
                f"module: a {type(use.layer).__name__} layer's weight is used in another way than by the layer; {_ELSE}"
            )


def _gradient(layer: Layer, outputs: Tensor, slope: Tensor) -> Float[Tensor, "o i"]:
    given = [layer.weight] if layer.bias is None else [layer.weight, layer.bias]
    found = torch.autograd.grad(outputs, given, slope.reshape(outputs.shape), retain_graph=True, allow_unused=True)
    whole = [torch.zeros_like(p) if g is None else g for g, p in zip(found, given, strict=True)]
    return torch.cat([whole[0].flatten(1), *(bias.unsqueeze(1) for bias in whole[1:])], 1)


def _rows(layer: Layer, x: Tensor) -> Float[Tensor, "B sites i"]:
    if isinstance(layer, nn.Conv2d):
        # torch's own numbers for "same" and "valid", and for circular, reflected and replicated edges
        mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
        x = nn.functional.pad(x, layer._reversed_padding_repeated_twice, mode)
        x = nn.functional.unfold(x, layer.kernel_size, layer.dilation, 0, layer.stride).mT
    else:
        x = x.reshape(len(x), -1, x.shape[-1])
    return x if layer.bias is None else torch.cat([x, torch.ones_like(x[..., :1])], -1)


@contextmanager
def _watched(layers: Sequence[Layer]) -> Iterator[dict[Layer, list[tuple[Tensor, Tensor]]]]:
    seen: dict[Layer, list[tuple[Tensor, Tensor]]] = {layer: [] for layer in layers}

    def note(layer: Any, args: tuple[Tensor, ...], kwargs: dict[str, Tensor], out: Tensor) -> Tensor:
        seen[layer].append(((args[0] if args else kwargs["input"]).detach(), out))
        return out.clone()  # what comes next may change it in place

    # before hooks of the module's own, which may change the output too
    handles = [layer.register_forward_hook(note, prepend=True, with_kwargs=True) for layer in layers]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()
