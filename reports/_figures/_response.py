"""Plots of one measurement: operating point, AC response, noise density."""

import numpy as np
from jaxtyping import Complex, Float
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .._theme import WIDTH, colours, ink
from ._units import prefix


def operating_point(settled: Float[np.ndarray, " cell"], exact: Float[np.ndarray, " cell"]) -> Figure:
    """Settled readouts [V] beside the exact solution."""
    unit, name = prefix(exact)
    figure = Figure(figsize=(WIDTH, 3.2))
    axes = figure.add_subplot()
    cells = np.arange(len(settled))
    axes.bar(cells, exact / unit, width=0.7, color=colours()[0], alpha=0.35, label="exact $A^{-1}b$")
    axes.plot(cells, settled / unit, "o", color=ink(), markersize=4, label="SPICE")
    axes.axhline(0, color=ink(), linewidth=0.8)
    axes.set(xlabel="cell", ylabel=f"settled value ({name}V)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(loc="outside upper right", ncols=2)
    return figure


def ac_response(frequency: Float[np.ndarray, " f"], response: Complex[np.ndarray, "f cell"]) -> Figure:
    """Magnitude and phase of each cell's response to the whole drive."""
    figure = Figure(figsize=(WIDTH, 4.4))
    magnitude, phase = figure.subplots(2, 1, sharex=True)
    for cell in range(response.shape[1]):
        magnitude.loglog(frequency, np.abs(response[:, cell]), linewidth=1.2, color=colours()[cell % 8])
        angle = np.unwrap(np.angle(response[:, cell]))
        phase.semilogx(frequency, np.degrees(angle), linewidth=1.2, color=colours()[cell % 8])
    magnitude.set(ylabel="readout (V)")
    phase.set(xlabel="frequency (Hz)", ylabel="phase (degrees)")
    return figure


def noise_density(frequency: Float[np.ndarray, " f"], psd: Float[np.ndarray, "f cell"]) -> Figure:
    """One-sided noise density of each cell, as its square root."""
    figure = Figure(figsize=(WIDTH, 3.2))
    axes = figure.add_subplot()
    unit, name = prefix(np.sqrt(psd))
    for cell in range(psd.shape[1]):
        axes.loglog(frequency, np.sqrt(psd[:, cell]) / unit, linewidth=1.2, color=colours()[cell % 8])
    axes.set(xlabel="frequency (Hz)", ylabel=f"noise ({name}V/√Hz, one-sided)")
    return figure
