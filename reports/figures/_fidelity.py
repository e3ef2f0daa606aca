"""How far the models are from SPICE: on programs that the calibration never saw, and in every row of the table."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ..results import MODELS, HeldOut
from ._theme import WIDTH, colours


def heldout_errors(programs: Sequence[HeldOut]) -> Figure:
    """Settled readouts: distance of each model from SPICE, against the SPICE value."""
    spice = np.concatenate([p.spice for p in programs])
    figure = Figure(figsize=(WIDTH, 3.4))
    axes = figure.add_subplot()
    for k, name in enumerate(MODELS):
        error = np.abs(np.concatenate([getattr(p, name) for p in programs]) - spice)
        axes.plot(spice, error, "osD"[k], markersize=4, alpha=0.75, color=colours()[(1, 0, 2)[k]], label=name)
    axes.set_yscale("log")
    axes.set(xlabel="SPICE readout (V)", ylabel="|model − SPICE| (V)")
    figure.legend(loc="outside upper right", ncols=3)
    return figure


_ANALYSES = ("op", "tran", "ac", "noise")
_OTHER = "proofs, poles, sensitivities"
_SMALLEST = 1e-9
"""Part of a limit at which smaller values are drawn, zero among them."""


def checks(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Value over limit of each row of a fidelity table, by circuit and analysis; right of one it failed.

    Rows without a value, or with a limit of zero, are drawn at the side on which their verdict puts them.
    """
    circuits = list(dict.fromkeys((str(row.get("topology", "")), str(row.get("level", ""))) for row in rows))
    kinds = (*_ANALYSES, _OTHER)
    figure = Figure(figsize=(WIDTH, 1.4 + 0.36 * len(circuits)))
    axes = figure.add_subplot()
    axes.axvline(1.0, color=axes.spines["bottom"].get_edgecolor(), linewidth=1.2)
    for k, kind in enumerate(kinds):
        chosen = [row for row in rows if _kind(row) == kind]
        if not chosen:
            continue
        lane = 0.3 - 0.15 * k
        heights = [circuits.index((str(row.get("topology", "")), str(row.get("level", "")))) - lane for row in chosen]
        passed = np.array([bool(row.get("passed")) for row in chosen])
        ratio = np.array([_ratio(row) for row in chosen])
        y = np.array(heights)
        colour = colours()[k]
        axes.plot(ratio[passed], y[passed], "o", color=colour, markersize=3.5, alpha=0.7, markeredgewidth=0, label=kind)
        axes.plot(ratio[~passed], y[~passed], "x", color=colour, markersize=7, markeredgewidth=2)
    axes.set_xscale("log")
    axes.set_yticks(range(len(circuits)), [", ".join(filter(None, circuit)) for circuit in circuits])
    axes.set_ylim(len(circuits) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.set(xlabel="value / limit")
    figure.legend(loc="outside upper left", ncols=3, handletextpad=0.2, columnspacing=1.0)
    return figure


def _kind(row: Mapping[str, Any]) -> str:
    analysis = str(row.get("analysis", ""))
    return analysis if analysis in _ANALYSES else _OTHER


def _ratio(row: Mapping[str, Any]) -> float:
    value = row.get("value")
    limit = row.get("limit")
    if value is None or not limit:
        return _SMALLEST if row.get("passed") else 10.0
    return max(abs(float(value)) / float(limit), _SMALLEST)
