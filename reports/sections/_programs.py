"""The report's part on a program that a device solved: what it came to, what that cost, and its figures."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..figures import quantity
from ..results import Folder, ProgramSummary
from ..section_parts import Picture, Section, Table, stored_picture

_TITLES = {
    "qp": "Quadratic program",
    "svm": "Support vector machine",
    "bayes": "Bayesian regression",
    "kalman": "Kalman filter",
    "logistic": "Logistic regression",
}
_CAPTIONS = {
    "interior-point.png": "the interior point, and what the device holds meanwhile",
    "band.png": "mean and interval of 95 %",
}
_UNITS = {
    "analog_time_s": ("settling and reading", "s"),
    "loading_time_s": ("loading", "s"),
    "digital_time_s": ("digital solver on this machine", "s"),
    "energy_J": ("energy", "J"),
    "least_energy_J": ("least heat that could move the cells in that time", "J"),
}
_NUMBERS = {
    "loads": "matrices loaded",
    "drives": "drives",
    "iterations": "iterations",
    "objective": "objective",
    "gap": "gap",
    "relative_gap": "relative gap",
    "foreseen_relative_gap": "relative gap foreseen from noise, bits and tolerances",
    "primal_residual": "primal residual",
    "dual_residual": "dual residual",
    "relative_error": "relative error, against LAPACK",
    "train_accuracy": "accuracy on the points it was trained on",
    "test_accuracy": "accuracy on others",
    "energy_over_least": "energy over that least heat",
}


def program(folder: Folder) -> Section | None:
    """What the folder of `thermospice solve` says of a program, or None."""
    if folder.summary.get("command") != "solve" or str(folder.summary.get("problem")) not in _TITLES:
        return None
    summary = folder.summary_as(ProgramSummary)
    return Section(
        _TITLES[summary["problem"]],
        tuple(_text(summary)),
        tuple(_pictures(folder, summary)),
        (Table("What it came to, and what that took", ("what", "value"), tuple(_rows(summary))),),
    )


def _text(summary: Mapping[str, Any]) -> Iterator[str]:
    yield f"{summary['n']} unknowns, on {summary['on']}."
    yield from (
        f"{text[:1].upper()}{text[1:]}." for text in (str(summary[n]) for n in ("failure", "worth") if n in summary)
    )


def _rows(summary: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from ((label, f"{summary[name]:.5g}") for name, label in _NUMBERS.items() if name in summary)
    yield from ((label, quantity(summary[name], unit, 4)) for name, (label, unit) in _UNITS.items() if name in summary)


def _pictures(folder: Folder, summary: Mapping[str, Any]) -> Iterator[Picture]:
    for name in summary.get("pictures", ()):
        if name in _CAPTIONS and Path(name).name == name and (content := folder.picture(name)) is not None:
            yield stored_picture(content, _CAPTIONS[name])
