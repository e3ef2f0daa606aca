"""Nominal values that a network is built from; levels."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Shaped

from ..networks import OpAmpModel, Value

Level = Literal["ideal", "macro", "transistor"]
LEVELS: tuple[Level, ...] = get_args(Level)

Answer = Literal["mean", "covariance"]

Errors = Mapping[str, Shaped[np.ndarray, "..."]]
"""Deviations of one chip from its design, by name; relative, offsets in V. The symbolic analysis puts symbols."""

Weights = Mapping[str, Any]
"""What the digital side loads into each array, by name: floats or sympy expressions, in units of 1/R0."""


@dataclass(frozen=True, slots=True)
class Values:
    """Nominal values that a network is built from: floats, or sympy symbols. Units as in `Design`."""

    R0: Value
    C: Value
    temperature: Value
    injected_noise: Value
    amplifier: OpAmpModel | None
    L: Value = None
    switch_resistance: Value = 0

    def resistance(self, weight: Value, error: Value) -> Value:
        """A programmed resistor `R0/(weight (1 + error))` in series with its switch [ohm]."""
        return self.R0 / (weight * (1 + error)) + self.switch_resistance
