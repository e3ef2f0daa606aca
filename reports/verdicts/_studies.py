"""The verdict on a study: yields against what was required, runs that failed, and who is worst."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..results import CampaignVerdict, Folder
from ..wording import amount, between, listed, metric_words, parameter_words, percent, value_words
from ._verdict import Verdict

_MOST_TOLD = 6
_SHOWN_WORST = 3


def studied(folder: Folder) -> Verdict:
    """Verdict of `sweep`."""
    summary = folder.summary_as(CampaignVerdict)
    judged = [*(summary.get("characteristics") or ())]
    by_condition = [row for row in judged if row.get("limit_min") is not None or row.get("limit_max") is not None]
    found = Verdict(_asked(summary))
    found += _conditions(summary, by_condition) if judged else _limits(summary)
    found += _optimised(summary) + _ranked(summary)
    if "optimised" in summary:
        return found + _of_a_search(summary, folder)
    return found + _runs(summary, folder)


def _asked(summary: Mapping[str, Any]) -> str:
    count = summary.get("instances", 1)
    settings = summary.get("settings", 1)
    one = {"training": "seed"}.get(str(summary.get("kind")), "chip")
    each = f"{count} {one}s" if count != 1 else f"1 {one}"
    many = f"{settings} settings with the same {each}" if settings > 1 else each
    described = summary.get("description")
    what = f"{described.rstrip('.:')}{' ' if described.endswith('?') else ': '}" if described else ""
    name = f"{'study' if what.endswith(': ') else 'Study'} {summary['study']}"
    runs = f"{summary.get('runs', 0)} runs ({summary.get('method', 'grid')})"
    return f"{what}{name}, {many}, {runs}."


def bound_words(row: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
    """`relative error at most 3 %`."""
    name = row["metric"]
    unit = str(row.get("unit") or (summary.get("units") or {}).get(name, "1"))
    low = row.get("at_least", row.get("limit_min"))
    high = row.get("at_most", row.get("limit_max"))
    ends = [f"at least {amount(low, unit, name)}"] if low is not None else []
    ends += [f"at most {amount(high, unit, name)}"] if high is not None else []
    return f"{metric_words(name)} {listed(ends)}"


def _limits(summary: Mapping[str, Any]) -> Verdict:
    passed: list[str] = []
    failed: list[str] = []
    notes: list[str] = []
    advice: list[str] = []
    for row in summary.get("limits") or ():
        share = row["passed"] / row["of"] if row["of"] else 0.0
        bound = bound_words(row, summary)
        kept = f"{bound}: kept by {row['passed']} of {row['of']} runs, {percent(share)}"
        told = f"{kept[:1].upper()}{kept[1:]} ({between(row.get('yield_low'), row.get('yield_high'))})"
        required = row.get("required_yield")
        if required is None:
            notes.append(f"{told}; no yield was required.")
        elif row["of"] and share >= required:
            passed.append(f"{told}; {percent(required)} was required.")
            advice += _narrow(row, required, above=True)
        else:
            failed.append(f"{told}, and {percent(required)} is required.")
            advice += _narrow(row, required, above=False)
            advice += _worst(summary, row["metric"])
    if notes and not (passed or failed):
        advice.append("Set `required_yield` on a limit: the exit code then says whether it is reached.")
    return Verdict("", tuple(passed), tuple(failed), tuple(notes), tuple(dict.fromkeys(advice)))


def _optimised(summary: Mapping[str, Any]) -> Verdict:
    """What new chips say of the cheapest design."""
    found = summary.get("optimised") or {}
    if "reason" in found:
        widen = "Widen the ranges, loosen the limit, or give the search more runs (`optimise.runs`)."
        return Verdict("", failed=(f"{found['reason'][:1].upper()}{found['reason'][1:]}.",), next=(widen,))
    new = found.get("verification")
    if new is None:
        return Verdict("")
    cost = f"{amount(found.get('cost'))} {found.get('unit') or ''}".rstrip()
    told = []
    for row in new["limits"]:
        share = row["passed"] / row["of"] if row["of"] else 0.0
        words = f"The cheapest design, {cost}, on chips that the search has never drawn: {bound_words(row, summary)}"
        words += f" kept by {row['passed']} of {row['of']} ({between(row.get('yield_low'), row.get('yield_high'))})"
        told.append((share >= row["required_yield"], f"{words}; {percent(row['required_yield'])} is required."))
    sure = all((row.get("yield_low") or 0.0) >= row["required_yield"] for row in new["limits"])
    short = [words for met, words in told if not met]
    advice = []
    if short:
        advice.append("Give the search more chips (`instances`) or more confidence: it took luck for a good design.")
    elif not sure:
        needs = f", {new['chips_to_be_sure']} if none falls short" if "chips_to_be_sure" in new else ""
        advice.append(f"The interval reaches below what is required: `optimise.verify` with more chips{needs}.")
    return Verdict("", tuple(words for met, words in told if met), tuple(short), next=tuple(advice))


def _ranked(summary: Mapping[str, Any]) -> Verdict:
    """What matters most."""
    found = summary.get("sensitivity")
    if not found or not found["ranking"]:
        return Verdict("")
    unit = found["unit"]
    name = found["metric"]
    first = found["ranking"][0]
    parts = [f"alone it moves it by {amount(first['moves'], unit, name, 2)}"] if "moves" in first else []
    parts += [f"total index {percent(first['total'])}"] if "total" in first else []
    if not parts:
        return Verdict("", failed=("No parameter could be ranked: too many runs failed.",))
    note = f"{metric_words(name)} depends most on {parameter_words(first['parameter'])}: {listed(parts)}."
    if rivals := [parameter_words(one["parameter"]) for one in found["ranking"][1:] if _overlap(first, one)]:
        note += f" By their intervals {listed(rivals)} may matter as much."
    return Verdict("", notes=(f"{note[:1].upper()}{note[1:]}",))


def _overlap(first: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether the intervals of two parameters of a ranking leave open which is first."""
    index = "total" if "total_low" in first and "total_high" in other else "moves"
    low = first.get(f"{index}_low")
    high = other.get(f"{index}_high")
    return low is not None and high is not None and bool(high >= low)


