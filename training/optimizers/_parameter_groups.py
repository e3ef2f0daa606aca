"""Parameter groups of torch on one flat vector, and parameters that come and go."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .._types import Vector
from ..curvature import FlatModule

Group = dict[str, Any]

# What makes one program, or one device, of all parameters.
SHARED = ("damping", "betas", "eps")


@dataclass(frozen=True, slots=True)
class Places:
    """Where each parameter stands in a flat vector."""

    parameters: tuple[nn.Parameter, ...]

    def moved(self, x: Vector, there: "Places", fill: float = 0.0) -> Vector:
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

    Raises ValueError for a trained parameter of the module that is in no group.
    """
    if given is None:
        return list(own)
    groups = [dict(one) if isinstance(one, Mapping) else one for one in given]
    if not groups:
        raise ValueError(f"{name}: expected params as parameters or groups of them, got none")
    for group in groups:
        if isinstance(group, dict):
            params = group.get("params", ())
            group["params"] = [params] if isinstance(params, Tensor) else list(params)
    refuse_strangers(name, module, groups)
    return groups


def refuse_strangers(name: str, module: nn.Module, groups: Sequence[Any]) -> None:
    """Raises ValueError for trained parameters in no group, and for parameters of another module."""
    listed = [p for group in groups for p in (group["params"] if isinstance(group, dict) else [group])]
    known = {id(p) for p in listed}
    for own_name, p in module.named_parameters():
        if p.requires_grad and id(p) not in known:
            raise ValueError(
                f"{name}: parameter {own_name!r} is trained and in no parameter group; add it by "
                "add_param_group({'params': [...]}), or freeze it by requires_grad_(False)"
            )
    own = {id(p) for p in module.parameters()}
    if any(id(p) not in own for p in listed):
        raise ValueError(f"{name}: a parameter group holds what is no parameter of the module")


def check_groups(name: str, groups: Sequence[Group]) -> None:
    """Raises ValueError for a group's own settings out of range, and for those that all groups share."""
    for group in groups:
        for setting in ("lr", "weight_decay", "momentum"):
            if not 0.0 <= float(group[setting]) < float("inf"):
                raise ValueError(f"{name}: expected {setting} finite and >= 0 in every group, got {group[setting]}")
    same_in_all(name, groups)


def follow(flat: FlatModule) -> FlatModule:
    """The same module with the parameters that are trained now."""
    present = [p for p in flat.module.parameters() if p.requires_grad]
    unchanged = len(present) == len(flat.parameters)
    unchanged &= all(a is b for a, b in zip(present, flat.parameters, strict=False))
    return flat if unchanged else FlatModule.of(flat.module)
