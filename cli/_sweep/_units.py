"""Units of the fields that a study can vary, for axes and attributes."""

_UNITS = {
    "R0": "ohm",
    "C": "F",
    "L": "H",
    "temperature": "K",
    "reference": "K",
    "temperature_sigma": "K",
    "injected_noise": "A^2/Hz",
    "gain_bandwidth": "Hz",
    "offset_sigma": "V",
    "bias_current": "A",
    "noise_voltage": "V/sqrt(Hz)",
    "noise_current": "A/sqrt(Hz)",
    "rail_low": "V",
    "rail_high": "V",
    "slew": "V/s",
    "output_resistance": "ohm",
    "load_capacitance": "F",
    "supply_current": "A",
    "switch_resistance": "ohm",
    "duration": "s",
    "temperature_time": "s",
    "ageing_time": "s",
    "offset_tc": "V/K",
    "resistor_tc1": "1/K",
    "resistor_tc2": "1/K^2",
    "capacitor_tc1": "1/K",
    "capacitor_tc2": "1/K^2",
    "size": "cells",
    "bits": "bits",
    "dac_bits": "bits",
    "adc_bits": "bits",
    "t": "time constants",
    "delay": "time constants",
    "kappa0": "V^2",
    "step_time": "s",
    "recalibrate_every": "steps",
}


def unit_of(parameter: str) -> str:
    """Unit of a parameter by the last part of its name; `1` when it has none."""
    name = parameter.rsplit(".", 1)[-1]
    if parameter.endswith("converters.full_scale"):
        return "V"
    return _UNITS.get(name, "1")
