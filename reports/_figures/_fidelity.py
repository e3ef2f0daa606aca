"""How far the models are from SPICE on programs that the calibration never saw."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from .._data import HeldOut
from .._theme import WIDTH, colours, ink


def heldout_errors(programs: Sequence[HeldOut]) -> Figure:
    """Settled readouts: model error against the SPICE value, nominal and calibrated (symmetric logarithmic scale)."""
    spice = np.concatenate([p.spice for p in programs])
    figure = Figure(figsize=(WIDTH, 3.4))
    axes = figure.add_subplot()
    errors = {
        "nominal": np.concatenate([p.nominal for p in programs]) - spice,
        "calibrated": np.concatenate([p.calibrated for p in programs]) - spice,
    }
    for k, (name, error) in enumerate(errors.items()):
        marker = "os"[k]
        axes.plot(spice, error / 1e-3, marker, markersize=4, alpha=0.75, color=colours()[1 - k], label=name)
    smallest = np.abs(errors["calibrated"][errors["calibrated"] != 0]).min(initial=1e-3) / 1e-3
    axes.set_yscale("symlog", linthresh=max(smallest, 1e-6))
    axes.axhline(0, color=ink(), linewidth=0.8)
    axes.set(xlabel="SPICE readout (V)", ylabel="model minus SPICE (mV)")
    figure.legend(loc="outside upper right", ncols=2)
    return figure
