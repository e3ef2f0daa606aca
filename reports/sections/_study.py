"""The report's part on a study: what was varied, the results, the loosest values, and the study's own pictures."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..results import Folder, StudySummary, caution
from ._section import Picture, Section, Table, stored_picture

_MOST_POINTS = 60
_LOSSES = ("train_loss_ratio", "train_loss", "test_loss", "test_accuracy", "relative_error", "settle_time", "noise_rms")


def study(folder: Folder) -> Section | None:
    """What the folder says about a study, or None."""
    if "study" not in folder.summary:
        return None
    summary = folder.summary_as(StudySummary)
    tables = [_metrics(summary), *_specification(summary), *_points(summary), *_failures(summary)]
    return Section(f"Study: {summary['study']}", tuple(_text(summary)), tuple(_pictures(folder)), tuple(tables))


def _text(summary: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"{summary.get('done', 0)} of {summary.get('runs', 0)} runs done, {summary.get('failed', 0)} failed,"
        f" {summary.get('missing', 0)} missing; seed {summary.get('seed', 0)}, {summary.get('method', 'grid')}."
        f" Intervals are 95 %, of means by Student's t.{caution(_fewest(summary))}"
    )
    if {"yield", "yield_low", "yield_high"} <= summary.keys():
        low = summary["yield_low"]
        high = summary["yield_high"]
        yield f"All limits are kept by {summary['yield']:.1%} of the runs ({low:.1%} to {high:.1%})."


def _fewest(summary: Mapping[str, Any]) -> int:
    """Runs behind the mean that has the fewest."""
    groups = (summary, *(summary.get("points") or ()))
    return min((m["count"] for g in groups for m in g.get("metrics", {}).values() if m.get("count")), default=0)


def _pictures(folder: Folder) -> Iterator[Picture]:
    names = folder.summary_as(StudySummary).get("pictures", ())
    for name in sorted(names, key=lambda name: (name != "specification.png", not name.endswith("-map.png"))):
        if Path(name).name != name or not name.endswith(".png"):
            continue
        if (content := folder.picture(name)) is not None:
            yield stored_picture(content, name.removesuffix(".png").replace("-", " ").replace("_", " "))


def _metrics(summary: Mapping[str, Any]) -> Table:
    head = ("metric", "runs", "mean", "interval", "median", "lowest", "highest")
    rows = tuple(
        (
            _with_unit(summary, name),
            str(m.get("count", 0)),
            _number(m, "mean"),
            _interval(m),
            *(_number(m, k) for k in ("median", "min", "max")),
        )
        for name, m in summary.get("metrics", {}).items()
    )
    return Table("Over all runs", head, rows)


def _specification(summary: Mapping[str, Any]) -> Iterator[Table]:
    rows = summary.get("specification") or ()
    if rows:
        head = (
            *map(_short, rows[0]["parameters"]),
            "loosest that keeps the bound",
            "mean",
            "interval",
            "first that does not",
        )
        yield Table(
            "The loosest value that keeps the bound, for every combination of the others",
            head,
            tuple(
                (*_values(r), _number(r, "loosest"), _number(r, "mean"), _interval(r), _number(r, "next")) for r in rows
            ),
        )


def _points(summary: Mapping[str, Any]) -> Iterator[Table]:
    points = summary.get("points") or ()
    if not points or len(points) > _MOST_POINTS:
        return
    shown = [name for name in _LOSSES if any(name in p["metrics"] for p in points)]
    head = (*map(_short, points[0]["parameters"]), "runs done", *(_with_unit(summary, name) for name in shown))
    yield Table(
        "At every point: mean, and interval of the mean",
        head,
        tuple((*_values(p), _count(p), *(_estimate(p["metrics"].get(name)) for name in shown)) for p in points),
    )


def _failures(summary: Mapping[str, Any]) -> Iterator[Table]:
    rows = summary.get("failures") or ()
    if rows:
        yield Table("Runs that failed", ("run", "reason"), tuple((str(r["run"]), str(r["reason"])) for r in rows))


def _count(point: Mapping[str, Any]) -> str:
    return str(max((m.get("count", 0) for m in point["metrics"].values()), default=0))


def _estimate(metric: Mapping[str, Any] | None) -> str:
    if not metric or not metric.get("count"):
        return "–"
    return f"{_number(metric, 'mean')} ({_interval(metric)})" if "mean_low" in metric else _number(metric, "mean")


def _interval(found: Mapping[str, Any]) -> str:
    if not {"mean_low", "mean_high"} <= found.keys():
        return "–"
    return f"{found['mean_low']:.4g} to {found['mean_high']:.4g}"


def _with_unit(summary: Mapping[str, Any], name: str) -> str:
    unit = (summary.get("units") or {}).get(name, "1")
    return name if unit == "1" else f"{name} ({unit})"


def _number(found: Mapping[str, Any], key: str) -> str:
    return f"{found[key]:.4g}" if isinstance(found.get(key), int | float) else "none"


def _values(row: Mapping[str, Any]) -> Sequence[str]:
    return [
        "exact" if v is None else f"{v:.4g}" if isinstance(v, float) else str(v) for v in row["parameters"].values()
    ]


def _short(name: str) -> str:
    return name.removeprefix("training.").removeprefix("design.").replace(".", " ").replace("_", " ")
