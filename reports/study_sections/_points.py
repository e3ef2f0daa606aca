"""Tables of a study: its metrics, its points, the loosest values, and differences between settings."""

from collections.abc import Iterator, Mapping
from typing import Any

from ..section_parts import Cell, Table
from ..wording import metric_words, parameter_words, value_words
from ._quantities import interval, parameter_values, quantity

_MOST_POINTS = 60
_LOSSES = ("train_loss_ratio", "train_loss", "test_loss", "test_accuracy", "relative_error", "settle_time", "noise_rms")


def metric_table(summary: Mapping[str, Any]) -> Iterator[Table]:
    """Statistics of each metric over all runs."""
    if "optimised" in summary:
        return  # of designs that were tried to find something out
    head = ("metric", "runs", "mean", "interval", "median", "lowest", "highest")
    rows = tuple(
        (
            metric_words(name),
            str(m.get("count", 0)),
            quantity(summary, name, m, "mean"),
            interval(summary, name, m),
            *(quantity(summary, name, m, k) for k in ("median", "min", "max")),
        )
        for name, m in summary.get("metrics", {}).items()
    )
    yield Table("Over all runs", head, rows)


def specification_table(summary: Mapping[str, Any]) -> Iterator[Table]:
    """The loosest value that keeps the bound, for every combination of the others."""
    rows = summary.get("specification") or ()
    if rows:
        head = (
            *map(parameter_words, rows[0]["parameters"]),
            "loosest that keeps the bound",
            "mean",
            "interval",
            "first that does not",
        )
        yield Table(
            "The loosest value that keeps the bound, for every combination of the others",
            head,
            tuple(
                (
                    *parameter_values(summary, r),
                    quantity(summary, "", r, "loosest"),
                    quantity(summary, "", r, "mean"),
                    interval(summary, "", r),
                    quantity(summary, "", r, "next"),
                )
                for r in rows
            ),
        )


def point_table(summary: Mapping[str, Any]) -> Iterator[Table]:
    """Means at every point; none where there are too many to read."""
    points = summary.get("points") or ()
    if not points or len(points) > _MOST_POINTS:
        return
    preferred = [limit["metric"] for limit in summary.get("limits", ())]
    shown = [n for n in dict.fromkeys([*preferred, *_LOSSES]) if any(n in p["metrics"] for p in points)]
    head = (*map(parameter_words, points[0]["parameters"]), "runs done", *map(metric_words, shown), "")
    rows = tuple(
        (
            *parameter_values(summary, p),
            _count(p),
            *(_estimate(summary, name, p["metrics"].get(name)) for name in shown),
            f"✗ {p['failed']} failed" if p.get("failed") else "",
        )
        for p in points
    )
    marks = tuple(False if p.get("failed") else None for p in points)
    yield Table("At every point: mean, and interval of the mean", head, rows, marks)


def difference_table(summary: Mapping[str, Any]) -> Iterator[Table]:
    """Differences between settings of the same seeds."""
    rows = summary.get("differences") or ()
    if not rows:
        return
    head = ("metric", "setting", "less that of", "elsewhere", "seeds", "mean difference", "interval", "")
    yield Table(
        "Differences between settings, seed by seed; each 95 % interval is for itself, so that of twenty one misses",
        head,
        tuple(
            (
                metric_words(r["metric"]),
                _setting(summary, {r["parameter"]: r["value"]}),
                _setting(summary, {r["parameter"]: r["against"]}),
                _setting(summary, r["others"]) or "–",
                str(r["seeds"]),
                Cell(f"{r['mean']:+.3g}", r["mean"], "", r["mean_low"], r["mean_high"]),
                f"{r['mean_low']:+.3g} to {r['mean_high']:+.3g}",
                "differs" if r.get("differs") else "may be chance",
            )
            for r in rows
        ),
    )


def _setting(summary: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    units = summary.get("parameter_units") or {}
    return ", ".join(
        f"{parameter_words(name)} {value_words(name, value, units.get(name, '1'))}" for name, value in values.items()
    )


def failure_table(summary: Mapping[str, Any]) -> Iterator[Table]:
    """Runs that failed, with their reasons."""
    rows = summary.get("failures") or ()
    if rows:
        yield Table("Runs that failed", ("run", "reason"), tuple((str(r["run"]), str(r["reason"])) for r in rows))


def _count(point: Mapping[str, Any]) -> str:
    done = max((m.get("count", 0) for m in point["metrics"].values()), default=0)
    return f"{done} of {point['runs']}" if "runs" in point else str(done)


def _estimate(summary: Mapping[str, Any], name: str, metric: Mapping[str, Any] | None) -> str | Cell:
    if not metric or not metric.get("count") or "mean" not in metric:
        return "–"
    shown = quantity(summary, name, metric, "mean")
    if "mean_low" not in metric or isinstance(shown, str):
        return shown
    text = f"{shown.text} ({interval(summary, name, metric)})"
    return Cell(text, shown.value, shown.unit, metric["mean_low"], metric["mean_high"])
