"""Voltages between nodes of a forest as sums of its branches' voltages."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from jaxtyping import Float

Branch = tuple[str, str, int]
"""Two nodes and the number of the voltage from the first to the second one."""


def path_sums(tree: Iterable[Branch], links: Sequence[tuple[str, str]], count: int) -> Float[np.ndarray, "links count"]:
    """Each link's voltage as a sum of `count` voltages, along its path in the forest."""
    found = np.zeros((len(links), count))
    if links:
        height = _heights(tree)
        for k, (a, b) in enumerate(links):
            # What both ends have in common cancels: the entries are whole numbers.
            for node, sign in ((a, 1), (b, -1)):
                for voltage, side in height[node].items():
                    found[k, voltage] += sign * side
    return found


def _heights(tree: Iterable[Branch]) -> Mapping[str, Mapping[int, int]]:
    """Each node's voltage over one node of its tree: signs by the numbers of voltages."""
    beside: dict[str, list[tuple[str, int, int]]] = {}
    for a, b, k in tree:
        beside.setdefault(a, []).append((b, k, -1))
        beside.setdefault(b, []).append((a, k, 1))
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
