"""From the network of a topology to its symbolic state space, by the elimination that the numbers go through."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import sympy
from sympy import Matrix

from .._exceptions import DesignError
from ..networks import GROUND, Capacitor, Equations, Network, OpAmp, OpAmpModel, equations
from ..programs import Program
from ..state_spaces import link_voltages
from ..topologies import Level, Topology, Values
from ._elimination import Row, solve
from ._model import Blocks, SymbolicModel
from ._program import SymbolicProgram, symbolic_errors, symbolic_program
from ._symbols import A0, C0, C_L, R0, I_b, L, R_o, S, T, e_n, i_n, k, omega_t


def state_space(topology: Topology, level: Level = "ideal", program: Program | None = None) -> SymbolicModel:
    """The symbolic state space of a topology; any number of cells.

    The matrix is general but for the signs of its entries, which decide the wiring: see `symbolic_program`. With
    ideal inverted rails a symbol of the crossbar or the cascade stands for its signed value all the same.
    Capacitances are `C_i`.

    Args:
        topology: what is on the chip.
        level: `ideal` or `macro`.
        program: gives the signs; all entries are positive without one.

    Raises:
        DesignError: an unknown level.
    """
    symbols = symbolic_program(topology, program)
    return _reduce(topology, level, symbolic_network(topology, level, symbols), symbols)


def symbolic_network(topology: Topology, level: Level, symbols: SymbolicProgram) -> Network:
    """The circuit with symbols for its components.

    Raises:
        DesignError: an unknown level.
    """
    return topology.network(_values(level), symbolic_errors(topology), symbols.weights, list(symbols.b))


def _values(level: Level) -> Values:
    if level not in ("ideal", "macro"):
        raise DesignError(f"level {level!r} has no symbolic form: expected ideal or macro")
    amplifier = OpAmpModel(
        gain=A0,
        # The macro-model multiplies by 2 pi as a float; nsimplify makes the quotient exact again.
        gain_bandwidth=omega_t / (2 * np.pi),
        offset=sympy.Integer(0),
        bias_current=I_b,
        noise_voltage=e_n,
        noise_current=i_n,
        rail_low=-sympy.oo,
        rail_high=sympy.oo,
        slew=sympy.oo,
        output_resistance=R_o,
        load_capacitance=C_L,
    )
    return Values(R0, C0, T, S, None if level == "ideal" else amplifier, L)


def exactly(level: Level) -> Callable[[Any], Any]:
    """Turns the floats of a level's network into the fractions that they stand for."""
    return (lambda value: sympy.nsimplify(value, rational=True)) if level == "macro" else sympy.S


def _reduce(topology: Topology, level: Level, network: Network, program: SymbolicProgram) -> SymbolicModel:
    torn, stages = _torn(network)
    eq = equations(torn, boltzmann=k)
    index = {node: row for row, node in enumerate(eq.nodes)}
    ends = [(index.get(state.a), index.get(state.b)) for state in eq.states]
    branches = [eq.branch.get(state.name) for state in eq.states]
    wanted = {row for row in (*branches, *eq.outputs, *(e for pair in ends for e in pair)) if row is not None}
    x = solve(eq.size, eq.K, eq.R, sorted(wanted))
    exact = exactly(level)
    x = {row: {column: exact(value) for column, value in entries.items()} for row, entries in x.items()}
    # The current through a capacitor, the voltage across an inductor.
    flow = [
        x[branch] if branch is not None else _difference(x, *pair) for branch, pair in zip(branches, ends, strict=True)
    ]
    number = {state.name: row for row, state in enumerate(eq.states)}
    inner = {number[name] for stage in stages for name in stage}
    states = [row for row in range(len(eq.states)) if row not in inner]
    balances = [flow[row] for row in states] + [flow[number[ground]] for _, ground in stages]
    columns = states + [number[output] for output, _ in stages]
    return SymbolicModel(
        topology=topology,
        level=level,
        states=tuple(eq.states[row].name for row in states),
        symbols=program,
        C=_storage(flow, eq, exact).extract(states, states),
        M=_block([x[row] for row in eq.outputs], states),
        blocks=Blocks(
            G=_block(balances, columns) * -1,
            drive=_block(balances, [eq.drive]),
            bias=_block(balances, [eq.drive + 1]),
            inflow=_block(balances, list(range(eq.noise, eq.link))),
            densities=tuple(exact(density) for density in eq.densities),
        ),
    )


def _torn(network: Network) -> tuple[Network, list[tuple[str, str]]]:
    """The loops cut open at every ideal stage, an amplifier without a capacitor at its output.

    Its output and its virtual ground each become a source (a capacitor whose voltage is given): the current at the
    virtual ground, which the real amplifier brings to zero, is then a sum over one array, and products of arrays are
    never formed. Names of the two sources for each stage.
    """
    held = {node for e in network.elements if isinstance(e, Capacitor) for node in (e.a, e.b)}
    elements = []
    stages = []
    for e in network.elements:
        if not (isinstance(e, OpAmp) and e.model is None and e.out not in held):
            elements.append(e)
            continue
        output = f"{e.name}_y"
        ground = f"{e.name}_z"
        elements += [Capacitor(output, e.out, GROUND, sympy.Integer(0))]
        elements += [Capacitor(ground, e.minus, GROUND, sympy.Integer(0))]
        stages.append((output, ground))
    # First stages before those that they drive.
    return replace(network, elements=tuple(elements)), sorted(stages, key=lambda names: names[0][:2])


def _difference(x: dict[int, Row], a: int | None, b: int | None) -> Row:
    row = dict(x[a]) if a is not None else {}
    for column, value in (x[b] if b is not None else {}).items():
        row[column] = row.get(column, 0) - value
    return row


def _storage(flow: list[Row], eq: Equations, exact: Callable[[Any], Any]) -> Matrix:
    """Diagonal of the states' capacitors and inductors, and what the capacitors that close a loop add."""
    values = [state.capacitance if isinstance(state, Capacitor) else state.inductance for state in eq.states]
    C = sympy.diag(*[exact(sympy.expand(value)) for value in values])
    T_link = link_voltages(eq).astype(int)
    for row, entries in enumerate(flow):
        for link, capacitor in enumerate(eq.links):
            current = entries.get(eq.link + link, 0)
            if current != 0:
                for column in np.flatnonzero(T_link[link]):
                    C[row, int(column)] -= current * capacitor.capacitance * int(T_link[link, column])
    return C


def _block(rows: list[Row], columns: list[int]) -> Matrix:
    place = {column: j for j, column in enumerate(columns)}
    entries = {
        (i, place[column]): value for i, row in enumerate(rows) for column, value in row.items() if column in place
    }
    return Matrix(sympy.SparseMatrix(len(rows), len(columns), entries))
