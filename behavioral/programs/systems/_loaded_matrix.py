"""One matrix on a device, many drives: what each readout says and how long it takes."""

from dataclasses import dataclass, replace
from functools import cached_property, singledispatch
from math import floor, log, log2
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from ....circuits import Level, Program, ProgramError, Scaling, choose_scaling
from ....circuits.chips import converter
from ....circuits.loaded_chips import SETTLED, chip_power, program_rates, with_cell_noise
from ..._exceptions import ClippedError, LinearAlgebraError
from ...devices import DeviceModel, Prepared, Response
from ...linear_algebra import IdealDevice, LinearDevice, LoadedDevice, ModelDevice


@dataclass(frozen=True, eq=False)
class Reading:
    """One answer of a device.

    Attributes:
        x: what it reads.
        drives: how many it took to fill the range.
        power: meanwhile [W].
        square: of the voltages that the cells came to from rest [V^2], and `C` their capacitance [F]; zero where they
            are not known.
    """

    x: Float[np.ndarray, " n"]
    drives: int
    power: float
    square: float = 0.0
    C: float = 0.0


@runtime_checkable
class LoadedMatrix(Protocol):
    """A device that holds a symmetric positive definite A and answers one drive after the other."""

    @property
    def seconds(self) -> float:
        """Of one drive: the device settles until 1e-6 is left, and is averaged over the window [s]."""
        ...

    @property
    def tau(self) -> float:
        """Time constant of a cell as it is loaded [s]."""
        ...

    def answer(self, b: Float[np.ndarray, " n"], rng: np.random.Generator) -> "Reading":
        """What the device reads for `A^-1 b`, and what that took.

        Args:
            b: of which the largest entry is one: the digital side chooses the volts.
            rng: source of the noise.
        """
        ...


@singledispatch
def load_matrix(
    device: object, A: Float[np.ndarray, "n n"], window: float, kappa: float = 0.0, like: LoadedMatrix | None = None
) -> LoadedMatrix:
    """A device with a symmetric positive definite matrix, readouts averaged over `window` slowest time constants.

    Args:
        device: anything that linear algebra runs on.
        A: of one cell for each row.
        window: of each readout, in slowest time constants.
        kappa: strength of noise that is injected [V^2], at drives of about one volt.
        like: what the same device held before; it is loaded with the same scale where that is safe.

    Raises:
        ProgramError: the device cannot hold A, or is unstable with it.
    """
    if not isinstance(device, LinearDevice):
        raise LinearAlgebraError(f"device: expected something that a program can be loaded into, got {device!r:.80}")
    return _AnyDevice(device, A, window, kappa)


@load_matrix.register
def _(
    device: IdealDevice,
    A: Float[np.ndarray, "n n"],
    window: float,
    kappa: float = 0.0,
    like: LoadedMatrix | None = None,
) -> LoadedMatrix:
    return _Ideal(device, Program(A, np.zeros(len(A))), window, kappa)


@load_matrix.register
def _(
    device: ModelDevice,
    A: Float[np.ndarray, "n n"],
    window: float,
    kappa: float = 0.0,
    like: LoadedMatrix | None = None,
) -> LoadedMatrix:
    amplifier = device.model.instance.design.amplifier
    if amplifier is not None and amplifier.noise_corner > 0 and device.model.level != "ideal":
        # 1/f noise has no density at zero frequency: its average is taken from paths.
        return _AnyDevice(device, A, window, kappa)
    return _Model.of(device, A, window, kappa, like if isinstance(like, _Model) else None)


@dataclass(frozen=True, eq=False)
class _Ideal:
    """The closed form of the average of `dx = -(A x - b) dt/tau + N(0, 2 kappa dt/tau)` for a symmetric A."""

    device: IdealDevice
    program: Program
    window: float
    kappa: float

    @cached_property
    def _modes(self) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, "n n"]]:
        w, V = np.linalg.eigh(self.program.A)
        return w, V

    @property
    def tau(self) -> float:
        return self.device.tau

    @property
    def seconds(self) -> float:
        return float((self.window - log(SETTLED)) * self.device.tau / self._modes[0][0])

    def answer(self, b: Float[np.ndarray, " n"], rng: np.random.Generator) -> "Reading":
        a, V = self._modes
        wait = -log(SETTLED) / a[0]
        duration = self.window / a[0]
        part = -np.expm1(-a * duration) / (a * duration)
        mean = V.T @ b / a * (1 - np.exp(-a * wait) * part)
        sd = np.sqrt(2 * self.kappa / (a**2 * duration) * (1 - part))
        x = V @ (mean + sd * rng.standard_normal(len(a)))
        power = float(np.abs(self.program.A).sum(axis=0) @ x**2 / self.device.R0)
        return Reading(x, 1, power, float(x @ x), self.device.tau / self.device.R0)


@dataclass(frozen=True, eq=False)
class _AnyDevice:
    """A device of which nothing is known but `LinearDevice`: every drive is a run of its own."""

    device: LinearDevice
    A: Float[np.ndarray, "n n"]
    window: float
    kappa: float

    @cached_property
    def _rest(self) -> LoadedDevice:
        return self.device.load(Program(self.A, np.zeros(len(self.A))), self.kappa)

    @property
    def tau(self) -> float:
        return self._rest.tau

    @property
    def seconds(self) -> float:
        return float((self.window - log(SETTLED)) / self._rest.rates[0])

    def answer(self, b: Float[np.ndarray, " n"], rng: np.random.Generator) -> "Reading":
        loaded = self.device.load(Program(self.A, b), self.kappa)
        slow = loaded.rates[0]
        x = loaded.average(-log(SETTLED) / slow, self.window / slow, 1, rng)[0]
        return Reading(x, 1, loaded.power)


