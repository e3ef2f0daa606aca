"""One flattening of a module's trainable parameters, used everywhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call

from .._types import Vector
from .outputs import NotOneTensor


@dataclass(frozen=True, slots=True, eq=False)
class FlatModule:
    """A module as a function of one flat vector: the parameters that require gradients, `parameters()` order."""

    module: nn.Module
    names: tuple[str, ...]
    parameters: tuple[nn.Parameter, ...]
    places: tuple[tuple[str, str], ...]
    """(where a parameter is used, its name): several places when layers share it."""

    @classmethod
    def of(cls, module: nn.Module) -> "FlatModule":
        """Raises ValueError when nothing is trainable, dtypes or devices differ, or a layer mixes samples.

        So it does for a parameter with a hook on its gradient.
        """
        if not isinstance(module, nn.Module):
            raise TypeError(f"module: expected a torch.nn.Module, got {type(module).__name__}")
        trainable = {name: p for name, p in module.named_parameters() if p.requires_grad}
        flat = cls(module, tuple(trainable), tuple(trainable.values()), _places(module, trainable))
        if not trainable:
            raise ValueError("module: expected at least one parameter that requires a gradient, got none")
        kinds = {(p.dtype, p.device) for p in flat.parameters}
        if len(kinds) > 1:
            raise ValueError(f"module: expected one dtype and device for all trainable parameters, got {kinds}")
        if flat.parameters[0].dtype not in (torch.float32, torch.float64):
            raise ValueError(f"module: expected float32 or float64 parameters, got {flat.parameters[0].dtype}")
        _refuse_batch_statistics(module)
        _refuse_hooks(trainable)
        return flat

    @property
    def N(self) -> int:
        return sum(p.numel() for p in self.parameters)

    def flatten(self) -> Vector:
        return torch.cat([p.detach().reshape(-1) for p in self.parameters])

    def unflatten(self, theta: Vector) -> dict[str, Tensor]:
        pieces = theta.split([p.numel() for p in self.parameters])
        return {n: v.view(p.shape) for n, v, p in zip(self.names, pieces, self.parameters, strict=True)}

    def assign(self, theta: Vector) -> None:
        """Overwrite the module's own parameters."""
        with torch.no_grad():
            for p, value in zip(self.parameters, self.unflatten(theta).values(), strict=True):
                p.copy_(value)

    def outputs(self, theta: Vector | dict[str, Tensor], inputs: Any) -> Tensor:
        """The module's outputs, a tensor with the batch first, at other parameters than its own."""
        values = theta if isinstance(theta, dict) else self.unflatten(theta)
        args, kwargs = arguments(inputs)
        # torch's own tying leaves derivatives behind in a layer that is used twice
        placed = {place: values[name] for place, name in self.places}
        out = functional_call(self.module, placed, args, kwargs, tie_weights=False)
        if not isinstance(out, Tensor):
            raise NotOneTensor.of(out)
        return out

    def call(self, inputs: Any) -> Any:
        """The module at its own parameters, called as anybody would."""
        args, kwargs = arguments(inputs)
        return self.module(*args, **kwargs)

    def pulled_back(self, outputs: Tensor, slope: Tensor) -> Vector:
        """The gradient of what has the gradient `slope` in outputs that the module itself gave."""
        return self.pulled_back_many(outputs, slope.unsqueeze(0))[0]

    def pulled_back_many(self, outputs: Tensor, slopes: Float[Tensor, "m *slope"]) -> Float[Tensor, "m N"]:
        """Of each slope, in one backward pass, as wide as there are slopes."""
        m = len(slopes)
        given = list(self.parameters)
        slopes = slopes.reshape(m, *outputs.shape)
        batched = m > 1
        found = torch.autograd.grad(
            outputs,
            given,
            slopes if batched else slopes[0],
            retain_graph=True,
            allow_unused=True,
            is_grads_batched=batched,
        )
        return torch.cat([_dense(g, p, m) for g, p in zip(found, given, strict=True)], 1)

    def refuse_changes(self) -> None:
        """Raises ValueError when other parameters are trainable now than when this was made, or samples are mixed."""
        _refuse_batch_statistics(self.module)
        _refuse_hooks(dict(zip(self.names, self.parameters, strict=True)))
        known = dict(zip(self.names, self.parameters, strict=True))
        present = {name: p for name, p in self.module.named_parameters() if p.requires_grad}
        changed = [n for n in (*known, *present) if known.get(n) is not present.get(n)]
        if changed:
            what = "is no longer trained" if changed[0] not in present else "is new, or was replaced"
            raise ValueError(
                f"module: parameter {changed[0]!r} {what} since the optimizer was made; "
                "make a new optimizer after freezing, unfreezing or replacing parameters"
            )

    def refuse_randomness(self) -> None:
        for name, layer in self.module.named_modules():
            if isinstance(layer, nn.modules.dropout._DropoutNd) and layer.training and layer.p > 0:
                raise ValueError(f"module: dropout {name!r} is active; call eval() or use a solver with factors")


def _dense(gradient: Tensor | None, parameter: Tensor, count: int) -> Tensor:
    if gradient is None:  # nothing comes back to it
        return parameter.new_zeros(count, parameter.numel())
    # an embedding may ask for sparse gradients
    whole = gradient.to_dense() if gradient.is_sparse else gradient
    return whole.detach().reshape(count, parameter.numel())


def _places(module: nn.Module, trainable: dict[str, nn.Parameter]) -> tuple[tuple[str, str], ...]:
    name_of = {parameter: name for name, parameter in trainable.items()}
    return tuple(
        (f"{prefix}.{own}" if prefix else own, name_of[parameter])
        for prefix, layer in module.named_modules()
        for own, parameter in layer.named_parameters(recurse=False, remove_duplicate=False)
        if parameter in name_of
    )


def arguments(inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Those that a module is called with: one tensor, a tuple of positional or a mapping of keyword arguments."""
    if isinstance(inputs, Mapping):
        return (), dict(inputs)
    return (tuple(inputs), {}) if isinstance(inputs, tuple | list) else ((inputs,), {})


def _refuse_batch_statistics(module: nn.Module) -> None:
    for name, layer in module.named_modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm) and (layer.training or layer.running_mean is None):
            raise ValueError(
                f"module: layer {name!r} normalises with batch statistics, so samples have no Jacobian of their own; "
                "put it in eval() before a step, after a pass in train() under torch.no_grad() for its statistics, or "
                "use GroupNorm"
            )


def _refuse_hooks(trainable: Mapping[str, nn.Parameter]) -> None:
    """A hook on a gradient makes it another function's, of which nobody knows the curvature."""
    for name, p in trainable.items():
        if p._backward_hooks:
            raise ValueError(
                f"module: parameter {name!r} has a hook on its gradient (register_hook), which "
                "changes the gradient and not the curvature; remove the hook, and change the "
                "gradient in a closure for step(closure)"
            )


def call(module: nn.Module, inputs: Any) -> Tensor:
    """The outputs for one tensor, a tuple of positional or a mapping of keyword arguments."""
    args, kwargs = arguments(inputs)
    return module(*args, **kwargs)
