"""The report's part on a study: what was varied, the results, and the study's own pictures."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..results import CampaignVerdict, Folder, StudySummary, caution
from ..section_parts import Picture, Section, stored_picture
from ..study_figures import redrawn
from ..wording import metric_words, parameter_words
from ._characteristics import characteristic_table, limit_table, ranges, worst_table
from ._points import difference_table, failure_table, metric_table, point_table, specification_table
from ._search import design_table, ranking_table


def study(folder: Folder) -> Section | None:
    """What the folder says about a study, or None."""
    if "study" not in folder.summary:
        return None
    summary = {**folder.summary_as(StudySummary), **folder.summary_as(CampaignVerdict)}
    tables = [
        *limit_table(summary),
        *characteristic_table(summary),
        *ranking_table(summary),
        *design_table(summary),
        *metric_table(summary),
        *specification_table(summary),
        *point_table(summary),
        *difference_table(summary),
        *ranges(summary),
        *worst_table(summary),
        *failure_table(summary),
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
