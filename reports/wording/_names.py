"""Metrics and parameters by words."""

from collections.abc import Mapping
from typing import Any

from ._numbers import amount

_METRICS: Mapping[str, str] = {
    "relative_error": "relative error",
    "worst_error": "worst error of a cell",
    "cells_at_rails": "cells at a rail",
    "amplifiers_at_rails": "amplifiers at a rail",
    "settle_time": "settling time",
    "overshoot": "overshoot",
    "noise_rms": "noise, rms",
    "bandwidth": "bandwidth",
    "clipped": "clipped entries",
    "supply_power": "supply power",
    "used_conductance_scale": "scale of the matrix",
    "used_drive_scale": "scale of the drive",
    "train_loss_ratio": "training loss over the reference's",
    "test_loss_ratio": "test loss over the reference's",
    "test_loss": "test loss",
    "train_loss": "training loss",
    "validation_loss": "validation loss",
    "test_accuracy": "test accuracy",
    "train_accuracy": "training accuracy",
    "validation_accuracy": "validation accuracy",
    "steps_done": "steps done",
    "dc": "operating point",
    "gain": "largest response",
    "peak_frequency": "frequency of the largest response",
    "rms": "noise, rms",
    "rho": "correlation",
    "tau": "slowest time constant",
}

_PARAMETERS: Mapping[str, str] = {
    "mismatch.resistor_sigma": "resistor mismatch (standard deviation)",
    "mismatch.capacitor_sigma": "capacitor mismatch (standard deviation)",
    "mismatch.inductor_sigma": "inductor mismatch (standard deviation)",
    "mismatch.gain_bandwidth_sigma": "spread of the gain-bandwidth",
    "amplifier.offset_sigma": "amplifier offset (standard deviation)",
    "amplifier.gain_bandwidth": "gain-bandwidth",
    "amplifier.gain": "amplifier gain",
    "amplifier.slew": "slew rate",
    "amplifier.noise_voltage": "amplifier noise voltage",
    "amplifier.noise_current": "amplifier noise current",
    "amplifier.bias_current": "bias current",
    "amplifier.rail_low": "lower rail",
    "amplifier.rail_high": "upper rail",
    "converters.dac_bits": "bits of the drive",
    "converters.adc_bits": "bits of the readout",
    "converters.full_scale": "full scale of the converters",
    "programming.bits": "bits of a programmed conductance",
    "injected_noise": "injected noise",
    "temperature": "temperature",
    "R0": "unit resistor R0",
    "C": "capacitor C",
    "L": "inductor L",
    "lr": "learning rate",
    "t": "analog time of a step",
    "delay": "delay (analog time on the last program)",
    "damping": "damping",
    "batch_size": "batch size",
    "step_time": "time from step to step",
    "recalibrate_every": "steps between calibrations",
    "device_seed": "seed of the device",
    "kappa0": "noise of the ideal device",
    "program.condition": "condition number of the program",
    "size": "cells",
    "n": "cells",
}


def metric_words(name: str) -> str:
    """A metric: `rms(v1)` is `noise, rms of v1`."""
    kind, bracket, of = name.partition("(")
    words = _METRICS.get(kind, kind.replace("_", " "))
    return f"{words} of {of.removesuffix(')').replace(',', ' and ')}" if bracket else words


def parameter_words(path: str) -> str:
    """A parameter by its dotted field: `training.design.mismatch.resistor_sigma` is a mismatch of resistors."""
    short = path
    for block in ("circuit.", "training.", "netlist.", "solver.", "design."):
        short = short.removeprefix(block)
    return _PARAMETERS.get(short) or short.replace(".", " ").replace("_", " ")


_LEFT_OUT = {"bits": "exact", "dac_bits": "exact", "adc_bits": "exact"}


def value_words(path: str, value: Any, unit: str = "1") -> str:
    """A parameter's value: with its unit, shares of mismatch in percent, nothing as what it stands for."""
    if value is None:
        return _LEFT_OUT.get(path.rpartition(".")[2], "none")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, int | float):
        return str(value)
    relative = unit in ("1", "") and (".mismatch." in f".{path}" or ".corners." in f".{path}")
    return f"{100 * value:.4g} %" if relative else amount(float(value), unit, digits=5)
