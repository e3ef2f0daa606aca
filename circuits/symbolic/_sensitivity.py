"""Sensitivities of the settled readouts as formulas."""

from dataclasses import dataclass

from sympy import Matrix

from ..networks import Equations, equations
from ._elimination import Row, solve
from ._influence import Influence, influences
from ._model import LARGEST_NOISE, SymbolicModel, simplified
from ._reduction import exactly, symbolic_network
from ._symbols import k


@dataclass(frozen=True, eq=False)
class SymbolicSensitivity:
    """Change of each settled readout for a relative change of each component [V], to first order."""

    components: tuple[str, ...]
    values: Matrix
    """(n, components)."""


def sensitivity(model: SymbolicModel) -> SymbolicSensitivity:
    """How the settled readouts depend on every component, for a relative change e: `M G^-1 dI/de + dv/de`.

    Implicit differentiation of `G s = drive + bias`: a component's change acts as a current or voltage across it, of
    the strength that the settled circuit gives it. A resistor counts by its conductance, so that a resistance has the
    opposite sign; capacitors have none. `settled_sensitivity` is the same in numbers, for any size.

    Raises:
        DesignError: more than `LARGEST_NOISE` cells, or too many states.
    """
    model.small("sensitivities", LARGEST_NOISE)
    states = model.settled_states()
    network = symbolic_network(model.topology, model.level, model.symbols)
    eq = equations(network, boltzmann=k)
    found = influences(network, eq)
    first = eq.link + len(eq.links)
    injected = [(row, first + number, sign) for number, f in enumerate(found) for row, sign in f.rows]
    x = solve(eq.size, eq.K, [*eq.R, *injected], range(eq.size))
    exact = exactly(model.level)
    x = {row: {column: exact(value) for column, value in entries.items()} for row, entries in x.items()}
    response = _response(model, eq, x, first, len(found))
    strengths = Matrix([_strength(influence, eq, x, states) for influence in found])
    columns = [simplified(response[:, number] * exact(strengths[number])) for number in range(len(found))]
    return SymbolicSensitivity(tuple(f.component for f in found), Matrix.hstack(*columns))


def _response(model: SymbolicModel, eq: Equations, x: dict[int, Row], first: int, count: int) -> Matrix:
    """Readouts for a unit of each injected source."""
    index = {node: row for row, node in enumerate(eq.nodes)}

    def flow(state: str, number: int, column: int) -> object:
        if state in eq.branch:
            return x[eq.branch[state]].get(column, 0)
        return sum(sign * x[index[node]].get(column, 0) for node, sign in ends[number] if node in index)

    ends = {number: ((state.a, 1), (state.b, -1)) for number, state in enumerate(eq.states)}
    names = [state.name for state in eq.states]
    columns = range(first, first + count)
    currents = Matrix([[flow(name, number, column) for column in columns] for number, name in enumerate(names)])
    direct = Matrix([[x[row].get(column, 0) for column in columns] for row in eq.outputs])
    return model.M * model.G.LUsolve(currents) + direct


def _strength(influence: Influence, eq: Equations, x: dict[int, Row], states: Matrix) -> object:
    """Of the source that stands for a component's change, at rest."""
    found = influence.constant
    for node, factor in influence.terms:
        row = x[node]
        voltage = sum(row.get(column, 0) * states[column] for column in range(len(eq.states)))
        found += factor * (voltage + row.get(eq.drive, 0) + row.get(eq.drive + 1, 0))
    return found
