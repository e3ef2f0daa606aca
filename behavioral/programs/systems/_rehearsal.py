"""A program rehearsed on paper: a few numbers stand for the device, so that its outcome can be foreseen."""

from dataclasses import dataclass, field
from math import log, sqrt

import numpy as np
from jaxtyping import Float

from ....circuits import Design, Instance, Program
from ....circuits.loaded_chips import SETTLED
from ....circuits.networks import BOLTZMANN
from ...devices import DeviceModel
from ...linear_algebra import LinearDevice, ModelDevice
from ._load_matrix import load_matrix
from ._loaded_matrix import LoadedMatrix, Reading

_FILLED = 0.3
"""Part of the range that a readout fills on average when it is ranged by powers of two."""

_MECHANISMS = ("offset", "capacitance")
"""Deviations that move no entry of the matrix: the first moves the answer, the second the time."""


@dataclass(frozen=True, slots=True)
class Precision:
    """What is known of a device before a program runs.

    Attributes:
        conductance: standard deviation of an entry, relative.
        step: of the grid of conductances, where an entry of one is one; zero without a grid.
        readout: standard deviation of a readout by noise and by the converter, of the largest one.
        offset: of a cell, over the largest readout.
        kappa: strength of injected noise, at drives of one volt [V^2].
    """

    conductance: float = 0.0
    step: float = 0.0
    readout: float = 0.0
    offset: float = 0.0
    kappa: float = 0.0

    @property
    def exact(self) -> bool:
        return not any((self.conductance, self.step, self.readout, self.offset, self.kappa))


def precision_of(device: LinearDevice, window: float, kappa: float = 0.0) -> Precision:
    """From tolerances or standard errors, bits and noise; all zero for a device that has no chip."""
    instance = device.model.instance if isinstance(device, ModelDevice) else getattr(device, "instance", None)
    if not isinstance(instance, Instance):
        return Precision(kappa=kappa)
    design = instance.design
    volts = _FILLED * design.converters.full_scale
    converters = isinstance(device, ModelDevice) and device.converters
    adc = _step(design) / sqrt(12) if converters else 0.0
    heat = sqrt(2 * BOLTZMANN * design.temperature / design.C / window)
    bits = design.programming.bits
    errors = dict(instance.errors)
    known = device.model if isinstance(device, ModelDevice) else None
    return Precision(
        conductance=_rms([name for name in errors if not any(part in name for part in _MECHANISMS)], errors, known),
        step=0.0 if bits is None else (design.programming.full_scale or 1.0) / (2**bits - 1),
        readout=sqrt(adc**2 + heat**2) / volts,
        offset=_rms([name for name in errors if "offset" in name], errors, known) / volts,
        kappa=kappa,
    )


def _step(design: Design) -> float:
    """Of the converter that reads [V]; none without a grid."""
    bits = design.converters.adc_bits
    return 0.0 if bits is None else 2 * design.converters.full_scale / 2**bits


def _rms(names: list[str], errors: dict[str, Float[np.ndarray, "..."]], model: DeviceModel | None) -> float:
    """What the deviations are and how well they are known, together."""
    squares = [errors[name] ** 2 for name in names]
    if model is not None:
        squares += [model.standard_errors[name] ** 2 for name in names]
    total = sum(float(part.sum()) for part in squares)
    count = sum(errors[name].size for name in names)
    return sqrt(total / count) if count else 0.0


@dataclass(eq=False)
class Rehearsal:
    """A device of which the precision alone is known: one chip, drawn when it is first loaded."""

    precision: Precision
    rng: np.random.Generator
    tau: float = 1e-6
    _drawn: Float[np.ndarray, "n n_and_one"] | None = field(default=None, repr=False)

    def chip(self, n: int) -> tuple[Float[np.ndarray, "n n"], Float[np.ndarray, " n"]]:
        """Relative deviations of the entries, and offsets over the largest readout: the same at every loading."""
        if self._drawn is None or len(self._drawn) < n:
            self._drawn = self.rng.standard_normal((n, n + 1))
        return self.precision.conductance * self._drawn[:n, :n], self.precision.offset * self._drawn[:n, -1]


@load_matrix.register
def _(
    device: Rehearsal, A: Float[np.ndarray, "n n"], window: float, kappa: float = 0.0, like: LoadedMatrix | None = None
) -> LoadedMatrix:
    step = device.precision.step
    full = max(1.0, float(np.abs(A).max()))
    rounded = np.round(A / (step * full)) * step * full if step > 0 else A
    entries, offsets = device.chip(len(A))
    held = Program(rounded * (1 + entries), np.zeros(len(A)))
    # An amplifier's offset is multiplied by what its summing node carries.
    of_cells = offsets * (1 + np.abs(A).sum(axis=1))
    a, V = np.linalg.eigh(A)
    slow = float(a[0])
    seconds = (window - log(SETTLED)) * device.tau / max(slow, np.finfo(float).tiny)
    # As `IdealDevice` has it: the average of each mode over the window.
    spread = np.sqrt(2 * device.precision.kappa * max(slow, 0.0) / window) * V / np.maximum(a, np.finfo(float).tiny)
    return _Rehearsed(device.precision.readout, spread, held, of_cells, seconds, device.tau)


@dataclass(frozen=True, eq=False)
class _Rehearsed:
    readout: float
    spread: Float[np.ndarray, "n n"]
    held: Program
    offsets: Float[np.ndarray, " n"]
    seconds: float
    tau: float

    def answer(self, b: Float[np.ndarray, " n"], rng: np.random.Generator) -> Reading:
        x = np.linalg.solve(self.held.A, b)
        size = float(np.abs(x).max())
        x = x + np.linalg.solve(self.held.A, self.offsets * size)
        noise = self.readout * size * rng.standard_normal(len(b)) + self.spread @ rng.standard_normal(len(b))
        return Reading(x + noise, 1, 0.0)
