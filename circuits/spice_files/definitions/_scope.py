"""Parameters by name: each worked out where it is defined, once, when somebody asks for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..text import evaluate, read_number, unbraced
from ._blocks import Parameter

MOST_PARAMETERS_DEEP = 100
"""Parameters that stand on each other; each is a recursion of the reader."""


@dataclass(slots=True)
class Scope:
    """The parameters of the circuit or of one instance of a subcircuit, over those around its definition."""

    parameters: Mapping[str, Parameter]
    parent: "Scope | None" = None
    values: dict[str, float] = field(default_factory=dict)
    """Those that are known: given with an instance, or worked out before."""
    asked: list[str] = field(default_factory=list)
    """Those that are being worked out, the same list for all scopes of a circuit."""

    def value_of(self, name: str) -> float:
        """A parameter's value.

        Raises:
            KeyError: there is none of this name.
            ValueError: it has no value.
        """
        if name in self.values:
            return self.values[name]
        if name not in self.parameters:
            if self.parent is None:
                raise KeyError(name)
            return self.parent.value_of(name)
        key = f"{id(self)} {name}"
        if key in self.asked:
            raise ValueError(f"parameter {name} stands for itself")
        if len(self.asked) > MOST_PARAMETERS_DEEP:
            raise ValueError(f"expected at most {MOST_PARAMETERS_DEEP} parameters that stand on each other")
        self.asked.append(key)
        try:
            self.values[name] = self.worked_out(self.parameters[name].text)
        finally:
            self.asked.pop()
        return self.values[name]

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
        if word[0].isalpha():
            raise ValueError(f"expected a value, got {word!r}; a parameter stands in braces: {{{word}}}")
        return read_number(word)