def _of_a_search(summary: Mapping[str, Any], folder: Folder) -> Verdict:
    """Designs that fail are a part of a search."""
    failed = summary.get("failed", 0)
    notes = (f"{failed} runs of designs that were tried failed; such a design keeps no limit.",) if failed else ()
    if summary.get("outcome") in (None, "complete"):
        return Verdict("", notes=notes)
    why = summary.get("stopped") or summary.get("outcome")
    advice = (f"Go on: thermospice sweep --resume {folder.path.name}.",)
    return Verdict("", notes=notes, failed=(f"The search did not end ({why}).",), next=advice)


def _narrow(row: Mapping[str, Any], required: float, above: bool) -> Iterator[str]:
    """Whether more chips could change the verdict."""
    low = row.get("yield_low")
    high = row.get("yield_high")
    if low is None or high is None:
        return
    if above and low < required:
        yield f"The interval reaches below {percent(required)}: more chips (`instances`) would make it sure."
    elif not above and high >= required:
        yield f"The interval reaches {percent(required)}: more chips (`instances`) could tell."
    elif not above:
        yield "The whole interval lies below what is required: more chips will not help, another design or limit will."


def _worst(summary: Mapping[str, Any], metric: str) -> Iterator[str]:
    rows = [row for row in summary.get("worst") or () if row["metric"] == metric and not row["kept"]]
    if rows:
        told = listed(_worst_words(row, summary) for row in rows[:_SHOWN_WORST])
        yield f"Look at the worst: {told}; {_AGAIN}."


_AGAIN = "`thermospice simulate --instance-seed SEED` draws a chip of a seed again"


