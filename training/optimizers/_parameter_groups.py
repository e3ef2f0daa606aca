"""Parameter groups of torch on one flat vector, and parameters that come and go."""

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ...files.arguments import is_number, shown
from .._types import Vector
from ..curvature import FlatModule

Group = dict[str, Any]

# What makes one program, or one device, of all parameters.
SHARED = ("damping", "betas", "eps")


@dataclass(frozen=True, slots=True)
class Places:
    """Where each parameter stands in a flat vector."""

    parameters: tuple[nn.Parameter, ...]

    def moved(self, x: Vector, there: "Places", fill: float = 0.0) -> Float[Tensor, " M"]:
        """The same numbers at other places; `fill` for a parameter that has none here."""
        own = dict(zip(map(id, self.parameters), x.split([p.numel() for p in self.parameters]), strict=True))
        none = (torch.full_like(p.detach(), fill).flatten() for p in there.parameters)
        return torch.cat([own.get(id(p), new) for p, new in zip(there.parameters, none, strict=True)])


def spread(parameters: Sequence[nn.Parameter], groups: Sequence[Group], name: str) -> float | Vector:
    """A setting of each group: one number, or a vector of one for each entry where the groups differ."""
    values = [float(group[name]) for group in groups]
    if len(set(values)) == 1:
        return values[0]
    of = value_of(groups, name)
    return torch.cat([torch.full_like(p.detach(), of[id(p)]).flatten() for p in parameters])


def value_of(groups: Sequence[Group], name: str) -> dict[int, float]:
    """The setting of each parameter, by its id."""
    return {id(p): float(group[name]) for group in groups for p in group["params"]}


def same_in_all(name: str, groups: Sequence[Group]) -> None:
    """Raises ValueError where groups differ in what makes one program of all parameters."""
    for setting in SHARED:
        values = [group.get(setting) for group in groups]
        if any(value != values[0] for value in values):
            raise ValueError(
                f"{name}: expected one {setting} for all parameter groups, which share one linear system, got "
                f"{', '.join(map(str, values))}"
            )


def grouped(name: str, module: nn.Module, given: Iterable[Any] | None, own: Sequence[nn.Parameter]) -> list[Any]:
    """Groups as torch takes them; all trained parameters in one where none are given.

    Raises ValueError for a trained parameter of the module that is in no group, and for one of another module.
    """
    if given is None:
        return list(own)
    # the entries of a string or an array are no parameters
    if not isinstance(given, Iterable) or isinstance(given, str) or hasattr(given, "ndim"):
        raise TypeError(f"{name}: expected params as parameters or groups of them, got {shown(given)}")
    groups = [as_group(one) if isinstance(one, Mapping) else one for one in given]
    if not groups:
        raise ValueError(f"{name}: expected params as parameters or groups of them, got none")
    refuse_ungrouped(name, module, _listed(groups))
    refuse_foreign(name, module, _listed(groups))
    return groups


def as_group(given: Mapping[str, Any]) -> Group:
    """A group whose parameters can be gone through more than once."""
    params = given.get("params", ())
    if not isinstance(params, Iterable):
        raise TypeError(f"expected params of a group as parameters, got {params!r}")
    return {**given, "params": [params] if isinstance(params, Tensor) else list(params)}


def add_group(name: str, module: nn.Module, groups: list[Group], add: Callable[[Group], None], given: Any) -> None:
    """Add a group of parameters of the module. Raises ValueError, and leaves the groups as they were."""
    group = as_group(given)
    refuse_foreign(name, module, group["params"])
    add(group)
    try:
        check_groups(name, groups)
    except ValueError:
        del groups[-1]
        raise


def refuse_ungrouped(name: str, module: nn.Module, listed: Iterable[Any]) -> None:
    """Raises ValueError for a trained parameter in no group."""
    known = {id(p) for p in listed}
    for own_name, p in module.named_parameters():
        if p.requires_grad and id(p) not in known:
            raise ValueError(
                f"{name}: parameter {own_name!r} is trained and in no parameter group; add it by "
                "add_param_group({'params': [...]}), or freeze it by requires_grad_(False)"
            )


def refuse_foreign(name: str, module: nn.Module, listed: Iterable[Any]) -> None:
    own = {id(p) for p in module.parameters()}
    if any(id(p) not in own for p in listed):
        raise ValueError(f"{name}: a parameter group holds what is no parameter of the module")


def _listed(groups: Iterable[Any]) -> list[Any]:
    return [p for group in groups for p in (group["params"] if isinstance(group, dict) else [group])]


def check_groups(name: str, groups: Sequence[Group]) -> None:
    """Raises ValueError for a group's own settings out of range, and for those that all groups share."""
    for group in groups:
        for setting in ("lr", "weight_decay", "momentum"):
            value = group[setting]
            if not is_number(value) or not 0.0 <= float(value) < float("inf"):
                raise ValueError(f"{name}: expected {setting} finite and >= 0 in every group, got {shown(value)}")
    same_in_all(name, groups)


def follow(name: str, flat: FlatModule, groups: Sequence[Group]) -> FlatModule:
    """The same module with the parameters that are trained now. Raises ValueError for one in no group."""
    refuse_ungrouped(name, flat.module, _listed(groups))
    present = [p for p in flat.module.parameters() if p.requires_grad]
    if len(present) == len(flat.parameters) and all(map(operator.is_, present, flat.parameters)):
        flat.refuse_changes()
        return flat
    return FlatModule.of(flat.module)
