"""A network as primitive SPICE cards: typed values only, names checked, numbers through `float` and `repr`."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite, sqrt
from typing import Literal

import numpy as np
from jaxtyping import Float

from ..circuits import (
    GROUND,
    TRANSCONDUCTANCE,
    Capacitor,
    CurrentSource,
    Difference,
    Element,
    Inductor,
    Inverter,
    Network,
    NoiseCurrent,
    OpAmp,
    OpAmpModel,
    Resistor,
    VoltageSource,
    flicker_band,
    pole_values,
    relaxations,
    terminals,
)
from ._errors import NetlistError

Kind = Literal["R", "C", "L", "V", "I", "G", "E", "B", "X", ".model"]
NoiseForm = Literal["none", "spectral", "seeded"]
"""Sources of noise in a circuit: none but the resistors' own; noisy resistors with VCCS copies, for `.noise`;
seeded random sources held for one step each, for `.tran`."""

NGSPICE_BOLTZMANN = 1.38064852e-23
"""ngspice's value [J/K]; with it, a noisy resistor gives exactly the wanted density."""

IDEAL_GAIN = 1e7
"""An ideal amplifier is a voltage source controlled by the input voltage with this gain [V/V]."""

CLAMP_CONDUCTANCE = 1.0
"""Pulls the pole node back inside the rails [S]; exactly no current within them."""

SUPPLY_PREFIX = "ts_"
"""Of the supplies' names at level `transistor`; no element or node of a network may begin with it there."""

_NOISE_RESISTANCE = 1e3

_FLICKER_CURRENT = 1e-9
"""Through the resistor whose 1/f noise stands for an amplifier's [A]; ngspice scales it by a current."""

