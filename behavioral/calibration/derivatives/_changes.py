"""How each parameter changes a circuit's equations: terms of one column and one row each."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy
from jaxtyping import Float, Inexact, Int

from ....circuits.networks import Capacitor, Equations, Inductor
from ._dual_numbers import Number, gradient

# Slope by column of x (or of u), for each equation.
_Rows = dict[int, dict[int, float]]


@dataclass(frozen=True, eq=False)
class Changes:
    """`dR u - dK x` of parameter `parameter[k]`: `row[k] @ u` flows into equation `plus[k]` and out of `minus[k]`, -1
    for none. A resistor's two nodes see opposite currents: one term."""

    parameter: Int[np.ndarray, " k"]
    plus: Int[np.ndarray, " k"]
    minus: Int[np.ndarray, " k"]
    row: Float[np.ndarray, "k u"]

    @classmethod
    def of(cls, eq: Equations, x: Float[np.ndarray, "size u"]) -> "Changes":
        """Of equations whose values are dual numbers, with their solution x for each of u."""
        terms = list(_terms(_slopes(eq)))
        by_x = scipy.sparse.csr_array(_triplets([part for *_, part, _ in terms]), shape=(len(terms), len(x)))
        row = np.asarray(by_x @ x)
        for k, (*_, direct) in enumerate(terms):
            for column, slope in direct.items():
                row[k, column] += slope
        parameter, plus, minus = np.array([(p, i, j) for p, i, j, _, _ in terms], dtype=int).reshape(-1, 3).T
        return cls(parameter, plus, minus, row)


def _slopes(eq: Equations) -> dict[int, tuple[_Rows, _Rows]]:
    """By parameter and equation: what x and what u do."""
    found: dict[int, tuple[_Rows, _Rows]] = defaultdict(lambda: (defaultdict(dict), defaultdict(dict)))
    for which, (sign, triplets) in enumerate(((-1.0, eq.K), (1.0, eq.R))):
        for i, j, value in triplets:
            for p, slope in gradient(value).items():
                row = found[p][which][i]
                row[j] = row.get(j, 0.0) + sign * slope
    return found


def _terms(
    slopes: dict[int, tuple[_Rows, _Rows]],
) -> Iterator[tuple[int, int, int, dict[int, float], dict[int, float]]]:
    for p, (by_x, by_u) in slopes.items():
        rows = dict.fromkeys((*by_x, *by_u))
        if len(rows) == 2 and not by_u:
            (i, first), (j, second) = by_x.items()
            if first == {column: -slope for column, slope in second.items()}:
                yield p, i, j, first, {}
                continue
        for i in rows:
            yield p, i, -1, by_x.get(i, {}), by_u.get(i, {})


def _triplets(rows: list[dict[int, float]]) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    lengths = [len(row) for row in rows]
    columns = np.array([column for row in rows for column in row], dtype=int)
    values = np.array([slope for row in rows for slope in row.values()], dtype=float)
    return values, (np.repeat(np.arange(len(rows)), lengths), columns)


def storage_changes(eq: Equations) -> list[tuple[int, int, float]]:
    """Parameter, storage element (states first, then links) and slope of its value."""
    return [
        (p, k, slope)
        for k, element in enumerate((*eq.states, *eq.links))
        for p, slope in gradient(storage_value(element)).items()
    ]


def storage_value(element: Capacitor | Inductor) -> Number:
    """Of a capacitor [F] or an inductor [H]."""
    value: Number = element.capacitance if isinstance(element, Capacitor) else element.inductance
    return value


def picks(parameter: Int[np.ndarray, " k"], size: int) -> "scipy.sparse.csr_array":
    """A matrix (p, k) that sums the terms of each parameter."""
    k = len(parameter)
    return scipy.sparse.csr_array((np.ones(k), (parameter, np.arange(k))), shape=(size, k))


def collect(
    terms: Inexact[np.ndarray, "k columns"], parameter: Int[np.ndarray, " k"], size: int
) -> Inexact[np.ndarray, "p columns"]:
    """Sum of the terms of each parameter."""
    return np.asarray(picks(parameter, size) @ terms)
