"""Figures of the physics page, computed by the package."""

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

matplotlib.use("Agg")
# The same file each time: an SVG has a date and random names otherwise.
matplotlib.rcParams["svg.hashsalt"] = "thermospice"


def draw(folder: Path) -> None:
    _equipartition(folder / "equipartition.svg")


def _equipartition(path: Path) -> None:
    """kT/C whatever the coupling, against kappa0 A^-1."""
    from thermospice.behavioral import OrnsteinUhlenbeck

    couplings = np.linspace(0.0, 5.0, 41)
    thermal, injected = [], []
    for g in couplings:
        G = np.array([[1 + g, -g], [-g, 1 + g]])
        for S, found in ((2 * G, thermal), (2 * np.eye(2), injected)):
            law = OrnsteinUhlenbeck(drift=G, mean=np.zeros(2), diffusion=S)
            found.append(law.stationary_covariance()[0, 0])
    assert np.allclose(thermal, 1.0)
    assert np.allclose(injected, (1 + couplings) / (1 + 2 * couplings))
    figure = Figure(figsize=(6, 3), layout="constrained")
    axes = figure.subplots()
    axes.plot(couplings, thermal, color="#0072B2", label="thermal noise of the resistors: kT/C")
    axes.plot(couplings, injected, color="#D55E00", label="injected white noise: $\\kappa_0 (A^{-1})_{11}$")
    axes.set(xlabel="coupling conductance (1/R0)", ylabel="variance of a cell (relative)", ylim=(0, 1.15))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
    figure.savefig(path, metadata={"Date": None})
