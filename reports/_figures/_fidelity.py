"""How far the models are from SPICE on programs that the calibration never saw."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from .._data import MODELS, HeldOut
from .._theme import WIDTH, colours


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