_FOREVER = 1e9
"""A random source that is never drawn again [s]."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_RESERVED = frozenset({"gnd", "time", "temper", "hertz"})


@dataclass(frozen=True, slots=True)
class Card:
    """One line of a circuit. `value` is a float, or text that this module composed of checked names and numbers."""

    kind: Kind
    name: str
    nodes: tuple[str, ...]
    value: float | str
    initial: float | None = None

    def __str__(self) -> str:
        value = self.value if isinstance(self.value, str) else repr(self.value)
        if self.kind == "B":
            value = f"i={value}"
        if self.kind == ".model":
            return f".model {self.name} {value}"
        initial = "" if self.initial is None else f" ic={self.initial!r}"
        return f"{self.kind}{self.name} {' '.join(self.nodes)} {value}{initial}"


@dataclass(frozen=True, slots=True)
class _Context:
    temperature: float
    v0: Float[np.ndarray, " n"]
    noise: NoiseForm
    step: float
    subcircuit: str | None = None
    starts: Mapping[str, float] = field(default_factory=dict)


def cards(
    network: Network,
    v0: Float[np.ndarray, " n"],
    noise: NoiseForm = "spectral",
    step: float = 0.0,
    subcircuit: str | None = None,
) -> list[Card]:
    """Every card of a network.

    Args:
        network: typed elements.
        v0: initial voltage of each cell [V].
        noise: form of the noise sources.
        step: time that a seeded source holds a value [s].
        subcircuit: name of the subcircuit that each macro-model stands for, at level `transistor`.

    Raises:
        NetlistError: a name or a number that is not plain, two elements with one name, a node without a path for
            direct current to ground.
    """
    check_names(network)
    check_direct_current(network)
    temperature = number(network.temperature, "temperature")
    context = _Context(temperature, v0, noise, step, subcircuit, starting_nodes(network, v0))
    found = [card for element in network.elements for card in _expand(element, context)]
    if len({(card.kind, card.name) for card in found}) != len(found):
        raise NetlistError(f"network {network.name}: two elements or pieces of amplifiers have the same name")
    return found


def number(value: object, where: str) -> float:
    """A finite float.

    Raises:
        NetlistError: anything else.
    """
    # Text is refused even where float() would read it.
    if isinstance(value, str | bytes | bool):
        raise NetlistError(f"{where}: expected a number, got {value!r}")
    try:
        result = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise NetlistError(f"{where}: expected a number, got {type(value).__name__}") from None
    if not isfinite(result):
        raise NetlistError(f"{where}: expected a finite number, got {result}")
    return result


def check_names(network: Network) -> None:
    """Raise `NetlistError` unless every name is a plain lower-case identifier and no inner node hides another."""
    nodes = {node for element in network.elements for node in terminals(element)} | set(network.outputs)
    for name in (*(element.name for element in network.elements), *(nodes - {GROUND})):
        if not isinstance(name, str) or not _NAME.fullmatch(name) or name in _RESERVED:
            raise NetlistError(f"expected a name of lower-case letters, digits and _, got {name!r}")
    for element in network.elements:
        hidden = nodes.intersection(_inner_nodes(element))
        if hidden:
            raise NetlistError(f"{element.name}: node {hidden.pop()} has the name of one of its inner nodes")


def _inner_nodes(element: Element) -> tuple[str, ...]:
    match element:
        case NoiseCurrent():
            return (element.name,)
        case OpAmp():
            return tuple(f"{element.name}_{inner}" for inner in ("p", "en", "inp", "inm"))
        case _:
            return ()


def check_direct_current(network: Network) -> None:
    """Raise `NetlistError` that names a node without a path for direct current to ground.

    ngspice gives plausible numbers for such nodes.
    """
    parent: dict[str, str] = {}

    def root(node: str) -> str:
        while (up := parent.setdefault(node, node)) != node:
            parent[node] = node = parent[up]
        return node

    for element in network.elements:
        for a, b in _conducting(element):
            parent[root(a)] = root(b)
    ground = root(GROUND)
    for node in (*(node for element in network.elements for node in terminals(element)), *network.outputs):
        if root(node) != ground:
            raise NetlistError(f"network {network.name}: node {node} has no path for direct current to ground")


def _conducting(element: Element) -> tuple[tuple[str, str], ...]:
    match element:
        case Resistor() | Inductor():
            return ((element.a, element.b),)
        case VoltageSource():
            return ((element.plus, element.minus),)
        case OpAmp() | Inverter() | Difference():
            return ((element.out, GROUND),)
        case _:
            return ()


def _expand(element: Element, context: _Context) -> Iterator[Card]:
    name = element.name
    match element:
        case Resistor(_, a, b, resistance, noisy):
            yield from _resistor(name, a, b, positive(resistance, name), noisy, context)
        case Capacitor(_, a, b, capacitance):
            initial = starting_voltage(element, context.v0, context.starts)
            yield Card("C", name, (a, b), positive(capacitance, name), initial)
        case Inductor(_, a, b, inductance):
            yield Card("L", name, (a, b), positive(inductance, name), 0.0)
        case VoltageSource(_, plus, minus, dc, drive):
            yield Card("V", name, (plus, minus), _source(number(dc, name), drive))
        case CurrentSource(_, a, b, dc, drive):
            yield Card("I", name, (a, b), _source(number(dc, name), drive))
        case NoiseCurrent(_, a, b, density):
            yield from _noise_current(name, a, b, 2 * number(density, name), context)
        case Inverter(_, source, out):
            yield Card("E", name, (out, GROUND, source, GROUND), -1.0)
        case Difference(_, plus, minus, out):
            yield Card("E", name, (out, GROUND, plus, minus), 1.0)
        case OpAmp(_, plus, minus, out, None):
            yield Card("E", name, (out, GROUND, plus, minus), IDEAL_GAIN)
        case OpAmp() if context.subcircuit is not None:
            yield from _transistors(element, model_numbers(element), context.subcircuit, context)
        case OpAmp():
            yield from _amplifier(element, model_numbers(element), context)


def starting_nodes(network: Network, v0: Float[np.ndarray, " n"]) -> dict[str, float]:
    """Voltages [V] of ground and of the nodes that a cell's capacitor holds against ground at the start."""
    held = [e for e in network.elements if isinstance(e, Capacitor) and e.cell is not None and e.b == GROUND]
    return {GROUND: 0.0} | {e.a: starting_voltage(e, v0, {}) for e in held}


def starting_voltage(element: Capacitor, v0: Float[np.ndarray, " n"], starts: Mapping[str, float]) -> float:
    """Initial voltage of a capacitor [V]: its cell's, or what the cells at its two ends leave for it."""
    if element.cell is not None:
        return number(element.sign * v0[element.cell], "initial voltage")
    if element.a in starts and element.b in starts:
        return starts[element.a] - starts[element.b]
    return 0.0


def positive(value: object, name: str) -> float:
    """A positive finite float, or `NetlistError`."""
    result = number(value, name)
    if result <= 0:
        raise NetlistError(f"{name}: expected a positive value, got {result!r}")
    return result


