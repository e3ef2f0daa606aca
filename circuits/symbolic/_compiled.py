"""Formulas as compiled numpy functions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from sympy import Matrix, Symbol


@dataclass(frozen=True, eq=False)
class Compiled:
    """A numpy function of a matrix of formulas; call it with numbers for its symbols, others are ignored."""

    arguments: tuple[Symbol, ...]
    shape: tuple[int, int]
    function: Callable[..., Any]

    def __call__(self, values: Mapping[Symbol, Any]) -> np.ndarray:
        """The matrix in numbers, of the shape of the formulas, in SI units.

        Raises:
            KeyError: a symbol without a number.
        """
        return np.asarray(self.function(*[values[symbol] for symbol in self.arguments])).reshape(self.shape)


def compiled(expression: Matrix) -> Compiled:
    """Compile any matrix of a symbolic model.

    A response is `compiled(model.transfer())({**model.values(design, program), s: 1j * w})`.
    Common parts are computed once, so that the state space of tens of cells is compiled and evaluated quickly.
    """
    arguments = tuple(sorted(expression.free_symbols, key=lambda symbol: symbol.name))
    return Compiled(arguments, expression.shape, sympy.lambdify(arguments, expression, "numpy", cse=True))
