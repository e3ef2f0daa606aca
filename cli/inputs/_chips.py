"""From the words of the command line to designs, chips and programs."""

import numpy as np

from ...circuits import Instance
from .._exceptions import InputError

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
