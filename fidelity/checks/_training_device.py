"""Training's device against SPICE: the drawn cascade of a case, loaded with the factors of a real batch.

`DeviceSPU` never has a matrix as large as the chip, so it lumps what a small model can keep apart. Its limits follow
from what it leaves out, with omega = 2 pi GBW tau, L the lag of the stages and S the fastest decay [1/tau], again by
magnitudes:

- The pole of each inverted rail, 2/omega, is spread over all inputs of the amplifier that it feeds. There are three
  sets of rails, so that the lag of an entry is off by `d = 6/omega` at most. A lag d turns a decay rate s into
  `s (1 + s d)`, which changes `exp(-s t)` by `s^2 d t exp(-s t)`: at most `4 d/(e^2 t)`, and at most `S^2 d t`.
- Second order in the lags: `s^3 L^2 t exp(-s t)`, at most `27 L^2/(e^3 t^2)`, and at most `S^3 L^2 t`.
- The finite gain A0 of the rails: each is 2/A0 short, in three sets. With |G| the arrays' part of F by the magnitudes
  of their entries, errors e of these are `e |F^-1 |G||` of the solution, and twice that of a density.
- Noise over all frequencies: the lag d multiplies the variance of a mode by `1 + s d`. The readout's own amplifier is
  noisy over all of its band, which comes back through the arrays, `S (1/omega + L)` of that part; and the J array does
  not end at virtual grounds there, so that the load on the output resistance is uncertain by what it is.
- SPICE's own accuracy, as in the other rows.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy
import xarray as xr
from jaxtyping import Float

from ...circuits import Cascade, Instance, Programming, Scaling
from ...circuits.topologies import load as load_arrays
from ..subjects import Asked, Row, Subject, relative
from ..training_devices import Batch, LoadedDevice
from ._waveforms import EXACT

# Points of the waveform [tau]; the state at rest is looked at besides.
TIMES = (0.3, 1.0, 5.0)

# Part of an amplifier's rails or slew rate that the drive may use.
_STRAIN = 0.4

_BITS = 5

# The conductances' range as a part of the largest weight: so small that some entries clip.
_RANGE = 0.7

# Error of Simpson's rule with so many points: with ten a Lorentzian is good to that.
_QUADRATURE = 1e-3


def rows(subject: Subject) -> Iterator[Row]:
    """Means as programmed by the design, with few bits, and clipped; densities and covariance of the noise."""
    topology = subject.instance.topology
    if not isinstance(topology, Cascade) or topology.n < 2:
        return
    batch = Batch.of(topology, subject.seed)
    chips = {name: _programmed(subject.instance, batch, **part) for name, part in _PROGRAMMING.items()}
    # No amplifier is to meet its rails or its slew rate, at the start or at the end.
    strain = max(LoadedDevice(subject, batch, chip).strain for chip in chips.values())
    batch = replace(batch, drive=batch.drive * min(1.0, _STRAIN / strain if strain > 0 else 1.0))
    loaded = replace(subject, program=batch.program, scaling=Scaling(), _found={})
    devices = {name: LoadedDevice(loaded, batch, chip) for name, chip in chips.items()}
    quiet = LoadedDevice(loaded, batch, _without_flicker(chips["as designed"]))
    # The longest first: what is short fills the time that it leaves.
    waveforms = [asked for device in devices.values() for asked in _moving(device)]
    loaded.measure_side_by_side([quiet.noisy, quiet.slowly_noisy, *waveforms])
    for name, device in devices.items():
        yield from _means(device, name)
    yield _clipped(devices["clipped"])
    yield from _noise(quiet)


_PROGRAMMING: Mapping[str, Mapping[str, bool]] = {
    "as designed": {},
    f"{_BITS} bits": {"few": True},
    "clipped": {"few": True, "short": True},
}
_TITLE = "training's device against SPICE"


def _programmed(chip: Instance, batch: Batch, few: bool = False, short: bool = False) -> Instance:
    """The same chip with coarser conductances."""
    before = chip.design.programming
    weights = [np.abs(values).max() for values in chip.topology.weights(batch.program).values()]
    programming = Programming(
        bits=_BITS if few else before.bits,
        full_scale=_RANGE * float(max(weights)) if short else before.full_scale,
        switch_resistance=before.switch_resistance,
    )
    design = chip.design.model_copy(update={"programming": programming})
    return replace(chip, design=design)


def _without_flicker(chip: Instance) -> Instance:
    """The device takes 1/f noise for white noise of the density at the cell's frequency; the rest is comparable."""
    if chip.design.amplifier is None:
        return chip
    white = chip.design.amplifier.model_copy(update={"noise_corner": 0.0})
    return replace(chip, design=chip.design.model_copy(update={"amplifier": white}))


