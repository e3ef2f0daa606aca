"""From a characterised amplifier to the macro-model's values, and the macro-model's response in closed form."""

from math import atan, hypot, pi, radians, sqrt, tan

import numpy as np
from jaxtyping import Complex, Float

from ..circuits import Amplifier
from ._amplifier_bench import Load
from ._amplifier_characterise import Characterisation

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
