"""A device without errors: the equation itself."""

from dataclasses import dataclass

import numpy as np

from ...circuits import Program
from ...circuits.loaded_chips import (
    RelaxationLaw,
    fitting_noise,
    program_rates,
)
from ...circuits.topologies import Answer
from .._exceptions import LinearAlgebraError
from ..processes import OrnsteinUhlenbeck
from ._devices import LoadedDevice
from ._relaxing_process import RelaxingProcess


@dataclass(frozen=True, slots=True)
class IdealDevice:
    """Exactly `dx = -(A x - b) dt/tau + N(0, 2 kappa dt/tau)`: no other noise, no error, no rounding.

    Args:
        tau: time constant [s].
        R0: of an entry of one [ohm], for the power.
        swing: range of the readouts for the noise [V].
    """

    tau: float = 1e-6
    R0: float = 1e3
    swing: float = 1.0

    @property
    def answer(self) -> Answer:
        """The mean."""
        return "mean"

    def load(
        self, program: Program, kappa: float | None = None, rounding: np.random.Generator | None = None
    ) -> LoadedDevice:
        """Load a program, as `LinearDevice.load`; there is nothing to round."""
        strength = fitting_noise(program, self.swing) if kappa is None else kappa
        if not 0 <= strength < np.inf:
            raise LinearAlgebraError(f"kappa: expected a noise strength in V^2 of at least 0, got {strength}")
        eye = np.eye(program.n)
        process = OrnsteinUhlenbeck(program.A / self.tau, program.solution, 2 * strength / self.tau * eye)
        rms = np.diag(process.stationary_covariance()) + program.solution**2
        power = float(np.abs(program.A).sum(axis=0) @ rms / self.R0)
        zero = np.zeros(program.n)
        rates = program_rates(program, self.tau)
        law = RelaxationLaw(process.drift, process.diffusion, eye, program.solution, -program.solution, None, eye)
        return RelaxingProcess(
            process=process,
            M=eye,
            y=zero,
            start=zero,
            tau=self.tau,
            rates=rates,
            kappa=strength,
            power=power,
            start_sd=zero,
            initial=eye,
            laws=lambda _: [law],
            capacitance=self.tau / self.R0,
        )
