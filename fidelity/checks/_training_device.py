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
from typing import TYPE_CHECKING

import numpy as np
import scipy
import xarray as xr
from jaxtyping import Float

from ...behavioral import DeviceModel
from ...circuits import Cascade, Instance, Program, Programming, Scaling
from ...circuits.topologies import load as load_arrays
from ..subjects import Asked, Row, Subject, relative
from ._waveforms import EXACT

if TYPE_CHECKING:
    from torch import Tensor

    from ...training import DeviceSPU
    from ...training.devices import CascadeFlow
    from ...training.programs import Factors


# Points of the waveform [tau]; the state at rest is looked at besides.
TIMES = (0.3, 1.0, 5.0)

DAMPING = 0.1

# Largest voltage of a settled cell [V].
_SWING = 1.0

# Part of an amplifier's rails or slew rate that the drive may use.
_STRAIN = 0.4

_BITS = 5

# The conductances' range as a part of the largest weight: so small that some entries clip.
_RANGE = 0.7

# Outputs of the network: the most of these that leave two samples at least.
_OUTPUTS = (4, 2, 1)

# Cells up to which SPICE takes seconds for all covariances; of more the variances are compared.
_ALL_PAIRS = 16

_STREAM = 24
_POINTS_PER_DECADE = 20

# Error of Simpson's rule with so many points: with ten a Lorentzian is good to that.
_QUADRATURE = 1e-3


def rows(subject: Subject) -> Iterator[Row]:
    """Means as programmed by the design, with few bits, and clipped; densities and covariance of the noise."""
    topology = subject.instance.topology
    if not isinstance(topology, Cascade) or topology.n < 2:
        return
    batch = _Batch.of(topology, subject.seed)
    chips = {name: _programmed(subject.instance, batch, **part) for name, part in _PROGRAMMING.items()}
    # No amplifier is to meet its rails or its slew rate, at the start or at the end.
    strain = max(_Device(subject, batch, chip).strain for chip in chips.values())
    batch = replace(batch, drive=batch.drive * min(1.0, _STRAIN / strain if strain > 0 else 1.0))
    loaded = replace(subject, program=batch.program, scaling=Scaling(), _found={})
    devices = {name: _Device(loaded, batch, chip) for name, chip in chips.items()}
    quiet = _Device(loaded, batch, _without_flicker(chips["as designed"]))
    # The longest first: what is short fills the time that it leaves.
    waveforms = [asked for device in devices.values() for asked in device.moving]
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


