"""A stochastic processing unit with the imperfections of a calibrated circuit."""

import math
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor

from ...files.opening import check_seed
from .._types import Array, Matrix, Vector
from ..programs import AnyProgram, Factors, Products, stored
from ..solvers import Solution, answer, matrix_of, to_tensor
from ._loaded_arrays import Chip
from ._relaxation import CascadeFlow, CrossbarFlow, DeviceFlow
from .chips import (
    ALL_EFFECTS,
    NEW,
    Aged,
    Ageing,
    CascadeErrors,
    Clock,
    CrossbarErrors,
    DeviceLike,
    DrawnErrors,
    Effects,
    HasInstance,
    InstanceLike,
    MeasuredCascade,
    MeasuredCrossbar,
    Ohmic,
    PopulationLike,
    SaturatedDevice,
    measured_cells,
    population_of,
    read_out,
    to_own_scale,
)
from .loops import MAX_GROUPS, POLES_PER_TIME


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
        1 + 1/A0. A0 is the DC gain, divided by 1 + R_o G for an output resistance R_o that drives a conductance G.
    bandwidth: with omega = 2 pi gain_bandwidth tau, a cell is slower by (1 + damping + sum |G|)/omega, and answers
        1/omega late. The stages lag: each has the pole of a closed loop, omega (1/m + 1/A0) with m = 1 + sum |G|. The
        poles of the inverted rails, 2/omega each, and of the cells are lumped into m in the mean over a stage's
        inputs: 2 q for the cells' rails, with q the part of sum |G| that is negative, 1 + 2 q + 2 q_H for the second
        stage. They start settled at x0. Beyond a loop rate of about 2 omega/m the loop rings up. A crossbar's cells
        are slower, and have no lag.
    offset: each amplifier's input offset (offset_mean + offset_sigma eps) [V] through its noise gain 1 + sum |G|, and
        its bias current; those of the stages reach the cells through the arrays behind them.
    noise: of the arrays as they are loaded. A cell has the thermal noise of every resistor at its virtual ground, its
        amplifier's input noise through the noise gain 1 + damping + sum |G|, and what is injected; a population that
        tells its `kappa0` [V^2] alone has that in every cell. At rest kappa0 in each is the covariance kappa0 F^-1.
    stage_noise: that of the stages and of the inverted rails, likewise, hence coloured by J^T H and the stages' poles.
    wideband_noise: the readout's own amplifier, over all of its band: `e_n^2/2` times half of 2 pi gain_bandwidth.
    limits: an amplifier beyond its rails, or that would have to be steeper than it slews, at the start or at the
        readout: the digital side takes a smaller scale, as for a clipped readout. Between the two nobody looks.
    program_bits: J, H and J^T as they are programmed: magnitudes on 2^bits - 1 equal steps of the population's
        `programming`, each array with its largest entry as full scale or the design's range, beyond which entries clip;
        each resistor in series with its switch. `rounding` to the nearest, or "stochastic" (unbiased, drawn anew at
        each load).
    drive_bits: b and x0 on such a grid of their own.
    readout_bits: the readout on a grid of adc_bits over -full_scale..full_scale [V], and clipped there.

    Hence `F = D^-1 (Lam + J_out^T H J_in)`, diagonal plus low rank, never formed. The mean is right to 1e-9 in float64
    and 1e-4 in float32, relative; the noise covariance follows Lyapunov's equation with those arrays, its variance
    right to `noise_tolerance` (of modes that ring for want of bandwidth, to five times that).

    The digital side scales the drive so that the readout fills an eighth to the whole of full_scale: it starts at half
    full scale for the larger of b and x0, divides by 4 when something clips, multiplies when the readout is small, at
    most `max_attempts` runs in all. Noise and offsets are in volts and weigh the less, the larger the scale.

    chip: "drawn" - one is drawn from the population by `seed`; "measured" - the cascade or crossbar that `model`
        describes, its own deviations at its own positions, feedback resistors and inverted rails included. It needs as
        many cells and rows as the program has; with H the identity its H array holds ones.
    ageing: the chip drifts from load to load; `clock.loads` counts them, and set to a number it is the chip at that
        load again. None: it stays as it is.
    t: analog time [tau], 0 to inf. model: a `Population`, a `PopulationModel` or a `DeviceModel`.
    Stats: `analog_time` [tau] of all attempts, where finite; `attempts`; `clipped` entries of the readout,
        `clipped_weights` of the program; `scale` [V per unit]; `cells_per_measured`, where the spreads were measured on
        chips of fewer cells than the program has: by how much they are extrapolated;
    `array_power` [W], with a population that has R0: the sum of `G v^2/R0` over the arrays, damping, drive and feedback
    resistors and those of the inverted rails (of every source), at the voltages of the last readout.
    """

    model: DeviceLike
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
        if not isinstance(self.model, DeviceLike):
            raise TypeError(
                "DeviceSPU: expected a population or a device model, "
                f"got {self.model!r:.60}; a file is read by thermospice.behavioral.load_device"
            )
        if not isinstance(self.t, float | int) or not self.t >= 0.0:
            raise ValueError(f"DeviceSPU: expected t >= 0, got {self.t!r}")
        if self.rounding not in ("nearest", "stochastic"):
            raise ValueError(f'DeviceSPU: expected rounding "nearest" or "stochastic", got {self.rounding!r}')
        if self.chip not in ("drawn", "measured"):
            raise ValueError(f'DeviceSPU: expected chip "drawn" or "measured", got {self.chip!r}')
        if not isinstance(self.effects, Effects):
            raise TypeError(f"DeviceSPU: expected effects as Effects(...), got {self.effects!r:.60}")
        if not 0.0 < self.noise_tolerance < math.inf or self.max_attempts < 1:
            raise ValueError(
                "DeviceSPU: expected a finite noise_tolerance > 0 and max_attempts >= 1, "
                f"got {self.noise_tolerance!r} and {self.max_attempts!r}"
            )
        check_seed(self.seed, "DeviceSPU: seed")
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
        chip = Chip(self.population, self._real_effects, source, aged)
        with torch.no_grad():
            if not isinstance(program, Factors):
                A = matrix_of(program)
                return CrossbarFlow(chip.load_crossbar(A, self._crossbar_errors(len(A))), aged.rate)
            tol = 1e-9 if program.J.dtype == torch.float64 else 1e-4
            return CascadeFlow(
                chip.load_cascade(program, self._cascade_errors(program), self._groups),
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
            drive = self._dac(_vector("b", b, state.like))
            start = None if x0 is None else self._dac(_vector("x0", x0, state.like))
            value, stats = self._run(state, drive, start, time * state.rate)
        if not math.isinf(time):
            stats["analog_time"] = time * stats["attempts"]
        return answer(value, b, stats)

    def covariance(self, state: DeviceFlow, t: float | None = None) -> Matrix:
        """Covariance [V^2] of a readout after t, whatever is read; matrices of the chip's size, for small ones."""
        time = self.t if t is None else t
        if not self.effects.noise:
            return torch.zeros(len(state.like), len(state.like)).to(state.like)
        return self.population.kappa0 * state.covariance(time * state.rate)

    def density(self, state: DeviceFlow) -> Vector:
        """Two-sided noise density [V^2 per tau] of the settled readouts far below all poles; likewise."""
        if not self.effects.noise:
            return torch.zeros_like(state.like)
        return self.population.kappa0 * state.density()

    def _cascade_errors(self, program: Factors) -> CascadeErrors:
        if self.chip == "drawn":
            return DrawnErrors(self.population, self.seed)
        measured = MeasuredCascade(self._instance.errors)
        measured.check(program.r, program.N)
        return measured

    def _crossbar_errors(self, n: int) -> CrossbarErrors:
        if self.chip == "drawn":
            return DrawnErrors(self.population, self.seed)
        measured = MeasuredCrossbar(self._instance.errors)
        measured.check(n)
        return measured

    @property
    def _instance(self) -> InstanceLike:
        if not isinstance(self.model, HasInstance):
            raise ValueError(
                'DeviceSPU: chip="measured" needs the model of one chip, such as DeviceModel, '
                f"got {type(self.model).__name__}"
            )
        return self.model.instance

    @property
    def _real_effects(self) -> Effects:
        """Ideal amplifiers have neither offsets nor inverters of two resistors, though the chip may have drawn some."""
        ideal = math.isinf(self.population.gain) and self.chip == "measured"
        return self.effects.without("offset", "inverter") if ideal else self.effects

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
        strain = self._strain(state, scale * b, None if x0 is None else scale * x0, volts)
        while self._in_volts and attempts < self.max_attempts:
            change = _next_scale(float((volts + noise).abs().max()), full_scale, strain)
            if change == 1.0:
                break
            if offset is None:
                offset = state.offset(t, float(volts.norm())) if self.effects.offset else torch.zeros_like(volts)
            # the loop is linear: only what the drive causes changes with the scale
            volts = change * (volts - offset) + offset
            scale, attempts = change * scale, attempts + 1
            strain = self._strain(state, scale * b, None if x0 is None else scale * x0, volts)
        self._refuse_strain(strain, attempts)
        stats = {"attempts": float(attempts), "scale": scale, "clipped_weights": float(state.chip.clipped)}
        if (measured := measured_cells(self.population)) is not None and len(b) > measured:
            stats["cells_per_measured"] = len(b) / measured
        if isinstance(self.population, Ohmic):
            stats["array_power"] = state.power(volts, scale * b) / self.population.R0
        clipped = 0
        if self.effects.readout_bits:
            volts, clipped = read_out(volts + noise, full_scale, self.population.adc_bits)
        else:
            volts = volts + noise
        return volts / scale, {**stats, "clipped": float(clipped)}

    def _strain(self, state: DeviceFlow, drive: Vector, start: Vector | None, end: Vector) -> float:
        """Of the amplifiers at the start and at the readout."""
        if state.chip.limits is None:
            return 0.0
        begin = torch.zeros_like(end) if start is None else start
        return max(state.strain(begin, drive), state.strain(end))

    def _refuse_strain(self, strain: float, attempts: int) -> None:
        if strain > 1.0:
            raise SaturatedDevice(
                f"device: an amplifier is driven {strain:.3g} times as far as its rails or its slew rate allow, "
                f"after {attempts} scales of the drive; expected a program with smaller entries or more damping, "
                'or leave the effect "limits" out'
            )

    def _noise(self, state: DeviceFlow, t: float) -> Vector:
        if not self.effects.noise or self.population.kappa0 == 0.0:
            return torch.zeros_like(state.like)
        return math.sqrt(self.population.kappa0) * state.noise(t, self.generator)

    @property
    def _in_volts(self) -> bool:
        # without offsets, noise, limits and converters the scale makes no difference
        return any(getattr(self.effects, name) for name in ("offset", "noise", "limits", "readout_bits"))

    def _groups(self, rate: float) -> int:
        # refinement contracts by the rates' spread times h rate/(1 + h rate), h the Krylov space's shift
        reach = 1.0 if math.isinf(self.t) else rate * self.t / (POLES_PER_TIME + rate * self.t)
        return max(1, round(MAX_GROUPS * reach))


def _next_scale(highest: float, full_scale: float, strain: float) -> float:
    """By what the drive is multiplied next; one where it fits."""
    if highest > full_scale:
        # what is clipped says only that it is too large
        return min(0.25, _BEARABLE / strain) if strain > 0.0 else 0.25
    if strain > 1.0:
        return _BEARABLE / strain
    wanted = 0.5 * full_scale / highest if 0.0 < highest < full_scale / 8 else 1.0
    # a stage at its rails is worse than a readout of fewer digits
    return max(1.0, min(wanted, _BEARABLE / strain)) if strain > 0.0 else wanted


_BEARABLE = 0.8
"""Part of the rails or the slew rate that a drive scaled anew may use, which the digital side knows by its factors."""


def _vector(name: str, x: Array, like: Vector) -> Vector:
    values = to_tensor(x, like)
    if values.shape != like.shape:
        raise ValueError(f"DeviceSPU: expected {name} of {len(like)} cells, got shape {tuple(values.shape)}")
    return values


def _peak(b: Vector, x0: Vector | None) -> float:
    return max(float(b.abs().max()), 0.0 if x0 is None else float(x0.abs().max()))
