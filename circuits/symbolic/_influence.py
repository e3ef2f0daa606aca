"""What a small relative change of a component does to a network at rest: one injected current or voltage.

A conductance g between nodes a and b that grows by a part e takes an additional current `e g (v_a - v_b)`: to first
order the same as a source of that strength across it in the unchanged network (Director and Rohrer, The generalized
adjoint network and network sensitivities, IEEE Trans. Circuit Theory 16, 318, 1969).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from jaxtyping import Float

from ..networks import (
    GROUND,
    Capacitor,
    CurrentSource,
    Difference,
    Equations,
    Inverter,
    LinearElement,
    Network,
    Resistor,
    Transconductor,
    VoltageSource,
    equations,
    linear_elements,
)

Row = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Influence:
    """What a change of one component injects.

    Right-hand sides `rows` (equation, sign) times a strength, `constant + sum(factor * v)`.
    """

    component: str
    rows: tuple[Row, ...]
    terms: tuple[tuple[int, Any], ...]
    """(node's unknown, factor)."""
    constant: Any = 0


@dataclass(frozen=True, eq=False)
class SettledSensitivity:
    """Change of each settled readout for a relative change of each component [V]."""

    components: tuple[str, ...]
    values: Float[np.ndarray, "n k"]


def influences(network: Network, eq: Equations) -> tuple[Influence, ...]:
    """Influences of every component that the settled voltages depend on.

    These are conductances, transconductances, sources and gains.
    A resistor counts by its conductance; amplifiers of a macro-model by their pieces, such as `a0_gm` and `a0_rp`.
    """
    row = {name: k for k, name in enumerate(eq.nodes)} | dict(eq.branch)
    return tuple(found for e in linear_elements(network) for found in _influence(e, row))


def _influence(element: LinearElement, row: Mapping[str, int]) -> Iterator[Influence]:
    match element:
        case Resistor(name, a, b, resistance):
            yield Influence(name, _between(row, a, b), _across(row, a, b, 1 / resistance))
        case Transconductor(name, a, b, plus, minus, gm):
            yield Influence(name, _between(row, a, b), _across(row, plus, minus, gm))
        case CurrentSource(name, a, b, dc):
            yield Influence(name, _between(row, a, b), (), dc)
        case VoltageSource(name, _, _, dc):
            yield Influence(name, ((row[name], 1),), (), dc)
        case Inverter(name, source, _):
            yield Influence(name, ((row[name], -1),), _across(row, source, GROUND, 1))
        case Difference(name, plus, minus, _):
            yield Influence(name, ((row[name], 1),), _across(row, plus, minus, 1))


def _between(row: Mapping[str, int], a: str, b: str) -> tuple[Row, ...]:
    return tuple((row[node], sign) for node, sign in ((a, -1), (b, 1)) if node != GROUND)


def _across(row: Mapping[str, int], plus: str, minus: str, factor: Any) -> tuple[tuple[int, Any], ...]:
    return tuple((row[node], sign * factor) for node, sign in ((plus, 1), (minus, -1)) if node != GROUND)


def settled_sensitivity(network: Network) -> SettledSensitivity:
    """Sensitivities of the settled readouts in numbers, for any size: two solutions of one sparse system, no inverse.

    With the equations at rest `K x = r`, readouts x_o and adjoint solutions `K^T y_o = e_o`, a component that acts on
    the rows c with strength q changes readout o by `sum_c y_o[c] q`: exact, as K depends on each component linearly.

    Raises:
        ValueError: a node without a path for direct current.
    """
    eq = equations(network)
    K, r = _at_rest(eq)
    units = np.zeros((K.shape[0], len(eq.outputs)))
    units[list(eq.outputs), np.arange(len(eq.outputs))] = 1
    try:
        forward = scipy.sparse.linalg.splu(K)
        adjoint = scipy.sparse.linalg.splu(K.T.tocsc())
    except RuntimeError:
        raise ValueError(f"network {network.name}: expected every node to have a path for direct current") from None
    x = forward.solve(r)
    y = adjoint.solve(units)
    found = influences(network, eq)
    values = np.array([_change(influence, x, y) for influence in found])
    return SettledSensitivity(tuple(f.component for f in found), values.reshape(-1, len(eq.outputs)).T)


def _at_rest(eq: Equations) -> tuple["scipy.sparse.csc_matrix", Float[np.ndarray, " size"]]:
    """The nodal equations with the states as further unknowns, and no current through capacitors, no voltage across
    inductors, as further equations.
    """
    index = {node: k for k, node in enumerate(eq.nodes)}
    entries = [(i, j, float(value)) for i, j, value in eq.K]
    r = np.zeros(eq.size + len(eq.states))
    for i, column, value in eq.R:
        if column < len(eq.states):
            entries.append((i, eq.size + column, -float(value)))
        elif column < eq.noise:
            r[i] += float(value)
    for k, state in enumerate(eq.states):
        if isinstance(state, Capacitor):
            entries.append((eq.size + k, eq.branch[state.name], 1.0))
        else:
            entries += [(eq.size + k, j, sign) for j, sign in _across(index, state.a, state.b, 1.0)]
    rows, columns, values = zip(*entries, strict=True)
    return scipy.sparse.csc_matrix((values, (rows, columns)), shape=(len(r), len(r))), r


def _change(influence: Influence, x: Float[np.ndarray, " size"], y: Float[np.ndarray, "size n"]) -> np.ndarray:
    strength = influence.constant + sum(factor * x[node] for node, factor in influence.terms)
    return np.asarray(strength * sum(sign * y[row] for row, sign in influence.rows))
