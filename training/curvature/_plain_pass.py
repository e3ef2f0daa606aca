"""A module called once with the whole batch: the referee of every quicker way to its derivatives."""

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from .._exceptions import first_line, ran_out
from .._types import Jacobian, Rows, Vector
from ..programs import ROUNDING, room_for
from ._flat_module import FlatModule
from ._randomness import GeneratorStates
from .outputs import NotOneTensor

# Relative deviations of outputs, and of derivatives, between two ways of computing the same network. Derivatives may
# deviate by more in single precision: a rounding turns a unit that stands at the kink of a ReLU, one in 10^6 of them.
# Products of reduced precision (TF32) have errors of 1e-3, and then turn one unit in a thousand.
SINGLE_PRECISION = (1e-4, 1e-2)
REDUCED_PRECISION = (1e-2, 0.2)

# Rows of a Jacobian that one call of autograd makes; each of them needs the memory of one backward pass.
ROWS_AT_ONCE = 16


@dataclass(frozen=True, slots=True, eq=False)
class PlainPass:
    """One call of a module, as anybody would make it, with autograd's graph behind its outputs.

    outputs: batch first, in the dtype of the parameters. random: the call drew from torch's global generators, whose
    states `before` and `after` are kept.
    """

    flat: FlatModule
    outputs: Tensor
    before: GeneratorStates
    after: GeneratorStates

    @classmethod
    def of(cls, flat: FlatModule, inputs: Any, autocast: torch.dtype | None = None) -> "PlainPass":
        """Raises ValueError: no sample; outputs that are no real numbers, no batch, or nothing to differentiate."""
        refuse_empty(inputs)
        first = flat.parameters[0]
        before = GeneratorStates.now(first.device)
        with torch.enable_grad(), torch.autocast(first.device.type, autocast, enabled=autocast is not None):
            outputs = checked_outputs(flat.call(inputs))
            outputs = outputs.to(first.dtype)
        return cls(flat, outputs, before, GeneratorStates.now(first.device))

    @property
    def random(self) -> bool:
        return not self.before.same_as(self.after)

    def pulled_back(self, slope: Tensor) -> Vector:
        """J^T slope, by one plain backward pass."""
        return self.flat.pulled_back(self.outputs, slope)

    def rows(self, slopes: Iterable[Tensor], count: int) -> Jacobian:
        """J^T slope for each of `count` slopes, (count, N): one backward pass of the whole batch for each.

        Right for every module, whatever its samples have to do with each other.
        """
        J = room_for(count, self.flat.N, self.outputs)
        row = 0
        for chunk in _stacked(slopes, ROWS_AT_ONCE):
            J[row : row + len(chunk)] = self._chunk_of_rows(chunk)
            row += len(chunk)
        return J

    def jacobian(self) -> Jacobian:
        """J (r, N), of all outputs in their order."""
        return self.rows(_unit_slopes(self.outputs), self.outputs.numel())

    def agrees(self, outputs: Tensor) -> bool:
        """Whether outputs that were found in another way are those of this call, to rounding."""
        known = self.outputs.detach().flatten()
        if outputs.numel() != known.numel():
            return False
        if not bool(known.isfinite().all()):
            return True  # a loss that is not finite is reported as such
        deviation = float((outputs.flatten() - known).abs().max())
        return deviation <= precision(self.outputs)[0] * float(known.abs().max())

    def confirms(self, rows: Jacobian, weights: Rows, slope: Tensor) -> bool:
        """Whether `rows^T weights` is what comes back of a slope in the outputs; `rows` were found in another way."""
        known = self.pulled_back(slope)
        deviation = float((rows.T @ weights - known).norm())
        size = float(rows.norm() * weights.square().mean().sqrt())
        return not bool(known.isfinite().all()) or deviation <= precision(rows)[1] * size

    def _chunk_of_rows(self, slopes: Tensor) -> Jacobian:
        if len(slopes) > 1:
            try:
                with warnings.catch_warnings():
                    # torch tells of operations that it does one by one here; so does the loop below
                    warnings.simplefilter("ignore", UserWarning)
                    return self.flat.pulled_back_many(self.outputs, slopes)
            except Exception as error:
                if ran_out(error):
                    raise
        try:
            return torch.stack([self.pulled_back(slope) for slope in slopes])
        except RuntimeError as error:
            if ran_out(error):
                raise
            raise ValueError(f"module: torch cannot differentiate it: {first_line(error)}") from error


def probe(like: Tensor) -> Tensor:
    """Independent standard normal numbers, always the same; torch's global generators are left alone."""
    numbers = torch.randn(like.shape, generator=torch.Generator().manual_seed(0), dtype=like.dtype)
    return numbers.to(like.device)


def precision(like: Tensor) -> tuple[float, float]:
    """Relative deviations that rounding may leave in outputs, and in derivatives."""
    if like.dtype == torch.float64:
        rounding = ROUNDING * torch.finfo(like.dtype).eps
        return rounding, rounding
    reduced = torch.get_float32_matmul_precision() != "highest"
    reduced |= like.device.type == "cuda" and torch.backends.cudnn.allow_tf32
    return REDUCED_PRECISION if reduced else SINGLE_PRECISION


def refuse_empty(inputs: Any) -> None:
    leaves = [leaf for leaf in pytree.tree_leaves(inputs) if isinstance(leaf, Tensor)]
    if any(leaf.dim() > 0 and len(leaf) == 0 for leaf in leaves[:1]):
        raise ValueError("inputs: expected at least one sample, got an empty batch")


def checked_outputs(outputs: Any) -> Tensor:
    """A module's outputs. Raises ValueError unless they are a batch of real numbers that can be differentiated."""
    if not isinstance(outputs, Tensor):
        raise NotOneTensor.of(outputs)
    if outputs.dim() == 0:
        raise ValueError("module: expected one tensor of outputs (batch first), got a scalar")
    if outputs.numel() == 0:
        raise ValueError(f"inputs: expected at least one sample, got outputs of shape {tuple(outputs.shape)}")
    if not outputs.is_floating_point():
        raise ValueError(f"module: expected outputs that are real numbers, got {outputs.dtype}")
    if not outputs.requires_grad:
        raise ValueError("module: its outputs do not depend on its trainable parameters by anything that torch follows")
    return outputs


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Every part in evaluation mode; afterwards each is as it was."""
    training = {part: part.training for part in module.modules()}
    try:
        module.eval()
        yield
    finally:
        for part, was in training.items():
            part.training = was


def _unit_slopes(outputs: Tensor) -> Iterator[Tensor]:
    for i in range(outputs.numel()):
        slope = torch.zeros_like(outputs, requires_grad=False).flatten()
        slope[i] = 1.0
        yield slope.reshape(outputs.shape)


def _stacked(slopes: Iterable[Tensor], size: int) -> Iterator[Tensor]:
    kept: list[Tensor] = []
    for slope in slopes:
        kept.append(slope)
        if len(kept) == size:
            yield torch.stack(kept)
            kept = []
    if kept:
        yield torch.stack(kept)
