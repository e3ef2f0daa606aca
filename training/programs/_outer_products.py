"""Jacobians kept layer by layer."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from .._types import Rows, Vector
from ._large_arrays import room_for

Weights = Float[Tensor, "o i"]
"""A layer's parameters, or their change, as a matrix: a last column for the bias."""

PerSample = Float[Tensor, "B k"]
"""A vector of rows, sample by sample."""


@dataclass(frozen=True, slots=True, eq=False)
class Outer:
    """The columns of a layer that every sample uses at one site: `J[(b, k), (o, i)] = G[b, k, o] x[b, i]`."""

    G: Float[Tensor, "B k o"]
    x: Float[Tensor, "B i"]

    @property
    def like(self) -> Tensor:
        return self.G

    @property
    def shape(self) -> tuple[int, int]:
        return self.G.shape[2], self.x.shape[1]

    def over(self, join: Callable[[Tensor], Tensor]) -> "Outer":
        """With what joins samples of several processes along the first axis."""
        return Outer(join(self.G), join(self.x))

    def double(self) -> "Outer":
        return Outer(self.G.double(), self.x.double())

    def rooted(self, S: Float[Tensor, "B k m"]) -> "Outer":
        return Outer(torch.bmm(S.mT, self.G), self.x)

    def forward(self, V: Weights) -> PerSample:
        return torch.bmm(self.G, (self.x @ V.T).unsqueeze(-1)).squeeze(-1)

    def back(self, u: PerSample) -> Weights:
        return torch.bmm(u.unsqueeze(1), self.G).squeeze(1).T @ self.x

    def gram(self) -> Float[Tensor, "r r"]:
        """J J^T in r^2 (o + i) instead of r^2 o i."""
        (B, k, _), rows = self.G.shape, self.G.flatten(0, 1)
        whole = (rows @ rows.T).reshape(B, k, B, k)
        return whole.mul_((self.x @ self.x.T)[:, None, :, None]).reshape(B * k, B * k)

    def squares(self) -> Weights:
        """Each column's sum of squares."""
        return self.G.square().sum(1).T @ self.x.square()

    def write(self, to: Float[Tensor, "B k o j"], columns: slice) -> None:
        """J itself, those of the layer's inputs."""
        to.copy_(self.G.unsqueeze(-1)).mul_(self.x[:, None, None, columns])


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """The columns of a layer that a sample uses at several sites: J itself, their outer products being summed."""

    J: Float[Tensor, "B k o i"]

    @property
    def like(self) -> Tensor:
        return self.J

    @property
    def shape(self) -> tuple[int, int]:
        return self.J.shape[2], self.J.shape[3]

    def over(self, join: Callable[[Tensor], Tensor]) -> "Stored":
        """As that of `Outer`."""
        return Stored(join(self.J))

    def double(self) -> "Stored":
        return Stored(self.J.double())

    def rooted(self, S: Float[Tensor, "B k m"]) -> "Stored":
        return Stored(torch.bmm(S.mT, self.J.flatten(2)).unflatten(2, self.shape))

    def forward(self, V: Weights) -> PerSample:
        return self.J.flatten(2) @ V.flatten()

    def back(self, u: PerSample) -> Weights:
        return (u.flatten() @ self.J.flatten(0, 1).flatten(1)).reshape(self.shape)

    def gram(self) -> Float[Tensor, "r r"]:
        rows = self.J.flatten(0, 1).flatten(1)
        return rows @ rows.T

    def squares(self) -> Weights:
        return self.J.square().sum((0, 1))

    def write(self, to: Float[Tensor, "B k o j"], columns: slice) -> None:
        to.copy_(self.J[..., columns])


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """A matrix with rows for B samples, k for each, and columns in the order of `module.parameters()`.

    biased: which layers have a bias, the last column of their weights.
    """

    layers: tuple[Outer | Stored, ...]
    biased: tuple[bool, ...]

    @property
    def like(self) -> Float[Tensor, "B k *other"]:
        return self.layers[0].like

    def over(self, join: Callable[[Tensor], Tensor]) -> "Columns":
        """The same of all samples of several processes; `join` puts theirs together along the first axis."""
        return replace(self, layers=tuple(layer.over(join) for layer in self.layers))

    def double(self) -> "Columns":
        """The same in double precision."""
        return replace(self, layers=tuple(layer.double() for layer in self.layers))

    @property
    def B(self) -> int:
        return self.like.shape[0]

    @property
    def k(self) -> int:
        return self.like.shape[1]

    @property
    def N(self) -> int:
        return sum(o * i for o, i in (layer.shape for layer in self.layers))

    def rooted(self, S: Float[Tensor, "B k m"]) -> "Columns":
        """S^T J."""
        return replace(self, layers=tuple(layer.rooted(S) for layer in self.layers))

    def forward(self, v: Vector) -> Rows:
        """J v."""
        parts = [layer.forward(V) for layer, V in zip(self.layers, self._matrices(v), strict=True)]
        return torch.stack(parts).sum(0).flatten()

    def back(self, u: Rows) -> Vector:
        """J^T u."""
        return self._flat([layer.back(u.reshape(self.B, self.k)) for layer in self.layers])

    def gram(self) -> Float[Tensor, "r r"]:
        """J J^T."""
        whole = self.layers[0].gram()
        for layer in self.layers[1:]:
            whole += layer.gram()
        return whole

    def squares(self) -> Vector:
        """The diagonal of J^T J."""
        return self._flat([layer.squares() for layer in self.layers])

    def stored(self) -> Float[Tensor, "r N"]:
        """J."""
        J = room_for(self.B * self.k, self.N, self.like).unflatten(0, (self.B, self.k))
        for layer, (weight, bias) in zip(self.layers, self._places(), strict=True):
            o, _ = layer.shape
            inputs = slice(None) if bias is None else slice(0, -1)
            layer.write(J[..., weight].unflatten(-1, (o, -1)), inputs)
            if bias is not None:
                layer.write(J[..., bias].unsqueeze(-1), slice(-1, None))
        return J.flatten(0, 1)

    def _places(self) -> Iterator[tuple[slice, slice | None]]:
        at = 0
        for layer, biased in zip(self.layers, self.biased, strict=True):
            o, i = layer.shape
            weight = slice(at, at + o * (i - biased))
            at += o * i
            yield weight, slice(weight.stop, at) if biased else None

    def _matrices(self, v: Vector) -> Iterator[Tensor]:
        for layer, (weight, bias) in zip(self.layers, self._places(), strict=True):
            V = v[weight].reshape(layer.shape[0], -1)
            yield V if bias is None else torch.cat([V, v[bias].unsqueeze(1)], 1)

    def _flat(self, matrices: list[Tensor]) -> Vector:
        v = self.like.new_empty(self.N)
        for V, (weight, bias) in zip(matrices, self._places(), strict=True):
            v[weight] = (V if bias is None else V[:, :-1]).flatten()
            if bias is not None:
                v[bias] = V[:, -1]
        return v


def joined(batches: Sequence[Columns]) -> Columns:
    """The rows of several batches of one network under each other."""
    columns = zip(*(batch.layers for batch in batches), strict=True)
    return replace(batches[-1], layers=tuple(_joined(list(layers)) for layers in columns))


def _joined(layers: Sequence[Outer | Stored]) -> Outer | Stored:
    outer = [one for one in layers if isinstance(one, Outer)]
    if len(outer) == len(layers):
        return Outer(torch.cat([one.G for one in outer]), torch.cat([one.x for one in outer]))
    # a convolution that has one site in some batch only
    return Stored(torch.cat([_stored(one) for one in layers]))


def _stored(layer: Outer | Stored) -> Float[Tensor, "B k o i"]:
    if isinstance(layer, Stored):
        return layer.J
    return layer.G.unsqueeze(-1) * layer.x[:, None, None, :]
