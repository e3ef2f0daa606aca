"""Modified nodal equations of a linear network, with the capacitors as states.

Capacitors of a spanning forest and inductors carry the states s; every other branch is algebraic. Replacing each
state by a source leaves a resistive network `K x = R [s, drive, bias, noise, link]`, whose solution gives the
currents into the storage elements and the readouts. The same triplets serve floats and sympy expressions.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ._constants import BOLTZMANN
from ._elements import (
    GROUND,
    Capacitor,
    ControlledCurrent,
    ControlledVoltage,
    Coupling,
    CurrentSource,
    Difference,
    Inductor,
    Inverter,
    NoiseCurrent,
    OpAmp,
    Resistor,
    Transconductor,
    Transresistor,
    Value,
    VoltageSource,
)
from ._macro_model import LinearElement, linear_elements
from ._network import Network, of_type, terminals

_BRANCHES = (VoltageSource, Inverter, Difference, OpAmp, ControlledVoltage, Transresistor)
"""Elements with a row of their own: a voltage is given, and the current through them is unknown."""


@dataclass(frozen=True, slots=True)
class Equations:
    """`K x = R u` with u = (states, drive, bias, noise sources, link capacitor currents, stimuli).

    x holds the node voltages, then the branch currents. Triplets are (row, column, value).
    """

    nodes: tuple[str, ...]
    size: int
    K: list[tuple[int, int, Value]]
    R: list[tuple[int, int, Value]]
    states: tuple[Capacitor | Inductor, ...]
    links: tuple[Capacitor, ...]
    densities: tuple[Value, ...]
    branch: dict[str, int]
    outputs: tuple[int, ...]
    contributors: tuple[str, ...] = ()
    """Names of the elements that the noise sources belong to, in the order of `densities`."""
    couplings: tuple[Coupling, ...] = ()
    stimuli: tuple[VoltageSource | CurrentSource, ...] = ()
    """Sources with an AC stimulus or a waveform of their own; each has a column, of a volt or an ampere."""

    @property
    def drive(self) -> int:
        """Column of the drive; bias follows."""
        return len(self.states)

    @property
    def noise(self) -> int:
        """First column of the noise sources."""
        return len(self.states) + 2

    @property
    def link(self) -> int:
        """First column of the link capacitors' currents."""
        return self.noise + len(self.densities)

    @property
    def stimulus(self) -> int:
        """First column of the stimuli."""
        return self.link + len(self.links)

    @property
    def columns(self) -> int:
        """Number of columns of R."""
        return self.stimulus + len(self.stimuli)


@dataclass(slots=True)
class _Stamps:
    row: dict[str, int]
    K: list[tuple[int, int, Value]] = field(default_factory=list)
    R: list[tuple[int, int, Value]] = field(default_factory=list)

    def at(self, row: str, column: str, value: Value) -> None:
        if row != GROUND and column != GROUND:
            self.K.append((self.row[row], self.row[column], value))

    def conductance(self, a: str, b: str, value: Value) -> None:
        """Between two nodes; an array has nothing but these, nearly, so they take no step too many."""
        first = self.row.get(a)
        second = self.row.get(b)
        if first is not None:
            self.K.append((first, first, value))
        if second is not None:
            self.K.append((second, second, value))
        if first is not None and second is not None:
            across = -value
            self.K.append((first, second, across))
            self.K.append((second, first, across))

    def inject(self, a: str, b: str, column: int, value: Value) -> None:
        """A current that leaves node a and enters node b."""
        for node, sign in ((a, -1), (b, 1)):
            if node != GROUND:
                self.R.append((self.row[node], column, sign * value))

    def branch(self, element: str, plus: str, minus: str) -> None:
        """A branch current from plus to minus, with the row of its voltage."""
        name = _current(element)
        self.at(plus, name, 1)
        self.at(minus, name, -1)
        self.at(name, plus, 1)
        self.at(name, minus, -1)


def equations(network: Network, boltzmann: Value = BOLTZMANN, noisy: bool = True) -> Equations:
    """Assemble the modified nodal equations of a network; the symbolic analysis passes its own constant.

    Without its noise sources unless `noisy`: in a large array there are more of them than of all else.
    """
    elements = linear_elements(network)
    tree, links = _forest(of_type(elements, Capacitor))
    stimuli = tuple(e for e in elements if isinstance(e, VoltageSource | CurrentSource) and _has_stimulus(e))
    states: tuple[Capacitor | Inductor, ...] = (*tree, *of_type(elements, Inductor))
    kT = boltzmann * network.temperature
    noise = [source for e in elements if noisy and (source := _noise(e, boltzmann, kT)) is not None]
    nodes = _nodes(elements)
    branches = [e.name for e in elements if isinstance(e, _BRANCHES)] + [c.name for c in tree]
    # An element may have the name of a node: no node has parentheses.
    row = {name: k for k, name in enumerate((*nodes, *map(_current, branches)))}
    stamps = _Stamps(row)
    m = len(states)
    for element in elements:
        _stamp(stamps, element, m)
    for k, state in enumerate(states):
        _stamp_state(stamps, state, k)
    for k, source in enumerate(noise):
        stamps.inject(source.a, source.b, m + 2 + k, 1)
    for k, link in enumerate(links):
        stamps.inject(link.a, link.b, m + 2 + len(noise) + k, 1)
    for k, stimulus in enumerate(stimuli):
        _stamp_stimulus(stamps, stimulus, m + 2 + len(noise) + len(links) + k)
    return Equations(
        nodes=nodes,
        size=len(row),
        K=stamps.K,
        R=stamps.R,
        states=states,
        links=links,
        densities=tuple(source.density for source in noise),
        branch={name: row[_current(name)] for name in branches},
        outputs=tuple(row[name] for name in network.outputs),
        contributors=tuple(source.name for source in noise),
        couplings=of_type(elements, Coupling),
        stimuli=stimuli,
    )


