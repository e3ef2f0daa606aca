"""From batches to the program of one step: micro-batches put together, processes put together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from ._curvature import Curvature, curvature
from ._factors import Factors
from ._layered import Layered, layered
from ._module import FlatModule
from ._products import Products, products
from ._programs import Factored
from ._ranks import Ranks
from ._sharded import Sharded
from ._types import LossFunction, Vector

AnyFactors = Factored | Products
CurvatureKind = Literal["ggn", "fisher", "layers", "products"]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One micro-batch, linearised."""

    inputs: Any
    targets: Any
    made: Curvature | Layered | Products


@dataclass(frozen=True, slots=True, eq=False)
class Whole:
    """What one step works with. `shares`: of each part's loss in the whole loss."""

    program: AnyFactors
    loss: Tensor
    gradient: Vector
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Linearise:
    """How a step is linearised; settings as those of `TNGD`."""

    flat: FlatModule
    loss_fn: LossFunction
    kind: CurvatureKind
    chunk: int | None
    autocast: torch.dtype | None
    ranks: Ranks | None

    def part(self, inputs: Any, targets: Any, damping: float) -> Part:
        if self.kind == "layers" or self.kind == "products":
            linearise = layered if self.kind == "layers" else products
            return Part(inputs, targets, linearise(self.flat.module, self.loss_fn, inputs, targets, damping))
        made = curvature(
            self.flat.module,
            self.loss_fn,
            inputs,
            targets,
            damping,
            self.chunk,
            kind=self.kind,
            autocast=self.autocast,
        )
        return Part(inputs, targets, made)

    def whole(self, parts: Sequence[Part], damping: float) -> Whole:
        """Exactly what one batch of all parts' samples, in all processes, would give."""
        made = [part.made for part in parts]
        batches = [one for one in made if isinstance(one, Curvature)]
        if len(batches) < len(made):
            one = made[0]
            if len(made) > 1 or isinstance(one, Curvature):
                raise ValueError(f'TNGD: micro-batches need curvature "ggn" or "fisher", got "{self.kind}"')
            return Whole(one, one.loss, one.gradient, (1.0,))
        shares = self._shares([batch.normaliser for batch in batches], batches[0].loss)
        loss = self._sum(torch.stack([share * b.loss for share, b in zip(shares, batches, strict=True)]).sum())
        factors = self._factors(batches, shares, damping)
        if len(batches) == 1 and self.ranks is None:
            return Whole(factors, loss, batches[0].gradient, shares)
        gradient = self._sum(sum_of([share * b.gradient for share, b in zip(shares, batches, strict=True)]))
        return Whole(factors if self.ranks is None else Sharded.of(factors, self.ranks), loss, gradient, shares)

    def loss(self, parts: Sequence[Part], shares: Sequence[float]) -> Tensor:
        """Of all parts, at the module's present parameters."""
        theta = self.flat.flatten()
        losses = [
            share * self.loss_fn(self.flat.outputs(theta, part.inputs), part.targets)
            for share, part in zip(shares, parts, strict=True)
        ]
        return self._sum(torch.stack(losses).sum())

    def _shares(self, normalisers: Sequence[float | None], like: Tensor) -> tuple[float, ...]:
        known = [w for w in normalisers if w is not None]
        if len(known) < len(normalisers):
            return (1.0,) * len(normalisers)
        total = float(self._sum(torch.tensor(sum(known), dtype=torch.float64, device=like.device)))
        return tuple(w / total if total else 0.0 for w in known)

    def _factors(self, batches: Sequence[Curvature], shares: Sequence[float], damping: float) -> Factors:
        device = batches[0].loss.device
        samples = self._sum(torch.tensor(float(sum(b.factors.batch for b in batches)), device=device))
        scaled = [_scaled(b, share, float(samples) / b.factors.batch) for share, b in zip(shares, batches, strict=True)]
        if len(scaled) == 1:
            return scaled[0].with_damping(damping)
        blocks = [one.H for one in scaled if one.H is not None]
        return Factors(torch.cat([one.J for one in scaled]), torch.cat(blocks) if blocks else None, damping)

    def _sum(self, x: Tensor) -> Tensor:
        return x if self.ranks is None else self.ranks.sum(x)


def _scaled(batch: Curvature, share: float, samples: float) -> Factors:
    """A part's factors with its share of the whole loss; `samples`: of the whole for each of the part's."""
    factors = batch.factors
    if batch.normaliser is None or (share == 1.0 and samples == 1.0):
        return factors
    if factors.H is not None:
        return replace(factors, H=share * factors.H)
    # the rows of a Fisher matrix are the samples' shares of the gradient times the root of the number of samples
    return replace(factors, J=factors.J * (share * samples**0.5))


def sum_of(vectors: Sequence[Tensor]) -> Tensor:
    total = vectors[0].clone()
    for vector in vectors[1:]:
        total += vector
    return total