_MOST_RANGES = 12
"""Drives that are tried until a readout fills its range: each changes it by a factor of two at least."""

_FULL = 0.9
"""Part of the range that a readout may fill; what is beyond the range reads as its end."""

_SMALL = 1 / 8

_STEPS = 8
"""A converter has 2^bits steps over twice its range: of a matrix with a gain of an eighth of that, each fills a
quarter."""


@dataclass(frozen=True, eq=False)
class _Model:
    """A chip's model with the matrix loaded: settled answers and their noise are products with known matrices.

    A drive is scaled by powers of two until its readout is between an eighth and nine tenths of the converters'
    range; every try is a drive. At the time of the readout 1e-6 of the relaxation is left, which is not modelled:
    a step of a converter of 12 bits is two hundred times as large.
    """

    model: DeviceModel
    converters: bool
    scaling: Scaling
    prepared: Prepared
    noise_root: Float[np.ndarray, "n n"]
    supply: float
    load: Float[np.ndarray, " n"]
    seconds: float
    tau: float
    fastest: float

    @classmethod
    def of(
        cls, device: ModelDevice, A: Float[np.ndarray, "n n"], window: float, kappa: float, like: "_Model | None"
    ) -> "_Model":
        model = device.model
        instance = device.model.instance
        # All cells driven alike: what drives one cell harder is ranged when it is read.
        program = Program(A, np.ones(len(A)))
        fastest = float(np.abs(A).sum(axis=1).max())
        known = like is not None and fastest <= like.fastest
        scaling = like.scaling if like is not None and known else choose_scaling(instance, program, model.level)
        noisy = with_cell_noise(instance, kappa, scaling)
        response = Response.of(noisy, program, model.level, scaling, model.noise_scale.value, allow_clipping=True)
        if known and not (response.poles.real < 0).all():
            raise ProgramError("A: unstable: the matrix that this chip realises does not settle")
        drives = instance.drive_columns(program, model.level, scaling)
        prepared = Prepared.of(response, *drives)
        if np.abs(scaling.drive * prepared.rest).max() > _FULL / 2 * model.design.converters.full_scale:
            raise ProgramError("A: the offsets of this chip fill half of its range: it is next to singular")
        bits = model.design.converters.dac_bits
        if device.converters and bits is not None and np.abs(prepared.gain).max() > 2**bits / _STEPS:
            raise ProgramError("A: one step of the drive's converter fills a quarter of the range: next to singular")
        tau = model.design.tau / scaling.conductance
        slow = program_rates(program, tau)[0]
        resistors = np.abs(A).sum(axis=0) * scaling.conductance / model.design.R0
        return cls(
            model,
            device.converters,
            scaling,
            prepared,
            _noise_root(response, window / slow),
            _supply(model, program, model.level, scaling),
            resistors,
            (window - log(SETTLED)) / slow,
            tau,
            like.fastest if like is not None and known else fastest,
        )

    def answer(self, b: Float[np.ndarray, " n"], rng: np.random.Generator) -> "Reading":
        scale = 1.0
        kept = None
        drives = 0
        power = 0.0
        while drives < _MOST_RANGES:
            drives += 1
            v = self._readout(scale * b)
            if v is None:
                if kept is not None:
                    break
                scale /= 2
                continue
            filled = float(np.abs(v).max()) / self._range
            kept = (scale, v)
            if filled >= _SMALL:
                break
            wanted = scale * 2.0 ** min(floor(log2(_FULL / 2 / max(filled, 2.0**-20))), 8)
            if wanted * self._of_drive > self.model.design.converters.full_scale:
                break
            scale = wanted
        if kept is None:
            raise LinearAlgebraError("A: no drive keeps the chip within its rails and range: its offsets alone fill it")
        scale, v = kept
        power = self.supply + float(self.load @ v**2)
        x = self._read(v, rng) / self.scaling.drive / scale
        return Reading(x, drives, power, float(v @ v), self.model.design.C)

    @property
    def _range(self) -> float:
        return self.model.design.converters.full_scale

    @property
    def _of_drive(self) -> float:
        return self.scaling.conductance * self.scaling.drive

    def _readout(self, b: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"] | None:
        """Settled cells [V]; None beyond rails or range."""
        if self.converters:
            b = converter(self.model.instance, "dac").to_volts(self._of_drive * b) / self._of_drive
        try:
            v = self.scaling.drive * self.prepared.answers(b)
        except ClippedError:
            return None
        return None if np.abs(v).max() > _FULL * self._range else np.asarray(v)

    def _read(self, v: Float[np.ndarray, " n"], rng: np.random.Generator) -> Float[np.ndarray, " n"]:
        noisy = v + self.noise_root @ rng.standard_normal(self.noise_root.shape[1])
        return self.model.read_out(noisy, rng) if self.converters else noisy


def _noise_root(response: Response, duration: float) -> Float[np.ndarray, "n n"]:
    """A root of the covariance of averages over a long window [V^2]: the density at zero frequency over the window."""
    space = response.space
    still = space.M @ np.linalg.inv(space.G)
    S = response.noise_scale * still @ space.noise @ still.T / duration
    w, V = np.linalg.eigh((S + S.T) / 2)
    return np.asarray(V * np.sqrt(np.clip(w, 0.0, None)))


def _supply(model: DeviceModel, program: Program, level: Level, scaling: Scaling) -> float:
    """What the amplifiers draw at rest [W]."""
    return chip_power(model.instance, program, level, scaling, np.zeros(program.n))


def with_converters(device: LinearDevice) -> LinearDevice:
    """A model of a chip whose drives and readouts pass its converters; other devices as they are."""
    return replace(device, converters=True) if isinstance(device, ModelDevice) else device