def _source(dc: float, drive: bool) -> str:
    # The AC stimulus is the drive vector itself, so that the response is to the whole of it.
    return f"dc {dc!r} ac {dc!r}" if drive else f"dc {dc!r}"


def _initial(cell: int | None, sign: int | float, context: _Context) -> float:
    return 0.0 if cell is None else number(sign * context.v0[cell], "initial voltage")


def _resistor(name: str, a: str, b: str, resistance: float, noisy: bool, context: _Context) -> Iterator[Card]:
    if noisy:
        yield Card("R", name, (a, b), resistance)
        if context.noise == "seeded":
            thermal = 4 * NGSPICE_BOLTZMANN * context.temperature / resistance
            yield from _held("I", f"{name}_th", a, b, thermal, context)
    else:
        # A conductance made of a controlled source has no noise in any version.
        yield Card("G", name, (a, b, a, b), 1 / resistance)


def _held(kind: Kind, name: str, a: str, b: str, density: float, context: _Context) -> Iterator[Card]:
    """A random source of a one-sided density: it holds each value for `step`, density = 2 sigma^2 step."""
    if density > 0:
        sigma = sqrt(density / (2 * context.step))
        yield Card(kind, name, (a, b), f"trrandom(2 {context.step!r} 0 {sigma!r} 0)")


def _noise_current(name: str, a: str, b: str, density: float, context: _Context) -> Iterator[Card]:
    """White current of a one-sided density [A^2/Hz] from a to b."""
    if density < 0:
        raise NetlistError(f"{name}: expected a density of at least 0, got {density!r}")
    if density == 0 or context.noise == "none":
        return
    if context.noise == "seeded":
        yield from _held("I", name, a, b, density, context)
        return
    voltage = 4 * NGSPICE_BOLTZMANN * context.temperature * _NOISE_RESISTANCE
    yield Card("R", name, (name, GROUND), _NOISE_RESISTANCE)
    yield Card("G", name, (a, b, name, GROUND), sqrt(density / voltage))


def model_numbers(amp: OpAmp) -> OpAmpModel:
    """The macro-model with every field a finite float, or `NetlistError`."""
    assert amp.model is not None
    values = {field: number(getattr(amp.model, field), f"{amp.name}.{field}") for field in OpAmpModel.__slots__}
    return OpAmpModel(**values)


def _amplifier(amp: OpAmp, model: OpAmpModel, context: _Context) -> Iterator[Card]:
    """Flat pieces: within the slew limit and the rails the element is exactly linear."""
    name, gm, pole = amp.name, TRANSCONDUCTANCE, f"{amp.name}_p"
    R_p, C_p = pole_values(model.gain, model.gain_bandwidth)
    initial = _initial(amp.cell, amp.sign, context)
    noisy = model.noise_voltage > 0 and context.noise != "none"
    if noisy:
        yield from _noise_voltage(f"{name}_en", model, context)
    # What the current through a resistor with 1/f noise leaves across it.
    flicker = noisy and context.noise == "spectral" and model.noise_corner > 0
    bias = _FLICKER_CURRENT * _noise_resistance(model.noise_voltage, context) if flicker else 0.0
    yield Card("B", f"{name}_gm", (GROUND, pole), _stage(amp, model, gm, model.slew * C_p, noisy, bias))
    yield Card("G", f"{name}_rp", (pole, GROUND, pole, GROUND), 1 / R_p)
    yield Card("C", f"{name}_cp", (pole, GROUND), C_p, initial)
    if model.output_resistance > 0:
        # Buffer and output resistance in one: a current (v(pole) - v(out)) / R, without noise.
        yield Card("G", f"{name}_ro", (GROUND, amp.out, pole, amp.out), 1 / model.output_resistance)
    else:
        yield Card("E", f"{name}_ro", (amp.out, GROUND, pole, GROUND), 1.0)
    if model.load_capacitance > 0:
        yield Card("C", f"{name}_cl", (amp.out, GROUND), model.load_capacitance, initial)
    for pin, node in (("p", amp.plus), ("m", amp.minus)):
        if node != GROUND:
            yield Card("I", f"{name}_ib{pin}", (node, GROUND), f"dc {model.bias_current!r}")
            yield from _noise_current(f"{name}_in{pin}", GROUND, node, model.noise_current**2, context)


