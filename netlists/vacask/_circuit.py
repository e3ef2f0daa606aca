"""A network in VACASK's language: typed values only, names checked, numbers through `float` and `repr`."""

from collections.abc import Iterator
from math import pi

import numpy as np
from jaxtyping import Float

from ...circuits import Network
from ...circuits.networks import (
    BOLTZMANN,
    GROUND,
    TRANSCONDUCTANCE,
    Capacitor,
    Inductor,
    OpAmp,
    OpAmpModel,
    Resistor,
    pole_values,
)
from .._exceptions import NetlistError
from ..cards import (
    CLAMP_CONDUCTANCE,
    Ends,
    Source,
    SourceKind,
    cell_voltage,
    model_numbers,
    number,
    pieces,
    positive,
    starting_nodes,
    starting_voltage,
)
from ..simulators import MODELS_FILE

MODELS = f"""\
`include "disciplines.vams"

// Input stage of an amplifier: current into the pole node, limited to the slew, less what keeps it within the rails.
module ts_stage(pole, plus, minus);
  inout pole, plus, minus;
  electrical pole, plus, minus;
  (*type="instance"*) parameter real gm = 1.0;
  (*type="instance"*) parameter real offset = 0.0;
  (*type="instance"*) parameter real limit = 1.0;
  (*type="instance"*) parameter real low = 0.0;
  (*type="instance"*) parameter real high = 0.0;
  (*type="instance"*) parameter real density = 0.0;
  (*type="instance"*) parameter real corner = 0.0;
  analog begin
    I(pole) <+ -min(max(gm * (V(plus, minus) + offset), -limit), limit);
    I(pole) <+ {CLAMP_CONDUCTANCE!r} * (max(V(pole) - high, 0.0) + min(V(pole) - low, 0.0));
    I(pole) <+ white_noise(gm * gm * density, "input");
    I(pole) <+ flicker_noise(gm * gm * density * corner, 1.0, "flicker");
  end
endmodule

// White current of a one-sided density [A^2/Hz].
module ts_noise(a, b);
  inout a, b;
  electrical a, b;
  (*type="instance"*) parameter real density = 0.0;
  analog I(a, b) <+ white_noise(density, "white");
endmodule
"""

_PREAMBLE = f"""\
thermospice
ground 0
load "resistor.osdi"
load "capacitor.osdi"
load "inductor.osdi"
load "{MODELS_FILE}"
model ts_resistor resistor
model ts_quiet resistor noisy=0
model ts_capacitor capacitor
model ts_inductor inductor
model ts_v vsource
model ts_i isource
model ts_e vcvs
model ts_g vccs
model ts_stage ts_stage
model ts_noise ts_noise
"""


def node(name: str) -> str:
    """A node's name in the netlist: no word of the language, and no name of another column, looks like it."""
    return GROUND if name == GROUND else f"n_{name}"


def source_name(kind: SourceKind, name: str) -> str:
    """A source's name in the netlist."""
    return f"{kind}_{name}"


def circuit(network: Network) -> str:
    """The netlist without analyses.

    Raises:
        NetlistError: a name or a number that is not plain, two elements with one name, a node without a path for
            direct current to ground.
    """
    lines = pieces(network, _VacaskWriter(), lambda line: line.partition(" ")[0])
    return _PREAMBLE + "\n".join((*lines, ""))


