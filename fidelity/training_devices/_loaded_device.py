"""Training's device as one chip with a batch loaded, beside the same chip in ngspice."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from jaxtyping import Float

from ...behavioral import DeviceModel
from ...circuits import Instance
from ..subjects import Asked, Subject
from ._batch import Batch

if TYPE_CHECKING:
    from ...training import DeviceSPU
    from ...training.devices import CascadeFlow

# Cells up to which SPICE takes seconds for all covariances; of more the variances are compared.
_ALL_PAIRS = 16

_POINTS_PER_DECADE = 20


@dataclass(frozen=True, eq=False)
class LoadedDevice:
    """`DeviceSPU` as one drawn chip with a batch loaded, beside the same chip in ngspice.

    Attributes:
        subject: with the same batch loaded.
        batch: what the arrays hold, and the drive.
        chip: the drawn cascade, programmed as this device is.
    """

    subject: Subject
    batch: Batch
    chip: Instance

    @cached_property
    def solver(self) -> "DeviceSPU":
        """It has the chip's own parts, without converters: those are compared elsewhere."""
        from ...training import DeviceEffects, DeviceSPU

        effects = DeviceEffects(drive_bits=False, readout_bits=False)
        return DeviceSPU(DeviceModel.nominal(self.chip, self.subject.level), effects=effects, chip="measured")

    @cached_property
    def loaded(self) -> "CascadeFlow":
        """The device with the factors of the batch in its arrays."""
        from ...training.devices import CascadeFlow

        loaded = self.solver.init(self.batch.factors)
        assert isinstance(loaded, CascadeFlow)
        return loaded

    def mean(self, t: float) -> Float[np.ndarray, " n"]:
        """Mean voltages [V] at a time [tau]; at rest for infinity."""
        import torch

        return np.asarray(self.loaded.mean(torch.from_numpy(self.batch.drive), None, t * self.loaded.rate).numpy())

    @property
    def strain(self) -> float:
        """The largest part of its rails or slew rate that an amplifier needs."""
        import torch

        drive = torch.from_numpy(self.batch.drive)
        settled = self.loaded.mean(drive, None, math.inf)
        return max(self.loaded.strain(torch.zeros_like(settled), drive), self.loaded.strain(settled))

    def spice(self, asked: Asked) -> xr.Dataset | None:
        """The same chip and program in ngspice."""
        return self.subject.measure(asked.analysis, self.chip, **asked.options)

    def until(self, t: float) -> Asked:
        """A waveform whose last sample is at its end [tau]: nothing is interpolated."""
        return Asked("tran", self.chip, {"duration": t * self.chip.design.tau})

    @property
    def at_rest(self) -> Asked:
        """The settled voltages."""
        return Asked("op", self.chip)

    @cached_property
    def slowest(self) -> float:
        """The lowest corner of the loop [Hz]."""
        return float(np.abs(np.linalg.eigvals(self.F)).min()) / (2 * math.pi * self.chip.design.tau)

    @property
    def slowly_noisy(self) -> Asked:
        """Noise far below every pole, where no lag plays a part."""
        low = 1e-3 * self.slowest
        return Asked("noise", self.chip, {"frequencies": (low, 10 * low), "points_per_decade": 1})

    @property
    def noisy(self) -> Asked:
        """Noise over all frequencies, with all covariances of a small chip."""
        if self.chip.topology.n <= _ALL_PAIRS:
            return Asked("noise", self.chip)
        amplifier = self.chip.design.amplifier
        fastest = self.fastest / (2 * math.pi * self.chip.design.tau)
        top = 1e3 * (fastest if amplifier is None else amplifier.gain_bandwidth)
        band = {"frequencies": (1e-3 * self.slowest, top), "points_per_decade": _POINTS_PER_DECADE}
        return Asked("noise", self.chip, band)

    @cached_property
    def F(self) -> Float[np.ndarray, "n n"]:
        """The loop without lags."""
        import torch

        loop = self.loaded.chip.loop
        return torch.stack([loop.matvec(e) for e in torch.eye(len(loop.D)).to(loop.D)], 1).numpy()

    @cached_property
    def fed_back(self) -> Float[np.ndarray, "n n"]:
        """The arrays' part of F by the magnitudes of their entries: errors do not cancel where the entries do."""
        import torch

        loop = self.loaded.chip.loop
        assert loop.H is not None
        H = torch.block_diag(*loop.H).abs()
        return np.asarray((loop.J_out.abs().T @ H @ loop.J_in.abs() / loop.D.unsqueeze(1)).numpy())

    @cached_property
    def fastest(self) -> float:
        """Decay of the loop [1/tau], with nothing cancelled."""
        return float(np.linalg.norm(np.diag(self.loaded.chip.loop.rates.numpy()) + self.fed_back, 2))

    @property
    def lag(self) -> float:
        """Lag of an amplifier [tau]."""
        population = self.solver.population
        return 1 / (2 * math.pi * population.gain_bandwidth * population.tau)

    @property
    def stages(self) -> float:
        """Lag of the stages [tau]."""
        return 0.0 if self.loaded.chip.lagged is None else self.loaded.chip.lagged.lag
