"""Capacitors that close a loop of capacitors: their voltages follow from those of the others."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from ..networks import Capacitor, Equations

Height = Mapping[int, int]
"""A voltage as a sum of states, signs by their numbers."""


def link_voltages(eq: Equations) -> Float[np.ndarray, "links m"]:
    """Each link's voltage as a sum of tree capacitor voltages, along its path in the forest."""
    found = np.zeros((len(eq.links), len(eq.states)))
    if eq.links:
        height = _heights(eq)
        for k, link in enumerate(eq.links):
            # What both ends have in common cancels: the entries are whole numbers.
            for node, sign in ((link.a, 1), (link.b, -1)):
                # A capacitor from a node to itself may be the only one there.
                for state, side in height.get(node, {}).items():
                    found[k, state] += sign * side
    return found


def _heights(eq: Equations) -> Mapping[str, Height]:
    """Each node's voltage over one node of its tree."""
    beside: dict[str, list[tuple[str, int, int]]] = {}
    for k, state in enumerate(eq.states):
        if isinstance(state, Capacitor):
            beside.setdefault(state.a, []).append((state.b, k, -1))
            beside.setdefault(state.b, []).append((state.a, k, 1))
    height: dict[str, dict[int, int]] = {}
    for root in beside:
        waiting = [] if root in height else [root]
        height.setdefault(root, {})
        while waiting:
            node = waiting.pop()
            for other, between, sign in beside[node]:
                if other not in height:
                    height[other] = {**height[node], between: sign}
                    waiting.append(other)
    return height
