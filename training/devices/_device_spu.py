"""A stochastic processing unit with the imperfections of a calibrated circuit."""

import math
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor

from ...files.arguments import check_choice, check_number, check_whole, shown
from ...files.opening import check_seed
from .._exceptions import UnstableLoop
from .._types import Array, Matrix, Vector
from ..programs import AnyProgram, Factors, Products, stored
from ..solvers import Solution, answer, matrix_of, to_tensor
from ._drive_scale import next_scale, peak, scaled
from ._loaded_arrays import ChipArrays
from ._relaxation import CascadeFlow, CrossbarFlow, DeviceFlow
from .chips import (
    ALL_EFFECTS,
    NEW,
    Aged,
    Ageing,
    CascadeErrors,
    Clock,
    CrossbarErrors,
    DeviceEffects,
    DeviceLike,
    DrawnErrors,
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

    Factors are loaded into a cascade: three arrays J (r x N), H (r x r, block diagonal) and J^T (N x r), the
    first two read by transimpedance amplifiers, N integrating cells with damping resistors. The arrays carry
    `s J`, `H/s^2` and `s J^T`, with s = 1/sqrt(batch) the share of the batch's mean. A dense program is loaded
    into one crossbar.

    One chip is drawn from the population and stays for all programs: an error belongs to a position in an
    array, whatever is loaded there. `DeviceEffects` says what each flaw does.

    The device relaxes by `F = D^-1 (Lam + J_out^T H J_in)`, diagonal plus low rank, never formed. The mean is
    right to 1e-9 in float64 and 1e-4 in float32, relative; the noise covariance follows Lyapunov's equation
    with those arrays.

    The digital side scales the drive so that the readout fills an eighth to the whole of full_scale: it starts
    at half full scale for the larger of b and x0, divides by 4 when something clips, and multiplies when the
    readout is small. Noise and offsets are in volts and weigh the less, the larger the scale.

    Stats of a solution:

    - `analog_time` [tau] of all attempts, where it is finite, and `attempts`;
    - `clipped`, entries of the readout, and `clipped_weights`, of the program;
    - `scale` [V per unit];
    - `growth` [1/tau] of the loop's fastest mode, below zero where it decays, and `loop_margin`, 1/t less that: zero
      where it would be refused; of a cascade `lambda_max` as the arrays hold it [1/tau], to about a hundredth, and
      `damping_slack`, the part of the damping that the loop could do without, at most 1;
    - `cells_per_measured`, where the spreads were measured on chips of fewer cells than the program has: by how
      much they are extrapolated;
    - `array_power` [W], of a population that has R0: the sum of `G v^2/R0` over the arrays, damping, drive and
      feedback resistors and those of the inverted rails (of every source), at the voltages of the last readout.
    """

    model: DeviceLike
    """A `Population`, a `PopulationModel` or a `DeviceModel`."""
    t: float = math.inf
    """Analog time [tau], 0 to inf."""
    seed: int = 0
    """Number of the chip that is drawn, and of the noise."""
    effects: DeviceEffects = ALL_EFFECTS
    """Which flaws it has."""
    rounding: Literal["nearest", "stochastic"] = "nearest"
    """Of the program: to the nearest step, or unbiased and drawn anew at each load."""
    noise_tolerance: float = 0.01
    """Relative error of the noise's variance; of modes that ring for want of bandwidth up to five times that."""
    max_attempts: int = 4
    """Runs for one solution, each with another scale of the drive."""
    ageing: Ageing | None = None
    """The chip drifts from load to load; None: it stays as it is.

    `clock.loads` counts the loads, and set to a number it is the chip at that load again.
    """
    chip: Literal["drawn", "measured"] = "drawn"
    """One drawn from the population by `seed`, or the cascade or crossbar that `model` describes.

    A measured chip has its own deviations at its own positions, feedback resistors and inverted rails included.
    It needs as many cells and rows as the program has; with H the identity its H array holds ones.
    """
    nulled: bool = False
    """Each answer less that of the same program without drive and start, which takes a run more: without the offsets
    of all amplifiers, and with the noise of both runs."""
    generator: torch.Generator = field(init=False, repr=False, compare=False)
    clock: Clock = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.model, DeviceLike):
            raise TypeError(
                "DeviceSPU: expected a population or a device model, "
                f"got {shown(self.model)}; a file is read by thermospice.behavioral.load_device"
            )
        check_number("DeviceSPU", "t", self.t, infinite=True)
        check_choice("DeviceSPU", "rounding", self.rounding, ("nearest", "stochastic"))
        check_choice("DeviceSPU", "chip", self.chip, ("drawn", "measured"))
        if not isinstance(self.effects, DeviceEffects):
            raise TypeError(f"DeviceSPU: expected effects as DeviceEffects(...), got {shown(self.effects)}")
        if self.ageing is not None and not isinstance(self.ageing, Ageing):
            raise TypeError(f"DeviceSPU: expected ageing as Ageing(...) or None, got {shown(self.ageing)}")
        check_number("DeviceSPU", "noise_tolerance", self.noise_tolerance, above=True)
        check_whole("DeviceSPU", "max_attempts", self.max_attempts, 1, "runs")
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
        chip = ChipArrays(self.population, self._real_effects, source, aged)
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
            _check_stable(state, time)
            drive = self._dac(_vector("b", b, state.like))
            start = None if x0 is None else self._dac(_vector("x0", x0, state.like))
            value, stats = self._run(state, drive, start, time * state.rate)
            stats |= state.stability(time * state.rate)
        if not math.isinf(time):
            stats["analog_time"] = time * stats["attempts"]
        return answer(value, b, stats)

    def check_decay(self, state: DeviceFlow, part: float) -> None:
        """For a device that goes on from its last readout, where a mode that hardly grows in one step does in many.

        Raises UnstableLoop unless every mode decays at least with this part of the slowest cell's own rate.
        """
        with torch.no_grad():
            state.check_decay(part)

    def redamped(self, state: DeviceFlow, damping: float) -> DeviceFlow:
        """The same arrays with another damping: its resistors are set anew, and nothing else.

        Raises TypeError for a dense program, whose damping is in its matrix.
        """
        if not isinstance(state, CascadeFlow):
            raise TypeError("DeviceSPU: a dense program has its damping in the matrix; load another one")
        with torch.no_grad():
            return replace(state, chip=state.chip.damped(damping))

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
    def _real_effects(self) -> DeviceEffects:
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
        scale = 0.5 * full_scale / (peak(b, x0) or 1.0)
        attempts = 1
        volts = state.mean(scale * b, scaled(x0, scale), t)
        noise = self._noise(state, t)
        offset: Tensor | None = None
        strain = self._strain(state, scale * b, scaled(x0, scale), volts)

        while self._in_volts and attempts < self.max_attempts:
            change = next_scale(float((volts + noise).abs().max()), full_scale, strain)
            if change == 1.0:
                break
            if offset is None:
                offset = self._offset(state, t, volts)
            # the loop is linear: only what the drive causes changes with the scale
            volts = change * (volts - offset) + offset
            scale = change * scale
            attempts += 1
            strain = self._strain(state, scale * b, scaled(x0, scale), volts)
        self._refuse_strain(strain, attempts)

        stats = {"attempts": float(attempts), "scale": scale, "clipped_weights": float(state.chip.clipped)}
        stats |= self._told_of_the_population(state, volts, scale * b)
        value, clipped = self._read_out(volts + noise)
        if self.nulled:
            at_rest, more = self._read_out(self._offset(state, t, volts) + self._noise(state, t))
            value = value - at_rest
            clipped += more
            stats["attempts"] += 1.0
        return value / scale, {**stats, "clipped": float(clipped)}

    def _offset(self, state: DeviceFlow, t: float, volts: Vector) -> Vector:
        return state.offset(t, float(volts.norm())) if self.effects.offset else torch.zeros_like(volts)

    def _told_of_the_population(self, state: DeviceFlow, volts: Vector, drive: Vector) -> dict[str, float]:
        """Stats that only some populations tell."""
        stats = {}
        measured = measured_cells(self.population)
        if measured is not None and len(drive) > measured:
            stats["cells_per_measured"] = len(drive) / measured
        if isinstance(self.population, Ohmic):
            stats["array_power"] = state.power(volts, drive) / self.population.R0
        return stats

    def _read_out(self, volts: Vector) -> tuple[Vector, int]:
        """What the converters make of it, and how many entries clip."""
        if not self.effects.readout_bits:
            return volts, 0
        return read_out(volts, self.population.full_scale, self.population.adc_bits)

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


def _check_stable(state: DeviceFlow, t: float) -> None:
    # the chip's own clock: its tau may have drifted from the one that t is told in
    try:
        state.check_stable(t * state.rate)
    except UnstableLoop as error:
        error.longest /= state.rate
        raise


def _vector(name: str, x: Array, like: Vector) -> Vector:
    values = to_tensor(x, like)
    if values.shape != like.shape:
        raise ValueError(f"DeviceSPU: expected {name} of {len(like)} cells, got shape {tuple(values.shape)}")
    return values
