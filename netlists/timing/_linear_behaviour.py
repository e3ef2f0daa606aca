"""The linear behaviour of a network, from which steps, grids and tolerances follow; sparse where it can be."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import log

import numpy as np
from jaxtyping import Float

from ...circuits import Network
from ...circuits.loaded_chips import SETTLED
from ...circuits.networks import Capacitor, Inductor, NodalEquations, OpAmp, nodal_equations
from ...circuits.state_spaces import StateSpace, settle_time
from .._exceptions import NetlistError
from ._rates import Rates, passive_rates, rates

MOST_STATES = 4000
"""A dense state space of so many capacitors, inductors and amplifier poles takes 2 GB, and its eigenvalues minutes."""

_SPARSE_STATES = 400
"""From here on a passive mesh is analysed sparse; below, dense is as quick."""


@dataclass(frozen=True, eq=False)
class Linear:
    """What the plans ask of a network, worked out when it is asked for.

    Raises:
        NetlistError: a network too large for what is asked.
        SimulationFailed: it is unstable.
    """

    network: Network
    dense: Callable[[], StateSpace]

    @cached_property
    def space(self) -> StateSpace:
        """The dense state space."""
        states = _states(self.network)
        if states > MOST_STATES:
            raise NetlistError(
                f"network {self.network.name}: it has {states} capacitors, inductors and amplifier poles, and this is"
                f" worked out for at most {MOST_STATES}: take fewer cells, or for op, ac and tran without noise a mesh"
                " at level ideal, which has no such limit"
            )
        return self.dense()

    @cached_property
    def nodal(self) -> NodalEquations | None:
        """Sparse equations of a large passive mesh; None for another network."""
        return nodal_equations(self.network) if _states(self.network) > _SPARSE_STATES else None

    @cached_property
    def rates(self) -> Rates:
        """Decay rates."""
        if self.nodal is not None:
            return passive_rates(*self.nodal.slowest_and_fastest)
        return rates(self.network, self.space)

    @cached_property
    def settle_time(self) -> float:
        """After which no cell voltage has more than `SETTLED` left of any start [s]."""
        if self.nodal is not None:
            return -log(SETTLED) / self.rates.slowest
        space = self.space
        return settle_time(space.F, SETTLED, space.M, space.initial, self.rates.slowest, space.modes)

    @cached_property
    def settled(self) -> Float[np.ndarray, " n"]:
        """Readouts of the settled circuit [V]."""
        return self.space.settled if self.nodal is None else self.nodal.settled


def _states(network: Network) -> int:
    elements = network.elements
    amplifiers = sum(isinstance(element, OpAmp) and element.model is not None for element in elements)
    return sum(isinstance(element, Capacitor | Inductor) for element in elements) + 2 * amplifiers
