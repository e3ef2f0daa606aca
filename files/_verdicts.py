"""Verdicts that are worked out anew from what they stand on, wherever a row comes from."""

import math
from collections.abc import Mapping
from typing import Any

_NUMBERS = ("value", "limit")


def judged(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a fidelity table with the verdict that its `value` and `limit` give.

    It passes where its value is at most its limit and it does not itself say that it failed. A value or limit that is
    no finite number is left out: it was not computed.
    """
    found = {name: item for name, item in row.items() if name not in _NUMBERS or _is_number(item)}
    within = all(name in found for name in _NUMBERS) and found["value"] <= found["limit"]
    return {**found, "passed": within and row.get("passed") is True}


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) if isinstance(value, float) else abs(value) < 2**63
