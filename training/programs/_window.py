"""Curvature averaged over steps, as one program with the rows of all of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ._factors import Factors
from ._layered import Layered
from ._outer_products import joined

Kept = Factors | Layered


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """`F = sum_j w_j J_j^T H_j J_j + damping I` over the last `length` steps, each linearised where it was taken.

    `w_j` is proportional to `decay^age`, and the weights add up to one: equal ones for a decay of one. The rows of all
    steps stand under each other, `length` times those of one. `kept`: programs, the oldest first.
    """

    length: int = 1
    decay: float = 1.0
    kept: tuple[Kept, ...] = ()

    @property
    def weights(self) -> list[float]:
        """Weights of what is kept."""
        powers = [self.decay**age for age in reversed(range(len(self.kept)))]
        return [power / sum(powers) for power in powers]

    def with_newest(self, program: Kept) -> "Window":
        """The same one step later. Raises ValueError for a program that cannot stand beside those before."""
        kept = (*self.kept, program)[-self.length :]
        if len({(type(one), one.N, _outputs(one)) for one in kept}) > 1:
            raise ValueError(
                "curvature_average: expected the same parameters, and as many outputs of a sample, in all steps that "
                "it averages; leave it out"
            )
        return replace(self, kept=kept)

    def averaged(self) -> Kept:
        """One program with the newest's loss, gradient and damping."""
        newest = self.kept[-1]
        if len(self.kept) == 1:
            return newest
        if isinstance(newest, Layered):
            return _layered([one for one in self.kept if isinstance(one, Layered)], self.weights)
        return _factors([one for one in self.kept if isinstance(one, Factors)], self.weights)


def _outputs(program: Kept) -> int | None:
    if program.H is None:
        return None
    return int(program.H.shape[1])


def _factors(kept: Sequence[Factors], weights: Sequence[float]) -> Factors:
    if kept[-1].H is None:
        rows = [one.J * weight**0.5 for one, weight in zip(kept, weights, strict=True)]
        return replace(kept[-1], J=torch.cat(rows), scratch=False)
    return replace(kept[-1], J=torch.cat([one.J for one in kept]), H=_hessian(kept, weights), scratch=False)


def _layered(kept: Sequence[Layered], weights: Sequence[float]) -> Layered:
    return replace(kept[-1], J=joined([one.J for one in kept]), H=_hessian(kept, weights))


def _hessian(kept: Sequence[Kept], weights: Sequence[float]) -> Tensor:
    return torch.cat([one.H * weight for one, weight in zip(kept, weights, strict=True) if one.H is not None])