def _transistors(amp: OpAmp, model: OpAmpModel, subcircuit: str, context: _Context) -> Iterator[Card]:
    """A subcircuit with this amplifier's own offset in series with its plus input, and its load capacitance."""
    name, below = amp.name, GROUND
    # `.noise` has the transistors' own noise; `.tran` has none, so it takes the white level of the macro-model.
    if model.noise_voltage > 0 and context.noise == "seeded":
        below = f"{name}_en"
        yield from _noise_voltage(below, model, context)
    yield Card("V", f"{name}_os", (f"{name}_inm", below), f"dc {model.offset!r}")
    yield Card("E", f"{name}_inp", (f"{name}_inp", amp.plus, f"{name}_inm", GROUND), 1.0)
    yield Card("X", name, (f"{name}_inp", amp.minus, amp.out, f"{SUPPLY_PREFIX}vdd", f"{SUPPLY_PREFIX}vss"), subcircuit)
    if model.load_capacitance > 0:
        yield Card("C", f"{name}_cl", (amp.out, GROUND), model.load_capacitance)


def _noise_voltage(node: str, model: OpAmpModel, context: _Context) -> Iterator[Card]:
    """A node with an amplifier's input noise voltage, white and 1/f."""
    if context.noise == "seeded":
        # A current into one siemens: next to a random voltage source, ngspice 44 and 47 never redraw a random current.
        yield from _held("I", node, GROUND, node, model.noise_voltage**2, context)
        yield Card("G", node, (node, GROUND, node, GROUND), 1.0)
        if model.noise_corner > 0:
            yield from _relaxations(node, model, context)
        return
    resistance = _noise_resistance(model.noise_voltage, context)
    if model.noise_corner == 0:
        yield Card("R", node, (node, GROUND), resistance)
        return
    # ngspice: a resistor's 1/f noise current is kf I^af/f.
    kf = model.noise_corner * (model.noise_voltage / (_FLICKER_CURRENT * resistance)) ** 2
    yield Card(".model", f"{node}_fl", (), f"r(kf={kf!r} af=2)")
    yield Card("R", node, (node, GROUND), f"{resistance!r} {node}_fl")
    yield Card("I", node, (GROUND, node), f"dc {_FLICKER_CURRENT!r}")


def _relaxations(node: str, model: OpAmpModel, context: _Context) -> Iterator[Card]:
    """1/f noise as the model has it: relaxation processes x, each an RC circuit driven by held random currents.

    They have been running before the start: what is left of a random beginning, `x0 exp(-rate t)`, is added.
    """
    rates, variances = relaxations(*flicker_band(model.noise_corner, model.noise_lowest))
    level = model.noise_voltage**2 * model.noise_corner
    for k, (rate, variance) in enumerate(zip(rates.tolist(), (level * variances).tolist(), strict=True)):
        x, start = f"{node}_x{k}", f"{node}_s{k}"
        yield Card("C", x, (x, GROUND), 1 / rate, 0.0)
        yield Card("G", x, (x, GROUND, x, GROUND), 1.0)
        yield from _held("I", x, GROUND, x, 4 * variance / rate, context)
        yield Card("G", start, (start, GROUND, start, GROUND), 1.0)
        yield Card("I", start, (start, GROUND), f"trrandom(2 {_FOREVER!r} 0 {sqrt(variance)!r} 0)")
        yield Card("B", start, (GROUND, node), f"v({x})+v({start})*exp({-rate!r}*time)")


def _noise_resistance(noise_voltage: float, context: _Context) -> float:
    return noise_voltage**2 / (4 * NGSPICE_BOLTZMANN * context.temperature)


def _stage(amp: OpAmp, model: OpAmpModel, gm: float, limit: float, noisy: bool, bias: float) -> str:
    """Input stage: current into the pole node, limited to the slew, less what keeps the node within the rails."""
    noise = f"+v({amp.name}_en)" if noisy else ""
    noise += f"-{bias!r}" if bias else ""
    pole, high, low = f"v({amp.name}_p)", model.rail_high, model.rail_low
    stage = f"{gm!r}*(v({amp.plus},{amp.minus})+({model.offset!r}){noise})"
    limited = f"min(max({stage},{-limit!r}),{limit!r})"
    clamp = f"(max({pole}-({high!r}),0.0)+min({pole}-({low!r}),0.0))"
    return f"{limited}-{CLAMP_CONDUCTANCE!r}*{clamp}"
