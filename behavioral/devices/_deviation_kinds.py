"""Kinds of deviations by the tolerance that a design states for them."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

RESISTORS = ("conductance", "ground", "drive", "jacobian", "hessian", "transpose", "damping", "feedback", "resistance")
INVERTERS = ("inverter", "stage_inverter")
CAPACITORS = ("capacitance", "coupling")
OFFSETS = ("offset", "inverter_offset", "stage_offset", "stage_inverter_offset")

TOLERANCES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    # The gain of an inverter is a ratio of two resistors.
    {
        "resistors": (*RESISTORS, *INVERTERS),
        "capacitors": CAPACITORS,
        "inductors": ("inductance",),
        "offsets": OFFSETS,
    }
)
"""Components that share one tolerance of the design, with the kinds of deviations that they have."""


def tolerance_groups(kinds: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Of these kinds, those that share a tolerance."""
    known = list(dict.fromkeys(kinds))
    groups = {name: tuple(kind for kind in known if kind in members) for name, members in TOLERANCES.items()}
    return {name: members for name, members in groups.items() if members}
