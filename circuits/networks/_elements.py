"""Elements of a circuit as typed values: the one description that SPICE, the symbolic and the numeric analysis share.

Values are floats, or sympy expressions when the symbolic analysis builds the network.
"""

from dataclasses import dataclass
from typing import Any, Literal

GROUND = "0"

Value = Any
"""A float, or a sympy expression."""

PULSE_FOR_EVER = 1e9
"""Width of a pulse that does not end [s]; a period of ten times that is none."""


@dataclass(frozen=True, slots=True)
class Waveform:
    """What a source does in time: the numbers of SPICE's function of this name, in its order, in SI units.

    A pulse has all seven: two levels, delay, rise, fall, width and period.
    """

    kind: Literal["pulse", "sin", "exp", "pwl"]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Resistor:
    """Between `a` and `b` [ohm], with thermal noise 4kT/R (one-sided) unless `noisy` is false.

    T is the resistor's own `temperature` [K], that of the network for None.
    """

    name: str
    a: str
    b: str
    resistance: Value
    noisy: bool = True
    temperature: Value | None = None


@dataclass(frozen=True, slots=True)
class Capacitor:
    """Between `a` and `b` [F]; starts at `sign * v0[cell]`, without a cell at `initial` [V]."""

    name: str
    a: str
    b: str
    capacitance: Value
    cell: int | None = None
    sign: int | float = 1
    initial: Value = 0.0


@dataclass(frozen=True, slots=True)
class Inductor:
    """Between `a` and `b` [H]; starts with a current of `initial` [A] from `a` to `b`."""

    name: str
    a: str
    b: str
    inductance: Value
    initial: Value = 0.0


@dataclass(frozen=True, slots=True)
class Coupling:
    """Two inductors, by their names, with the mutual inductance `coefficient * sqrt(L_first L_second)`."""

    name: str
    first: str
    second: str
    coefficient: Value


@dataclass(frozen=True, slots=True)
class VoltageSource:
    """`plus` against `minus` [V]. A drive steps from zero at t = 0 and carries the AC stimulus.

    Another source may have an AC stimulus of its own, `ac`, complex where it has a phase, and a `waveform` in time.
    """

    name: str
    plus: str
    minus: str
    dc: Value
    drive: bool = False
    ac: Value | None = None
    waveform: Waveform | None = None


@dataclass(frozen=True, slots=True)
class CurrentSource:
    """Current [A] that leaves node `a` and enters node `b`. A drive steps from zero at t = 0 and carries the AC.

    `ac` and `waveform` as those of a `VoltageSource`.
    """

    name: str
    a: str
    b: str
    dc: Value
    drive: bool = False
    ac: Value | None = None
    waveform: Waveform | None = None


@dataclass(frozen=True, slots=True)
class NoiseCurrent:
    """White noise current between `a` and `b`, two-sided density [A^2/Hz]."""

    name: str
    a: str
    b: str
    density: Value


@dataclass(frozen=True, slots=True)
class OpAmpModel:
    """Macro-model of one amplifier; see `OpAmp`. Units as in `Amplifier`.

    `offset` [V] is this amplifier's own; of it a subcircuit in its place has `systematic` by itself.
    """

    gain: Value
    gain_bandwidth: Value
    offset: Value
    bias_current: Value
    noise_voltage: Value
    noise_current: Value
    rail_low: Value
    rail_high: Value
    slew: Value
    output_resistance: Value
    load_capacitance: Value
    noise_corner: Value = 0.0
    noise_lowest: Value = 1.0
    input_capacitance: Value = 0.0
    second_pole: Value = 0.0
    systematic: Value = 0.0


@dataclass(frozen=True, slots=True)
class OpAmp:
    """Amplifier. `model=None` is ideal (no input voltage, no input current).

    Macro-model: the input voltage `v(plus) - v(minus) + offset + e_n` drives a current of `TRANSCONDUCTANCE`
    times it, limited to `slew * C_p`, into a pole of `R_p = gain / gm` and `C_p = gm / (2 pi GBW)` whose voltage
    is limited to the rails; a unit buffer with `output_resistance` drives `out`, loaded by `load_capacitance`.
    `bias_current` and `noise_current` act on each input. Only e_n and i_n are noisy: both white, and e_n also as 1/f
    with the corner `noise_corner`. A `second_pole` [Hz] other than 0 lies between pole and buffer, and
    `input_capacitance` from the minus input to ground.
    `cell` and `sign` give the initial output voltage `sign * v0[cell]`; without a cell it is `initial`.
    """

    name: str
    plus: str
    minus: str
    out: str
    model: OpAmpModel | None
    cell: int | None = None
    sign: int | float = 1
    initial: Value = 0.0


TRANSCONDUCTANCE = 1e-3
"""Input stage of the macro-model [S]; only its ratio to R_p and C_p matters."""


@dataclass(frozen=True, slots=True)
class Inverter:
    """Ideal buffer of gain -1 from `input` to `out`."""

    name: str
    input: str
    out: str


@dataclass(frozen=True, slots=True)
class Difference:
    """Ideal readout of a rail pair: `v(out) = v(plus) - v(minus)`."""

    name: str
    plus: str
    minus: str
    out: str


@dataclass(frozen=True, slots=True)
class Transconductor:
    """Current `gm * (v(plus) - v(minus))` that leaves node `a` and enters node `b` [S]."""

    name: str
    a: str
    b: str
    plus: str
    minus: str
    gm: Value


@dataclass(frozen=True, slots=True)
class ControlledVoltage:
    """`v(out) - v(back) = gain * (v(plus) - v(minus))`."""

    name: str
    out: str
    back: str
    plus: str
    minus: str
    gain: Value


@dataclass(frozen=True, slots=True)
class ControlledCurrent:
    """`gain` times the current through the voltage source `sensor`, plus to minus; leaves `a` and enters `b`."""

    name: str
    a: str
    b: str
    sensor: str
    gain: Value


@dataclass(frozen=True, slots=True)
class Transresistor:
    """`v(out) - v(back) = resistance * i(sensor)` [ohm], the current through a voltage source from plus to minus."""

    name: str
    out: str
    back: str
    sensor: str
    resistance: Value


Element = (
    Resistor
    | Capacitor
    | Inductor
    | Coupling
    | VoltageSource
    | CurrentSource
    | NoiseCurrent
    | OpAmp
    | Inverter
    | Difference
    | Transconductor
    | ControlledVoltage
    | ControlledCurrent
    | Transresistor
)
