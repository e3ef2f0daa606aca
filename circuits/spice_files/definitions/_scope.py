"""Parameters by name: each worked out where it is defined, once, when somebody asks for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import e, isclose, pi
from typing import Literal

from ..text import Linear, evaluate, evaluate_linear, read_number, unbraced
from ._blocks import Parameter

MOST_PARAMETERS_DEEP = 40
"""Parameters that stand on each other; each is a recursion of the reader."""

_KNOWN = {"pi": pi, "e": e}
"""Constants that an expression of a source has in ngspice, whatever a parameter of the name says."""
_CHANGING = frozenset({"time", "temper", "temp", "hertz", "freq", "s"})


@dataclass(slots=True)
class Scope:
    """The parameters of the circuit or of one instance of a subcircuit.

    Others are those around its definition, or around its use: simulators disagree where the two differ.
    """

    parameters: Mapping[str, Parameter]
    parent: "Scope | None" = None
    """Around the definition."""
    caller: "Scope | None" = None
    """Around the use."""
    values: dict[str, float] = field(default_factory=dict)
    """Those that are known: given with an instance, or worked out before."""
    faults: dict[str, str] = field(default_factory=dict)
    """Why others have no value: a chain of them is not gone through again."""
    asked: list[str] = field(default_factory=list)
    """Those that are being worked out, the same list for all scopes of a circuit."""

    def value_of(self, name: str) -> float:
        """A parameter's value.

        Raises:
            KeyError: there is none of this name.
            ValueError: it has no value.
        """
        owner = self._owner(name)
        if owner is not self:
            return owner.value_of(name)
        if name in self.values:
            return self.values[name]
        if name in self.faults:
            raise ValueError(self.faults[name])
        key = f"{id(self)} {name}"
        if key in self.asked:
            raise ValueError(f"parameter {name} stands for itself")
        if len(self.asked) > MOST_PARAMETERS_DEEP:
            raise ValueError(f"expected at most {MOST_PARAMETERS_DEEP} parameters that stand on each other")
        self.asked.append(key)
        try:
            self.values[name] = self.worked_out(self.parameters[name].text)
        except ValueError as error:
            self.faults[name] = str(error)
            raise
        finally:
            self.asked.pop()
        return self.values[name]

    def _owner(self, name: str) -> "Scope":
        defining = self._first(name, "parent")
        using = self._first(name, "caller")
        if defining is not None and using is not None and defining is not using:
            raise ValueError(
                f"parameter {name} has one value where the subcircuit is defined and another where it is used;"
                " simulators disagree which one counts: give it with the instance"
            )
        owner = defining or using
        if owner is None:
            raise KeyError(name)
        return owner

    def _first(self, name: str, way: Literal["parent", "caller"]) -> "Scope | None":
        scope: Scope | None = self
        while scope is not None and name not in scope.parameters:
            scope = getattr(scope, way)
        return scope

    def worked_out(self, text: str) -> float:
        """The value of an expression, in braces or not."""
        inner = unbraced(text)
        return evaluate(text if inner is None else inner, self.value_of)

    def value(self, word: str) -> float:
        """The value of one word of a card: a number, or an expression in braces or quotes.

        Raises:
            ValueError: neither.
        """
        inner = unbraced(word)
        if inner is not None:
            return evaluate(inner, self.value_of)
        if not (word[0].isalpha() or word[0] == "_"):
            return read_number(word)
        # ngspice takes a parameter's name for its value, without braces too.
        try:
            return self.value_of(word)
        except KeyError:
            raise ValueError(f"expected a value, got {word!r}, which is no parameter") from None

    def linear(self, text: str, quantity_of: Callable[[str, list[str]], Linear]) -> Linear:
        """The coefficients of an expression in voltages and currents; see `evaluate_linear`.

        Raises:
            ValueError: none, one that is not linear, or one that changes with time.
        """
        return evaluate_linear(text, self._constant, quantity_of)

    def _constant(self, name: str) -> float:
        if name in _CHANGING and not self.knows(name):
            raise ValueError(
                f"{name}: a source that goes with it is not taken; expected voltages, currents and numbers"
            )
        value = self.value_of(name)
        if not isclose(value, _KNOWN.get(name, value), rel_tol=1e-9):
            raise ValueError(f"simulators disagree on {name} in a source, which ngspice has itself; use another name")
        return value

    def knows(self, word: str) -> bool:
        """Whether a word is the name of a parameter."""
        return self._first(word, "parent") is not None or self._first(word, "caller") is not None
