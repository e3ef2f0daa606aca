"""What an amplifier circuit does, measured in ngspice on its own test benches."""

from dataclasses import asdict, dataclass
from math import inf, log10, pi
from typing import Any

import numpy as np
from jaxtyping import Complex, Float

from .._exceptions import NetlistError, SimulationFailed
from ..simulators import Ngspice, proven_ngspice
from ..timing import Grid
from ._bench import NOMINAL_LOAD, Bench, Load
from ._subcircuit import AmplifierCircuit, AmplifierSubcircuit

TEMPERATURE = 300.15
"""27 degrees Celsius [K]."""

FOLLOWER_ERROR = 1e-3
"""A follower is within its range while its error changes by less than this [V]."""

CLIPPED = 0.5
"""The output clips where the closed loop's gain has fallen to this part."""

_TWENTY_DECIBELS = 10.0


@dataclass(frozen=True, slots=True)
class Characterisation:
    """Measured values of an amplifier with a stated load. SI units; `None` is not known or not applicable."""

    amplifier: str
    load_resistance: float | None
    load_capacitance: float
    temperature: float
    vdd: float
    vss: float
    gain: float
    """At direct current, with the load [V/V]."""
    gain_bandwidth: float
    """|A(f)| f where |A| = 10 [Hz]."""
    unity_frequency: float
    """Where |A| = 1 [Hz]."""
    phase_margin: float
    """180 degrees less the phase lag at the unity frequency [degree]."""
    offset: float
    """Systematic, without mismatch, added to the plus input [V]."""
    offset_sigma: float | None
    """Standard deviation of the offset by mismatch [V]; None for a circuit whose transistors are not known."""
    offset_samples: int
    noise_white: float
    """Input noise voltage far above the corner, one-sided [V/sqrt(Hz)]."""
    noise_corner: float
    """Where flicker and white noise are equal [Hz]."""
    slew_rise: float
    """Mean slope from 20 to 80 % of a step of two thirds of the smaller supply [V/s]."""
    slew_fall: float
    output_resistance: float
    """Real part of the open-loop output impedance at the unity frequency, without the load [ohm]."""
    output_low: float
    """Output at which the closed loop's gain has fallen to one half [V]."""
    output_high: float
    input_low: float
    """Least input of a follower whose error changes by less than 1 mV [V]."""
    input_high: float
    supply_current: float
    """Quiescent, bias network included [A]."""
    simulator_version: int

    @property
    def slew(self) -> float:
        """The slower of both directions [V/s]."""
        return min(self.slew_rise, self.slew_fall)

    @property
    def power(self) -> float:
        """Quiescent [W]."""
        return self.supply_current * (self.vdd - self.vss)

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def characterise(
    amplifier: AmplifierSubcircuit,
    load: Load = NOMINAL_LOAD,
    samples: int = 200,
    seed: int = 0,
    temperature: float = TEMPERATURE,
    ngspice: Ngspice | None = None,
) -> Characterisation:
    """Measure an amplifier in ngspice.

    Args:
        amplifier: a generated circuit, or a user's own.
        load: from the output to ground.
        samples: amplifiers with drawn mismatch, for the random offset; the relative error of its standard deviation
            is 1/sqrt(2 samples).
        seed: of these draws; the same seed gives the same numbers.
        temperature: [K].
        ngspice: the simulator, found unless given.

    Raises:
        NetlistError: fewer than two samples.
        SimulatorMissing: there is no ngspice.
        SimulationFailed: a run failed, or the circuit does not amplify.
    """
    simulator = ngspice or proven_ngspice()
    bench = Bench(amplifier, load, temperature, simulator)
    offset, current = bench.operating_point()
    response = _response(bench)
    white, corner = _noise(bench, response.gain_bandwidth)
    rise, fall = _slew(bench, response.gain_bandwidth)
    output = _output_range(bench)
    followed = _follower_range(bench, offset)
    known = isinstance(amplifier, AmplifierCircuit)
    return Characterisation(
        amplifier=amplifier.name,
        load_resistance=load.resistance,
        load_capacitance=load.capacitance,
        temperature=temperature,
        vdd=amplifier.vdd,
        vss=amplifier.vss,
        gain=response.gain,
        gain_bandwidth=response.gain_bandwidth,
        unity_frequency=response.unity_frequency,
        phase_margin=response.phase_margin,
        offset=offset,
        offset_sigma=float(np.std(_offsets(bench, samples, seed), ddof=1)) if known else None,
        offset_samples=samples if known else 0,
        noise_white=white,
        noise_corner=corner,
        slew_rise=rise,
        slew_fall=fall,
        output_resistance=response.output_resistance,
        output_low=output[0],
        output_high=output[1],
        input_low=followed[0],
        input_high=followed[1],
        supply_current=current,
        simulator_version=simulator.version,
    )


def sample_offsets(
    amplifier: AmplifierCircuit,
    samples: int,
    rng: np.random.Generator,
    temperature: float = TEMPERATURE,
    ngspice: Ngspice | None = None,
) -> Float[np.ndarray, " samples"]:
    """Input offsets of amplifiers with drawn mismatch [V].

    Raises:
        SimulatorMissing, SimulationFailed: as `characterise`.
    """
    bench = Bench(amplifier, NOMINAL_LOAD, temperature, ngspice or proven_ngspice())
    return bench.offsets(amplifier, [amplifier.sample(rng) for _ in range(samples)])


@dataclass(frozen=True, slots=True)
class _Response:
    gain: float
    gain_bandwidth: float
    unity_frequency: float
    phase_margin: float
    output_resistance: float


