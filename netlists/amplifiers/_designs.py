"""Two amplifiers: a two-stage one with class-AB output for resistive loads, and a one-stage OTA for capacitive ones.

Both share bias network and input stage: p-channel pair (its well tied to its sources), folded n-channel cascodes,
cascoded p-channel mirror. Text of any book; sizes from square-law hand calculation, then rounded.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ...circuits.networks import Capacitor, Resistor
from ._cmos_process import GENERIC_180NM, Channel, Process
from ._subcircuit import AmplifierCircuit, Transistor

Pieces = Iterator[Transistor | Resistor | Capacitor]


@dataclass(frozen=True, slots=True)
class Size:
    """Gate width and length [m], and how many in parallel."""

    width: float
    length: float
    fingers: int = 1

    def times(self, fingers: int) -> "Size":
        """So many of it in parallel."""
        return Size(self.width, self.length, self.fingers * fingers)


@dataclass(frozen=True, slots=True)
class BiasSizes:
    """Bias network. A resistor from supply to supply through a diode sets the unit current, about 10 uA."""

    resistance: float = 110e3
    """[ohm]."""
    sink: Size = Size(3.2e-6, 2e-6)
    """n-channel current source of one unit."""
    source: Size = Size(40e-6, 1e-6)
    """p-channel current source of one unit: wide, so that the common-mode range comes close to the supply."""
    cascode_n: Size = Size(1.3e-6, 2e-6)
    """Diode that biases the n-channel cascodes."""
    cascode_p: Size = Size(4.5e-6, 2e-6)
    """Diode that biases the p-channel cascodes."""


@dataclass(frozen=True, slots=True)
class InputSizes:
    """Folded-cascode stage."""

    tail: int = 3
    """Units of current in the tail; each half of the pair has half of it, the folded branches as well."""
    pair: Size = Size(20e-6, 0.5e-6, 6)
    """Each input transistor, p-channel in moderate inversion."""
    cascode_n: Size = Size(10e-6, 0.5e-6)
    cascode_p: Size = Size(40e-6, 0.5e-6)
    mirror: Size = Size(20e-6, 2e-6)
    """p-channel mirror: long, for its noise and matching."""


@dataclass(frozen=True, slots=True)
class OutputSizes:
    """Class-AB output: two common-source transistors whose gates a floating current source keeps apart."""

    n: Size = Size(1e-6, 0.5e-6, 10)
    p: Size = Size(3.8e-6, 0.5e-6, 10)
    """Each is `fingers` times the first diode of its bias stack, which carries one unit of current."""
    mesh_n: Size = Size(2e-6, 0.5e-6, 3)
    mesh_p: Size = Size(8e-6, 0.5e-6, 3)
    """Floating current source; each half carries three quarters of a unit."""
    mesh_units: int = 4
    """Fingers of the second diode of each stack, which carries one unit at the same density."""
    capacitance: float = 3e-12
    """Compensation, half of it from each gate [F]."""
    resistance: float = 2000.0
    """In series with each half; moves the zero into the left half-plane [ohm]."""


@dataclass(frozen=True, slots=True)
class TwoStage:
    """Two-stage Miller amplifier: folded cascode, class-AB output.

    Output quiescent current by the translinear loop of R. Hogervorst et al., IEEE J. Solid-State Circuits 29, 1505
    (1994), after D. Monticelli, ibid. 21, 1026 (1986). About gm1/(2 pi C_c) of gain-bandwidth.
    """

    bias: BiasSizes = BiasSizes()
    input: InputSizes = InputSizes()
    output: OutputSizes = OutputSizes()
    process: Process = GENERIC_180NM
    vdd: float = 0.9
    vss: float = -0.9

    def circuit(self, name: str = "two_stage") -> AmplifierCircuit:
        """The subcircuit."""
        pieces = (*_bias(self.bias), *_input_stage(self.bias, self.input, "gp", "gn"), *_output(self.bias, self.output))
        guess = {**_guess(self.vdd, self.vss, _INPUT_GUESS), **_guess(self.vdd, self.vss, _OUTPUT_GUESS)}
        return AmplifierCircuit(name, pieces, self.vdd, self.vss, self.process, guess)


@dataclass(frozen=True, slots=True)
class FoldedCascode:
    """One-stage operational transconductance amplifier: drives capacitors only. About gm1/(2 pi C_load)."""

    bias: BiasSizes = BiasSizes()
    input: InputSizes = InputSizes()
    process: Process = GENERIC_180NM
    vdd: float = 0.9
    vss: float = -0.9

    def circuit(self, name: str = "ota") -> AmplifierCircuit:
        """The subcircuit."""
        pieces = (*_bias(self.bias), *_input_stage(self.bias, self.input, "out", "out", inverted=False))
        guess = _guess(self.vdd, self.vss, _INPUT_GUESS)
        return AmplifierCircuit(name, pieces, self.vdd, self.vss, self.process, guess)


_INPUT_GUESS = {"bn": 0.77, "cn": 1.0, "f1": 0.37, "f2": 0.37, "bp": -0.55, "cp": -0.97, "tail": -0.42, "d1": -0.71}
_INPUT_GUESS |= {"h1": -0.36, "h2": -0.36}
_OUTPUT_GUESS = {"gn": 0.77, "an": 1.51, "an1": 0.77, "gp": -0.72, "ap": -1.42, "ap1": -0.72}
"""Distance of inner nodes from the supply that holds them [V]: positive from vss, negative from vdd."""


def _guess(vdd: float, vss: float, distances: dict[str, float]) -> dict[str, float]:
    return {node: (vss if distance > 0 else vdd) + distance for node, distance in distances.items()}


def _mos(name: str, channel: Channel, drain: str, gate: str, source: str, size: Size, bulk: str = "") -> Transistor:
    well = bulk or ("vss" if channel == "n" else "vdd")
    return Transistor(name, channel, drain, gate, source, well, size.width, size.length, size.fingers)


def _bias(s: BiasSizes) -> Pieces:
    yield Resistor("ref", "vdd", "bn", s.resistance)
    yield _mos("b1", "n", "bn", "bn", "vss", s.sink)
    yield _mos("b2", "n", "bp", "bn", "vss", s.sink)
    yield _mos("b3", "p", "bp", "bp", "vdd", s.source)
    yield _mos("b4", "p", "cn", "bp", "vdd", s.source)
    yield _mos("b5", "n", "cn", "cn", "vss", s.cascode_n)
    yield _mos("b6", "n", "cp", "bn", "vss", s.sink)
    yield _mos("b7", "p", "cp", "cp", "vdd", s.cascode_p)


def _input_stage(b: BiasSizes, s: InputSizes, high: str, low: str, inverted: bool = True) -> Pieces:
    """Pair, sinks, cascodes and mirror; the folded output's upper end is `high`, its lower one `low`."""
    # The output stage inverts once more.
    left, right = ("minus", "plus") if inverted else ("plus", "minus")
    yield _mos("tail", "p", "tail", "bp", "vdd", b.source.times(s.tail))
    yield _mos("in1", "p", "f1", left, "tail", s.pair, bulk="tail")
    yield _mos("in2", "p", "f2", right, "tail", s.pair, bulk="tail")
    yield _mos("s1", "n", "f1", "bn", "vss", b.sink.times(s.tail))
    yield _mos("s2", "n", "f2", "bn", "vss", b.sink.times(s.tail))
    yield _mos("c1", "n", "d1", "cn", "f1", s.cascode_n)
    yield _mos("c2", "n", low, "cn", "f2", s.cascode_n)
    yield _mos("m1", "p", "h1", "d1", "vdd", s.mirror)
    yield _mos("m2", "p", "h2", "d1", "vdd", s.mirror)
    yield _mos("c3", "p", "d1", "cp", "h1", s.cascode_p)
    yield _mos("c4", "p", high, "cp", "h2", s.cascode_p)


