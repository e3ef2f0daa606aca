"""The macro-model of a user's own amplifier: found on the benches, checked before anything else is believed of it."""

from dataclasses import dataclass, replace
from math import atan, hypot, log10, pi, radians, sqrt, tan
from typing import Any

import numpy as np

from ...circuits import Amplifier
from .._exceptions import SimulationFailed
from ..simulators import Ngspice, proven_ngspice
from ..timing import Grid
from ._bench import Bench, Load
from ._characterise import TEMPERATURE, Characterisation, characterise, white_level
from ._from_file import UserAmplifier
from ._subcircuit import PINS

_REFERENCE = 10.0
_LEAST_RESISTANCE = 1.0
_LEAST_LAG = radians(2.0)
"""Below, there is no further pole that a circuit would show."""
_LEAST_MARGIN = 20.0
"""Phase margin [degree] below which a closed loop rings for long."""
_MOST_CURRENT = 1.0
"""Supply current that no amplifier of one channel draws [A]."""
_LIKE_NOISE = 0.01
_LOWEST_BAND = 10.0
_ROUNDING = 1e-3
"""Part of a density below which a difference of two fits is not noise."""
_SERIES_VOLTAGE = 10e-3
_SERIES_RESISTANCE = 1e6


@dataclass(frozen=True, slots=True)
class UserModel:
    """Values of `circuits.Amplifier` by name, and sentences on what is peculiar about them."""

    values: dict[str, Any]
    noise_band: float | None = None
    """Up to which its input noise is the macro-model's within `_LIKE_NOISE` [Hz]; None: up to where its gain is one."""
    notices: tuple[str, ...] = ()


def measure_user_amplifier(
    amplifier: UserAmplifier, load: Load, temperature: float = TEMPERATURE, ngspice: Ngspice | None = None
) -> UserModel:
    """The macro-model's values at a load and a temperature [K].

    Raises:
        SimulatorMissing: there is no ngspice.
        SimulationFailed: a run failed; reversed inputs; a closed loop that oscillates; no gain; an impossible supply
            current.
    """
    simulator = ngspice or proven_ngspice()
    bench = Bench(amplifier, load, temperature, simulator)
    try:
        found = characterise(amplifier, load, temperature=temperature, ngspice=simulator)
    except SimulationFailed as failure:
        raise _explained(bench, failure) from None
    notices = tuple(_checked(amplifier, found))
    bias = bench.input_current()
    f = found.gain_bandwidth
    capacitance = max(bench.input_admittance(f).imag, 0.0) / (2 * pi * f)
    values = _poles(found, load) | {
        "bias_current": bias,
        "noise_current": _noise_current(bench, bias, capacitance),
        "input_capacitance": capacitance,
        "noise_voltage": found.noise_white,
        "noise_corner": found.noise_corner,
        "offset": found.offset,
        "rail_low": found.output_low,
        "rail_high": found.output_high,
        "slew": found.slew,
        "load_capacitance": load.capacitance,
        "supply_current": abs(found.supply_current),
    }
    return UserModel(values, _noise_band(bench, found), notices)


_PLUS, _MINUS, _OUT, _VDD, _VSS = range(2, 7)
_REVERSED = {"plus and minus": (_PLUS, _MINUS), "vdd and vss": (_VDD, _VSS)}
"""Places of pins in a subcircuit's first line that are easily mistaken for each other."""


def _noise_band(bench: Bench, found: Characterisation) -> float | None:
    """Where the input noise leaves white and 1/f noise: above, the noise of an output stage shows."""
    if found.noise_white == 0:
        return None
    start, density = 1.0, 20
    f, S = bench.noise(Grid(start, density, int(log10(max(found.unity_frequency, 100.0)) * density) + 1))
    known = found.noise_white**2 * (1 + found.noise_corner / f)
    beyond = np.flatnonzero(np.abs(S / known - 1) > _LIKE_NOISE)
    # Below ten hertz a fit of few points may be off, and nothing compares there.
    beyond = beyond[f[beyond] > _LOWEST_BAND]
    return float(f[beyond[0]]) if len(beyond) else None


def _explained(bench: Bench, failure: SimulationFailed) -> SimulationFailed:
    """Why an amplifier does not amplify: two pins reversed, where it does with them exchanged."""
    amplifier = bench.amplifier
    assert isinstance(amplifier, UserAmplifier)
    head = f"{amplifier.file}: subcircuit {amplifier.subcircuit}"
    if not _amplifies(bench):
        for names, places in _REVERSED.items():
            if _amplifies(replace(bench, amplifier=_exchanged(amplifier, *places))):
                return SimulationFailed(
                    f"{head}: {names} are reversed, so that its output swings to a rail: exchange them in pins, and it"
                    " amplifies"
                )
    return SimulationFailed(f"{head}: {failure}; expected an amplifier with the pins {' '.join(PINS)} given right")


def _amplifies(bench: Bench) -> bool:
    try:
        _, gain, _ = bench.response(Grid(1e-2, 1, 3))
    except SimulationFailed:
        return False
    return bool(gain[0].real > _REFERENCE)


