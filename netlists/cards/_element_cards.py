"""A network as primitive SPICE cards: typed values only, names checked, numbers through `float` and `repr`."""

from cmath import phase
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import degrees, pi

import numpy as np
from jaxtyping import Float

from ...circuits import Network
from ...circuits.networks import (
    GROUND,
    TRANSCONDUCTANCE,
    Capacitor,
    Element,
    Inductor,
    OpAmp,
    OpAmpModel,
    Resistor,
    pole_values,
)
from ._card import SUPPLY_PREFIX, Card, NoiseForm, number
from ._noise import Noise
from ._walk import (
    CLAMP_CONDUCTANCE,
    Ends,
    Source,
    SourceKind,
    cell_voltage,
    pieces,
    starting_nodes,
    starting_voltage,
    written,
)


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
    sources = Noise(noise, number(network.temperature, "temperature"), step)
    writer = SpiceWriter(v0, starting_nodes(network, v0), sources, subcircuit)
    return pieces(network, writer, lambda card: (card.kind, card.name))


def flat_cards(
    network: Network, element: Element, v0: Float[np.ndarray, " n"], starts: Mapping[str, float]
) -> Iterator[Card]:
    """The cards of one element, with spectral noise."""
    sources = Noise("spectral", number(network.temperature, "temperature"), 0.0)
    return written(element, SpiceWriter(v0, starts, sources, None))


