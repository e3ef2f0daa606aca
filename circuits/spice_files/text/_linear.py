"""Sums of voltages and currents with factors: what an expression of a source comes to, where it is linear."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

Quantity: TypeAlias = tuple[str, ...]
"""`("v", plus, minus)` or `("i", source)`."""

MOST_TERMS = 200


class NotLinearError(ValueError):
    """What of an expression is not linear."""


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """`constant + sum(factor * quantity)`; whatever would leave this form raises `NotLinearError`."""

    terms: Mapping[Quantity, float]
    constant: float = 0.0

    def __add__(self, other: "float | Linear") -> "Linear":
        if not isinstance(other, Linear):
            return Linear(self.terms, self.constant + other)
        if len(self.terms) > MOST_TERMS:
            raise ValueError(f"expected a sum of at most {MOST_TERMS} voltages and currents")
        sums = {key: self.terms.get(key, 0.0) + other.terms.get(key, 0.0) for key in {**self.terms, **other.terms}}
        return Linear(sums, self.constant + other.constant)

    def __radd__(self, other: float) -> "Linear":
        return self + other

    def __neg__(self) -> "Linear":
        return self * -1.0

    def __sub__(self, other: "float | Linear") -> "Linear":
        return self + -other

    def __rsub__(self, other: float) -> "Linear":
        return -self + other

    def __mul__(self, other: "float | Linear") -> "Linear":
        if isinstance(other, Linear):
            raise NotLinearError("a product of voltages or currents")
        return Linear({key: factor * other for key, factor in self.terms.items()}, self.constant * other)

    def __rmul__(self, other: float) -> "Linear":
        return self * other

    def __truediv__(self, other: "float | Linear") -> "Linear":
        if isinstance(other, Linear):
            raise NotLinearError("a division by a voltage or a current")
        return Linear({key: factor / other for key, factor in self.terms.items()}, self.constant / other)

    def __rtruediv__(self, other: float) -> "Linear":
        raise NotLinearError("a division by a voltage or a current")

    def _compared(self, other: object = None) -> bool:
        raise NotLinearError("a comparison of voltages or currents")

    __lt__ = __gt__ = __le__ = __ge__ = __bool__ = _compared

    def __eq__(self, other: object) -> bool:
        return self._compared()

    def __ne__(self, other: object) -> bool:
        return self._compared()

    def __hash__(self) -> int:
        return self._compared()

    def _rounded(self, other: object = None) -> float:
        raise NotLinearError("a remainder of a voltage or a current")

    __float__ = __mod__ = __rmod__ = _rounded
