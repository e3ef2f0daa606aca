"""What a calibration found, beside what was drawn where that is known."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..results import FittedParameter
from ._theme import WIDTH, colours, ink


def parameters(rows: Sequence[FittedParameter]) -> Figure:
    """Fitted against drawn deviations with bars of one standard error; offsets, in volts, in a panel of their own."""
    groups = _by_group([row for row in rows if row.true is not None])
    units = {unit: [g for g in groups if groups[g][0].unit == unit] for unit in ("", "V")}
    panels = {unit: names for unit, names in units.items() if names}
    figure = Figure(figsize=(WIDTH, 3.4 * max(len(panels), 1)))
    all_axes = figure.subplots(max(len(panels), 1), 1, squeeze=False)[:, 0]
    for axes, (unit, names) in zip(all_axes, panels.items(), strict=False):
        factor, label = (1e-2, "%") if unit == "" else (1e-3, "mV")
        for k, name in enumerate(names):
            x = np.array([row.true for row in groups[name]], dtype=float) / factor
            y = np.array([row.estimate for row in groups[name]]) / factor
            e = np.array([row.standard_error for row in groups[name]]) / factor
            axes.errorbar(x, y, e, fmt="o", markersize=3.5, linewidth=1, color=colours()[k % 8], label=_words(name))
        axes.axline((0, 0), slope=1, color=ink(), linewidth=0.8, zorder=0)
        axes.set(xlabel=f"drawn ({label})", ylabel=f"fitted ({label})")
        axes.legend(ncols=2, handletextpad=0.2)
    return figure


def z_scores(rows: Sequence[FittedParameter]) -> Figure:
    """(fitted - drawn)/standard error of every parameter, beside the unit normal law that it should follow."""
    groups = _by_group([row for row in rows if row.z is not None])
    figure = Figure(figsize=(WIDTH, 0.42 * len(groups) + 1.5))
    axes = figure.add_subplot()
    for k, group in enumerate(groups.values()):
        z = np.array([row.z for row in group], dtype=float)
        # A spread that depends on the order alone, so that the picture is the same each time.
        spread = 0.28 * np.linspace(-1, 1, len(z)) if len(z) > 1 else np.zeros(1)
        axes.plot(z, k + spread, "o", markersize=3.5, color=colours()[k % 8])
    axes.axvline(0, color=ink(), linewidth=0.8)
    axes.axvspan(-2, 2, color=ink(), alpha=0.07, linewidth=0)
    axes.set_yticks(range(len(groups)), labels=[f"{_words(name)} ({len(g)})" for name, g in groups.items()])
    axes.invert_yaxis()
    axes.set(xlabel="z-score (95 % of them belong into the grey band)")
    limit = max(3.5, 1.1 * max((abs(row.z) for row in rows if row.z is not None), default=0.0))
    axes.set_xlim(-limit, limit)
    return figure


def _by_group(rows: Sequence[FittedParameter]) -> dict[str, list[FittedParameter]]:
    names = dict.fromkeys(row.name for row in rows)
    return {name: [row for row in rows if row.name == name] for name in names}


def fitted_values(rows: Sequence[FittedParameter]) -> Figure:
    """Fitted deviations with bars of two standard errors, by kind; those in volts in a panel of their own."""
    units = list(dict.fromkeys(row.unit for row in rows))
    figure = Figure(figsize=(WIDTH, 3.0 * len(units)))
    panels = figure.subplots(len(units), 1, squeeze=False)[:, 0]
    for axes, unit in zip(panels, units, strict=True):
        factor, label = (1e-2, "%") if unit == "" else (1e-3, f"m{unit}")
        here = [row for row in rows if row.unit == unit]
        start = 0
        for k, (name, group) in enumerate(_by_group(here).items()):
            x = np.arange(start, start + len(group))
            y = np.array([row.estimate for row in group]) / factor
            bars = 2 * np.array([row.standard_error for row in group]) / factor
            axes.errorbar(x, y, bars, fmt="o", markersize=3.5, linewidth=1, color=colours()[k % 8], label=_words(name))
            start += len(group)
        axes.axhline(0, color=ink(), linewidth=0.8)
        axes.set(xlabel="parameter, by kind", ylabel=f"deviation ({label})", xticks=[])
        axes.legend(ncols=2, handletextpad=0.2)
    return figure


def spreads(found: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Relative spreads of a process [%] from chip to chip and within a chip, bars of two standard errors.

    Logarithmic, since a gain scatters by half of itself and a conductance by a hundredth.
    """
    figure = Figure(figsize=(WIDTH, 0.45 * max(len(found), 1) + 1.4))
    axes = figure.add_subplot()
    sizes = [100 * one[part]["value"] for one in found.values() for part in _PARTS if one.get(part)]
    least = min((size for size in sizes if size > 0), default=1.0) / 10
    for k, (part, label) in enumerate(_PARTS.items()):
        rows = [(i, one[part]) for i, one in enumerate(found.values()) if one.get(part)]
        y = np.array([i for i, _ in rows]) + 0.16 * (2 * k - 1)
        x = np.maximum(100 * np.array([one["value"] for _, one in rows]), least)
        reach = 200 * np.array([one["standard_error"] for _, one in rows])
        bars = np.array([np.minimum(reach, x - least), reach])
        axes.errorbar(x, y, xerr=bars, fmt="os"[k], markersize=4, linewidth=1.2, color=colours()[k], label=label)
    axes.set_xscale("log")
    axes.set_xlim(left=least)
    axes.set_yticks(range(len(found)), labels=list(found))
    axes.set_ylim(len(found) - 0.5, -0.5)
    axes.set(xlabel="standard deviation (%)")
    figure.legend(loc="outside upper center", ncols=2)
    return figure


_PARTS = {"chip": "from chip to chip", "local": "within a chip"}


def elements(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Deviations of elements from a netlist [%], bars of two standard errors, within their tolerances."""
    figure = Figure(figsize=(WIDTH, 0.32 * max(len(rows), 1) + 1.3))
    axes = figure.add_subplot()
    y = np.arange(len(rows))
    tolerance = 100 * np.array([row["tolerance"] for row in rows])
    axes.barh(y, 2 * tolerance, left=-tolerance, height=0.7, color=ink(), alpha=0.1, label="tolerance")
    x = 100 * np.array([row["deviation"] for row in rows])
    bars = 200 * np.array([row["standard_error"] for row in rows])
    axes.errorbar(x, y, xerr=bars, fmt="o", markersize=4, linewidth=1.2, color=colours()[0], label="inferred")
    drawn = [(k, 100 * row["truth"]) for k, row in enumerate(rows) if row.get("truth") is not None]
    if drawn:
        axes.plot([value for _, value in drawn], [k for k, _ in drawn], "x", color=colours()[1], label="drawn")
    axes.set_yticks(y, labels=[str(row["element"]) for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set(xlabel="deviation from the netlist (%)")
    figure.legend(loc="outside upper center", ncols=3)
    return figure


def entries(value: Float[np.ndarray, " n"], error: Float[np.ndarray, " n"], exact: Float[np.ndarray, " n"]) -> Figure:
    """Entries of an answer less the exact ones, with bars of two standard errors."""
    figure = Figure(figsize=(WIDTH, 3.2))
    axes = figure.add_subplot()
    axes.axhline(0, color=ink(), linewidth=0.8)
    axes.errorbar(np.arange(len(value)), value - exact, 2 * error, fmt="o", markersize=4, linewidth=1.2)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel="entry, row by row", ylabel="answer less the exact one")
    return figure


def _words(name: str) -> str:
    return name.replace("_", " ")
