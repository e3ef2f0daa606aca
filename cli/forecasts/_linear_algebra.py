"""What linear algebra on a device will take."""

from dataclasses import replace

import numpy as np

from ...behavioral.linear_algebra import Budget, Given
from ...circuits import Instance, Level, Program, random_program
from ...circuits.loaded_chips import count_of_chips
from ...files.forecasts import Forecast
from ...netlists import SpiceDevice
from ...netlists.runs import forecast
from ..inputs import Kind

_NODES = 12
"""Programs of the rule that a determinant is integrated by."""

_ONE_MATRIX = ("solve", "inverse")
"""Problems whose device holds the given matrix."""

_IDEAL = 5e-8
"""Time for each three cells of an ideal device [s]: its modes, its law, and the answer's."""

_CHIP = 48.0
"""Bytes of each pair of states of a chip that the device may be."""


def linear_algebra_forecast(kind: Kind, given: Given, instance: Instance, level: Level, budget: Budget) -> Forecast:
    """Of a problem on a device; a program of many systems takes longer."""
    loads = budget.programs * (_NODES if given.problem == "determinant" else 1)
    n = instance.topology.n
    if kind == "ideal":
        return Forecast(loads * _IDEAL * n**3, _CHIP * n**2)
    # What the circuit takes depends on its size, and a matrix that does not fit is refused elsewhere.
    program = random_program(instance.topology, np.random.default_rng(0))
    point = forecast(instance.network(program, level), "op")
    chips = count_of_chips(instance)
    own = (2 + loads * chips) * (point.seconds - point.longest)
    if kind == "model":
        return Forecast(own, point.memory)
    if given.problem in _ONE_MATRIX:
        program = Program(given.A, given.b)
    spice = SpiceDevice(instance, level).forecast(program, budget.duration, budget.runs * loads)
    return replace(spice.after(own), memory=max(spice.memory, point.memory))
