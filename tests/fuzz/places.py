"""Plain data with some places replaced, removed or renamed."""

import math
from collections.abc import Callable
from copy import deepcopy
from typing import Any

Choose = Callable[[int], int]
"""A whole number below the given one."""

ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**31, 2**70, 10**400, 0.5, -0.0, 5e-324, 1e308, -1e308, math.nan, math.inf,
    "", "1", "1e999", "nan", "1k", "1e400 %", "-5V", "5 furlongs", "\n.control\nshell true\n.endc", "`true`", "*#true",
    "ideal", "transistor", "cascade", "rlc-grid", "x" * 5000, "1" * 5000, "\x00", "\ud7ff", "é",
    [], [[]], [1, [2]], [[1, 2], [3]], ["a"], [None], [[[[1.0]]]], {}, {"n": 3}, {"a": {"a": {}}}, {"": []},
)  # fmt: skip
"""Values that stand where others were expected."""


def replaced(data: Any, choose: Choose) -> Any:
    """A copy with one to three places replaced, removed or renamed."""
    found = deepcopy(data)
    for _ in range(1 + choose(3)):
        places = list(_places(found))
        if not places:
            return found
        parent, key = places[choose(len(places))]
        match choose(4):
            case 0 if isinstance(parent, dict):
                parent[str(ODD[choose(len(ODD))])[:20]] = parent.pop(key)
            case 1:
                del parent[key]
            case _:
                parent[key] = deepcopy(ODD[choose(len(ODD))])
    return found


def _places(data: Any) -> Any:
    """Every (container, key)."""
    for key in range(len(data)) if isinstance(data, list) else list(data):
        yield data, key
        if isinstance(data[key], dict | list):
            yield from _places(data[key])
