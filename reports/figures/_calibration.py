"""What the calibration found, against what was drawn."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

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
            axes.errorbar(x, y, e, fmt="o", markersize=3.5, linewidth=1, color=colours()[k % 8], label=name)
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
    axes.set_yticks(range(len(groups)), labels=[f"{name} ({len(g)})" for name, g in groups.items()])
    axes.invert_yaxis()
    axes.set(xlabel="z-score (95 % of them belong into the grey band)")
    limit = max(3.5, 1.1 * max((abs(row.z) for row in rows if row.z is not None), default=0.0))
    axes.set_xlim(-limit, limit)
    return figure


def _by_group(rows: Sequence[FittedParameter]) -> dict[str, list[FittedParameter]]:
    names = dict.fromkeys(row.name for row in rows)
    return {name: [row for row in rows if row.name == name] for name in names}
