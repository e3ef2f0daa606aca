"""Simulator and model of each output, one upon the other."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Complex, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..figures import WIDTH, colours, ink, prefix

MOST_DRAWN = 8
"""Outputs that have a colour each; further ones are in the tables."""

Lines = Float[np.ndarray, "points n"]


def settled(labels: Sequence[str], spice: Float[np.ndarray, " n"], model: Float[np.ndarray, " n"]) -> Figure:
    """Operating points [V] by output."""
    unit, name = prefix(np.concatenate([spice, model]))
    figure = Figure(figsize=(WIDTH, max(2.0, 0.8 + 0.32 * len(labels))))
    axes = figure.add_subplot()
    rows = np.arange(len(labels))
    axes.barh(rows, model / unit, height=0.6, color=colours()[0], alpha=0.35, label="model")
    axes.plot(spice / unit, rows, "o", color=ink(), markersize=4, label="SPICE")
    axes.set_yticks(rows, labels)
    axes.set(xlabel=f"operating point ({name}V)")
    axes.invert_yaxis()
    axes.margins(x=0.08)
    figure.legend(loc="outside upper right", ncols=2)
    return figure


def transients(
    labels: Sequence[str],
    time: Float[np.ndarray, " points"],
    spice: Lines,
    model_time: Float[np.ndarray, " other"] | None = None,
    model: Float[np.ndarray, "other n"] | None = None,
) -> Figure:
    """Outputs [V] against time [s]."""
    t_unit, t_name = prefix(time)
    unit, name = prefix(spice)
    figure = Figure(figsize=(WIDTH, 3.6))
    axes = figure.add_subplot()
    _pair(axes, labels, time / t_unit, spice / unit)
    if model is not None and model_time is not None:
        _thin(axes, model_time / t_unit, model / unit)
    axes.set(xlabel=f"time ({t_name}s)", ylabel=f"output ({name}V)")
    _legend(figure, axes, model=model is not None)
    return figure


def responses(
    labels: Sequence[str],
    frequency: Float[np.ndarray, " points"],
    spice: Complex[np.ndarray, "points n"],
    model: Complex[np.ndarray, "points n"],
    source: str,
) -> Figure:
    """Magnitude and phase of the response to one source."""
    figure = Figure(figsize=(WIDTH, 4.8))
    magnitude, phase = figure.subplots(2, 1, sharex=True)
    _pair(magnitude, labels, frequency, np.abs(spice))
    _thin(magnitude, frequency, np.abs(model))
    _pair(phase, labels, frequency, _degrees(spice))
    _thin(phase, frequency, _degrees(model))
    scale = "log" if (np.abs(spice) > 0).any() else "linear"
    magnitude.set(ylabel=f"response to {source}", xscale="log", yscale=scale)
    phase.set(xlabel="frequency (Hz)", ylabel="phase (degrees)")
    _legend(figure, magnitude, model=True)
    return figure


def densities(labels: Sequence[str], frequency: Float[np.ndarray, " points"], spice: Lines, model: Lines) -> Figure:
    """One-sided noise densities, as their square roots [V/sqrt(Hz)]."""
    unit, name = prefix(np.sqrt(spice))
    figure = Figure(figsize=(WIDTH, 3.6))
    axes = figure.add_subplot()
    _pair(axes, labels, frequency, np.sqrt(spice) / unit)
    _thin(axes, frequency, np.sqrt(np.maximum(model, 0.0)) / unit)
    scale = "log" if (spice > 0).any() else "linear"
    axes.set(xlabel="frequency (Hz)", ylabel=f"noise ({name}V/√Hz, one-sided)", xscale="log", yscale=scale)
    _legend(figure, axes, model=True)
    return figure


def _pair(axes: Axes, labels: Sequence[str], x: Float[np.ndarray, " points"], wide: Lines) -> None:
    for k in range(min(wide.shape[1], MOST_DRAWN)):
        axes.plot(x, wide[:, k], color=colours()[k], linewidth=3.2, alpha=0.45, label=labels[k])


def _thin(axes: Axes, x: Float[np.ndarray, " points"], values: Lines) -> None:
    for k in range(min(values.shape[1], MOST_DRAWN)):
        axes.plot(x, values[:, k], color=colours()[k], linewidth=1.0)


def _legend(figure: Figure, axes: Axes, *, model: bool) -> None:
    handles, names = axes.get_legend_handles_labels()
    if model:
        wide = axes.plot([], [], color=ink(), linewidth=3.2, alpha=0.45)
        thin = axes.plot([], [], color=ink(), linewidth=1.0)
        handles = [*handles, *wide, *thin]
        names = [*names, "SPICE", "model"]
    figure.legend(handles, names, loc="outside upper center", ncols=4)


def _degrees(response: Complex[np.ndarray, "points n"]) -> Lines:
    """Without jumps."""
    return np.asarray(np.degrees(np.unwrap(np.angle(response), axis=0)))
