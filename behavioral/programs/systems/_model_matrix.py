"""A matrix on a chip's model: settled answers and their noise, drives scaled to fill the converters' range."""

from dataclasses import dataclass
from math import floor, log, log2

import numpy as np
from jaxtyping import Float

from ....circuits import Program, ProgramError, Scaling, choose_scaling
from ....circuits.chips import converter
from ....circuits.loaded_chips import SETTLED, chip_power, program_rates, with_cell_noise
from ..._exceptions import ClippedError, LinearAlgebraError
from ...devices import DeviceModel, Prepared, Response
from ...linear_algebra import ModelDevice
from ._loaded_matrix import Reading

_MOST_RANGES = 12
"""Drives that are tried until a readout fills its range: each changes it by a factor of two at least."""

_FULL = 0.9
"""Part of the range that a readout may fill; what is beyond the range reads as its end."""

_SMALL = 1 / 8

_STEPS = 8
"""A converter has 2^bits steps over twice its range: of a matrix with a gain of an eighth of that, each fills a
quarter."""


@dataclass(frozen=True, eq=False)
class ModelMatrix:
    """A chip's model with the matrix loaded: settled answers and their noise are products with known matrices.

    A drive is scaled by powers of two until its readout is between an eighth and nine tenths of the converters'
    range; every try is a drive. At the time of the readout 1e-6 of the relaxation is left, which is not modelled:
    a step of a converter of 12 bits is two hundred times as large.

    Attributes:
        model: of the chip.
        converters: whether drives and readouts pass them.
        scaling: that the matrix is loaded with.
        prepared: answers to any drive.
        noise_root: root of the covariance of an averaged readout [V^2].
        supply: what the amplifiers draw at rest [W].
        load: conductance of each column of resistors [S].
        seconds: of one drive [s].
        tau: time constant of a cell as it is loaded [s].
        fastest: largest rate that the scaling was chosen for [1/tau].
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
        cls, device: ModelDevice, A: Float[np.ndarray, "n n"], window: float, kappa: float, like: "ModelMatrix | None"
    ) -> "ModelMatrix":
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
            model=model,
            converters=device.converters,
            scaling=scaling,
            prepared=prepared,
            noise_root=_noise_root(response, window / slow),
            # What the amplifiers draw at rest.
            supply=chip_power(instance, program, model.level, scaling, np.zeros(program.n)),
            load=resistors,
            seconds=(window - log(SETTLED)) / slow,
            tau=tau,
            fastest=like.fastest if like is not None and known else fastest,
        )

    def answer(self, b: Float[np.ndarray, " n"], rng: np.random.Generator) -> "Reading":
        scale = 1.0
        kept = None
        drives = 0
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