def _exchanged(amplifier: UserAmplifier, one: int, other: int) -> UserAmplifier:
    """The same with two of its pins the other way round."""
    head = f".subckt {amplifier.name} "
    line = next(line for line in amplifier.text.splitlines() if line.startswith(head))
    words = line.split()
    words[one], words[other] = words[other], words[one]
    return replace(amplifier, text=amplifier.text.replace(line, " ".join(words)))


def _checked(amplifier: UserAmplifier, found: Characterisation) -> list[str]:
    head = f"{amplifier.file}: subcircuit {amplifier.subcircuit}"
    if found.phase_margin <= 0:
        raise SimulationFailed(
            f"{head}: a closed loop of it oscillates: its phase margin is {found.phase_margin:.3g} degrees at"
            f" {found.unity_frequency:.3g} Hz; expected more than 0"
        )
    if not -1e-12 <= found.supply_current <= _MOST_CURRENT:
        raise SimulationFailed(
            f"{head}: it draws {found.supply_current:.3g} A from vdd = {amplifier.vdd:g} V; expected 0 to"
            f" {_MOST_CURRENT:g} A: are vdd and vss reversed, or is the supply beyond what it takes?"
        )
    if not amplifier.vss <= found.output_low < 0 < found.output_high <= amplifier.vdd:
        raise SimulationFailed(
            f"{head}: its output is linear from {found.output_low:.3g} to {found.output_high:.3g} V between supplies"
            f" of {amplifier.vss:g} and {amplifier.vdd:g} V; expected a range about 0 V within them"
        )
    return list(_peculiar(head, amplifier, found))


def _peculiar(head: str, amplifier: UserAmplifier, found: Characterisation) -> list[str]:
    notices = []
    if found.phase_margin < _LEAST_MARGIN:
        notices.append(f"{head}: its phase margin is {found.phase_margin:.3g} degrees alone; loops with it ring")
    if found.supply_current < 1e-12:
        notices.append(f"{head}: it draws no supply current, so that its power is not known")
    step = 0.01 * (amplifier.vdd - amplifier.vss)
    if found.output_high > amplifier.vdd - step and found.output_low < amplifier.vss + step:
        notices.append(f"{head}: its output reaches its supplies; a model without rails would go beyond them")
    if found.noise_white == 0:
        notices.append(f"{head}: it has no noise of its own")
    return notices


def _poles(found: Characterisation, load: Load) -> dict[str, float]:
    """Gain, gain-bandwidth, output resistance and further pole that give the measured |A| at direct current and where
    it is 10, and the measured phase at the unity frequency, with the load behind the output resistance.
    """
    R = max(found.output_resistance, _LEAST_RESISTANCE)
    divided = 1 + R * load.conductance
    f_load = divided / (2 * pi * R * load.capacitance)
    f_10 = found.gain_bandwidth / _REFERENCE
    f_u = found.unity_frequency

    def first(f_2: float) -> float:
        part = found.gain / _REFERENCE / hypot(1, f_10 / f_load) / hypot(1, f_10 / f_2)
        return f_10 / sqrt(part**2 - 1)

    f_1 = first(np.inf)
    lag = radians(180 - found.phase_margin) - atan(f_u / f_1) - atan(f_u / f_load)
    f_2 = f_u / tan(min(lag, radians(89.0))) if lag > _LEAST_LAG else np.inf
    gain = found.gain * divided
    return {
        "gain": gain,
        "gain_bandwidth": gain * first(f_2),
        "output_resistance": R,
        "second_pole": 0.0 if np.isinf(f_2) else f_2,
    }


def _noise_current(bench: Bench, bias: float, capacitance: float) -> float:
    """White noise current of the minus input [A/sqrt(Hz)], by its voltage across a resistance without noise."""
    # Not so large that the bias current moves the operating point, and far below the pole that it makes at the input.
    R = min(_SERIES_RESISTANCE, _SERIES_VOLTAGE / abs(bias)) if bias else _SERIES_RESISTANCE
    start = 1.0
    density = 10
    stop = min(1e4, 1e-2 / (2 * pi * R * max(capacitance, 1e-15)))
    grid = Grid(start, density, int(log10(max(stop, 10.0) / start) * density) + 1)
    with_R, without = (white_level(*bench.noise(grid, r))[0] for r in (R, None))
    more = with_R**2 - without**2
    return sqrt(more) / R if more > _ROUNDING * without**2 else 0.0


def open_loop_error(amplifier: UserAmplifier, model: Amplifier, load: Load, temperature: float = TEMPERATURE) -> float:
    """Largest difference of the subcircuit's open-loop gain from its macro-model's, up to where it is one [dB].

    Raises:
        SimulatorMissing, SimulationFailed: as `measure_user_amplifier`.
    """
    f, A, _ = Bench(amplifier, load, temperature, proven_ngspice()).response(Grid(1e-2, 40, 481))
    inside = np.abs(A) >= 1
    f = f[inside]
    A = A[inside]
    first = model.gain / (1 + 1j * f * model.gain / model.gain_bandwidth)
    further = 1 + 1j * f / model.second_pole if model.second_pole else 1.0
    admittance = load.conductance + 2j * pi * f * load.capacitance
    expected = first / further / (1 + model.output_resistance * admittance)
    return float(np.abs(20 * np.log10(np.abs(expected / A))).max())
