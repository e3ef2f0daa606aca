"""A chip with a program, its state space when asked for."""

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from ..chips import Instance
from ..networks import CurrentSource, Network, VoltageSource
from ..programs import Program, Scaling
from ..state_spaces import StateSpace
from ..topologies import Level
from ._swing import amplifiers_of, inside


@dataclass(frozen=True, eq=False)
class LoadedChip:
    """A chip with a program loaded, its drive `drive` times that of the chip `undriven`."""

    network: Network
    undriven: "LoadedChip | None" = None
    drive: float = 1.0

    @cached_property
    def space(self) -> StateSpace:
        """The circuit's state space, amplifiers linearised.

        Raises:
            ValueError: as `state_space`.
        """
        return self.watched.first(len(self.network.outputs))

    @cached_property
    def watched(self) -> StateSpace:
        """The same with the amplifiers' pole nodes as further readouts."""
        return self.inside.first(len(self.network.outputs) + len(amplifiers_of(self.network)))

    @cached_property
    def inside(self) -> StateSpace:
        """The same with all nodes that tell of the amplifiers' limits; see `amplifier_nodes`."""
        return inside(self.network) if self.undriven is None else self.undriven.inside.driven(self.drive)


def loaded_chip(instance: Instance, program: Program, level: Level, scaling: Scaling) -> LoadedChip:
    """The circuit of `Instance.network`, and its state space when asked for. The last ones are remembered.

    Raises:
        ProgramError, DesignError: as `Instance.network`.
    """
    undriven = _undriven(instance, program, level, scaling.conductance)
    if scaling.drive == 1:
        return undriven
    elements = tuple(
        replace(e, dc=scaling.drive * e.dc) if isinstance(e, VoltageSource | CurrentSource) and e.drive else e
        for e in undriven.network.elements
    )
    return LoadedChip(replace(undriven.network, elements=elements), undriven, scaling.drive)


@lru_cache(maxsize=2)
def _undriven(instance: Instance, program: Program, level: Level, conductance: float) -> LoadedChip:
    # Whoever chose the scaling of a chip simulates that chip next, and asks the same once more.
    return LoadedChip(instance.network(program, level, Scaling(conductance)))