def _worst_words(row: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
    unit = (summary.get("units") or {}).get(row["metric"], "1")
    lacking = "failed" if row.get("failed", True) else "has no such number"
    value = lacking if row.get("value") is None else amount(row["value"], unit, row["metric"])
    units = summary.get("parameter_units") or {}
    where = ", ".join(
        f"{parameter_words(name)} {value_words(name, found, units.get(name, '1'))}"
        for name, found in row["parameters"].items()
    )
    return f"seed {row['chip']} ({value}{'; ' + where if where else ''})"


def _conditions(summary: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Verdict:
    """Limits of a circuit of one's own, judged under each condition."""
    short = [row for row in rows if not _kept(row)]
    kept = len(rows) - len(short)
    passed = (f"{kept} of {len(rows)} limits are kept, each under its condition.",) if kept else ()
    failed = [f"{row['condition']}: {_short_words(row, summary)}" for row in short[:_MOST_TOLD]]
    if len(short) > _MOST_TOLD:
        failed.append(f"And {len(short) - _MOST_TOLD} more limits, see the table below.")
    advice = [
        f"{metric_words(one['metric'])} under {one['condition']} is moved most by {_elements(one['elements'])}."
        for one in (summary.get("shortfalls") or ())[:_MOST_TOLD]
        if one["elements"]
    ]
    advice = [f"{text[:1].upper()}{text[1:]}" for text in advice]
    if short:
        advice.append("Tighten the tolerances of those elements, or move the nominal values away from the limit.")
    notes = () if rows else ("No limits were given: `limits` in the file of the tolerances sets them.",)
    return Verdict("", passed, tuple(failed), notes, tuple(advice))


def _kept(row: Mapping[str, Any]) -> bool:
    required = row.get("required_yield")
    return bool(row["of"]) and row["passed"] / row["of"] >= (1.0 if required is None else required)


def _short_words(row: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
    share = row["passed"] / row["of"] if row["of"] else 0.0
    required = 1.0 if row.get("required_yield") is None else row["required_yield"]
    told = f"{bound_words(row, summary)}: kept by {row['passed']} of {row['of']} chips, {percent(share)}"
    told = f"{told} ({between(row.get('yield_low'), row.get('yield_high'))}), and {percent(required)} is required"
    if row.get("worst_chip") is None:
        return f"{told}."
    unit = str(row.get("unit") or "1")
    value = amount(row.get("worst_value"), unit, row["metric"]) if row.get("worst_value") is not None else "no number"
    return f"{told}; the worst is the chip of seed {row['worst_chip']} ({value})."


def _elements(rows: Sequence[Mapping[str, Any]]) -> str:
    return listed(f"{row['element']} ({100 * row['deviation']:+.2g} %)" for row in rows[:_SHOWN_WORST])


def _runs(summary: Mapping[str, Any], folder: Folder) -> Verdict:
    """Those that failed, and those that were never done."""
    failed: list[str] = []
    advice: list[str] = []
    runs = summary.get("runs", 0)
    count = summary.get("failed", 0)
    if count:
        failed.append(
            f"{count} of {runs} runs failed. They count as runs that keep no limit, and every mean below is of the"
            " others alone."
        )
        advice.append("`table.csv` has the reason of each failed run; --resume DIR --retry-failed does them again.")
    missing = summary.get("missing", 0)
    if missing:
        failed.append(f"{missing} of {runs} runs were not done ({summary.get('stopped') or summary.get('outcome')}).")
        advice.append(f"Go on: thermospice sweep --resume {folder.path.name}.")
    elif summary.get("outcome") == "stopped":
        failed.append(f"The study was stopped: {summary.get('stopped', 'too many runs failed')}.")
    if lacking := summary.get("references_missing"):
        failed.append(f"{len(lacking)} reference runs failed: what is divided by them is not there.")
    done = (f"All {runs} runs were done.",) if runs and not (count or missing) else ()
    return Verdict("", done, tuple(failed), next=tuple(advice))
