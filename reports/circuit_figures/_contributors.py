"""Which elements an output's noise comes from."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from ..figures import WIDTH, colours, prefix

_MOST = 7
"""Elements that have a colour; what all others bring is one more line."""


def contributors(
    label: str,
    names: Sequence[str],
    frequency: Float[np.ndarray, " points"],
    parts: Float[np.ndarray, "points k"],
    total: Float[np.ndarray, " points"],
) -> Figure:
    """Densities of one output by element, as their square roots; wide: the simulator's total."""
    unit, name = prefix(np.sqrt(total))
    figure = Figure(figsize=(WIDTH, 4.0))
    axes = figure.add_subplot()
    axes.plot(frequency, np.sqrt(total) / unit, color="0.5", linewidth=4.0, alpha=0.5, label="SPICE, all")
    loudest = np.argsort(parts.max(axis=0, initial=0.0))[::-1]
    for k, source in enumerate(loudest[:_MOST]):
        axes.plot(frequency, np.sqrt(parts[:, source]) / unit, color=colours()[k], linewidth=1.2, label=names[source])
    if len(loudest) > _MOST:
        rest = parts[:, loudest[_MOST:]].sum(axis=1)
        text = f"{len(loudest) - _MOST} others"
        axes.plot(frequency, np.sqrt(rest) / unit, ":", color=colours()[_MOST], linewidth=1.2, label=text)
    highest = float(np.sqrt(total.max(initial=0.0)) / unit)
    if highest > 0:
        axes.set(yscale="log", ylim=(highest * 1e-4, highest * 2))
    axes.set(xlabel="frequency (Hz)", ylabel=f"noise of {label} ({name}V/√Hz)", xscale="log")
    figure.legend(loc="outside upper center", ncols=4)
    return figure
