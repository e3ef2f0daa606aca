"""A chip as its behavioural model has it, as a device of linear algebra."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from jaxtyping import Float

from ...circuits import Program, Scaling, choose_scaling
from ...circuits.loaded_chips import (
    RelaxationLaw,
    chip_power,
    circuit_rates,
    fitting_noise,
    laws_of_chips,
    noise_swing,
    program_rates,
    with_cell_noise,
    without_grid,
)
from ...circuits.topologies import Answer
from ..devices import DeviceModel, Response
from ._devices import LoadedDevice
from ._relaxing_process import RelaxingProcess, as_it_is


@dataclass(frozen=True, slots=True)
class ModelDevice:
    """A chip as its behavioural model has it: nominal or calibrated, with its own noise beside the injected one.

    Args:
        model: of the chip.
        converters: whether drive and readouts pass the chip's DAC and ADC; an averaged readout is averaged before it
            is converted.
    """

    model: DeviceModel
    converters: bool = False

    @property
    def answer(self) -> Answer:
        """That of the chip's topology."""
        return self.model.instance.topology.answer

    def load(
        self, program: Program, kappa: float | None = None, rounding: np.random.Generator | None = None
    ) -> LoadedDevice:
        """Load a program, as `LinearDevice.load`.

        The noise that fits has six standard deviations within half the range.

        Raises:
            ProgramError: the topology cannot realise the program.
            ClippedError: the settled device is beyond an amplifier's rails.
        """
        model = self.model
        instance = model.instance
        scaling = choose_scaling(instance, program, model.level)
        if self.converters:
            program = model.driven(program, scaling)
        strength = fitting_noise(program, noise_swing(instance)) if kappa is None else kappa
        noisy = with_cell_noise(instance, strength, scaling)
        response = Response.of(noisy, program, model.level, scaling, model.noise_scale.value, rounding=rounding)
        tau = model.design.tau / scaling.conductance
        space = response.space
        drive = scaling.drive
        shift = (space.y_drive + space.y_bias) / drive
        mean_square = np.diag(response.stationary_covariance()) + response.settled**2
        power = chip_power(noisy, program, model.level, scaling, mean_square)

        def read(x: Float[np.ndarray, "*batch n"], rng: np.random.Generator) -> Float[np.ndarray, "*batch n"]:
            return model.read_out(drive * x, rng) / drive

        convert = read if self.converters else as_it_is
        # A grid has modes of its inductors too, and no amplifiers.
        rates = program_rates(program, tau) if self.answer == "mean" else circuit_rates(response.space)
        laws = partial(self._laws, program, scaling, strength, rounding is not None)
        return RelaxingProcess(
            process=response.process,
            M=response.M / drive,
            y=shift,
            start=response.initial(None),
            tau=tau,
            rates=rates,
            kappa=strength,
            power=power,
            start_sd=response.start_sd,
            initial=response.initial(drive * np.eye(program.n)).T,
            convert=convert,
            laws=laws,
            capacitance=model.design.C * drive**2 if self.answer == "mean" else 0.0,
        )

    def _laws(
        self, program: Program, scaling: Scaling, kappa: float, unrounded: bool, seed: int
    ) -> list[RelaxationLaw | None]:
        model = self.model
        rng = np.random.default_rng(seed)
        chips = [without_grid(chip) if unrounded else chip for chip in model.possible_chips(rng)]
        laws = laws_of_chips(chips, program, model.level, scaling, kappa, model.noise_scale.value)
        if not self.converters:
            return laws
        models = [DeviceModel.nominal(chip, model.level) for chip in chips]
        return [
            law and replace(law, convert=partial(_converted, chip, scaling.drive, rng))
            for law, chip in zip(laws, models, strict=True)
        ]


def _converted(
    model: DeviceModel, drive: float, rng: np.random.Generator, x: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    return model.read_out(drive * x, rng) / drive
