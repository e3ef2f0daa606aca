"""The designs that a search may propose, between 0 and 1 on every axis."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from ..studies import Parameter, Reader, Study, points_at

Design = Mapping[str, Any]

_DIGITS = 3
"""Of a proposed value: nobody buys resistors of 1.23456 %."""


@dataclass(frozen=True, slots=True)
class Space:
    """Ranges and lists of values."""

    parameters: Mapping[str, Parameter]
    ends: Mapping[str, tuple[Any, ...]]
    """Both ends of a range, or all values of a list, as the fields have them."""
    read: Reader

    @classmethod
    def of(cls, study: Study, read: Reader) -> "Space":
        """The space of a study's parameters.

        Raises:
            ValueError: bounds that make no range.
        """
        ends = {name: _ends(name, parameter, read) for name, parameter in study.parameters.items()}
        return cls(study.parameters, ends, read)

    @property
    def size(self) -> int:
        return len(self.parameters)

    def designs(self, unit: Float[np.ndarray, "designs parameters"]) -> list[dict[str, Any]]:
        """Designs at places of the unit cube, with values that one would write down."""
        found = points_at(self.parameters, unit, self.read)
        return [{name: self._written(name, value) for name, value in design.items()} for design in found]

    def places(self, designs: Sequence[Design]) -> Float[np.ndarray, "designs parameters"]:
        """Where designs lie in the unit cube."""
        return np.array([[self._place(name, design[name]) for name in self.parameters] for design in designs])

    def _written(self, name: str, value: Any) -> Any:
        if self.parameters[name].values is not None or not isinstance(value, float):
            return value
        low, high = self.ends[name]
        return min(max(float(f"{value:.{_DIGITS}g}"), low), high)

    def _place(self, name: str, value: Any) -> float:
        ends = self.ends[name]
        if self.parameters[name].values is not None:
            return (ends.index(value) + 0.5) / len(ends)
        if self.parameters[name].scale == "log":
            return math.log(value / ends[0]) / math.log(ends[1] / ends[0])
        return float((value - ends[0]) / (ends[1] - ends[0]))


def _ends(name: str, parameter: Parameter, read: Reader) -> tuple[Any, ...]:
    if parameter.values is not None:
        return tuple(read(name, value) for value in parameter.values)
    low, high = (design[name] for design in points_at({name: parameter}, np.array([[0.0], [1.0]]), read))
    return low, high
