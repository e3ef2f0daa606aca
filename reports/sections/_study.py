"""The report's part on a study: what was varied, the results, the loosest values, and the study's own pictures."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..results import CampaignVerdict, Folder, StudySummary, caution
from ..study_figures import redrawn
from ..wording import amount, metric_words, parameter_words, value_words
from ._characteristics import characteristic_table, limit_table, ranges, worst_table
from ._section import Cell, Picture, Section, Table, number, stored_picture

_MOST_POINTS = 60
_LOSSES = ("train_loss_ratio", "train_loss", "test_loss", "test_accuracy", "relative_error", "settle_time", "noise_rms")


def study(folder: Folder) -> Section | None:
    """What the folder says about a study, or None."""
    if "study" not in folder.summary:
        return None
    summary = {**folder.summary_as(StudySummary), **folder.summary_as(CampaignVerdict)}
    tables = [
        *limit_table(summary),
        *characteristic_table(summary),
        _metrics(summary),
        *_specification(summary),
        *_points(summary),
        *_differences(summary),
        *ranges(summary),
        *worst_table(summary),
        *_failures(summary),
    ]
    return Section(
        f"Study: {summary['study']}", tuple(_text(summary)), tuple(_pictures(folder, summary)), tuple(tables)
    )


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
    yield from _shared(summary)
    if summary.get("failed"):
        yield (
            "A run that failed has no number: means, medians and extremes are of those that were done, and yields count"
            " it as one that keeps no limit. Points with failed runs are marked."
        )


def _shared(summary: Mapping[str, Any]) -> Iterator[str]:
    """What an interval of a yield counts."""
    count = summary.get("independent")
    if count is None or count >= summary.get("runs", 0) or "yield" not in summary:
        return
    one = "seed" if summary.get("kind") == "training" else "chip"
    chips = summary.get("instances", 1)
    settings = summary.get("settings", 1)
    who = f"The same {chips} {one}s stand" if chips > 1 else f"One {one} stands"
    yield (
        f"{who} at each of {settings} settings, so that runs are no independent trials: the interval of the yield over"
        f" all of them counts {count}."
    )


def _fewest(summary: Mapping[str, Any]) -> int:
    """Runs behind the mean that has the fewest."""
    groups = (summary, *(summary.get("points") or ()))
    return min((m["count"] for g in groups for m in g.get("metrics", {}).values() if m.get("count")), default=0)


def _pictures(folder: Folder, summary: Mapping[str, Any]) -> Iterator[Picture]:
    names = summary.get("pictures", ())
    for name in sorted(names, key=lambda name: (name != "specification.png", not name.endswith("-map.png"))):
        if Path(name).name != name or not name.endswith(".png"):
            continue
        if (content := folder.picture(name)) is not None:
            stem = name.removesuffix(".png")
            yield stored_picture(content, _caption(stem), redrawn(folder, stem, summary))


def _caption(name: str) -> str:
    """By words: `bandwidth-against-design.temperature` is the bandwidth against the temperature."""
    metric, against, parameter = name.partition("-against-")
    if against:
        return f"{metric_words(metric)} against {parameter_words(parameter)}".capitalize()
    if name.startswith("histogram-"):
        return f"Histogram of {metric_words(name.removeprefix('histogram-'))}"
    if name.endswith("-map"):
        return f"{metric_words(name.removesuffix('-map'))}, map".capitalize()
    return name.replace("-", " ").replace("_", " ")


def _metrics(summary: Mapping[str, Any]) -> Table:
    head = ("metric", "runs", "mean", "interval", "median", "lowest", "highest")
    rows = tuple(
        (
            metric_words(name),
            str(m.get("count", 0)),
            _number(summary, name, m, "mean"),
            _interval(summary, name, m),
            *(_number(summary, name, m, k) for k in ("median", "min", "max")),
        )
        for name, m in summary.get("metrics", {}).items()
    )
    return Table("Over all runs", head, rows)


def _specification(summary: Mapping[str, Any]) -> Iterator[Table]:
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
                    *_values(summary, r),
                    _plain(r, "loosest"),
                    _plain(r, "mean"),
                    _interval(summary, "", r),
                    _plain(r, "next"),
                )
                for r in rows
            ),
        )


def _plain(found: Mapping[str, Any], key: str) -> str | Cell:
    return number(found[key]) if isinstance(found.get(key), int | float) else "none"


def _points(summary: Mapping[str, Any]) -> Iterator[Table]:
    points = summary.get("points") or ()
    if not points or len(points) > _MOST_POINTS:
        return
    preferred = [limit["metric"] for limit in summary.get("limits", ())]
    shown = [n for n in dict.fromkeys([*preferred, *_LOSSES]) if any(n in p["metrics"] for p in points)]
    head = (*map(parameter_words, points[0]["parameters"]), "runs done", *map(metric_words, shown), "")
    rows = tuple(
        (
            *_values(summary, p),
            _count(p),
            *(_estimate(summary, name, p["metrics"].get(name)) for name in shown),
            f"✗ {p['failed']} failed" if p.get("failed") else "",
        )
        for p in points
    )
    marks = tuple(False if p.get("failed") else None for p in points)
    yield Table("At every point: mean, and interval of the mean", head, rows, marks)


def _differences(summary: Mapping[str, Any]) -> Iterator[Table]:
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


def _failures(summary: Mapping[str, Any]) -> Iterator[Table]:
    rows = summary.get("failures") or ()
    if rows:
        yield Table("Runs that failed", ("run", "reason"), tuple((str(r["run"]), str(r["reason"])) for r in rows))


def _count(point: Mapping[str, Any]) -> str:
    done = max((m.get("count", 0) for m in point["metrics"].values()), default=0)
    return f"{done} of {point['runs']}" if "runs" in point else str(done)


def _estimate(summary: Mapping[str, Any], name: str, metric: Mapping[str, Any] | None) -> str | Cell:
    if not metric or not metric.get("count") or "mean" not in metric:
        return "–"
    shown = _number(summary, name, metric, "mean")
    if "mean_low" not in metric or isinstance(shown, str):
        return shown
    text = f"{shown.text} ({_interval(summary, name, metric)})"
    return Cell(text, shown.value, shown.unit, metric["mean_low"], metric["mean_high"])


def _interval(summary: Mapping[str, Any], name: str, found: Mapping[str, Any]) -> str:
    if not {"mean_low", "mean_high"} <= found.keys():
        return "–"
    unit = _unit(summary, name)
    return f"{amount(found['mean_low'], unit, name)} to {amount(found['mean_high'], unit, name)}"


def _unit(summary: Mapping[str, Any], name: str) -> str:
    found = (summary.get("units") or {}).get(name, "1")
    return "" if found == "1" else str(found)


def _number(summary: Mapping[str, Any], name: str, found: Mapping[str, Any], key: str) -> str | Cell:
    return number(found[key], _unit(summary, name), name) if isinstance(found.get(key), int | float) else "none"


def _values(summary: Mapping[str, Any], row: Mapping[str, Any]) -> Sequence[str]:
    units = summary.get("parameter_units") or {}
    return [value_words(name, value, units.get(name, "1")) for name, value in row["parameters"].items()]
