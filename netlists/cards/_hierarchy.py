"""A network as a circuit for a designer's hands: subcircuits for amplifiers and cells, parameters, units.

It says the same as the flat cards that are run, and `read_netlist` reads it back as the same network.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ...circuits import Network
from ...circuits.networks import (
    GROUND,
    Capacitor,
    CurrentSource,
    Difference,
    Element,
    Inductor,
    Inverter,
    NoiseCurrent,
    OpAmp,
    OpAmpModel,
    Resistor,
    VoltageSource,
    terminals,
)
from ...circuits.spice_files import AMPLIFIER, IDEAL, NOISE, NOISE_RESISTANCE, UNIT_NOISE
from .._exceptions import NetlistError
from ._card import number
from ._cells import Cell, cells
from ._element_cards import flat_cards
from ._noise import NGSPICE_BOLTZMANN
from ._walk import starting_nodes, starting_voltage

_KINDS = {
    Resistor: "resistors [ohm]",
    VoltageSource: "voltage sources [V]",
    CurrentSource: "current sources [A], from the first node to the second",
    Capacitor: "capacitors [F]",
    Inductor: "inductors [H]",
    NoiseCurrent: "noise currents, density [A^2/Hz], two-sided",
    OpAmp: "amplifiers",
    Inverter: "ideal inverters",
    Difference: "readouts of differences",
}


def hierarchy(network: Network, v0: Float[np.ndarray, " n"], origin: str = "") -> str | None:
    """The lines of a circuit; None where its amplifiers do not fit the subcircuit.

    Args:
        network: typed elements, with names that ngspice takes.
        v0: initial voltage of each cell [V].
        origin: where the values come from, for a comment: letters, digits and plain signs alone.

    Raises:
        NetlistError: another origin.
    """
    if not re.fullmatch(r"[A-Za-z0-9_ .,:=+-]*", origin):
        raise NetlistError(f"origin: expected letters, digits and plain signs, got {origin!r}")
    models = [e.model for e in network.elements if isinstance(e, OpAmp) and e.model is not None]
    if any(not number(model.output_resistance, "output_resistance") > 0 for model in models):
        return None
    return "\n".join(_Sheet(network, v0, models, origin).lines())


@dataclass(frozen=True, slots=True)
class _Value:
    """A value of an element in a cell, with the name of its parameter."""

    parameter: str
    value: float
    unit: str


class _Sheet:
    def __init__(
        self, network: Network, v0: Float[np.ndarray, " n"], models: Sequence[OpAmpModel], origin: str
    ) -> None:
        self._origin = origin
        self._network = network
        self._v0 = v0
        self._starts = starting_nodes(network, v0)
        self._defaults = _most_common(models)
        self._cells = {cell.number: cell for cell in cells(network)}
        self._inside = {e.name: cell.number for cell in self._cells.values() for e in cell.elements}

    def lines(self) -> Iterator[str]:
        yield from self._parameters()
        found = {cell.number: self._cell(cell) for cell in self._cells.values()}
        definitions: dict[str, str] = {}
        shared = _shared([values for _, _, values in found.values()])
        yield from self._shared(shared)
        instances: dict[int, str] = {}
        for k, (body, pins, values) in found.items():
            if body not in definitions:
                definitions[body] = f"cell{len(definitions) or ''}"
                yield from _subcircuit(definitions[body], pins, body, values, shared)
            own = " ".join(f"{v.parameter}={v.value!r}" for v in values if v.parameter not in shared)
            instances[k] = f"Xcell{k} {' '.join(self._cells[k].pins)} {definitions[body]} {own}".rstrip()
        yield from self._top(instances)

    def _parameters(self) -> Iterator[str]:
        T = number(self._network.temperature, "temperature")
        name = re.sub(r"[^A-Za-z0-9_.-]", "_", self._network.name)
        yield f"* Circuit {name}. Values are in ohm, farad, henry, volt, ampere and hertz; T = {T!r} K."
        if self._origin:
            yield f"* Values: {self._origin}."
        elements = self._network.elements
        noisy = any(isinstance(e, NoiseCurrent) for e in elements)
        if noisy or self._defaults:
            unit = 4 * NGSPICE_BOLTZMANN * T * NOISE_RESISTANCE
            yield f".param {UNIT_NOISE}={unit!r} ; V^2/Hz: 4 k T {NOISE_RESISTANCE!r} ohm, with the k of ngspice"
        if self._defaults:
            yield "* Amplifiers, from the data sheet in the design; what is an amplifier's own stands with it."
            for name, value in self._defaults.items():
                yield f".param amplifier_{name}={value!r} ; {AMPLIFIER.parameters[name]}"
            yield AMPLIFIER.text({**{name: f"{{amplifier_{name}}}" for name in self._defaults}, "start": "0.0"})
        if any(isinstance(e, OpAmp) and e.model is None for e in elements):
            yield f".subckt {IDEAL.name} {' '.join(IDEAL.pins)}"
            yield from (*IDEAL.body, f".ends {IDEAL.name}")
        if noisy:
            yield NOISE.text({"density": "0.0"})

    def _shared(self, shared: Mapping[str, _Value]) -> Iterator[str]:
        if shared:
            yield "* Cells: what all of them have in common."
        for name, value in shared.items():
            yield f".param {name}={value.value!r} ; {value.unit}"

    def _cell(self, cell: Cell) -> tuple[str, tuple[str, ...], tuple[_Value, ...]]:
        """Body, pins and values of a cell, with names that do not carry its number."""
        nodes = {GROUND: GROUND, **_local((node for e in cell.elements for node in terminals(e)), "n")}
        names = _local((e.name for e in cell.elements), "e")
        values: list[_Value] = []
        lines = [self._inner(e, names[e.name], [nodes[node] for node in terminals(e)], values) for e in cell.elements]
        return "\n".join(lines), tuple(nodes[pin] for pin in cell.pins), tuple(values)

    def _inner(self, element: Element, name: str, ends: list[str], values: list[_Value]) -> str:
        """One line of a cell's body; its values are appended."""

        def parameter(value: object, unit: str, suffix: str = "") -> str:
            found = _Value(f"cell_{name}{suffix}", number(value, element.name), unit)
            values.append(found)
            return f"{{{found.parameter}}}"

        between = " ".join(ends)
        match element:
            case Resistor(resistance=R, noisy=True, temperature=None):
                return f"R{name} {between} {parameter(R, 'ohm')}"
            case Resistor(resistance=R, noisy=False):
                return f"G{name} {between} {between} {parameter(1 / R, 'S')}"
            case Capacitor():
                initial = starting_voltage(element, self._v0, self._starts)
                start = f" ic={parameter(initial, 'V', '_start')}" if self._v0.any() or initial else ""
                return f"C{name} {between} {parameter(element.capacitance, 'F')}{start}"
            case Inductor():
                return f"L{name} {between} {parameter(element.inductance, 'H')}"
            case NoiseCurrent():
                return (
                    f"X{name} {between} {NOISE.name} density={parameter(element.density, NOISE.parameters['density'])}"
                )
            case OpAmp(model=None):
                return f"X{name} {between} {IDEAL.name}"
            case OpAmp():
                own = [f"{key}={parameter(value, unit, f'_{key}')}" for key, value, unit in self._own(element)]
                return f"X{name} {between} {AMPLIFIER.name} {' '.join(own)}".rstrip()
        raise AssertionError(element)

    def _own(self, amp: OpAmp) -> Iterator[tuple[str, float, str]]:
        """What of an amplifier may differ from the others: always its offset, and its start where there is one."""
        assert amp.model is not None
        for key, default in self._defaults.items():
            value = number(getattr(amp.model, key), amp.name)
            if key == "offset" or value != default:
                yield key, value, AMPLIFIER.parameters[key]
        start = number(amp.initial if amp.cell is None else amp.sign * self._v0[amp.cell], amp.name)
        if self._v0.any() or start:
            yield "start", start, "V"

    def _top(self, instances: Mapping[int, str]) -> Iterator[str]:
        """Cells and the other elements, in an order in which states are read back as they are numbered here."""
        kind: type | None = None
        done: set[int] = set()
        for element in sorted(self._network.elements, key=_place):
            k = self._inside.get(element.name)
            if k is not None:
                if k not in done:
                    if kind is not Cell:
                        kind = Cell
                        yield "* Cells: one instance each, with the values of this chip."
                    done.add(k)
                    yield instances[k]
                continue
            if kind is not type(element):
                kind = type(element)
                yield f"* Between them: {_KINDS.get(kind, 'controlled sources')}."
            yield from self._flat(element)

    def _flat(self, element: Element) -> Iterator[str]:
        name, between = element.name, " ".join(terminals(element))
        match element:
            case OpAmp(model=None):
                yield f"X{name} {between} {IDEAL.name}"
            case OpAmp():
                own = " ".join(f"{key}={value!r}" for key, value, _ in self._own(element))
                yield f"X{name} {between} {AMPLIFIER.name} {own}".rstrip()
            case NoiseCurrent():
                yield f"X{name} {between} {NOISE.name} density={number(element.density, name)!r}"
            case _:
                yield from map(str, flat_cards(self._network, element, self._v0, self._starts))