@dataclass(frozen=True, eq=False)
class _Limits:
    """What the rows of a device may be off, relative; derived at the head of this module."""

    device: LoadedDevice

    @cached_property
    def amplified(self) -> float:
        """What a relative error of every entry of the arrays becomes in the solution."""
        return float(np.linalg.norm(np.linalg.solve(self.device.F, self.device.fed_back), 2))

    @property
    def settled(self) -> float:
        """Of the voltages at rest."""
        return EXACT["op"] + 6 / self.device.solver.population.gain * self.amplified

    def mean(self, t: float) -> float:
        """Of the mean at a time [tau]."""
        device = self.device
        lumped = 6 * device.lag * min(4 / (math.e**2 * t), device.fastest**2 * t)
        second = device.stages**2 * min(27 / (math.e**3 * t**2), device.fastest**3 * t)
        return EXACT["tran"] + lumped + second + self.settled

    @property
    def density(self) -> float:
        """Far below the poles, where no lag plays a part."""
        return EXACT["noise"] + 2 * self.settled

    def covariance(self, wide: float) -> float:
        """`wide`: part of the variance that the readouts' own amplifiers make."""
        device = self.device
        modes = 6 * device.lag * device.fastest
        readout = wide * device.fastest * (device.lag + device.stages) + wide * self._load
        return EXACT["noise"] + modes + readout + 2 * self.settled

    @property
    def _load(self) -> float:
        """Of the J array on the cells' outputs, through their output resistance."""
        design = self.device.chip.design
        if design.amplifier is None:
            return 0.0
        factors = self.device.batch.factors
        column = float(factors.J.clamp_min(0.0).sum(0).max()) / math.sqrt(factors.batch)
        return design.amplifier.output_resistance / design.R0 * column


def _moving(device: LoadedDevice) -> list[Asked]:
    """What `_means` looks at."""
    return [*(device.until(t) for t in reversed(TIMES)), device.at_rest]


def _means(device: LoadedDevice, name: str) -> Iterator[Row]:
    subject = device.subject
    limits = _Limits(device)
    settled = device.spice(device.at_rest)
    size = math.nan if settled is None else float(np.linalg.norm(settled["v"].values))
    for t in TIMES:
        data = device.spice(device.until(t))
        error = math.nan if data is None else float(np.linalg.norm(data["v"].values[-1] - device.mean(t))) / size
        yield subject.row("tran", f"{_TITLE}, mean at {t:g} tau, {name}", error, limits.mean(t))
    error = math.nan if settled is None else float(np.linalg.norm(settled["v"].values - device.mean(math.inf))) / size
    yield subject.row("op", f"{_TITLE}, mean at rest, {name}", error, limits.settled)


def _clipped(device: LoadedDevice) -> Row:
    """Both count the entries that the range does not hold."""
    chip = device.chip
    expected = len(load_arrays(chip.design.programming, chip.topology, device.batch.program).clipped)
    counted = device.loaded.chip.clipped
    return device.subject.row("op", f"{_TITLE}, entries that clip, difference", float(abs(counted - expected)), 0.0)


def _noise(device: LoadedDevice) -> Iterator[Row]:
    subject = device.subject
    limits = _Limits(device)
    covariance = device.solver.covariance(device.loaded).numpy()
    yield _density(device)
    data = device.spice(device.noisy)
    wide = device.solver.population.kappa0 * float(device.loaded.chip.noise.wide.sum()) / float(np.trace(covariance))
    if data is not None and "covariance" in data:
        error = relative(covariance - data["covariance"].values, data["covariance"].values)
        yield subject.row("noise", f"{_TITLE}, covariance at rest, Frobenius", error, limits.covariance(wide))
        return
    variances = None if data is None else _integrated(data)
    error = math.nan if variances is None else relative(np.diag(covariance) - variances, variances)
    limit = limits.covariance(wide) + _QUADRATURE
    yield subject.row("noise", f"{_TITLE}, variances at rest", error, limit)


def _density(device: LoadedDevice) -> Row:
    """What the loaded arrays make of each source."""
    data = device.spice(device.slowly_noisy)
    limit = _Limits(device).density
    if data is None:
        return device.subject.row("noise", f"{_TITLE}, density far below the poles", math.nan, limit)
    measured = data["psd"].values[0]
    # One-sided densities in V^2/Hz; the device's own are two-sided in units of its time constant.
    expected = 2 * device.chip.design.tau * device.solver.density(device.loaded).numpy()
    error = float(np.abs(expected / measured - 1).max())
    return device.subject.row("noise", f"{_TITLE}, density far below the poles", error, limit)


def _integrated(data: xr.Dataset) -> Float[np.ndarray, " n"]:
    """Variances from densities: the lowest one also stands for what is below."""
    f = data["frequency"].values
    psd = data["psd"].values
    above = scipy.integrate.simpson(psd * f[:, None], x=np.log(f), axis=0)
    return np.asarray(f[0] * psd[0] + above)
