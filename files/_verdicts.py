"""Verdicts that are worked out anew from what they stand on, wherever a row comes from."""

import math
from collections.abc import Mapping
from typing import Any


def judged(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a fidelity table with the verdict that its `value` and `limit` give.

    A row says `passed` where its finite value is at most its limit and it does not itself say that it failed.
    """
    within = _is_number(row.get("value")) and _is_number(row.get("limit")) and row["value"] <= row["limit"]
    return {**row, "passed": bool(within and row.get("passed") is True)}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
