"""The verdict on linear algebra and programs on a device, on formulas, and on an export."""

from collections.abc import Mapping
from typing import Any

from ..results import AlgebraSummary, ExportSummary, Folder, ProgramSummary, SymbolicSummary
from ..wording import listed, percent
from ._verdict import Verdict

_PROGRAMS = {
    "qp": "a quadratic program",
    "svm": "a support vector machine",
    "bayes": "a Bayesian regression",
    "kalman": "a Kalman filter",
    "logistic": "a logistic regression",
}
_ALGEBRA = {
    "solve": "a system of linear equations",
    "inverse": "the inverse of a matrix",
    "lyapunov": "a Lyapunov equation",
    "determinant": "a determinant",
    "expm": "the exponential of a matrix",
}
_FAR = 3.0
"""Error bars: beyond, one has to doubt them."""


def solved(folder: Folder) -> Verdict:
    """Whatever `solve` solved."""
    if str(folder.summary.get("problem")) in _PROGRAMS:
        return _program(folder.summary_as(ProgramSummary))
    return _algebra(folder.summary_as(AlgebraSummary))


def _program(summary: Mapping[str, Any]) -> Verdict:
    asked = f"Can a device ({summary['on']}) solve {_PROGRAMS[summary['problem']]} with {summary['n']} unknowns?"
    failure = summary.get("failure")
    worth = _sentence(str(summary["worth"])) if "worth" in summary else ""
    notes = (worth,) if worth else ()
    if failure:
        advice = (
            "Take a longer --duration, more conductance bits or a design with less mismatch and noise, or try --on"
            " ideal to see whether the device is to blame.",
        )
        return Verdict(asked, failed=(_sentence(str(failure)),), notes=notes, next=advice)
    reason = f": {summary['reason']}" if summary.get("reason") else ""
    error = (
        f" Its answer is {percent(summary['relative_error'], 2)} off LAPACK's." if "relative_error" in summary else ""
    )
    return Verdict(asked, (f"{str(summary.get('status', 'solved')).capitalize()}{reason}.{error}",), notes=notes)


def _algebra(summary: Mapping[str, Any]) -> Verdict:
    what = _ALGEBRA.get(str(summary.get("problem")), str(summary.get("problem", "a problem")))
    asked = f"How well does a device ({summary.get('on', '?')}) tell {what} of {summary.get('n', '?')} rows?"
    if not {"relative_error", "relative_standard_error"} <= summary.keys():
        return Verdict(asked)
    error = summary["relative_error"]
    bar = summary["relative_standard_error"]
    told = f"It is {percent(error, 2)} off, with an error bar of {percent(bar, 2)}"
    noise = summary.get("relative_noise_error", 0.0)
    device = summary.get("relative_device_error", 0.0)
    parts = f"of noise {percent(noise, 2)}, of the device {percent(device, 2)}"
    rule = "More runs (--runs) or longer ones (--duration) lower the noise." if noise >= device else (
        "The device's tolerances rule: calibrate it (--device), or take a better design."
    )  # fmt: skip
    passed = (f"{told} ({parts}): the error bar holds.",)
    if error <= _FAR * bar:
        return Verdict(asked, passed, next=(rule,))
    beware = f"{told} ({parts}). Beware: an error this far beyond its bar is no chance; the bar does not hold."
    return Verdict(asked, notes=(beware,), next=(rule,))


def formulas(folder: Folder) -> Verdict:
    """Verdict of `symbolic`."""
    summary = folder.summary_as(SymbolicSummary)
    what = summary.get("netlist") or f"{summary.get('topology', 'a circuit')} of {summary.get('size', '?')} cells"
    claims = {row["claim"]: row["holds"] for row in summary.get("proofs", ())} | dict(summary.get("checks", {}))
    wrong = tuple(f"It does not hold that {claim}." for claim, holds in claims.items() if not holds)
    right = [claim for claim, holds in claims.items() if holds]
    passed = (f"{len(right)} of {len(claims)} claims hold: {'; '.join(right)}.",) if right else ()
    omitted = summary.get("omitted") or ()
    notes = (f"Too large to write as formulas, left out: {len(omitted)} of them.",) if omitted else ()
    return Verdict(f"What does {what} compute, as formulas?", passed, wrong, notes)


def exported(folder: Folder) -> Verdict:
    """Verdict of `export`."""
    summary = folder.summary_as(ExportSummary)
    asked = (
        f"The chip {summary.get('name', '')} ({summary.get('topology', '?')}, {summary.get('n', '?')} cells) for"
        f" {summary.get('to', 'another simulator')}."
    )
    status = summary.get("verdict")
    notes = [f"The calibration that it comes of is {status}."] if status else []
    if summary.get("clipped"):
        notes.append(f"Entries beyond the range of the conductances: {listed(map(str, summary['clipped'][:8]))}.")
    return Verdict(asked, notes=tuple(notes))


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
