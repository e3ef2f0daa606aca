"""Layers whose Jacobians are products of what goes in and what comes back.

A site is a position of a sequence, or of a convolution's output: where a layer uses the same parameters again.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from ...programs import Outer, Stored

Norm = nn.LayerNorm | nn.GroupNorm | nn.BatchNorm1d | nn.BatchNorm2d
Layer = nn.Linear | nn.Conv2d | nn.Conv1d | Norm | nn.Embedding

KroneckerLayer = nn.Linear | nn.Conv2d

KINDS: tuple[type[nn.Module], ...] = (
    nn.Linear,
    nn.Conv2d,
    nn.Conv1d,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    nn.Embedding,
)
"""These very types: a subclass may do anything."""


def has_kronecker_factors(layer: nn.Module) -> bool:
    """Whether a layer multiplies all of its inputs by one matrix, at each site."""
    return type(layer) is nn.Linear or (type(layer) is nn.Conv2d and layer.groups == 1)


def fault_of_layer(layer: nn.Module) -> str | None:
    """Why a layer has no Jacobian by sites; None where it has one."""
    if type(layer) not in KINDS:
        return "expected Linear, Conv1d, Conv2d, a LayerNorm, GroupNorm or frozen BatchNorm, or Embedding"
    if isinstance(layer, nn.Embedding) and (layer.max_norm is not None or layer.scale_grad_by_freq):
        return "expected an Embedding without max_norm and scale_grad_by_freq"
    return None


def bias_of(layer: nn.Module) -> Tensor | None:
    found = getattr(layer, "bias", None)
    return found if isinstance(found, Tensor) else None


def rows_of(layer: Layer, x: Tensor) -> Float[Tensor, "B sites i"] | Int[Tensor, "B sites"]:
    """What goes in: of a matrix the inputs, a one appended for the bias; of a norm those it has made; of an embedding
    the numbers of its rows."""
    if isinstance(layer, nn.Embedding):
        return x.reshape(len(x), -1)
    if isinstance(layer, nn.LayerNorm):
        made = functional.layer_norm(x, layer.normalized_shape, None, None, layer.eps)
        return made.reshape(len(x), -1, layer.weight.numel())
    if isinstance(layer, nn.GroupNorm):
        return _by_channels(functional.group_norm(x, layer.num_groups, None, None, layer.eps))
    if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
        return _by_channels(functional.batch_norm(x, layer.running_mean, layer.running_var, eps=layer.eps))
    found = _unfolded(layer, x) if isinstance(layer, nn.Conv1d | nn.Conv2d) else x.reshape(len(x), -1, x.shape[-1])
    one = layer.bias is not None and not _grouped(layer)
    return torch.cat([found, torch.ones_like(found[..., :1])], -1) if one else found


def sites_of(layer: Layer, delta: Tensor) -> Float[Tensor, "B sites o"]:
    """A derivative in the layer's output, site by site."""
    if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.GroupNorm | nn.BatchNorm1d | nn.BatchNorm2d):
        return _by_channels(delta)
    width = layer.weight.numel() if isinstance(layer, nn.LayerNorm) else delta.shape[-1]
    return delta.reshape(len(delta), -1, width)


def columns_of_layer(layer: Layer, rows: Tensor, G: Float[Tensor, "B k sites o"]) -> Outer | Stored:
    """The layer's columns of J; G: what comes back of each output of a sample."""
    if isinstance(layer, nn.Embedding):
        return Stored(_of_embedding(layer, rows, G))
    if isinstance(layer, nn.LayerNorm | nn.GroupNorm | nn.BatchNorm1d | nn.BatchNorm2d):
        parts = [torch.einsum("bkso,bso->bko", G, rows), *([] if layer.bias is None else [G.sum(2)])]
        return Stored(torch.stack(parts, -1))
    if _grouped(layer):
        return Stored(_of_groups(layer, rows, G))
    if G.shape[2] == 1:
        return Outer(G.squeeze(2), rows.squeeze(1))
    B, k, _, o = G.shape
    return Stored(torch.bmm(G.movedim(3, 2).reshape(B, k * o, -1), rows).reshape(B, k, o, -1))


def _by_channels(x: Tensor) -> Float[Tensor, "B sites channels"]:
    return x.reshape(len(x), x.shape[1], -1).mT


def _grouped(layer: nn.Module) -> bool:
    return isinstance(layer, nn.Conv1d | nn.Conv2d) and layer.groups > 1


def _of_groups(layer: Layer, rows: Tensor, G: Tensor) -> Float[Tensor, "B k o i"]:
    """Of a convolution by groups: the channels of a group see its inputs alone."""
    assert isinstance(layer, nn.Conv1d | nn.Conv2d)
    apart = rows.unflatten(-1, (layer.groups, -1))  # (B, sites, groups, i)
    back = G.unflatten(-1, (layer.groups, -1))
    J = torch.einsum("bksgo,bsgi->bkgoi", back, apart).flatten(2, 3)
    return J if layer.bias is None else torch.cat([J, G.sum(2).unsqueeze(-1)], -1)


def _of_embedding(layer: nn.Embedding, rows: Tensor, G: Tensor) -> Float[Tensor, "B k rows o"]:
    used = functional.one_hot(rows, layer.num_embeddings).to(G)  # (B, sites, V)
    if layer.padding_idx is not None:
        used[..., layer.padding_idx] = 0.0
    return torch.einsum("bkso,bsv->bkvo", G, used)


def _unfolded(layer: nn.Conv1d | nn.Conv2d, x: Tensor) -> Float[Tensor, "B sites i"]:
    """Torch's own numbers for "same" and "valid", and for circular, reflected and replicated edges."""
    mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
    x = functional.pad(x, layer._reversed_padding_repeated_twice, mode)
    if isinstance(layer, nn.Conv2d):
        return functional.unfold(x, layer.kernel_size, layer.dilation, 0, layer.stride).mT
    high = ((1, one) for (one,) in (layer.kernel_size, layer.dilation, layer.stride))
    kernel, dilation, stride = high
    return functional.unfold(x.unsqueeze(2), kernel, dilation, 0, stride).mT