@dataclass(frozen=True, eq=False)
class _Batch:
    """A Gauss-Newton system of a small network on handwritten digits, and its gradient as the drive [V]."""

    factors: "Factors"
    drive: Float[np.ndarray, " n"]

    @classmethod
    def of(cls, topology: Cascade, seed: int) -> "_Batch":
        import torch
        from torch import nn

        from ...training.curvature import curvature

        n = topology.n
        r = topology.r
        k = next(k for k in _OUTPUTS if r % k == 0 and n % k == 0 and r // k >= min(2, r))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            module = nn.Linear(n // k - 1, k, dtype=torch.float64)
        x, y = _digits(n // k - 1, r // k, k, seed)
        loss = nn.MSELoss() if k == 1 else nn.CrossEntropyLoss()
        made = curvature(module, loss, x, y[:, None].double() if k == 1 else y, DAMPING)
        gradient = made.gradient.numpy()
        solution = np.linalg.solve(made.factors.dense().numpy(), gradient)
        return cls(made.factors, gradient * (_SWING / np.abs(solution).max()))

    @cached_property
    def program(self) -> Program:
        """As the arrays hold it: J has its share of the batch's mean."""
        import torch

        share = 1 / math.sqrt(self.factors.batch)
        H = self.factors.H
        assert H is not None
        blocks = torch.block_diag(*H).numpy() / share**2
        return Program.from_factors(share * self.factors.J.numpy(), blocks, self.factors.damping, self.drive)


def _digits(features: int, samples: int, classes: int, seed: int) -> "tuple[Tensor, Tensor]":
    """Pixels that vary most, of some images."""
    import torch

    from ...training import load_task

    data = load_task("digits").train
    pixels = data.inputs.flatten(1).double()
    most = pixels.std(0).argsort(descending=True)[:features]
    chosen = np.random.default_rng([seed, _STREAM]).choice(len(data), samples, replace=False)
    return pixels[chosen][:, most], torch.as_tensor(data.targets)[chosen] % classes


def _programmed(chip: Instance, batch: _Batch, few: bool = False, short: bool = False) -> Instance:
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
class _Device:
    """`DeviceSPU` as one drawn chip with a batch loaded, and what its limits follow from.

    `subject`: with the same batch loaded.
    """

    subject: Subject
    batch: _Batch
    chip: Instance

    @cached_property
    def solver(self) -> "DeviceSPU":
        from ...training import DeviceEffects, DeviceSPU

        effects = DeviceEffects(drive_bits=False, readout_bits=False)
        return DeviceSPU(DeviceModel.nominal(self.chip, self.subject.level), effects=effects, chip="measured")

    @cached_property
    def loaded(self) -> "CascadeFlow":
        from ...training.devices import CascadeFlow

        loaded = self.solver.init(self.batch.factors)
        assert isinstance(loaded, CascadeFlow)
        return loaded

    def mean(self, t: float) -> Float[np.ndarray, " n"]:
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
        return Asked("op", self.chip)

    @property
    def moving(self) -> list[Asked]:
        """All that `_means` looks at."""
        return [*(self.until(t) for t in reversed(TIMES)), self.at_rest]

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
        """Of an amplifier [tau]."""
        population = self.solver.population
        return 1 / (2 * math.pi * population.gain_bandwidth * population.tau)

    @property
    def stages(self) -> float:
        """Lag of the stages [tau]."""
        return 0.0 if self.loaded.chip.lagged is None else self.loaded.chip.lagged.lag

    @cached_property
    def amplified(self) -> float:
        """What a relative error of every entry of the arrays becomes in the solution."""
        return float(np.linalg.norm(np.linalg.solve(self.F, self.fed_back), 2))

    @property
    def settled_limit(self) -> float:
        return EXACT["op"] + 6 / self.solver.population.gain * self.amplified

    def mean_limit(self, t: float) -> float:
        lumped = 6 * self.lag * min(4 / (math.e**2 * t), self.fastest**2 * t)
        second = self.stages**2 * min(27 / (math.e**3 * t**2), self.fastest**3 * t)
        return EXACT["tran"] + lumped + second + self.settled_limit

    def covariance_limit(self, wide: float) -> float:
        """`wide`: part of the variance that the readouts' own amplifiers make."""
        noise = 6 * self.lag * self.fastest + wide * self.fastest * (self.lag + self.stages)
        return EXACT["noise"] + noise + wide * self._load + 2 * self.settled_limit

    @property
    def _load(self) -> float:
        """Of the J array on the cells' outputs, through their output resistance."""
        amplifier = self.chip.design.amplifier
        share = 1 / math.sqrt(self.batch.factors.batch)
        if amplifier is None:
            return 0.0
        column = share * float(self.batch.factors.J.clamp_min(0.0).sum(0).max())
        return amplifier.output_resistance / self.chip.design.R0 * column


def _means(device: _Device, name: str) -> Iterator[Row]:
    subject = device.subject
    settled = device.spice(device.at_rest)
    size = math.nan if settled is None else float(np.linalg.norm(settled["v"].values))
    for t in TIMES:
        data = device.spice(device.until(t))
        error = math.nan if data is None else float(np.linalg.norm(data["v"].values[-1] - device.mean(t))) / size
        yield subject.row("tran", f"{_TITLE}, mean at {t:g} tau, {name}", error, device.mean_limit(t))
    error = math.nan if settled is None else float(np.linalg.norm(settled["v"].values - device.mean(math.inf))) / size
    yield subject.row("op", f"{_TITLE}, mean at rest, {name}", error, device.settled_limit)


def _clipped(device: _Device) -> Row:
    """Both count the entries that the range does not hold."""
    chip = device.chip
    expected = len(load_arrays(chip.design.programming, chip.topology, device.batch.program).clipped)
    counted = device.loaded.chip.clipped
    return device.subject.row("op", f"{_TITLE}, entries that clip, difference", float(abs(counted - expected)), 0.0)


def _noise(device: _Device) -> Iterator[Row]:
    subject = device.subject
    covariance = device.solver.covariance(device.loaded).numpy()
    yield _density(device)
    data = device.spice(device.noisy)
    wide = device.solver.population.kappa0 * float(device.loaded.chip.noise.wide.sum()) / float(np.trace(covariance))
    if data is not None and "covariance" in data:
        error = relative(covariance - data["covariance"].values, data["covariance"].values)
        yield subject.row("noise", f"{_TITLE}, covariance at rest, Frobenius", error, device.covariance_limit(wide))
        return
    variances = None if data is None else _integrated(data)
    error = math.nan if variances is None else relative(np.diag(covariance) - variances, variances)
    limit = device.covariance_limit(wide) + _QUADRATURE
    yield subject.row("noise", f"{_TITLE}, variances at rest", error, limit)


def _density(device: _Device) -> Row:
    """What the loaded arrays make of each source."""
    data = device.spice(device.slowly_noisy)
    limit = EXACT["noise"] + 2 * device.settled_limit
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
