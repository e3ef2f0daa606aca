"""Effective noise of a device with 1/f noise: what the cell's own frequency sees, not what grows below it."""

import numpy as np
import pytest
from thermospice.behavioral import DeviceModel, Population
from thermospice.circuits import Crossbar, Design

BOARD = Design.preset("board-1k-1n")


def kappa0(**changes: float) -> float:
    assert BOARD.amplifier is not None
    design = BOARD.model_copy(update={"amplifier": BOARD.amplifier.model_copy(update=changes)})
    return Population.estimate([DeviceModel.nominal(design.nominal(Crossbar(n=2)))]).kappa0


def test_flicker_noise_counts_as_its_density_at_the_cell_s_frequency() -> None:
    assert BOARD.amplifier is not None
    white, none = kappa0(noise_voltage=1e-6), kappa0(noise_voltage=0.0)
    corner = 3e5
    expected = none + (white - none) * (1 + corner * 2 * np.pi * BOARD.tau)
    assert kappa0(noise_voltage=1e-6, noise_corner=corner) == pytest.approx(expected, rel=1e-9)
    # However low the 1/f noise reaches.
    assert kappa0(noise_voltage=1e-6, noise_corner=corner, noise_lowest=1e-3) == pytest.approx(expected, rel=1e-9)
