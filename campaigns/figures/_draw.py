"""Pictures of a study: histograms with limits and yield, metrics against parameters, maps over two parameters."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure as Figure

from ...reports import png
from ..planning import Plan
from ..runs import Record
from ..studies import Study
from ._against import draw_against
from ._axes import Row, values_of
from ._histogram import draw_histogram
from ._map import draw_map
from ._specification_map import draw_specification

_MOST_METRICS = 4
_MOST_PARAMETERS = 6
_MOST_LINES = 6
_FEWEST = 10
"""Values that make a histogram."""

_PREFERRED = (
    "train_loss_ratio",
    "relative_error",
    "settle_time",
    "noise_rms",
    "bandwidth",
    "test_loss",
    "test_accuracy",
    "train_loss",
)


def draw(study: Study, plan: Plan, records: Sequence[Record | None]) -> dict[str, bytes]:
    """PNG files by name."""
    if study.sensitivity is not None:
        return {}
    rows = [(run, record) for run, record in zip(plan.runs, records, strict=True) if record is not None]
    found: dict[str, bytes] = {}
    varied = [name for name in study.parameters if len({repr(point[name]) for point in plan.points}) > 1]
    for metric in _chosen(study, rows):
        if (len(varied) == 0 or study.method != "grid") and len(values_of(rows, metric)) >= _FEWEST:
            found[f"histogram-{_file(metric)}.png"] = png(_bound(draw_histogram, study, rows, metric))
        for name in varied[:_MOST_PARAMETERS]:
            other = _other(study, plan, varied, name)
            found[f"{_file(metric)}-against-{name}.png"] = png(_bound(draw_against, study, rows, metric, name, other))
        if study.method == "grid" and len(varied) == 2:
            found[f"{_file(metric)}-map.png"] = png(_bound(draw_map, study, rows, metric, *varied))
    if study.specification is not None:
        found["specification.png"] = png(_bound(draw_specification, study, study.specification, plan, records))
    return found


def sensitivity_picture(study: str, found: Mapping[str, Any]) -> bytes:
    """PNG of a ranking."""
    from ._sensitivity import draw_ranking

    return png(_bound(draw_ranking, study, found))


def designs_picture(study: Study, rows: Sequence[Mapping[str, Any]], found: Mapping[str, Any]) -> bytes:
    """PNG of the designs of a search."""
    from ._designs import draw_designs

    return png(_bound(draw_designs, study, rows, found))


def _file(metric: str) -> str:
    """A metric as a part of a file's name: nodes may be called like a path, or like nothing on another system."""
    return re.sub(r"[^A-Za-z0-9_.(),+-]", "_", metric)


def _other(study: Study, plan: Plan, varied: Sequence[str], name: str) -> str | None:
    """The second parameter of a grid, when it has few enough values for a line each."""
    others = [other for other in varied if other != name]
    if study.method != "grid" or len(others) != 1:
        return None
    return others[0] if len({repr(point[others[0]]) for point in plan.points}) <= _MOST_LINES else None


def _bound(function: Callable[..., Figure], *arguments: Any) -> Callable[[], Figure]:
    return lambda: function(*arguments)


def _chosen(study: Study, rows: Sequence[Row]) -> list[str]:
    limited = [limit.metric for limit in study.limits]
    names = dict.fromkeys([*limited, *(name for name in _PREFERRED if name in study.metrics)])
    return [name for name in names if values_of(rows, name)][:_MOST_METRICS]
