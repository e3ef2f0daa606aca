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
        *_ranking(summary),
        *_designs(summary),
        *_metrics(summary),
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
    if "sensitivity" in summary:
        yield from _ranking_text(summary["sensitivity"])
    if "optimised" in summary:
        yield _SEARCHED
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


_SEARCHED = (
    "The search tries designs on the same chips, and takes the cheapest whose chips keep every limit with a margin for"
    " how few they are. What the verdict counts are other chips, which the search has never drawn; the interval of"
    " their yield is the exact binomial one. Delay and energy of a step are the device's, without the digital part."
)


def _ranking_text(found: Mapping[str, Any]) -> Iterator[str]:
    yield (
        "Alone: the parameter goes through its range while the others stay as the study has them, and the metric moves"
        " by so much. Total index: the share of the variance that would be gone without it, when all vary together;"
        " first order: the share that is its own, without what it does together with others. Intervals are 95 %, by"
        f" the bootstrap over {'chips and ' if found['chips'] > 1 else ''}rows of the design."
    )
    if found.get("reason"):
        yield f"There are no indices: {found['reason']}."
    elif found.get("rows_left_out"):
        yield (
            f"{found['rows_left_out']} of {found['rows']} rows of the design hold a run without a number and are left"
            " out: the indices are of the others."
        )
    for row in found["ranking"]:
        if row.get("reason"):
            yield f"{parameter_words(row['parameter'])}: {row['reason']}."


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


_OWN = {
    "sensitivity": "What moves the metric: each parameter alone, and its share of the variance",
    "designs": "The designs that were tried, and the cheapest on new chips",
}


def _caption(name: str) -> str:
    """By words: `bandwidth-against-design.temperature` is the bandwidth against the temperature."""
    metric, against, parameter = name.partition("-against-")
    if against:
        return f"{metric_words(metric)} against {parameter_words(parameter)}".capitalize()
    if name in _OWN:
        return _OWN[name]
    if name.startswith("histogram-"):
        return f"Histogram of {metric_words(name.removeprefix('histogram-'))}"
    if name.endswith("-map"):
        return f"{metric_words(name.removesuffix('-map'))}, map".capitalize()
    return name.replace("-", " ").replace("_", " ")


def _metrics(summary: Mapping[str, Any]) -> Iterator[Table]:
    if "optimised" in summary:
        return  # of designs that were tried to find something out
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
    yield Table("Over all runs", head, rows)


def _ranking(summary: Mapping[str, Any]) -> Iterator[Table]:
    """What moves the metric, with the range's ends between which it moves."""
    found = summary.get("sensitivity")
    if not found:
        return
    name = found["metric"]
    unit = "" if found["unit"] == "1" else found["unit"]
    units = summary.get("parameter_units") or {}
    head = (f"{metric_words(name)} is moved by", "alone, by", "lowest at", "highest at", "total index", "first order")
    rows = tuple(
        (
            parameter_words(row["parameter"]),
            _with_interval(row, "moves", unit, name),
            *(
                value_words(row["parameter"], row[end], units.get(row["parameter"], "1")) if end in row else "–"
                for end in ("lowest_at", "highest_at")
            ),
            _with_interval(row, "total", "", "yield"),
            _with_interval(row, "first", "", "yield"),
        )
        for row in found["ranking"]
    )
    yield Table("What matters: each parameter alone through its range, and its share of the variance", head, rows)


def _with_interval(row: Mapping[str, Any], key: str, unit: str, name: str) -> str | Cell:
    shown = number(row.get(key), unit, name, 3)
    if isinstance(shown, str) or f"{key}_low" not in row:
        return shown
    ends = row[f"{key}_low"], row[f"{key}_high"]
    text = f"{shown.text} ({amount(ends[0], unit, name, 2)} to {amount(ends[1], unit, name, 2)})"
    return Cell(text, shown.value, shown.unit, *ends)


def _designs(summary: Mapping[str, Any]) -> Iterator[Table]:
    """The cheapest design and its rivals, or the one that came nearest; then what new chips say."""
    found = summary.get("optimised")
    if not found:
        return
    chosen = [found] if "cost" in found else []
    listed = [*chosen, *found.get("rivals", ()), *([found["nearest"]] if "nearest" in found else [])]
    steps = [key for key in _PER_STEP if any(key in row for row in listed)]
    if listed:
        cost = f"cost ({found['unit']})" if found.get("unit") else "cost"
        head = ("design", *map(parameter_words, listed[0]["parameters"]), cost, *(_PER_STEP[key][0] for key in steps))
        rows = tuple(
            (
                str(row["design"]),
                *_values(summary, row),
                number(row["cost"]),
                *(number(row.get(key), _PER_STEP[key][1]) for key in steps),
            )
            for row in listed
        )
        title = "The cheapest designs that keep the limits" if chosen else "The design that comes nearest"
        yield Table(title, head, rows)


_PER_STEP = {"delay_per_step_s": ("delay of a step", "s"), "energy_per_step_J": ("energy of a step", "J")}


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
                    _number(summary, "", r, "loosest"),
                    _number(summary, "", r, "mean"),
                    _interval(summary, "", r),
                    _number(summary, "", r, "next"),
                )
                for r in rows
            ),
        )


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
