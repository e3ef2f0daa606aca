"""One matrix on any device, many drives: what each readout says and how long it takes."""

from dataclasses import dataclass, replace
from functools import cached_property, singledispatch
from math import log

import numpy as np
from jaxtyping import Float

from ....circuits import Program
from ....circuits.loaded_chips import SETTLED
from ..._exceptions import LinearAlgebraError
from ...linear_algebra import IdealDevice, LinearDevice, LoadedDevice, ModelDevice
from ._loaded_matrix import LoadedMatrix, Reading
from ._model_matrix import ModelMatrix


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
    return ModelMatrix.of(device, A, window, kappa, like if isinstance(like, ModelMatrix) else None)


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


def with_converters(device: LinearDevice) -> LinearDevice:
    """A model of a chip whose drives and readouts pass its converters; other devices as they are."""
    return replace(device, converters=True) if isinstance(device, ModelDevice) else device
