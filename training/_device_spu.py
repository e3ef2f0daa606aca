"""A stochastic processing unit with the imperfections of a calibrated circuit."""

import math
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor

from ._ageing import NEW, Aged, Ageing, Clock
from ._chip import Chip
from ._convert import read_out, to_own_scale
from ._device_flow import CascadeFlow, CrossbarFlow, DeviceFlow
from ._errors import ChipErrors, DrawnErrors, MeasuredErrors
from ._factors import Factors
from ._krylov import POLES_PER_TIME
from ._loop import MAX_GROUPS
from ._population import ALL_EFFECTS, Effects, HasInstance, HasPopulation, Ohmic, PopulationLike, population_of
from ._products import Products
from ._programs import stored
from ._solution import AnyProgram, Solution, answer, matrix_of, to_tensor
from ._types import Array, DenseProgram, Vector


@dataclass(frozen=True, slots=True)
class DeviceSPU:
    """A noisy analog solver with flaws. Equivalent to `IdealSPU` with all effects off.

    Factors are loaded into a cascade: three arrays J (r x N), H (r x r, block diagonal) and J^T (N x r), the first two
    read by transimpedance amplifiers, N integrating cells with damping resistors. A dense program is loaded into one
    crossbar. One chip is drawn from the population by `seed` and stays for all programs: an error belongs to a position
    in an array, whatever is loaded there. With eps standard normal, A0 the gain, sums over the inputs of an amplifier,
    and s = 1/sqrt(batch) the share of the batch's mean that the J arrays carry (`s J`, `H/s^2`, `s J^T`):

    conductance: each entry of J, H and J^T, each damping and drive resistor is off by conductance_sigma eps;
        J and J^T are two arrays with errors of their own, so that the matrix solved is not symmetric.
    inverter: negative entries are fed from an inverted rail, one per source, of gain -(1 + inverter_sigma eps).
    capacitance: each cell's time constant is (1 + capacitor_sigma eps) tau.
    gain: a stage's output is divided by 1 + (1 + sum |G|)/A0; a cell leaks (1 + damping + sum |G|)/A0 and is slower by
        1 + 1/A0. A0 is the DC gain.
    bandwidth: with omega = 2 pi gain_bandwidth tau, a cell is slower by (1 + damping + sum |G|)/omega, and answers
        1/omega late. The stages lag: each has the pole of a closed loop, omega (1/m + 1/A0) with m = 1 + sum |G|. The
        poles of the inverted rails, 2/omega each, and of the cells are lumped into m in the mean over a stage's
        inputs: 2 q for the cells' rails, with q the part of sum |G| that is negative, 1 + 2 q + 2 q_H for the second
        stage. They start settled at x0. Beyond a loop rate of about 2 omega/m the loop rings up. A crossbar's cells
        are slower, and have no lag.
    offset: each amplifier's input offset (offset_mean + offset_sigma eps) [V] through its noise gain 1 + sum |G|; those
        of the stages reach the cells through the arrays behind them.
    noise: white noise of strength kappa0 [V^2] in every cell: at rest it has the covariance kappa0 F^-1.
    stage_noise: the same at the input of every stage amplifier, hence coloured by J^T H, and by the stages' own poles.
    program_bits: J, H, J^T on a grid of 2^dac_bits - 1 levels, each array with its largest entry as full scale;
        `rounding` to the nearest, or "stochastic" (unbiased, drawn anew at each load).
    drive_bits: b and x0 on such a grid of their own.
    readout_bits: the readout on a grid of adc_bits over -full_scale..full_scale [V], and clipped there.

    Hence `F = D^-1 (Lam + J_out^T H J_in)`, diagonal plus low rank, never formed. The mean is right to 1e-9 in float64
    and 1e-4 in float32, relative; the noise covariance follows Lyapunov's equation with those arrays, its variance
    right to `noise_tolerance` (of modes that ring for want of bandwidth, to five times that).

    The digital side scales the drive so that the readout fills an eighth to the whole of full_scale: it starts at half
    full scale for the larger of b and x0, divides by 4 when something clips, multiplies when the readout is small, at
    most `max_attempts` runs in all. Noise and offsets are in volts and weigh the less, the larger the scale.

    chip: "drawn" - one is drawn from the population by `seed`; "measured" - the cascade that `model` describes, its own
        deviations at its own positions, feedback resistors and inverted rails included. It needs as many cells and
        rows as the program has; with H the identity its H array holds ones.
    ageing: the chip drifts from load to load; `clock.loads` counts them, and set to a number it is the chip at that
        load again. None: it stays as it is.
    t: analog time [tau], 0 to inf. model: a `Population`, or anything with `population()`.
    Stats: `analog_time` [tau] of all attempts, where finite; `attempts`; `clipped` entries; `scale` [V per unit];
    `array_power` [W], with a population that has R0: the sum of `G v^2/R0` over the arrays, damping, drive and feedback
    resistors and those of the inverted rails (of every source), at the voltages of the last readout.
    """

    model: PopulationLike | HasPopulation
    t: float = math.inf
    seed: int = 0
    effects: Effects = ALL_EFFECTS
    rounding: Literal["nearest", "stochastic"] = "nearest"
    noise_tolerance: float = 0.01
    max_attempts: int = 4
    ageing: Ageing | None = None
    chip: Literal["drawn", "measured"] = "drawn"
    generator: torch.Generator = field(init=False, repr=False, compare=False)
    clock: Clock = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.t >= 0.0:
            raise ValueError(f"DeviceSPU: expected t >= 0, got {self.t}")
        if self.rounding not in ("nearest", "stochastic"):
            raise ValueError(f'DeviceSPU: expected rounding "nearest" or "stochastic", got {self.rounding!r}')
        if self.chip not in ("drawn", "measured"):
            raise ValueError(f'DeviceSPU: expected chip "drawn" or "measured", got {self.chip!r}')
        # the noise is another stream than the chip's errors, which are hashed from the seed
        object.__setattr__(self, "generator", torch.Generator().manual_seed(self.seed))
        object.__setattr__(self, "clock", Clock())

    @property
    def population(self) -> PopulationLike:
        return population_of(self.model)

    def init(self, program: AnyProgram) -> DeviceFlow:
        """Raises ValueError when the program is not finite, TypeError for products without factors."""
        program = stored(program)
        if isinstance(program, Products):
            raise TypeError("DeviceSPU: needs Factors or a dense program, got Products")
        if isinstance(program, Factors) and program.H is None and self.chip == "measured":
            program = replace(program, H=program.J.new_ones(program.r, 1, 1))
        aged = self._grow_older()
        source = self.generator if self.rounding == "stochastic" else None
        chip = Chip(self.population, self.effects, self._errors(program), source, aged)
        with torch.no_grad():
            if not isinstance(program, Factors):
                return CrossbarFlow(chip.load_crossbar(matrix_of(program)), aged.rate)
            tol = 1e-9 if program.J.dtype == torch.float64 else 1e-4
            return CascadeFlow(
                chip.load_cascade(program, self._groups),
                tol,
                self.noise_tolerance,
                self.effects.stage_noise,
                aged.rate,
            )

    def compute(self, state: DeviceFlow, b: Array, x0: Array | None = None, t: float | None = None) -> Solution[Array]:
        """Raises UnstableLoop when errors of the chip make a mode grow by more than e within t (t = inf: grow)."""
        time = self.t if t is None else t
        with torch.no_grad():
            # the chip's own clock: its tau may have drifted from the one that t is told in
            state.check_stable(time * state.rate)
            drive = self._dac(to_tensor(b, state.like))
            start = None if x0 is None else self._dac(to_tensor(x0, state.like))
            value, stats = self._run(state, drive, start, time * state.rate)
        if not math.isinf(time):
            stats["analog_time"] = time * stats["attempts"]
        return answer(value, b, stats)

    def _errors(self, program: DenseProgram | Factors) -> ChipErrors:
        if self.chip == "drawn":
            return DrawnErrors(self.population, self.seed)
        if not isinstance(self.model, HasInstance):
            raise ValueError(
                'DeviceSPU: chip="measured" needs the model of one chip, such as DeviceModel, '
                f"got {type(self.model).__name__}"
            )
        found = MeasuredErrors(self.model.instance.errors)
        if isinstance(program, Factors):
            found.check(program.r, program.N)
        return found

    def _grow_older(self) -> Aged:
        if self.ageing is None:
            return NEW
        self.clock.loads += 1
        return self.ageing.at(self.clock.loads - 1, self.seed)

    def _dac(self, x: Vector) -> Vector:
        return to_own_scale(x, self.population.dac_bits) if self.effects.drive_bits else x

    def _run(self, state: DeviceFlow, b: Vector, x0: Vector | None, t: float) -> tuple[Vector, dict[str, float]]:
        full_scale = self.population.full_scale
        scale, attempts = 0.5 * full_scale / (_peak(b, x0) or 1.0), 1
        volts = state.mean(scale * b, None if x0 is None else scale * x0, t)
        noise = self._noise(state, t)
        offset: Tensor | None = None
        while self._in_volts and attempts < self.max_attempts:
            change = _next_scale(float((volts + noise).abs().max()), full_scale)
            if change == 1.0:
                break
            if offset is None:
                offset = state.offset(t, float(volts.norm())) if self.effects.offset else torch.zeros_like(volts)
            # the loop is linear: only what the drive causes changes with the scale
            volts = change * (volts - offset) + offset
            scale, attempts = change * scale, attempts + 1
        stats = {"attempts": float(attempts), "scale": scale}
        if isinstance(self.population, Ohmic):
            stats["array_power"] = state.power(volts, scale * b) / self.population.R0
        clipped = 0
        if self.effects.readout_bits:
            volts, clipped = read_out(volts + noise, full_scale, self.population.adc_bits)
        else:
            volts = volts + noise
        return volts / scale, {**stats, "clipped": float(clipped)}

    def _noise(self, state: DeviceFlow, t: float) -> Vector:
        if not self.effects.noise or self.population.kappa0 == 0.0:
            return torch.zeros_like(state.like)
        return math.sqrt(self.population.kappa0) * state.noise(t, self.generator)

    @property
    def _in_volts(self) -> bool:
        # without offsets, noise and converters the scale makes no difference
        return self.effects.offset or self.effects.noise or self.effects.readout_bits

    def _groups(self, rate: float) -> int:
        # refinement contracts by the rates' spread times h rate/(1 + h rate), h the Krylov space's shift
        reach = 1.0 if math.isinf(self.t) else rate * self.t / (POLES_PER_TIME + rate * self.t)
        return max(1, round(MAX_GROUPS * reach))


def _next_scale(highest: float, full_scale: float) -> float:
    if highest > full_scale:
        # what is clipped says only that it is too large
        return 0.25
    return 0.5 * full_scale / highest if 0.0 < highest < full_scale / 8 else 1.0


def _peak(b: Vector, x0: Vector | None) -> float:
    return max(float(b.abs().max()), 0.0 if x0 is None else float(x0.abs().max()))