@dataclass(frozen=True, eq=False, slots=True)
class SpiceWriter:
    """SPICE cards of each element; amplifiers by their macro-model, or as calls of a subcircuit."""

    v0: Float[np.ndarray, " n"]
    starts: Mapping[str, float]
    noise: Noise
    subcircuit: str | None

    def resistor(self, element: Resistor, resistance: float) -> Iterator[Card]:
        name, a, b = element.name, element.a, element.b
        if not element.noisy:
            # A conductance made of a controlled source has no noise in any version.
            yield Card("G", name, (a, b, a, b), 1 / resistance)
            return
        own = None if element.temperature is None else number(element.temperature, name)
        # An own temperature as a difference: a resistor's `temp=` gives wrong noise in ngspice 39 and 45.
        hotter = "" if own is None else f"{resistance!r} dtemp={own - self.noise.temperature!r}"
        yield Card("R", name, (a, b), hotter or resistance)
        yield from self.noise.thermal(name, a, b, resistance, own)

    def capacitor(self, element: Capacitor, capacitance: float) -> Iterator[Card]:
        initial = starting_voltage(element, self.v0, self.starts)
        yield Card("C", element.name, (element.a, element.b), capacitance, initial)

    def inductor(self, element: Inductor, inductance: float) -> Iterator[Card]:
        initial = number(element.initial, element.name)
        yield Card("L", element.name, (element.a, element.b), inductance, initial)

    def coupling(self, name: str, first: str, second: str, coefficient: float) -> Iterator[Card]:
        yield Card("K", name, (), f"L{first} L{second} {coefficient!r}")

    def source(self, kind: SourceKind, a: str, b: str, source: Source, level: float) -> Iterator[Card]:
        value = f"dc {level!r} ac {level!r}" if source.drive else f"dc {level!r}"
        if source.ac is not None:
            value += f" ac {_phasor(source.ac, source.name)}"
        if source.waveform is not None:
            numbers = (repr(number(x, source.name)) for x in source.waveform.values)
            value += f" {source.waveform.kind}({' '.join(numbers)})"
        yield Card("V" if kind == "v" else "I", source.name, (a, b), value)

    def transconductor(self, name: str, ends: Ends, controls: Ends, gm: float) -> Iterator[Card]:
        yield Card("G", name, (*ends, *controls), gm)

    def sensing(self, kind: SourceKind, name: str, ends: Ends, sensor: str, factor: float) -> Iterator[Card]:
        yield Card("H" if kind == "v" else "F", name, ends, f"V{sensor} {factor!r}")

    def noise_current(self, name: str, a: str, b: str, density: float) -> Iterator[Card]:
        return self.noise.current(name, a, b, density)

    def controlled(self, name: str, ends: Ends, controls: Ends, gain: float) -> Iterator[Card]:
        yield Card("E", name, (*ends, *controls), gain)

    def amplifier(self, amp: OpAmp, model: OpAmpModel) -> Iterator[Card]:
        if self.subcircuit is None:
            return self._macro_model(amp, model)
        return self._transistors(amp, model, self.subcircuit)

    def _macro_model(self, amp: OpAmp, model: OpAmpModel) -> Iterator[Card]:
        """Flat pieces: within the slew limit and the rails the element is exactly linear."""
        name, pole = amp.name, f"{amp.name}_p"
        R_p, C_p = pole_values(model.gain, model.gain_bandwidth)
        initial, noise = cell_voltage(amp, self.v0), ""
        if model.noise_voltage > 0 and self.noise.form != "none":
            yield from self.noise.voltage(f"{name}_en", model)
            bias = self.noise.bias(model)
            noise = f"+v({name}_en)" + (f"-{bias!r}" if bias else "")
        yield Card("B", f"{name}_gm", (GROUND, pole), _stage(amp, model, model.slew * C_p, noise))
        yield Card("G", f"{name}_rp", (pole, GROUND, pole, GROUND), 1 / R_p)
        yield Card("C", f"{name}_cp", (pole, GROUND), C_p, initial)
        driving = pole
        if model.second_pole > 0:
            driving = f"{name}_q"
            yield Card("G", f"{name}_g2", (GROUND, driving, pole, driving), TRANSCONDUCTANCE)
            yield Card("C", f"{name}_c2", (driving, GROUND), TRANSCONDUCTANCE / (2 * pi * model.second_pole), initial)
        if model.output_resistance > 0:
            # Buffer and output resistance in one: a current (v(pole) - v(out)) / R, without noise.
            yield Card("G", f"{name}_ro", (GROUND, amp.out, driving, amp.out), 1 / model.output_resistance)
        else:
            yield Card("E", f"{name}_ro", (amp.out, GROUND, driving, GROUND), 1.0)
        if model.input_capacitance > 0 and amp.minus != GROUND:
            yield Card("C", f"{name}_ci", (amp.minus, GROUND), model.input_capacitance, 0.0)
        if model.load_capacitance > 0:
            yield Card("C", f"{name}_cl", (amp.out, GROUND), model.load_capacitance, initial)
        for pin, node in (("p", amp.plus), ("m", amp.minus)):
            if node != GROUND:
                yield Card("I", f"{name}_ib{pin}", (node, GROUND), f"dc {model.bias_current!r}")
                yield from self.noise.current(f"{name}_in{pin}", GROUND, node, model.noise_current**2)

    def _transistors(self, amp: OpAmp, model: OpAmpModel, subcircuit: str) -> Iterator[Card]:
        """A subcircuit with this amplifier's own offset, beside the one that every one of them has, in series
        with its plus input, and its load capacitance."""
        name, below = amp.name, GROUND
        # `.noise` has the transistors' own noise; `.tran` has none, so it takes that of the macro-model.
        if model.noise_voltage > 0 and self.noise.form == "seeded":
            below = f"{name}_en"
            yield from self.noise.voltage(below, model)
        supplies = (f"{SUPPLY_PREFIX}vdd", f"{SUPPLY_PREFIX}vss")
        yield Card("V", f"{name}_os", (f"{name}_inm", below), f"dc {model.offset - model.systematic!r}")
        yield Card("E", f"{name}_inp", (f"{name}_inp", amp.plus, f"{name}_inm", GROUND), 1.0)
        yield Card("X", name, (f"{name}_inp", amp.minus, amp.out, *supplies), subcircuit)
        if model.load_capacitance > 0:
            yield Card("C", f"{name}_cl", (amp.out, GROUND), model.load_capacitance)


def _phasor(value: object, name: str) -> str:
    """Magnitude and phase in degrees of an AC stimulus."""
    if not isinstance(value, complex):
        return repr(number(value, name))
    return f"{number(abs(value), name)!r} {number(degrees(phase(value)), name)!r}"


def _stage(amp: OpAmp, model: OpAmpModel, limit: float, noise: str) -> str:
    """Input stage: current into the pole node, limited to the slew, less what keeps the node within the rails."""
    pole, high, low = f"v({amp.name}_p)", model.rail_high, model.rail_low
    stage = f"{TRANSCONDUCTANCE!r}*(v({amp.plus},{amp.minus})+({model.offset!r}){noise})"
    limited = f"min(max({stage},{-limit!r}),{limit!r})"
    clamp = f"(max({pole}-({high!r}),0.0)+min({pole}-({low!r}),0.0))"
    return f"{limited}-{CLAMP_CONDUCTANCE!r}*{clamp}"
