"""From batches to the program of one step: micro-batches put together, processes put together."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from .._types import LossFunction, Vector
from ..parallel import Ranks
from ..programs import Factored, Layered, Products, Sharded, gathered_batch
from ._by_layers import layered
from ._flat_module import FlatModule
from ._jacobian import Linearised, check_range, evaluated, linearised
from ._matrix_free import products
from ._randomness import GeneratorStates
from .outputs import OutputParts
from .referees import Referee

AnyFactors = Factored | Products
CurvatureKind = Literal["ggn", "fisher", "layers", "products"]


@dataclass(frozen=True, slots=True, eq=False)
class MicroBatch:
    """One micro-batch, linearised."""

    inputs: Any
    targets: Any
    made: Linearised | Layered | Products


@dataclass(frozen=True, slots=True, eq=False)
class Whole:
    """What one step works with."""

    program: AnyFactors
    loss: Tensor
    gradient: Vector


@dataclass(frozen=True, slots=True, eq=False)
class Linearise:
    """How a step is linearised; settings as those of `TNGD`."""

    flat: FlatModule
    loss_fn: LossFunction
    kind: CurvatureKind
    chunk: int | None
    autocast: torch.dtype | None
    ranks: Ranks | None
    referee: Referee
    sampled: bool = False
    outputs: OutputParts = field(default_factory=OutputParts)

    def part(self, inputs: Any, targets: Any, damping: float) -> MicroBatch:
        return self.outputs.tried(self.flat.module, lambda: self._part(inputs, targets, damping))

    @property
    def _loss(self) -> LossFunction:
        """Of one tensor."""
        return self.outputs.loss(self.loss_fn)

    def _part(self, inputs: Any, targets: Any, damping: float) -> MicroBatch:
        if self.kind == "products":
            made = products(self.flat.module, self._loss, inputs, targets, damping)
            return MicroBatch(inputs, targets, self._later(made))
        if self.kind == "layers":
            level = self.referee.level(self.flat.module)
            by_layers = layered(self.flat.module, self._loss, inputs, targets, damping, level, self.ranks, self.sampled)
            self.referee.passed()
            return MicroBatch(inputs, targets, by_layers)
        whole = linearised(
            self.flat,
            self._loss,
            inputs,
            targets,
            self.chunk,
            kind=self.kind,
            autocast=self.autocast,
        )
        return MicroBatch(inputs, targets, whole)

    def _later(self, made: Products) -> Products:
        """Its products call the module when a solver asks for them."""
        if not self.outputs.several:
            return made
        inside = partial(self.outputs.within, self.flat.module)
        return replace(made, jvp=inside(made.jvp), vjp=inside(made.vjp))

    def whole(self, parts: Sequence[MicroBatch], damping: float) -> Whole:
        """Exactly what one batch of all parts' samples, in all processes, would give.

        The loss is asked once, with the outputs and targets of all of them, so that nothing has to be known of how it
        weighs its samples.
        """
        made = [part.made for part in parts]
        batches = [one for one in made if isinstance(one, Linearised)]
        if len(batches) < len(made):
            one = made[0]
            if len(made) > 1 or isinstance(one, Linearised):
                raise ValueError(f'TNGD: micro-batches need curvature "ggn" or "fisher", got "{self.kind}"')
            return Whole(one, one.loss, one.gradient)
        targets = joined_targets([part.targets for part in parts], [len(batch.outputs) for batch in batches])
        batch = evaluated(Linearised.joined(batches), self._loss, targets, damping, self.ranks, self.sampled)
        check_range(batch, self.autocast)
        program = batch.factors if self.ranks is None else Sharded.of(batch.factors, self.ranks)
        return Whole(program, batch.loss, batch.gradient)

    def loss(self, parts: Sequence[MicroBatch]) -> Tensor:
        """Loss of all parts, at the module's present parameters.

        Raises ValueError for a module that draws random numbers: its loss would be that of another module.
        """
        theta = self.flat.flatten()
        before = GeneratorStates.now(theta.device)
        with torch.no_grad(), self.outputs.joined(self.flat.module):
            outputs = [self.flat.outputs(theta, part.inputs) for part in parts]
        if not before.same_as(GeneratorStates.now(theta.device)):
            raise ValueError(
                "module: it draws random numbers, so its loss before and after a step cannot be compared; call eval(), "
                "or leave levenberg_marquardt out"
            )
        targets = joined_targets([part.targets for part in parts], [len(one) for one in outputs])
        whole = torch.cat(outputs)
        if self.ranks is not None:
            whole, targets, _ = gathered_batch(self.ranks, whole, targets, whole.numel())
        with torch.no_grad():
            return self._loss(whole, targets)


def joined_targets(targets: Sequence[Any], sizes: Sequence[int]) -> Any:
    """Targets of one batch: tensors with a row for each sample one after another; all else has to be equal.

    `sizes`: the samples of each part. Raises ValueError for targets that make no batch.
    """
    if len(targets) == 1:
        return targets[0]
    structures = [pytree.tree_flatten(one) for one in targets]
    if any(structure != structures[0][1] for _, structure in structures):
        raise ValueError("TNGD: expected targets of one structure in all micro-batches")
    leaves = zip(*(leaves for leaves, _ in structures), strict=True)
    return pytree.tree_unflatten([_joined(list(column), sizes) for column in leaves], structures[0][1])


def _joined(leaves: list[Any], sizes: Sequence[int]) -> Any:
    first = leaves[0]
    if not isinstance(first, Tensor):
        if any(leaf != first for leaf in leaves):
            raise ValueError(f"TNGD: micro-batches differ in a target that is no tensor: {first!r}")
        return first
    if all(leaf.dim() > 0 and len(leaf) == size for leaf, size in zip(leaves, sizes, strict=True)):
        if len({leaf.shape[1:] for leaf in leaves}) > 1:
            shapes = sorted({tuple(leaf.shape[1:]) for leaf in leaves})
            raise ValueError(f"TNGD: micro-batches need targets of one shape, got {shapes}; pad them to one length")
        return torch.cat(leaves)
    if not all(torch.equal(leaf, first) for leaf in leaves):
        raise ValueError("TNGD: micro-batches need targets with a row for each sample, or the same for all")
    return first