def _current(element: str) -> str:
    """Key of the current through an element, and of the equation of its voltage."""
    return f"i({element})"


def _nodes(elements: Sequence[LinearElement]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for e in elements:
        match e:
            case VoltageSource():
                names: tuple[str, ...] = (e.plus, e.minus)
            case OpAmp() | Difference():
                names = (e.plus, e.minus, e.out)
            case Inverter():
                names = (e.input, e.out)
            case Coupling():
                names = ()
            case Transconductor():
                names = (e.a, e.b, e.plus, e.minus)
            case ControlledVoltage() | Transresistor():
                names = terminals(e)
            case _:
                names = (e.a, e.b)
        found |= dict.fromkeys(names)
    found.pop(GROUND, None)
    return tuple(found)


def _noise(element: LinearElement, boltzmann: Value, kT: Value) -> NoiseCurrent | None:
    """The white noise of an element; a resistor has 2kT/R (two-sided)."""
    if isinstance(element, NoiseCurrent):
        return element
    if isinstance(element, Resistor) and element.noisy:
        own = kT if element.temperature is None else boltzmann * element.temperature
        return NoiseCurrent(element.name, element.a, element.b, 2 * own / element.resistance)
    return None


def _has_stimulus(source: VoltageSource | CurrentSource) -> bool:
    return source.ac is not None or source.waveform is not None


def _stamp_stimulus(stamps: _Stamps, source: VoltageSource | CurrentSource, column: int) -> None:
    if isinstance(source, CurrentSource):
        stamps.inject(source.a, source.b, column, 1)
    else:
        stamps.R.append((stamps.row[_current(source.name)], column, 1))


def _stamp(stamps: _Stamps, element: LinearElement, m: int) -> None:
    match element:
        case Resistor(_, a, b, resistance):
            stamps.conductance(a, b, 1 / resistance)
        case Transconductor(_, a, b, plus, minus, gm):
            for node, sign in ((a, 1), (b, -1)):
                stamps.at(node, plus, sign * gm)
                stamps.at(node, minus, -sign * gm)
        case CurrentSource(_, a, b, dc, drive):
            stamps.inject(a, b, m + (not drive), dc)
        case VoltageSource(name, plus, minus, dc, drive):
            stamps.branch(name, plus, minus)
            stamps.R.append((stamps.row[_current(name)], m + (not drive), dc))
        case OpAmp(name, plus, minus, out, None):
            stamps.at(out, _current(name), 1)
            stamps.at(_current(name), plus, 1)
            stamps.at(_current(name), minus, -1)
        case Inverter(name, source, out):
            stamps.at(out, _current(name), 1)
            stamps.at(_current(name), out, 1)
            stamps.at(_current(name), source, 1)
        case Difference(name, plus, minus, out):
            stamps.at(out, _current(name), 1)
            stamps.at(_current(name), out, 1)
            stamps.at(_current(name), plus, -1)
            stamps.at(_current(name), minus, 1)
        case ControlledVoltage(name, out, back, plus, minus, gain):
            stamps.branch(name, out, back)
            stamps.at(_current(name), plus, -gain)
            stamps.at(_current(name), minus, gain)
        case Transresistor(name, out, back, sensor, resistance):
            stamps.branch(name, out, back)
            stamps.at(_current(name), _current(sensor), -resistance)
        case ControlledCurrent(_, a, b, sensor, gain):
            stamps.at(a, _current(sensor), gain)
            stamps.at(b, _current(sensor), -gain)


def _stamp_state(stamps: _Stamps, state: Capacitor | Inductor, k: int) -> None:
    if isinstance(state, Inductor):
        stamps.inject(state.a, state.b, k, 1)
        return
    stamps.branch(state.name, state.a, state.b)
    stamps.R.append((stamps.row[_current(state.name)], k, 1))


def _forest(capacitors: Sequence[Capacitor]) -> tuple[tuple[Capacitor, ...], tuple[Capacitor, ...]]:
    """Capacitors of a spanning forest, and the links that close a loop of capacitors.

    A capacitor that carries a cell's voltage goes first, so that it is a state.
    """
    parent: dict[str, str] = {}

    def root(node: str) -> str:
        while (up := parent.setdefault(node, node)) != node:
            node = up
        return node

    tree: list[Capacitor] = []
    links: list[Capacitor] = []
    for capacitor in sorted(capacitors, key=lambda c: c.cell is None):
        a = root(capacitor.a)
        b = root(capacitor.b)
        parent[a] = b
        (links if a == b else tree).append(capacitor)
    return tuple(tree), tuple(links)
