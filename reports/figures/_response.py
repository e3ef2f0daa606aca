"""Plots of one measurement: operating point, transient, AC response, noise density."""

import numpy as np
from jaxtyping import Complex, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator

from ._cells import draw_cells
from ._si_prefixes import prefix
from ._theme import WIDTH, colours, ink


def operating_point(settled: Float[np.ndarray, " cell"], exact: Float[np.ndarray, " cell"] | None = None) -> Figure:
    """Settled readouts [V], beside the exact solution where they are the answer."""
    unit, name = prefix(settled if exact is None else exact)
    figure = Figure(figsize=(WIDTH, 3.2))
    axes = figure.add_subplot()
    cells = np.arange(len(settled))
    if exact is not None:
        _draw_bars(axes, exact / unit, "exact A⁻¹b")
    axes.plot(cells, settled / unit, "o", color=ink(), markersize=4, label="SPICE")
    axes.axhline(0, color=ink(), linewidth=0.8)
    axes.set(xlabel="cell", ylabel=f"settled value ({name}V)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(loc="outside upper right", ncols=2)
    return figure


def _draw_bars(axes: Axes, heights: Float[np.ndarray, " cell"], label: str) -> None:
    """A bar at each cell, all as one outline: a shape for each took longer to lay out than a circuit to simulate."""
    cells = np.arange(len(heights))
    edges = np.column_stack([cells - _BAR / 2, cells + _BAR / 2]).ravel()
    outline = np.full(len(edges) - 1, np.nan)
    outline[::2] = heights
    axes.stairs(outline, edges, fill=True, color=colours()[0], alpha=0.35, linewidth=0, label=label)


_BAR = 0.7
"""Width of a bar, of the distance between two."""


def transient(time: Float[np.ndarray, " time"], v: Float[np.ndarray, "time cell"]) -> Figure:
    """Readouts [V] of each cell against time [s]."""
    t_unit, t_name = prefix(time)
    v_unit, v_name = prefix(v)
    figure = Figure(figsize=(WIDTH, 3.8))
    axes = figure.add_subplot()
    axes.set(xlabel=f"time ({t_name}s)", ylabel=f"readout ({v_name}V)")
    draw_cells(figure, time / t_unit, [(axes, v / v_unit)])
    return figure


def noisy_transient(time: Float[np.ndarray, " time"], v: Float[np.ndarray, "time cell"]) -> Figure:
    """The same with noise: below, the end of it about its mean, on a scale and so close that the noise is seen."""
    t_unit, t_name = prefix(time)
    v_unit, v_name = prefix(v)
    late = time >= time[0] + _SETTLING * (time[-1] - time[0])
    away = v - v[late].mean(axis=0)
    unit, name = prefix(away[late])
    shown = slice(max(len(time) - _SAMPLES, int(np.argmax(late))), None)
    start = float(time[shown][0])
    short_unit, short_name = prefix(time[shown] - start)
    figure = Figure(figsize=(WIDTH, 5.6))
    above, below = figure.subplots(2, 1)
    above.set(xlabel=f"time ({t_name}s)", ylabel=f"readout ({v_name}V)")
    draw_cells(figure, time / t_unit, [(above, v / v_unit)])
    for cell in range(v.shape[1]):
        colour = colours()[cell % len(colours())]
        below.plot((time[shown] - start) / short_unit, away[shown, cell] / unit, color=colour, linewidth=0.9)
    rms = np.sqrt(np.mean(away[late] ** 2, axis=0)) / unit
    told = f"{rms.min():.3g} to {rms.max():.3g}" if len(rms) > 1 else f"{rms[0]:.3g}"
    below.set(xlabel=f"time after {start / t_unit:.4g} {t_name}s ({short_name}s)", ylabel=f"about its mean ({name}V)")
    below.set_title(f"the end: rms {told} {name}V")
    return figure


_SETTLING = 0.8
"""Of a transient, the part that is left to settling; one that runs until settled has ended by then."""

_SAMPLES = 200
"""So few that each line is seen beside the others."""


def ac_response(frequency: Float[np.ndarray, " f"], response: Complex[np.ndarray, "f cell"]) -> Figure:
    """Magnitude and phase of each cell's response to the whole drive."""
    figure = Figure(figsize=(WIDTH, 4.8))
    magnitude, phase = figure.subplots(2, 1, sharex=True)
    magnitude.set(ylabel="readout (V)", xscale="log", yscale=_scale(np.abs(response)))
    phase.set(xlabel="frequency (Hz)", ylabel="phase (degrees)")
    _mark_few(magnitude)
    draw_cells(figure, frequency, [(magnitude, np.abs(response)), (phase, _phase(response))])
    return figure


def _phase(response: Complex[np.ndarray, "f cell"]) -> Float[np.ndarray, "f cell"]:
    """Degrees without jumps; what begins at -180, by rounding alone, begins at 180 like its neighbours."""
    degrees = np.degrees(np.unwrap(np.angle(response), axis=0))
    return np.asarray(degrees + np.where(degrees[0] < -179, 360.0, 0.0))


def noise_density(frequency: Float[np.ndarray, " f"], psd: Float[np.ndarray, "f cell"]) -> Figure:
    """One-sided noise density of each cell, as its square root."""
    figure = Figure(figsize=(WIDTH, 3.6))
    axes = figure.add_subplot()
    unit, name = prefix(np.sqrt(psd))
    axes.set(xlabel="frequency (Hz)", ylabel=f"noise ({name}V/√Hz, one-sided)", xscale="log", yscale=_scale(psd))
    _mark_few(axes)
    draw_cells(figure, frequency, [(axes, np.sqrt(psd) / unit)])
    return figure


def _mark_few(axes: Axes) -> None:
    """Two marks between powers of ten, at 2 and 5: all eight of them took a third of the picture's time."""
    for axis in (axes.xaxis, axes.yaxis):
        if axis.get_scale() == "log":
            axis.set_minor_locator(LogLocator(subs=(2.0, 5.0)))


def _scale(values: Float[np.ndarray, "f cell"]) -> str:
    """Without a drive, or without noise, there is nothing that a logarithm could show."""
    return "log" if (values > 0).any() else "linear"
