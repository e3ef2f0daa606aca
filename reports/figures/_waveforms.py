"""Transients: what SPICE gives, what the model gives, and what noise allows."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ._si_prefixes import prefix
from ._theme import WIDTH, colours, ink

Waves = Float[np.ndarray, "time cell"]


def waveforms(
    time: Float[np.ndarray, " time"],
    spice: Waves,
    model: Waves,
    sd: Float[np.ndarray, " cell"],
) -> Figure:
    """SPICE as wide lines, the model as thin ones on top, and two standard deviations of its noise as bands.

    Args:
        time: [s]. spice, model: [V]. sd: of the stationary noise of each cell [V].
    """
    t_unit, t_name = prefix(time)
    v_unit, v_name = prefix(spice)
    figure = Figure(figsize=(WIDTH, 4.0))
    axes = figure.add_subplot()
    for cell in range(spice.shape[1]):
        colour = colours()[cell % len(colours())]
        axes.plot(time / t_unit, spice[:, cell] / v_unit, color=colour, linewidth=3.2, alpha=0.45)
        axes.plot(time / t_unit, model[:, cell] / v_unit, color=colour, linewidth=1.0)
        low, high = (model[:, cell] + k * sd[cell] for k in (-2, 2))
        axes.fill_between(time / t_unit, low / v_unit, high / v_unit, color=colour, alpha=0.25, linewidth=0)
    _name_cells(figure, axes, spice.shape[1])
    axes.plot([], [], color=ink(), linewidth=3.2, alpha=0.45, label="SPICE")
    axes.plot([], [], color=ink(), linewidth=1.0, label="model")
    axes.set(xlabel=f"time ({t_name}s)", ylabel=f"readout ({v_name}V)")
    figure.legend(*_those(axes, ("SPICE", "model")), loc="outside upper right", ncols=2)
    return figure


def _name_cells(figure: Figure, axes: Axes, cells: int) -> None:
    """Below the picture, the colours of the cells; more than there are colours repeat them, and have no names."""
    if cells > len(colours()):
        return
    lines = [axes.plot([], [], color=colours()[k], linewidth=1.6)[0] for k in range(cells)]
    figure.legend(lines, [f"cell {k}" for k in range(cells)], loc="outside lower center", ncols=4)


def _those(axes: Axes, wanted: tuple[str, ...]) -> tuple[list[Any], list[str]]:
    found = [(h, name) for h, name in zip(*axes.get_legend_handles_labels(), strict=True) if name in wanted]
    return [h for h, _ in found], [name for _, name in found]


def residuals(time: Float[np.ndarray, " time"], spice: Waves, models: Mapping[str, Waves]) -> Figure:
    """Model minus SPICE of every cell, one panel for each model; the scales differ and are written on them."""
    t_unit, t_name = prefix(time)
    figure = Figure(figsize=(WIDTH, 1.9 * len(models) + 0.8))
    panels = figure.subplots(len(models), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (name, model) in zip(panels, models.items(), strict=True):
        unit, unit_name = prefix(model - spice)
        for cell in range(spice.shape[1]):
            axes.plot(time / t_unit, (model - spice)[:, cell] / unit, linewidth=1.0, color=colours()[cell % 8])
        axes.axhline(0, color=ink(), linewidth=0.8)
        axes.set(ylabel=f"error ({unit_name}V)", title=f"{name} model minus SPICE")
    panels[-1].set(xlabel=f"time ({t_name}s)")
    _name_cells(figure, panels[-1], spice.shape[1])
    return figure
