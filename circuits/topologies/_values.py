"""Nominal values that a network is built from; levels."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args, runtime_checkable

import numpy as np
from jaxtyping import Float, Int, Shaped

from ..networks import Network, OpAmpModel, Value

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


@dataclass(frozen=True, eq=False)
class ResistorArray:
    """The programmed resistors `R0/(w (1 + error))` of an array, each with its switch, from nodes a to nodes b.

    Numbers for the n^2 components of a large array, where one element each would cost more than all that is
    calculated with them.
    """

    error: str
    """Name of the deviations."""
    entry: Int[np.ndarray, " k"]
    """Place of each resistor's deviation in the raveled array of them."""
    a: tuple[str, ...]
    b: tuple[str, ...]
    weight: Float[np.ndarray, " k"]
    """Magnitude in units of 1/R0."""


@runtime_checkable
class ArrayTopology(Protocol):
    """A topology whose circuit comes in two parts: cells, as elements, and the resistors of an array, as numbers."""

    def cells(self, values: Values, errors: Errors, weights: Weights, b: Any) -> Network:
        """The circuit without the array's resistors, whose nodes it has all."""
        ...

    def array(self, weights: Weights) -> ResistorArray:
        """What `network` has beside `cells`."""
        ...
