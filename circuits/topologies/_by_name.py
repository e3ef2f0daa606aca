"""Topologies by their command-line names."""

from collections.abc import Mapping
from types import MappingProxyType

from .._exceptions import DesignError
from ._cascade import Cascade
from ._crossbar import Crossbar
from ._differential_rc_mesh import DifferentialRCMesh
from ._rc_mesh import RCMesh
from ._rlc_grid import RLCGrid
from ._topology import Topology

_KINDS: tuple[type[Topology], ...] = (RCMesh, DifferentialRCMesh, Crossbar, Cascade, RLCGrid)

TOPOLOGIES: Mapping[str, type[Topology]] = MappingProxyType({kind.name: kind for kind in _KINDS})
"""Topologies by their name on the command line."""


def make_topology(name: str, n: int, **sizes: int) -> Topology:
    """The topology of a command-line name with n cells (and other sizes, such as the rank `r` of a cascade).

    Raises:
        DesignError: unknown name, or a size is not a whole number of at least one.
    """
    if name not in TOPOLOGIES:
        raise DesignError(f"unknown topology {name!r}: expected one of {', '.join(TOPOLOGIES)}")
    return TOPOLOGIES[name](n, **sizes)  # type: ignore[call-arg]  # every topology takes its size first


def get_topology(name: str, size: int, rank: int | None = None) -> Topology:
    """A topology by its command-line name; the rank is that of a cascade.

    Raises:
        DesignError: unknown name, a size or rank below one, or a rank where there is none.
    """
    if name not in TOPOLOGIES:
        raise DesignError(f"topology: expected one of {', '.join(TOPOLOGIES)}, got {name!r}")
    if size < 1:
        raise DesignError(f"size: expected at least 1 cell, got {size}")
    if rank is None:
        return make_topology(name, size)
    if name != Cascade.name:
        raise DesignError(f"rank: only a cascade has one, and the topology is {name}; take topology cascade")
    if rank < 1:
        raise DesignError(f"rank: expected at least 1 row of J, got {rank}")
    return make_topology(name, size, r=rank)
