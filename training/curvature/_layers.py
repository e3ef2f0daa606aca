"""Layers whose Jacobians are outer products of what goes in and what comes back: linear ones and convolutions."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..programs import ROUNDING
from ._flat_module import arguments
from ._plain_pass import checked_outputs, precision, probe, refuse_empty
from .layer_kinds import KroneckerLayer, Layer, bias_of, fault_of_layer, has_kronecker_factors, rows_of, sites_of

_ELSE = 'use TNGD with curvature "ggn"'


@dataclass(frozen=True, slots=True, eq=False)
class Use:
    """How a forward pass used a layer: what went in site by site, as `rows_of` has it, and its output."""

    layer: Layer
    rows: Tensor
    out: Tensor

    def sites(self, delta: Tensor) -> Float[Tensor, "B sites o"]:
        """A derivative in the layer's output, site by site."""
        return sites_of(self.layer, delta)


def trainable_layers(module: nn.Module) -> dict[str, Layer]:
    """Layers that are trained, of kinds whose Jacobian is known by sites.

    Raises ValueError: another kind of layer is trained, a part of a layer only, or two uses of one parameter.
    """
    return cast(dict[str, Layer], _trained(module, kronecker=False))


def kronecker_layers(module: nn.Module) -> dict[str, KroneckerLayer]:
    """Layers that are trained, all of which have Kronecker factors. Raises as `trainable_layers`."""
    return cast(dict[str, KroneckerLayer], _trained(module, kronecker=True))


def _trained(module: nn.Module, kronecker: bool) -> dict[str, nn.Module]:
    layers: dict[str, nn.Module] = {}
    seen: set[int] = set()
    for name, layer in module.named_modules():
        own = [p for p in layer.parameters(recurse=False) if p.requires_grad]
        if not own:
            continue
        _refuse_kind(name, layer, kronecker)
        if len(own) < len(list(layer.parameters(recurse=False))) or seen & {id(p) for p in own}:
            raise ValueError(f"layer {name!r} is trained in part, or shares a parameter; {_ELSE}")
        seen |= {id(p) for p in own}
        layers[name] = layer
    if not layers:
        raise ValueError("module: expected at least one trained Linear or Conv2d layer, got none")
    return layers


def _refuse_kind(name: str, layer: nn.Module, kronecker: bool) -> None:
    names = {own_name for own_name, _ in layer.named_parameters(recurse=False)}
    fault = fault_of_layer(layer)
    # a subclass may do anything, and so may what keeps a weight under another name, as weight_norm does
    if fault is None and (names | {"bias"}) != {"weight", "bias"}:
        raise ValueError(
            f"layer {name!r} ({type(layer).__name__}) has the parameters {', '.join(sorted(names))}; expected a "
            f"weight and a bias of its own, without weight_norm or another parametrization; {_ELSE}"
        )
    if kronecker and not has_kronecker_factors(layer):
        raise ValueError(
            f"layer {name!r} ({type(layer).__name__}) has no Kronecker factors; expected Linear or Conv2d "
            f"without groups; freeze it by requires_grad_(False), or {_ELSE}"
        )
    if fault is not None:
        raise ValueError(
            f"layer {name!r} ({type(layer).__name__}) has no Jacobian by sites; {fault}; freeze it by "
            f"requires_grad_(False), or {_ELSE}"
        )


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
    return outputs, [Use(layer, rows_of(layer, x), out) for layer, ((x, out),) in seen.items()]


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
    bias = bias_of(layer)
    given = [layer.weight] if bias is None else [layer.weight, bias]
    found = torch.autograd.grad(outputs, given, slope.reshape(outputs.shape), retain_graph=True, allow_unused=True)
    whole = [torch.zeros_like(p) if g is None else g for g, p in zip(found, given, strict=True)]
    return torch.cat([whole[0].flatten(1), *(bias.unsqueeze(1) for bias in whole[1:])], 1)


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
