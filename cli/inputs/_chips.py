"""From the words of the command line to designs, chips and programs."""

from pathlib import Path

import numpy as np

from ...circuits import Instance, Level
from ...netlists.amplifiers import UserAmplifier, user_amplifier
from .._exceptions import InputError
from ..frame import Pair

DEFAULT_SIZE = 8
LONGEST_PATH = 100_000
"""Correlation times of a temperature path: some seconds and a few hundred megabytes."""


def get_aged(instance: Instance, age: float | None) -> Instance:
    """The chip at an age [s]; as it is for None.

    Raises:
        InputError: not a number of seconds of at least zero, or too far for the temperature path, which is followed
            step by step.
    """
    if age is None:
        return instance
    if not 0 <= age < np.inf:
        raise InputError(f"--at: expected a number of seconds of at least 0, got {age:g}")
    drift = instance.design.drift
    longest = LONGEST_PATH * drift.temperature_time
    if drift.temperature_sigma > 0 and age > longest:
        raise InputError(
            f"--at: expected at most {longest:g} s, {LONGEST_PATH:,} times drift.temperature_time of design"
            f" {instance.design.name}, got {age:g}; set drift.temperature_sigma to 0 for ageing alone"
        )
    return instance.at(age)


def get_amplifier(path: Path | None, trust: bool, supply: Pair | None, level: Level) -> UserAmplifier | None:
    """The user's amplifier; none without a file.

    Raises:
        InputError: not trusted, or options that belong to it without it.
        NetlistError: unreadable, not a subcircuit with the pins of an amplifier, or impossible supplies.
    """
    if path is None:
        if trust or supply is not None:
            raise InputError(f"{'--trust' if trust else '--supply'}: belongs to --amplifier FILE, which is not there")
        return None
    if not trust:
        raise InputError(
            f"--amplifier {path}: ngspice runs commands that a netlist holds; read the file, and add --trust if you"
            " trust who wrote it"
        )
    if level != "transistor":
        raise InputError(f"--amplifier: expected --level transistor, got {level}")
    return user_amplifier(path, trust=True) if supply is None else user_amplifier(path, True, supply.high, supply.low)