def _output(b: BiasSizes, s: OutputSizes) -> Pieces:
    first_n = Size(s.n.width, s.n.length)
    first_p = Size(s.p.width, s.p.length)
    second_n = Size(s.mesh_n.width, s.mesh_n.length, s.mesh_units)
    second_p = Size(s.mesh_p.width, s.mesh_p.length, s.mesh_units)
    yield _mos("a1", "p", "an", "bp", "vdd", b.source)
    yield _mos("a2", "n", "an", "an", "an1", second_n)
    yield _mos("a3", "n", "an1", "an1", "vss", first_n)
    yield _mos("a4", "n", "ap", "bn", "vss", b.sink)
    yield _mos("a5", "p", "ap", "ap", "ap1", second_p)
    yield _mos("a6", "p", "ap1", "ap1", "vdd", first_p)
    yield _mos("a7", "n", "gp", "an", "gn", s.mesh_n)
    yield _mos("a8", "p", "gn", "ap", "gp", s.mesh_p)
    yield _mos("on", "n", "out", "gn", "vss", s.n)
    yield _mos("op", "p", "out", "gp", "vdd", s.p)
    yield Resistor("rzn", "gn", "zn", s.resistance)
    yield Capacitor("czn", "zn", "out", s.capacitance / 2)
    yield Resistor("rzp", "gp", "zp", s.resistance)
    yield Capacitor("czp", "zp", "out", s.capacitance / 2)
