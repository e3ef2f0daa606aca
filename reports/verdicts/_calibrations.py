"""The verdict on a calibration: of a chip, of a process, of the elements of a circuit."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..results import CalibrationSummary, ElementsSummary, Folder, PopulationSummary
from ..wording import listed, percent
from ._verdict import Verdict

_MOST_TOLD = 4
_FEW_CHIPS = 10
"""The standard error of a spread from n chips is 1/sqrt(2 (n - 1)) of it: a quarter at about ten."""


def calibrated(folder: Folder) -> Verdict:
    """Whatever was calibrated."""
    if "spreads" in folder.summary:
        return _process(folder.summary_as(PopulationSummary))
    if "elements" in folder.summary:
        return _elements(folder.summary_as(ElementsSummary), folder.experiments)
    return _chip(folder.summary_as(CalibrationSummary)) + _left_out(folder)


def _chip(summary: Mapping[str, Any]) -> Verdict:
    asked = (
        f"What is this chip really: {summary.get('topology', 'a chip')} with {summary.get('n', '?')} cells, design"
        f" {summary.get('design', '?')}?"
    )
    status = summary.get("verdict")
    checks = summary.get("checks", 0)
    passed = (f"The measurements are consistent with the design in all {checks} checks.",) * (status == "consistent")
    found = Verdict(asked, passed, notes=tuple(_z(summary)))
    if status is not None and status != "consistent":
        found += _contradicted(summary)
    return found + _held_out(summary) + _open(summary)


def _left_out(folder: Folder) -> Verdict:
    left = [row for row in folder.residuals if not row["used"] and not row.get("held_out")]
    if not left:
        return Verdict("")
    files = listed([str(row["file"]) for row in left[:_MOST_TOLD]])
    more = f" and {len(left) - _MOST_TOLD} more" if len(left) > _MOST_TOLD else ""
    return Verdict(
        "",
        notes=(f"Left out of the fit, as unlike the other records: {files}{more}; nothing is said of them.",),
        next=("See whether they are of this chip, and of the program that they name.",),
    )


def _contradicted(summary: Mapping[str, Any]) -> Verdict:
    texts = [row["text"] for row in summary.get("contradictions", ())]
    told = tuple(f"{text[:1].upper()}{text[1:]}." for text in texts[:_MOST_TOLD])
    more = (f"And {len(texts) - _MOST_TOLD} more contradictions.",) if len(texts) > _MOST_TOLD else ()
    first = (f"The measurements contradict the design ({summary.get('verdict')}): error bars are its tolerances.",)
    advice = (
        "Look for what the design does not know (temperature, a wrong tolerance, an instrument's gain), let the bench's"
        " unknowns be inferred too (--nuisance), or leave the record out that stands out below.",
    )
    return Verdict("", failed=(*first, *told, *more), next=advice)


def _z(summary: Mapping[str, Any]) -> list[str]:
    rms = summary.get("rms_z")
    if rms is None:
        return []
    return [f"Against what was drawn the fitted values are {rms:.2f} standard errors off, rms (1 expected)."]


def _held_out(summary: Mapping[str, Any]) -> Verdict:
    rows = summary.get("held_out") or ()
    if not rows:
        return Verdict("", next=("Try it on what it never saw: thermospice verify --device DIR/device.json.",))
    failed = [row for row in rows if not row["passed"]]
    told = tuple(
        f"Held out: {row['metric']} {row.get('value', float('nan')):.2e}, limit {row.get('limit', 0.0):.2e}."
        for row in failed[:_MOST_TOLD]
    )
    passed = len(rows) - len(failed)
    good = (f"{passed} of {len(rows)} comparisons on programs that the fit did not see are within their limits.",)
    return Verdict("", good if passed else (), told)


def _open(summary: Mapping[str, Any]) -> Verdict:
    left = summary.get("not_identified") or ()
    if not left:
        return Verdict("")
    more = f" and {len(left) - 6} more" if len(left) > 6 else ""
    return Verdict(
        "",
        notes=(f"Not identified by these measurements: {', '.join(left[:6])}{more}; their values are the design's.",),
    )


def _process(summary: Mapping[str, Any]) -> Verdict:
    count = summary.get("instances", 0)
    wrong = summary.get("contradicted") or {}
    asked = f"How do chips of {summary.get('design', 'a design')} differ: {count} chips, {summary.get('topology', '')}?"
    good = count - len(wrong)
    passed = (f"{good} of {count} chips are explained by their fitted values.",) if good else ()
    failed = tuple(f"{name}: {text}." for name, text in list(wrong.items())[:_MOST_TOLD])
    more = (f"And {len(wrong) - _MOST_TOLD} more chips.",) if len(wrong) > _MOST_TOLD else ()
    advice = (_few(count),) if 1 < count < _FEW_CHIPS else ()
    use = "Train with chips of this process: thermospice train digits --device DIR/population.json."
    return Verdict(asked, passed, (*failed, *more), next=(*advice, *(() if wrong else (use,))))


def _few(count: int) -> str:
    known = percent(1 / (2 * (count - 1)) ** 0.5, 0)
    return f"{count} chips tell a spread to {known} of itself, at best. Measure more of them: --instances."


def _elements(summary: Mapping[str, Any], experiments: Sequence[str]) -> Verdict:
    rows = summary.get("elements") or ()
    asked = f"What are the elements of {summary.get('netlist', 'the circuit')} really?"
    open_ = [row["element"] for row in rows if not row["identified"]]
    chance = summary.get("chance")
    likely = "" if chance is None else f" (a misfit as large has a chance of {percent(chance)})"
    good = (f"Elements within their tolerances explain the measurements{likely}.",)
    bad = (f"No elements within their tolerances explain the measurements{likely}; error bars are widened.",)
    consistent = summary.get("verdict") == "consistent"
    notes = (f"Not identified, so that their values are the netlist's: {listed(open_[:8])}.",) if open_ else ()
    another = ("Add another analysis of the same circuit (--analysis), such as noise or tran.",) if open_ else ()
    advice = tuple(f"{text[:1].upper()}{text[1:]}." for text in experiments[:_MOST_TOLD]) or another
    wrong = ("Check the netlist for what is on the board and not in it, or widen the tolerances.",)
    return Verdict(asked, good * consistent, bad * (not consistent), notes, (*wrong * (not consistent), *advice))