def _place(element: Element) -> int:
    """Cells first, then what else carries states in its own order, then the rest by kinds."""
    if isinstance(element, Capacitor | OpAmp):
        return 0 if element.cell is not None else 1
    if isinstance(element, Inductor):
        return 2
    kinds = list(_KINDS)
    return 3 + (kinds.index(type(element)) if type(element) in kinds else len(kinds))


def _most_common(models: Sequence[OpAmpModel]) -> dict[str, float]:
    if not models:
        return {}
    fields = [name for name in AMPLIFIER.parameters if name != "start"]
    return {
        name: 0.0 if name == "offset" else Counter(number(getattr(m, name), name) for m in models).most_common(1)[0][0]
        for name in fields
    }


def _local(names: Iterator[str] | Sequence[str], spare: str) -> dict[str, str]:
    """Names without numbers, each once."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        if name == GROUND or name in found:
            continue
        wish = re.sub(r"_+$", "", re.sub(r"\d+", "", name)) or spare
        count = 1
        local = wish
        while local in taken:
            count += 1
            local = f"{wish}{count}"
        taken.add(local)
        found[name] = local
    return found


def _shared(parts: Sequence[tuple[_Value, ...]]) -> dict[str, _Value]:
    """Values that are the same in all cells that have them, by parameter; at least two cells."""
    if len(parts) < 2:
        return {}
    seen: dict[str, set[float]] = {}
    first: dict[str, _Value] = {}
    for values in parts:
        for value in values:
            seen.setdefault(value.parameter, set()).add(value.value)
            first.setdefault(value.parameter, value)
    return {name: first[name] for name, several in seen.items() if len(several) == 1}


def _subcircuit(
    name: str, pins: tuple[str, ...], body: str, values: tuple[_Value, ...], shared: Mapping[str, _Value]
) -> Iterator[str]:
    own = [value for value in values if value.parameter not in shared]
    if own:
        yield "* " + ", ".join(f"{value.parameter} [{value.unit}]" for value in own)
    header = f".subckt {name} {' '.join(pins)}"
    if own:
        header += " params: " + " ".join(f"{value.parameter}={value.value!r}" for value in own)
    yield from (header, body, f".ends {name}")
