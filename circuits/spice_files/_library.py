"""Subcircuits that stand for typed elements: the project writes them, and reads them back for what they are.

The body of the amplifier has a source with an expression, which no linear reader takes. A subcircuit of this name and
exactly this body is read as the macro-model; one that was edited is read like any other.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..networks import TRANSCONDUCTANCE, Element, NoiseCurrent, OpAmp, OpAmpModel

_TURN = 6.283185307179586
NOISE_RESISTANCE = 1e3
UNIT_NOISE = "ts_unit_noise"
"""Parameter: the noise of this resistance at the circuit's temperature [V^2/Hz], one-sided."""

_FLICKER_CURRENT = 1e-9
"""Through the resistor whose 1/f noise stands for the amplifier's [A]; ngspice scales it by a current."""

_FLICKER_BIAS = _FLICKER_CURRENT * NOISE_RESISTANCE


@dataclass(frozen=True, slots=True)
class Known:
    """A subcircuit of the library: pins, parameters with their units, the lines of its body."""

    name: str
    pins: tuple[str, ...]
    parameters: Mapping[str, str]
    body: tuple[str, ...]
    make: Callable[[str, list[str], Mapping[str, float]], list[Element]]

    def text(self, defaults: Mapping[str, str]) -> str:
        """The subcircuit, with these defaults."""
        values = " ".join(f"{name}={defaults[name]}" for name in self.parameters)
        header = f".subckt {self.name} {' '.join(self.pins)} params: {values}"
        return "\n".join((header, *self.body, f".ends {self.name}"))


def _noise_current(name: str, nodes: list[str], values: Mapping[str, float]) -> list[Element]:
    return [NoiseCurrent(name, nodes[0], nodes[1], values["density"])]


_MODEL: Mapping[str, str] = {
    "gain": "V/V", "gain_bandwidth": "Hz", "offset": "V", "bias_current": "A", "noise_voltage": "V/sqrt(Hz)",
    "noise_current": "A/sqrt(Hz)", "rail_low": "V", "rail_high": "V", "slew": "V/s", "output_resistance": "ohm",
    "load_capacitance": "F", "noise_corner": "Hz", "noise_lowest": "Hz",
}  # fmt: skip


def _amplifier(name: str, nodes: list[str], values: Mapping[str, float]) -> list[Element]:
    model = OpAmpModel(**{field: values[field] for field in _MODEL})
    return [OpAmp(name, nodes[0], nodes[1], nodes[2], model, initial=values["start"])]


def _ideal(name: str, nodes: list[str], values: Mapping[str, float]) -> list[Element]:
    return [OpAmp(name, nodes[0], nodes[1], nodes[2], None)]


NOISE = Known(
    "ts_noise",
    ("a", "b"),
    {"density": "A^2/Hz, two-sided"},
    (
        f"Rn n 0 {NOISE_RESISTANCE!r}",
        f"Gn a b n 0 {{sqrt(2*density/{UNIT_NOISE})}}",
    ),
    _noise_current,
)

IDEAL_GAIN = 1e7
"""An ideal amplifier is a voltage source controlled by the input voltage with this gain [V/V]."""

IDEAL = Known("ts_ideal", ("plus", "minus", "out"), {}, (f"Ea out 0 plus minus {IDEAL_GAIN!r}",), _ideal)

_STAGE = (
    f"{TRANSCONDUCTANCE!r}*(v(plus,minus)+({{offset}})+{{noise_voltage/sqrt({UNIT_NOISE})}}*(v(en)-{_FLICKER_BIAS!r}))"
)
AMPLIFIER = Known(
    "ts_amplifier",
    ("plus", "minus", "out"),
    {**_MODEL, "start": "V"},
    (
        f".param pole_capacitance={{{TRANSCONDUCTANCE!r}/({_TURN!r}*gain_bandwidth)}}",
        f"Bgm 0 pole i=min(max({_STAGE},-{{slew*pole_capacitance}}),{{slew*pole_capacitance}})"
        "-(max(v(pole)-({rail_high}),0.0)+min(v(pole)-({rail_low}),0.0))",
        f"Grp pole 0 pole 0 {{{TRANSCONDUCTANCE!r}/gain}}",
        "Ccp pole 0 {pole_capacitance} ic={start}",
        "Gro 0 out pole out {1/output_resistance}",
        "Ccl out 0 {load_capacitance} ic={start}",
        "Ibp plus 0 dc {bias_current}",
        "Ibm minus 0 dc {bias_current}",
        f"Rnp np 0 {NOISE_RESISTANCE!r}",
        f"Gnp 0 plus np 0 {{noise_current/sqrt({UNIT_NOISE})}}",
        f"Rnm nm 0 {NOISE_RESISTANCE!r}",
        f"Gnm 0 minus nm 0 {{noise_current/sqrt({UNIT_NOISE})}}",
        f".model flicker r(kf={{noise_corner*{UNIT_NOISE}/{_FLICKER_BIAS**2!r}}} af=2)",
        f"Ren en 0 {NOISE_RESISTANCE!r} flicker",
        f"Ien 0 en dc {_FLICKER_CURRENT!r}",
    ),
    _amplifier,
)

LIBRARY: Mapping[str, Known] = {known.name: known for known in (NOISE, IDEAL, AMPLIFIER)}