class _VacaskWriter:
    def resistor(self, element: Resistor, resistance: float) -> Iterator[str]:
        ends = (element.a, element.b)
        own = element.temperature if element.noisy else None
        plain = element.noisy and own is None
        yield _line(f"r_{element.name}", ends, "ts_resistor" if plain else "ts_quiet", r=resistance)
        if own is not None:
            density = 4 * BOLTZMANN * number(own, element.name) / resistance
            yield from self.noise_current(f"{element.name}_th", *ends, density)

    def capacitor(self, element: Capacitor, capacitance: float) -> Iterator[str]:
        yield _line(f"c_{element.name}", (element.a, element.b), "ts_capacitor", c=capacitance)

    def inductor(self, element: Inductor, inductance: float) -> Iterator[str]:
        if element.initial != 0:
            raise NetlistError(f"{element.name}: an initial current is written for ngspice alone")
        yield _line(f"l_{element.name}", (element.a, element.b), "ts_inductor", l=inductance)

    def coupling(self, name: str, first: str, second: str, coefficient: float) -> Iterator[str]:
        raise NetlistError(f"{name}: coupled inductors are written for ngspice alone")

    def source(self, kind: SourceKind, a: str, b: str, source: Source, level: float) -> Iterator[str]:
        if source.waveform is not None or isinstance(source.ac, complex):
            raise NetlistError(f"{source.name}: a waveform or a phase is written for ngspice alone")
        values = {"dc": level, "mag": level} if source.drive else {"dc": level}
        if source.ac is not None:
            values["mag"] = number(source.ac, source.name)
        yield _line(source_name(kind, source.name), (a, b), f"ts_{kind}", **values)

    def transconductor(self, name: str, ends: Ends, controls: Ends, gm: float) -> Iterator[str]:
        yield _line(f"g_{name}", (*ends, *controls), "ts_g", gain=gm)

    def sensing(self, kind: SourceKind, name: str, ends: Ends, sensor: str, factor: float) -> Iterator[str]:
        raise NetlistError(f"{name}: a source that a current controls is written for ngspice alone")

    def noise_current(self, name: str, a: str, b: str, density: float) -> Iterator[str]:
        if density > 0:
            yield _line(f"s_{name}", (a, b), "ts_noise", density=density)

    def controlled(self, name: str, ends: Ends, controls: Ends, gain: float) -> Iterator[str]:
        yield _line(f"e_{name}", (*ends, *controls), "ts_e", gain=gain)

    def amplifier(self, amp: OpAmp, model: OpAmpModel) -> Iterator[str]:
        name = amp.name
        pole = _pole(amp)
        R_p, C_p = pole_values(model.gain, model.gain_bandwidth)
        yield _line(
            f"a_{name}",
            (pole, amp.plus, amp.minus),
            "ts_stage",
            gm=TRANSCONDUCTANCE,
            offset=model.offset,
            limit=model.slew * C_p,
            low=model.rail_low,
            high=model.rail_high,
            density=model.noise_voltage**2,
            corner=model.noise_corner,
        )
        yield _line(f"r_{name}_rp", (pole, GROUND), "ts_quiet", r=R_p)
        yield _line(f"c_{name}_cp", (pole, GROUND), "ts_capacitor", c=C_p)
        driving = pole
        if model.second_pole > 0:
            driving = f"{name}_q"
            capacitance = TRANSCONDUCTANCE / (2 * pi * model.second_pole)
            yield _line(f"g_{name}_g2", (GROUND, driving, pole, driving), "ts_g", gain=TRANSCONDUCTANCE)
            yield _line(f"c_{name}_c2", (driving, GROUND), "ts_capacitor", c=capacitance)
        if model.output_resistance > 0:
            gain = 1 / model.output_resistance
            yield _line(f"g_{name}_ro", (GROUND, amp.out, driving, amp.out), "ts_g", gain=gain)
        else:
            yield from self.controlled(f"{name}_ro", (amp.out, GROUND), (driving, GROUND), 1.0)
        if model.input_capacitance > 0 and amp.minus != GROUND:
            yield _line(f"c_{name}_ci", (amp.minus, GROUND), "ts_capacitor", c=model.input_capacitance)
        if model.load_capacitance > 0:
            yield _line(f"c_{name}_cl", (amp.out, GROUND), "ts_capacitor", c=model.load_capacitance)
        for pin, place in (("p", amp.plus), ("m", amp.minus)):
            if place != GROUND:
                yield _line(f"i_{name}_ib{pin}", (place, GROUND), "ts_i", dc=model.bias_current)
                yield from self.noise_current(f"{name}_in{pin}", GROUND, place, model.noise_current**2)


def _line(name: str, nodes: tuple[str, ...], model: str, **parameters: float) -> str:
    values = " ".join(f"{key}={value!r}" for key, value in parameters.items())
    return f"{name} ({' '.join(map(node, nodes))}) {model} {values}"


def _pole(amp: OpAmp) -> str:
    return f"{amp.name}_p"


def initial_nodes(network: Network, v0: Float[np.ndarray, " n"]) -> dict[str, float]:
    """Node voltages [V], by name in the netlist, that put its initial charge on each node.

    VACASK takes initial voltages of nodes, not of capacitors. The nodes' charges decide what follows: they are those
    of least energy error `sum C (va - vb - v)^2`, whose normal equations conserve the charge of every node. A loop of
    capacitors with voltages that do not add up thus begins as its charges would have it.
    """
    branches = list(_charged(network, v0))
    names = sorted({name for a, b, _, _ in branches for name in (a, b)} - {GROUND})
    index = {name: k for k, name in enumerate(names)}
    K = np.zeros((len(names), len(names)))
    q = np.zeros(len(names))
    for a, b, C, v in branches:
        ends = [(index[name], sign) for name, sign in ((a, 1.0), (b, -1.0)) if name != GROUND]
        for i, si in ends:
            q[i] += si * C * v
            for j, sj in ends:
                K[i, j] += si * sj * C
    # Least squares, since capacitors alone may leave a part of the circuit without reference to ground.
    voltages = np.linalg.lstsq(K, q, rcond=1e-12)[0] if names else q
    return {node(name): float(v) for name, v in zip(names, voltages, strict=True)}


def _charged(network: Network, v0: Float[np.ndarray, " n"]) -> Iterator[tuple[str, str, float, float]]:
    """Every capacitor: two nodes, capacitance [F], initial voltage [V]."""
    starts = starting_nodes(network, v0)
    for element in network.elements:
        match element:
            case Capacitor():
                v = starting_voltage(element, v0, starts)
                yield element.a, element.b, positive(element.capacitance, element.name), v
            case OpAmp() if element.model is not None:
                model = model_numbers(element)
                v = cell_voltage(element, v0)
                yield _pole(element), GROUND, pole_values(model.gain, model.gain_bandwidth)[1], v
                if model.load_capacitance > 0:
                    yield element.out, GROUND, model.load_capacitance, v
                if model.second_pole > 0:
                    yield f"{element.name}_q", GROUND, TRANSCONDUCTANCE / (2 * pi * model.second_pole), v
                if model.input_capacitance > 0 and element.minus != GROUND:
                    yield element.minus, GROUND, model.input_capacitance, 0.0
