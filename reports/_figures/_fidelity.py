"""How far the models are from SPICE on programs that the calibration never saw."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from .._data import HeldOut
from .._theme import WIDTH, colours


def heldout_errors(programs: Sequence[HeldOut]) -> Figure:
    """Settled readouts: distance of the model from SPICE, nominal and calibrated, against the SPICE value."""
    spice = np.concatenate([p.spice for p in programs])
    figure = Figure(figsize=(WIDTH, 3.4))
    axes = figure.add_subplot()
    models = {"nominal": [p.nominal for p in programs], "calibrated": [p.calibrated for p in programs]}
    for k, (name, values) in enumerate(models.items()):
        error = np.abs(np.concatenate(values) - spice)
        axes.plot(spice, error, "os"[k], markersize=4, alpha=0.75, color=colours()[1 - k], label=name)
    axes.set_yscale("log")
    axes.set(xlabel="SPICE readout (V)", ylabel="|model − SPICE| (V)")
    figure.legend(loc="outside upper right", ncols=2)
    return figure
