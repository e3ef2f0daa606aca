"""Pictures of a study drawn again from its table, for a page whose figures move."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ..results import Folder
from ..wording import amount, in_percent, metric_words, parameter_words
from ._runs import runs_against, runs_histogram


def redrawn(folder: Folder, name: str, summary: Mapping[str, Any]) -> Callable[[], Figure] | None:
    """What draws a picture again, by its name, `METRIC-against-PARAMETER` or `histogram-METRIC`.

    None of another one, and where the table has no such columns.
    """
    metric, against, parameter = name.removeprefix("histogram-").partition("-against-")
    wanted = {metric, "status", *((parameter,) if against else ())}
    if not against and not name.startswith("histogram-"):
        return None
    table = folder.columns("table.csv")
    if not wanted <= table.keys():
        return None
    done = [k for k, status in enumerate(table["status"]) if status == "done"]
    there = [k for k in done if _number(table[metric][k]) is not None]
    if not there:
        return None
    unit = str((summary.get("units") or {}).get(metric, "1"))
    factor, shown = (1e-2, "%") if in_percent(metric, unit) else (1.0, "" if unit == "1" else unit)
    y = np.array([float(table[metric][k]) for k in there])
    limits = [limit for limit in summary.get("limits") or () if limit["metric"] == metric]
    kept = np.array([all(_keeps(limit, value) for limit in limits) for value in y.tolist()], dtype=bool)
    bounds = [
        (f"{word} {amount(limit[key], unit, metric)}", limit[key] / factor)
        for limit in limits
        for key, word in (("at_least", "at least"), ("at_most", "at most"))
        if limit.get(key) is not None
    ]
    label = _labelled(metric_words(metric), shown)
    lost = len(table["status"]) - len(there)
    if not against:
        return lambda: runs_histogram(y / factor, label, bounds, lost)
    own = str((summary.get("parameter_units") or {}).get(parameter, "1"))
    labels = (_labelled(parameter_words(parameter), "" if own == "1" else own), label)
    x = [table[parameter][k] for k in there]
    return lambda: runs_against(x, y / factor, kept, labels, bounds, lost)


def _labelled(words: str, unit: str) -> str:
    return f"{words} ({unit})" if unit else words


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < np.inf else None


def _keeps(limit: Mapping[str, Any], value: float) -> bool:
    low = limit.get("at_least")
    high = limit.get("at_most")
    return (low is None or value >= low) and (high is None or value <= high)
