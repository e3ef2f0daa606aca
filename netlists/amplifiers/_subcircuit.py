"""An amplifier as a subcircuit: typed transistors, resistors and capacitors, written with safe names."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np

from ...circuits.networks import Capacitor, Resistor
from .._exceptions import NetlistError
from ..cards import number
from ._cmos_process import GENERIC_180NM, Channel, Process

PINS = ("plus", "minus", "out", "vdd", "vss")
"""Pins of an amplifier subcircuit, in this order."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Transistor:
    """MOS transistor: `fingers` gates of `width` by `length` [m] in parallel."""

    name: str
    channel: Channel
    drain: str
    gate: str
    source: str
    bulk: str
    width: float
    length: float
    fingers: int = 1

    @property
    def area(self) -> float:
        """Area of the gate [m^2]."""
        return self.fingers * self.width * self.length


@dataclass(frozen=True, slots=True)
class Deviation:
    """One transistor's threshold magnitude [V] and current factor (relative) against the nominal ones."""

    threshold: float = 0.0
    factor: float = 0.0


Deviations = Mapping[str, Deviation]
"""By the transistor's name; one that is not listed is nominal."""


@runtime_checkable
class AmplifierSubcircuit(Protocol):
    """What the test benches and the netlists need of an amplifier."""

    @property
    def name(self) -> str:
        """Name of the subcircuit."""
        ...

    @property
    def vdd(self) -> float:
        """Positive supply against the signal ground [V]."""
        ...

    @property
    def vss(self) -> float:
        """Negative supply [V]."""
        ...

    @property
    def guess(self) -> Mapping[str, float]:
        """Voltages of inner nodes to start the search for the operating point from [V]; may be empty."""
        ...

    def definition(self) -> str:
        """Models and subcircuit, as text."""
        ...


@dataclass(frozen=True)
class AmplifierCircuit:
    """A generated amplifier; its pins are `plus minus out vdd vss`.

    Args:
        name: of the subcircuit.
        pieces: transistors, resistors and capacitors between the pins and inner nodes; ground is not among them.
        vdd: positive supply [V].
        vss: negative supply [V].
        process: models and matching.
        guess: voltages of inner nodes to start the search for the operating point from [V].

    Raises:
        NetlistError: an unsafe name, a name used twice, a value that is not positive, supplies that do not enclose 0.
    """

    name: str
    pieces: tuple[Transistor | Resistor | Capacitor, ...]
    vdd: float = 0.9
    vss: float = -0.9
    process: Process = GENERIC_180NM
    guess: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_supplies(self.name, self.vdd, self.vss)
        names = [piece.name for piece in self.pieces]
        if len(set(names)) != len(names):
            raise NetlistError(f"amplifier {self.name}: two pieces have the same name")
        for name in (self.name, *names, *self.nodes):
            if not _NAME.fullmatch(name) or name == "gnd":
                raise NetlistError(f"amplifier {self.name}: expected lower-case letters, digits and _, got {name!r}")
        missing = set(PINS) - set(self.nodes)
        if missing:
            raise NetlistError(f"amplifier {self.name}: nothing is connected to pin {sorted(missing)[0]}")
        unknown = set(self.guess) - set(self.nodes)
        if unknown:
            raise NetlistError(f"amplifier {self.name}: a guess for {sorted(unknown)[0]!r}, which is none of its nodes")

    @property
    def transistors(self) -> tuple[Transistor, ...]:
        """The transistors, in order."""
        return tuple(piece for piece in self.pieces if isinstance(piece, Transistor))

    @property
    def nodes(self) -> tuple[str, ...]:
        """Pins and inner nodes, in order of appearance."""
        return tuple(dict.fromkeys(node for piece in self.pieces for node in _nodes(piece)))

    def sample(self, rng: np.random.Generator) -> Deviations:
        """Mismatch of one amplifier by the area law: independent normal thresholds and current factors."""
        return {
            t.name: Deviation(
                self.process.threshold_sigma(t.area) * rng.standard_normal(),
                self.process.factor_sigma(t.area) * rng.standard_normal(),
            )
            for t in self.transistors
        }

    def definition(self) -> str:
        """Models and subcircuit, as text."""
        return self.models() + self.subcircuit(self.name)

    def models(self) -> str:
        """The model cards."""
        return "".join(f"{line}\n" for line in self.process.cards(self.name))

    def subcircuit(self, name: str, deviations: Deviations | None = None) -> str:
        """The subcircuit under a name of its own, with the mismatch of one amplifier."""
        lines = (_line(piece, self, (deviations or {}).get(piece.name, Deviation())) for piece in self.pieces)
        return "\n".join((f".subckt {name} {' '.join(PINS)}", *lines, f".ends {name}", ""))


def nodesets(amplifier: AmplifierSubcircuit, element: str) -> str:
    """Where to start the operating point of one amplifier, as text; empty without a guess.

    Without it ngspice falls back on gmin and source stepping, at ten to a hundred times the cost.
    """
    if not amplifier.guess:
        return ""
    words = (f"v({element}.{node})={number(value, node)!r}" for node, value in amplifier.guess.items())
    return f".nodeset {' '.join(words)}"


def check_supplies(name: str, vdd: float, vss: float) -> None:
    """Raise `NetlistError` unless the supplies enclose the signal ground."""
    if not number(vss, "vss") < 0 < number(vdd, "vdd"):
        raise NetlistError(f"amplifier {name}: expected vss < 0 < vdd, got {vss!r} V and {vdd!r} V")


def _nodes(piece: Transistor | Resistor | Capacitor) -> Iterator[str]:
    if isinstance(piece, Transistor):
        yield from (piece.drain, piece.gate, piece.source, piece.bulk)
    else:
        yield from (piece.a, piece.b)


def _line(piece: Transistor | Resistor | Capacitor, circuit: AmplifierCircuit, deviation: Deviation) -> str:
    match piece:
        case Resistor(name, a, b, value) | Capacitor(name, a, b, value):
            kind = "R" if isinstance(piece, Resistor) else "C"
            return f"{kind}{name} {a} {b} {_positive(value, name)!r}"
        case Transistor():
            return _transistor(piece, circuit.process, circuit.process.models(circuit.name)[piece.channel], deviation)


def _transistor(t: Transistor, process: Process, model: str, deviation: Deviation) -> str:
    width = _positive(t.width, t.name)
    length = _positive(t.length, t.name)
    region = process.diffusion
    sizes = {
        "w": width,
        "l": length,
        "as": width * region,
        "ad": width * region,
        "ps": 2 * (width + region),
        "pd": 2 * (width + region),
    }
    if deviation != Deviation():
        # A larger magnitude of the threshold is more negative in a p-channel.
        shift = number(deviation.threshold, t.name)
        sizes |= {"delvto": shift if t.channel == "n" else -shift, "mulu0": 1 + number(deviation.factor, t.name)}
    text = " ".join(f"{key}={value!r}" for key, value in sizes.items())
    return f"M{t.name} {t.drain} {t.gate} {t.source} {t.bulk} {model} m={int(t.fingers)} {text}"


def _positive(value: object, name: str) -> float:
    result = number(value, name)
    if result <= 0:
        raise NetlistError(f"{name}: expected a positive value, got {result!r}")
    return result
