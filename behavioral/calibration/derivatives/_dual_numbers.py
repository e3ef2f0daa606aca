"""Forward-mode derivatives of element values: the topology's own code run on dual numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp
from typing import Union

Number = Union[float, int, "Dual"]


@dataclass(frozen=True, slots=True, eq=False)
class Dual:
    """A value with its sparse gradient, by index of the parameter."""

    value: float
    gradient: Mapping[int, float]

    @classmethod
    def variable(cls, value: float, index: int, slope: float = 1.0) -> "Dual":
        return cls(float(value), {index: float(slope)})

    def __add__(self, other: Number) -> "Dual":
        if isinstance(other, Dual):
            return Dual(self.value + other.value, _sum(self.gradient, 1.0, other.gradient, 1.0))
        if other == 0:
            return self
        return Dual(self.value + float(other), self.gradient)

    __radd__ = __add__

    def __neg__(self) -> "Dual":
        return Dual(-self.value, {k: -slope for k, slope in self.gradient.items()})

    def __sub__(self, other: Number) -> "Dual":
        return self + (-1.0 * other)

    def __rsub__(self, other: Number) -> "Dual":
        return -self + other

    def __mul__(self, other: Number) -> "Dual":
        if isinstance(other, Dual):
            return Dual(self.value * other.value, _sum(self.gradient, other.value, other.gradient, self.value))
        factor = float(other)
        return Dual(self.value * factor, {k: factor * slope for k, slope in self.gradient.items()})

    __rmul__ = __mul__

    def __truediv__(self, other: Number) -> "Dual":
        return self * (other.reciprocal() if isinstance(other, Dual) else 1.0 / float(other))

    def __rtruediv__(self, other: Number) -> "Dual":
        # The topologies' most frequent operation by far: without the reciprocal in between.
        quotient = float(other) / self.value
        change = -quotient / self.value
        return Dual(quotient, {k: change * slope for k, slope in self.gradient.items()})

    def __pow__(self, power: int | float) -> "Dual":
        slope = power * self.value ** (power - 1)
        return Dual(self.value**power, {k: slope * g for k, g in self.gradient.items()})

    def __float__(self) -> float:
        return self.value

    def reciprocal(self) -> "Dual":
        inverse = 1.0 / self.value
        return Dual(inverse, {k: -slope * inverse * inverse for k, slope in self.gradient.items()})

    def exp(self) -> "Dual":
        return Dual(exp(self.value), {k: exp(self.value) * slope for k, slope in self.gradient.items()})


def gradient(number: Number) -> Mapping[int, float]:
    """Of a dual; empty for a plain number."""
    return number.gradient if isinstance(number, Dual) else {}


def _sum(a: Mapping[int, float], by: float, b: Mapping[int, float], also: float) -> dict[int, float]:
    total = {k: by * slope for k, slope in a.items()}
    for k, slope in b.items():
        total[k] = total.get(k, 0.0) + also * slope
    return total
