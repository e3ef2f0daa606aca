"""A device on the bench: systems are put to it, and what they cost is written down."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from ....circuits import ProgramError
from ..._exceptions import ProblemError
from ...linear_algebra import LinearDevice, ModelDevice
from ..bounds import least_energy
from ._load_matrix import load_matrix
from ._loaded_matrix import LoadedMatrix
from ._rehearsal import Rehearsal

BITS = 16
LINK = 50e9
"""A link of 50 Gb/s carries 16 bits for each conductance: Donatella et al., "Thermodynamic natural gradient descent"
(2024), appendix on timing."""

WINDOW = 10.0
"""Of a readout, in slowest time constants: noise that is white is then averaged over it."""

_LIFTS = (0.0, 1e-2, 1e-1, 1.0)
"""Added to the unit diagonal when a chip is unstable with the matrix as it is."""


@dataclass
class Bill:
    """What was spent: matrices loaded, drives, analog time [s], energy of it [J], time to load [s]."""

    loads: int = 0
    drives: int = 0
    analog_s: float = 0.0
    energy_J: float = 0.0
    loading_s: float = 0.0
    least_J: float = 0.0
    """No process moves the cells from rest to their answers in that time with less heat; see `least_energy`."""
    lifted: int = 0
    """Matrices that the chip held only with a larger diagonal."""


@dataclass(eq=False)
class Bench:
    """Solves symmetric positive definite systems on a device, roughly, and keeps the bill.

    A matrix is scaled symmetrically to a unit diagonal before it is loaded, which takes the range out of the
    conductances and is free work for the digital side. Cells of a chip beyond the matrix hold a one and no drive.

    Args:
        device: what it runs on.
        rng: source of the noise.
        window: of each readout, in slowest time constants.
        kappa: strength of injected noise [V^2].
    """

    device: LinearDevice | Rehearsal
    rng: np.random.Generator
    window: float = WINDOW
    kappa: float = 0.0
    bill: Bill = field(default_factory=Bill)
    _last: LoadedMatrix | None = field(default=None, repr=False)

    def load(self, H: Float[np.ndarray, "n n"]) -> "LoadedSystem":
        """The device with a matrix.

        Raises:
            ProgramError: the device cannot hold it, however the diagonal is raised.
            ProblemError: the chip has fewer cells.
        """
        d = 1 / np.sqrt(np.diag(H))
        M = self._filled(np.outer(d, d) * H)
        for lift in _LIFTS:
            try:
                held = load_matrix(self.device, M + lift * np.eye(len(M)), self.window, self.kappa, self._last)
                break
            except ProgramError:
                if lift == _LIFTS[-1]:
                    raise
        self._last = held
        self.bill.loads += 1
        self.bill.lifted += lift > 0
        self.bill.loading_s += BITS * M.size / LINK
        return LoadedSystem(held, d, self)

    @property
    def cells(self) -> int | None:
        """Of the chip; None is as many as there are rows."""
        return cells_of(self.device)

    def _filled(self, M: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "cells cells"]:
        cells = self.cells
        if cells is None or cells == len(M):
            return M
        if cells < len(M):
            raise ProblemError(f"size: expected a device of at least {len(M)} cells, got {cells}")
        full = np.eye(cells)
        full[: len(M), : len(M)] = M
        return full


def cells_of(device: LinearDevice | Rehearsal) -> int | None:
    """How many cells a device has; None where it has as many as are needed."""
    instance = device.model.instance if isinstance(device, ModelDevice) else getattr(device, "instance", None)
    return None if instance is None else int(instance.topology.n)


@dataclass(frozen=True, eq=False)
class LoadedSystem:
    """A matrix H on the device as `D H D`, D its diagonal to the power -1/2."""

    held: LoadedMatrix
    d: Float[np.ndarray, " n"]
    bench: Bench

    def solve(self, r: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """The device's answer for `H^-1 r`."""
        scaled = self.d * r
        size = float(np.abs(scaled).max(initial=0.0))
        if size == 0:
            return np.zeros_like(r)
        # The largest entry is one, whatever the units of r: the device is linear, its range is not.
        cells = self.bench.cells or len(r)
        reading = self.held.answer(np.pad(scaled / size, (0, cells - len(r))), self.bench.rng)
        bill = self.bench.bill
        bill.drives += reading.drives
        bill.analog_s += reading.drives * self.held.seconds
        bill.energy_J += reading.drives * self.held.seconds * reading.power
        # The tries that filled the range are no part of what had to be moved.
        bill.least_J += least_energy(reading.square, reading.C, self.held.tau, self.held.seconds)
        return np.asarray(self.d * reading.x[: len(r)] * size)
