"""From a characterised amplifier to the macro-model's values, and the macro-model's response in closed form."""

from collections.abc import Sequence
from math import atan, hypot, pi, radians, sqrt, tan

import numpy as np
from jaxtyping import Complex, Float

from ...circuits import Amplifier, TemperatureCoefficients
from ...circuits.components import AMPLIFIER_TEMPCOS
from .._exceptions import NetlistError
from ._bench import Load
from ._characterise import TEMPERATURE, Characterisation

_LEAST_RESISTANCE = 1.0
_REFERENCE = 10.0


def extract_macro_model(found: Characterisation, offset_sigma: float | None = None) -> Amplifier:
    """Values with which the macro-model responds as the circuit did, at the load of the characterisation.

    The model's first pole gives the measured |A| at direct current and where |A| = 10. Its second one, made of the
    output resistance and the load capacitance, gives the measured phase at the unity frequency; it stands for all
    the circuit's higher poles. The rails are those of the output.

    Args:
        found: what was measured.
        offset_sigma: standard deviation of the input offset [V] where none was measured; zero unless given.
    """
    gain = found.gain
    f_10 = found.gain_bandwidth / _REFERENCE
    f_1 = f_10 / sqrt((gain / _REFERENCE) ** 2 - 1)
    f_2 = _second_pole(found, f_1)
    # The second pole takes a little of |A| at the reference; the first one gives it back.
    f_1 = f_10 / sqrt((gain / _REFERENCE / hypot(1, f_10 / f_2)) ** 2 - 1)
    # The load's resistor is parallel to the output resistance.
    conductance = 2 * pi * f_2 * found.load_capacitance - _load(found).conductance
    resistance = max(1 / conductance, _LEAST_RESISTANCE) if conductance > 0 else found.output_resistance
    unloaded = gain * (1 + resistance * _load(found).conductance)
    sigma = found.offset_sigma if found.offset_sigma is not None else offset_sigma
    return Amplifier(
        gain=unloaded,
        gain_bandwidth=unloaded * f_1,
        offset_sigma=sigma or 0.0,
        # A MOS gate takes no current that matters.
        bias_current=0.0,
        noise_voltage=found.noise_white,
        noise_corner=found.noise_corner,
        noise_current=0.0,
        rail_low=found.output_low,
        rail_high=found.output_high,
        slew=found.slew,
        output_resistance=resistance,
        load_capacitance=found.load_capacitance,
        supply_current=found.supply_current,
    )


def extract_temperature_coefficients(
    found: Sequence[Characterisation], reference: float = TEMPERATURE
) -> TemperatureCoefficients:
    """First- and second-order coefficients of the macro-model's gain, gain-bandwidth, output resistance, white noise
    voltage and noise corner; those of resistors, capacitors and the offset stay zero.

    The values at the reference, and exactly so; from one other temperature the first order alone, from two both
    orders, from more both by least squares. A design takes them with `tempco.model_copy(update=...)`.

    The load should be the capacitance that the amplifiers drive, without a resistor: the output resistance stands for
    all higher poles, and its share in a resistor's voltage would count as gain-bandwidth, which falls less with
    temperature then than in a circuit (8 % instead of 8.5 % over 30 K of the two-stage amplifier).

    Args:
        found: an amplifier with one load, measured at two temperatures or more.
        reference: the one among them at which the design's values hold [K].

    Raises:
        NetlistError: measurements of different amplifiers or loads, a temperature twice, fewer than two, or none at
            the reference.
    """
    _check_temperatures(found, reference)
    at = {one.temperature: extract_macro_model(one) for one in found}
    base = at.pop(reference)
    dT = np.array(list(at)) - reference
    powers = np.column_stack([dT, dT**2])[:, : len(at)]
    values = {"reference": reference}
    for name in AMPLIFIER_TEMPCOS:
        nominal = getattr(base, name)
        # A value of zero, such as the corner of an amplifier without 1/f noise, has no relative change.
        change = np.array([getattr(warm, name) / nominal - 1 if nominal > 0 else 0.0 for warm in at.values()])
        for order, tc in enumerate(np.linalg.lstsq(powers, change, rcond=None)[0].tolist(), 1):
            values[f"{name}_tc{order}"] = tc
    return TemperatureCoefficients(**values)


def _check_temperatures(found: Sequence[Characterisation], reference: float) -> None:
    temperatures = [one.temperature for one in found]
    if len({(one.amplifier, one.load_resistance, one.load_capacitance) for one in found}) > 1:
        raise NetlistError("extract_temperature_coefficients: expected one amplifier with one load, got several")
    if len(set(temperatures)) != len(temperatures) or len(temperatures) < 2 or reference not in temperatures:
        got = ", ".join(f"{T:g} K" for T in temperatures) or "none"
        raise NetlistError(
            f"extract_temperature_coefficients: expected {reference:g} K and one or more other temperatures, got {got}"
        )


def macro_response(amplifier: Amplifier, load: Load, frequency: Float[np.ndarray, " k"]) -> Complex[np.ndarray, " k"]:
    """Open-loop gain of the macro-model; `load.capacitance` takes the place of the amplifier's own.

    `A_0/(1 + jf A_0/GBW) / (1 + R_o (G_l + j 2 pi f C_l))`.
    """
    first = amplifier.gain / (1 + 1j * frequency * amplifier.gain / amplifier.gain_bandwidth)
    admittance = load.conductance + 2j * pi * frequency * load.capacitance
    return np.asarray(first / (1 + amplifier.output_resistance * admittance))


def _load(found: Characterisation) -> Load:
    return Load(found.load_resistance, found.load_capacitance)


def _second_pole(found: Characterisation, f_1: float) -> float:
    """The pole that has, at the unity frequency, the phase lag that the first one does not explain [Hz]."""
    lag = radians(180 - found.phase_margin) - atan(found.unity_frequency / f_1)
    # A margin of 90 degrees and more leaves no second pole.
    return found.unity_frequency / tan(min(max(lag, 1e-3), pi / 2 - 1e-3))