def _response(bench: Bench) -> _Response:
    start = 1e-2
    stop = 1e10
    density = 40
    f, A, Z = bench.response(Grid(start, density, round(log10(stop / start) * density) + 1))
    gain = float(abs(A[0]))
    if not (gain > _TWENTY_DECIBELS and A[0].real > 0):
        raise SimulationFailed(
            f"amplifier {bench.amplifier.name}: expected a positive gain of more than 10 at direct current,"
            f" got {A[0].real:.3g}; check the order of the pins: plus minus out vdd vss"
        )
    tenth, unity = (_crossing(f, A, level) for level in (_TWENTY_DECIBELS, 1.0))
    phase = np.interp(np.log(unity), np.log(f), np.degrees(np.unwrap(np.angle(A))))
    return _Response(
        gain=gain,
        gain_bandwidth=_TWENTY_DECIBELS * tenth,
        unity_frequency=unity,
        phase_margin=float(180 + phase),
        output_resistance=float(np.interp(np.log(unity), np.log(f), Z.real)),
    )


def _crossing(f: Float[np.ndarray, " k"], A: Complex[np.ndarray, " k"], level: float) -> float:
    """First frequency at which |A| falls to the level, interpolated in logarithms."""
    below = np.flatnonzero(np.abs(A) < level)
    if len(below) == 0:
        raise SimulationFailed(f"amplifier: its gain does not fall to {level:g} up to {f[-1]:.3g} Hz")
    k = int(below[0])
    x = np.log(np.abs(A[k - 1 : k + 1]))[::-1]
    y = np.log(f[k - 1 : k + 1])[::-1]
    return float(np.exp(np.interp(np.log(level), x, y)))


def _noise(bench: Bench, gain_bandwidth: float) -> tuple[float, float]:
    """White level [V/sqrt(Hz)] and corner [Hz]."""
    start = 1.0
    stop = max(gain_bandwidth / 10, 10.0)
    density = 10
    f, S = bench.noise(Grid(start, density, int(log10(stop / start) * density) + 1))
    try:
        return white_level(f, S)
    except ValueError:
        raise SimulationFailed(
            f"amplifier {bench.amplifier.name}: its input noise has no white level below {stop:.3g} Hz"
        ) from None


def white_level(f: Float[np.ndarray, " k"], S: Float[np.ndarray, " k"]) -> tuple[float, float]:
    """White level [V/sqrt(Hz)] and corner [Hz] of a density [V^2/Hz]: the relative least-squares fit of w (1 + f_c/f).

    A model without noise has neither.

    Raises:
        ValueError: a density without a white level.
    """
    if S.max() == 0:
        return 0.0, 0.0
    basis = np.column_stack([1 / S, 1 / (f * S)])
    white, flicker = np.linalg.lstsq(basis, np.ones(len(f)), rcond=None)[0]
    if not white > 0:
        raise ValueError("expected a density with a white level")
    return float(np.sqrt(white)), max(float(flicker / white), 0.0)


def _slew(bench: Bench, gain_bandwidth: float) -> tuple[float, float]:
    amplitude = min(bench.amplifier.vdd, -bench.amplifier.vss) / 3
    # A pair in weak inversion slews about 0.1 V of input per radian of its bandwidth; wait longer where it does not.
    duration = 50 / (2 * pi * gain_bandwidth)
    for _ in range(4):
        t, v = bench.step(amplitude, duration)
        if np.abs(np.abs(v[-1]) - amplitude).max() < 0.05 * amplitude:
            return _slope(t, v[:, 0], amplitude), _slope(t, -v[:, 1], amplitude)
        duration *= 5
    raise SimulationFailed(
        f"amplifier {bench.amplifier.name}: its closed loop oscillates or latches: a step of {2 * amplitude:.3g} V does"
        " not settle"
    )


def _slope(t: Float[np.ndarray, " k"], v: Float[np.ndarray, " k"], amplitude: float) -> float:
    """Mean slope between 20 and 80 % of a step from -amplitude to amplitude [V/s]."""
    levels = np.array([-0.6, 0.6]) * amplitude
    times = []
    for level in levels:
        k = int(np.flatnonzero(v > level)[0])
        times.append(np.interp(level, v[k - 1 : k + 1], t[k - 1 : k + 1]))
    return float((levels[1] - levels[0]) / (times[1] - times[0]))


def _output_range(bench: Bench) -> tuple[float, float]:
    v_in, out = bench.transfer(follower=False)
    good = -np.diff(out) / np.diff(v_in) > CLIPPED
    middle = (out[:-1] + out[1:]) / 2
    low, high = _around(good, int(np.argmin(np.abs(middle))))
    return float(min(middle[low], middle[high])), float(max(middle[low], middle[high]))


def _follower_range(bench: Bench, offset: float) -> tuple[float, float]:
    v_in, out = bench.transfer(follower=True)
    good = np.abs(out - v_in - offset) < FOLLOWER_ERROR
    low, high = _around(good, int(np.argmin(np.abs(v_in))))
    return float(v_in[low]), float(v_in[high])


def _around(good: np.ndarray, middle: int) -> tuple[int, int]:
    """First and last place of the run of good ones around the middle."""
    bad = np.flatnonzero(~good)
    if not good[middle]:
        return middle, middle
    below = bad[bad < middle]
    above = bad[bad > middle]
    return int(below[-1]) + 1 if len(below) else 0, int(above[0]) - 1 if len(above) else len(good) - 1


def _offsets(bench: Bench, samples: int, seed: int) -> Float[np.ndarray, " samples"]:
    if isinstance(samples, bool) or not 2 <= samples < inf:
        raise NetlistError(f"samples: expected at least 2, got {samples!r}")
    assert isinstance(bench.amplifier, AmplifierCircuit)
    rng = np.random.default_rng(seed)
    return bench.offsets(bench.amplifier, [bench.amplifier.sample(rng) for _ in range(samples)])
