"""Does a measurement say what the circuit's own linear equations predict? One judgement for all that simulates."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import pi

import numpy as np
import scipy
import xarray as xr
from jaxtyping import Complex, Float

from ...circuits import Design, Instance, Level, Network, Program, Scaling, state_space
from ...circuits.linear_circuits import LinearCircuit
from ...circuits.loaded_chips import FittedChip, loaded_chip
from ...circuits.networks import Element, OpAmp
from ...circuits.state_spaces import StateSpace, driven, has_waveforms
from .._exceptions import SimulationFailed
from ..timing import Linear
from ._amplifier_range import AmplifierRange, ChipAmplifiers, FittedAmplifiers, NetworkAmplifiers

AGREEMENT: Mapping[Level, float] = {"ideal": 1e-3, "macro": 1e-3, "transistor": 2e-2}
"""SPICE and the linear equations agree to 1e-5 inside the amplifiers' limits, waveforms to 1e-4: ten times that and
more means that something else was simulated. A real amplifier has an offset and a gain of its own besides."""

_TRANSISTOR_WAVE = 0.1
"""The same of a waveform on its way, a response and a noise amplitude of real amplifiers, whose further poles a
macro-model has in one."""

_AMPLIFIER_BAND = 0.05
"""Part of its gain-bandwidth up to which the noise of a real amplifier is that of its input."""

_SOFT_RAILS = 0.8
"""Part of its rails within which a real amplifier is linear."""

_SIGMAS = 6.0
_LOOKS = 8
_MOST_STATES = 400
"""Beyond, waveforms are compared where they end."""

_LEAST = 1e-6
"""Voltages below this [V] are the simulator's own rounding through the gains of a chip."""

FAULTS = "faults"
"""Attribute of a measurement: why it is not what the circuit's equations predict, as a JSON list; absent if it is."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Findings on one measurement.

    `faults`: it says something else than the circuit's equations, and no amplifier's limit explains it. `warnings`: the
    circuit leaves the range in which its answer is linear.
    """

    faults: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __add__(self, other: "Agreement") -> "Agreement":
        return Agreement(self.faults + other.faults, self.warnings + other.warnings)


AGREED = Agreement()


@dataclass(frozen=True, eq=False)
class Judge:
    """A circuit, as its linear equations have it."""

    level: Level
    linear: Linear
    amplifiers: AmplifierRange

    @classmethod
    def of(
        cls, instance: Instance, program: Program, level: Level, scaling: Scaling, linear: Linear | None = None
    ) -> "Judge":
        """Of a chip as `simulate` takes it."""
        if linear is None:
            chip = loaded_chip(instance, program, level, scaling)
            linear = Linear(chip.network, lambda: chip.space)
        return cls(level, linear, ChipAmplifiers(instance, program, level, scaling))

    @classmethod
    def of_fitted(cls, chip: FittedChip, design: Design, level: Level) -> "Judge":
        """Of a chip that was fitted among others, on its operating point."""
        linear = Linear(chip.network, lambda: chip.space.first(len(chip.network.outputs)))
        return cls(level, linear, FittedAmplifiers(chip, design))

    @classmethod
    def of_network(cls, network: Network, linear: Linear | None = None) -> "Judge":
        """Of a circuit of typed elements."""
        amplified = any(isinstance(e, OpAmp) and e.model is not None for e in network.elements)
        if linear is None:
            linear = Linear(network, lambda: state_space(network))
        return cls("macro" if amplified else "ideal", linear, NetworkAmplifiers(network))

    def settled(self, v: Float[np.ndarray, " n"]) -> Agreement:
        """On an operating point [V]."""
        error = _relative(v - self.linear.settled, self.linear.settled)
        if error <= AGREEMENT[self.level]:
            return AGREED
        return self._apart(f"the circuit settles {error:.1%} away from its linear prediction", self.at_rails())

    def waveform(
        self,
        times: Float[np.ndarray, " times"],
        v: Float[np.ndarray, "times n"],
        v0: Float[np.ndarray, " n"],
        hold: float | None = None,
    ) -> Agreement:
        """On a transient [V]; with `hold` [s] one with random sources."""
        if self.linear.nodal is not None:
            return AGREED  # its end is looked at where the operating point is at hand
        space = self.linear.space
        rows = self._rows(times, hold)
        expected = self._expected(times[rows], v0)
        size = max(float(np.abs(expected).max()), float(np.abs(v0).max(initial=0.0)), _LEAST)
        away = np.abs(v[rows] - expected).max(axis=1)
        settling = np.abs(expected - space.settled).max(axis=1) / size
        allowed = np.where(settling > AGREEMENT[self.level], self._on_its_way, AGREEMENT[self.level]) * size
        allowed = allowed + (0.0 if hold is None else _SIGMAS * self.noise_sd)
        if (away <= allowed).all():
            return AGREED
        k = int(np.argmax(away / allowed))
        return self._apart(
            f"at {times[rows][k]:.3g} s the circuit is {away[k] / size:.1%} away from its linear prediction",
            self._limited(v0),
        )

    def _expected(self, times: Float[np.ndarray, " t"], v0: Float[np.ndarray, " n"]) -> Float[np.ndarray, "t n"]:
        space = self.linear.space
        if has_waveforms(space):
            return driven(space, times, space.starting(v0))
        start = space.starting(v0) - space.settled_states
        return np.asarray(space.settled + space.relaxed(start, times) @ space.M.T)

    @property
    def noise_sd(self) -> float:
        """Largest standard deviation of a readout by the settled circuit's noise [V], 1/f noise aside."""
        space = self.linear.space
        P = scipy.linalg.solve_continuous_lyapunov(space.F, space.Q)
        return float(np.sqrt(np.abs(np.diag(space.M @ P @ space.M.T)).max()))

    def predicted(self, t: float, v0: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """The linear waveform at time t [s] from cell voltages v0, without noise [V]; a large mesh starts from rest."""
        if self.linear.nodal is not None:
            return self.linear.nodal.from_rest(t)
        space = self.linear.space
        away = space.relaxed(space.starting(v0) - space.settled_states, np.array([t]))
        return np.asarray(space.settled + space.M @ away[0])

    def unsettled(self, v: Float[np.ndarray, " n"], v0: Float[np.ndarray, " n"]) -> float:
        """How far voltages [V] are from where the linear circuit settles, as a part of the answer or the start v0."""
        settled = self.linear.settled
        size = max(float(np.abs(settled).max()), float(np.abs(v0).max(initial=0.0)), _LEAST)
        return float(np.abs(v - settled).max()) / size

    def response(self, frequencies: Float[np.ndarray, " f"], v: Complex[np.ndarray, "f n"]) -> Agreement:
        """On a response to the whole drive [V]."""
        rows = _spread(len(frequencies)) if self.level != "transistor" else [0]
        space = self.linear.space
        expected = np.array([_response(space, float(f)) for f in frequencies[rows]])
        error = _relative(v[rows] - expected, expected)
        if error <= self._on_its_way:
            return AGREED
        return self._apart(f"the response is {error:.1%} away from its linear prediction", self.at_rails())

    def noise(self, frequencies: Float[np.ndarray, " f"], psd: Float[np.ndarray, "f n"]) -> Agreement:
        """On one-sided densities [V^2/Hz]."""
        rows = _spread(self._in_band(frequencies))
        expected = np.array([_density(self.linear, float(f)) for f in frequencies[rows]])
        error = _relative(np.sqrt(psd[rows]) - np.sqrt(expected), np.sqrt(expected), 0.0)
        if error <= self._on_its_way:
            return AGREED
        return self._apart(f"the noise is {error:.1%} away from its linear prediction", self.at_rails())

    def _in_band(self, frequencies: Float[np.ndarray, " f"]) -> int:
        """How many of the frequencies a macro-model's noise stands for: above, an amplifier's output stage has more."""
        chip = self.amplifiers
        amplifier = chip.instance.design.amplifier if isinstance(chip, ChipAmplifiers) else None
        if self.level != "transistor" or amplifier is None:
            return len(frequencies)
        return max(int(np.searchsorted(frequencies, amplifier.band(_AMPLIFIER_BAND))), 1)

    @property
    def _on_its_way(self) -> float:
        return _TRANSISTOR_WAVE if self.level == "transistor" else AGREEMENT[self.level]

    def _rows(self, times: Float[np.ndarray, " times"], hold: float | None) -> Sequence[int]:
        few = len(self.linear.space.G) > _MOST_STATES or hold is not None
        return [len(times) - 1] if few else _spread(len(times))

    def _apart(self, what: str, limited: tuple[str, ...]) -> Agreement:
        if limited:
            return Agreement(
                warnings=(f"{what}: amplifier {', '.join(limited)} at its rails or slew rate; use a smaller drive",)
            )
        ideal = any(isinstance(e, OpAmp) for e in self.linear.network.elements)
        reason = _REASON[self.level] if ideal or self.level != "ideal" else _NO_AMPLIFIER
        return Agreement(faults=(f"{what}{reason}",))

    def at_rails(self) -> tuple[str, ...]:
        """Amplifiers that the linear circuit settles beyond the rails of."""
        return self.amplifiers.settled_beyond(self._rails)

    def _limited(self, v0: Float[np.ndarray, " n"]) -> tuple[str, ...]:
        """Those that leave their rails or slew rate on the way."""
        return self.amplifiers.passed_beyond(v0, self._rails)

    @property
    def _rails(self) -> float:
        return _SOFT_RAILS if self.level == "transistor" else 1.0


_NO_AMPLIFIER = (
    ": what the simulator says is not this circuit's; values of very different size may be beyond its digits"
)
_REASON: Mapping[Level, str] = {
    "ideal": (
        ": the gain of 1e7 that stands for an ideal amplifier does not reach for this program, or the simulator is not"
        " to be trusted; expected a smaller condition number"
    ),
    "macro": ", and no amplifier is at its limits: what the simulator says is not this circuit's",
    "transistor": ": the amplifier is not the one that the design describes, or the loop does not settle with it",
}


def judged(measurement: xr.Dataset, judge: Judge) -> xr.Dataset:
    """The measurement with what its circuit's equations have to say: more `warnings`, and `faults` if there are any."""
    found = _agreement(measurement, judge)
    warnings = [*json.loads(measurement.attrs["warnings"]), *found.warnings]
    faults = {FAULTS: json.dumps(found.faults)} if found.faults else {}
    return measurement.assign_attrs(warnings=json.dumps(warnings), **faults)


def _agreement(data: xr.Dataset, judge: Judge) -> Agreement:
    match data.attrs["analysis"]:
        case "op":
            return judge.settled(data["v"].values)
        case "tran":
            return judge.waveform(
                data["time"].values, data["v"].values, data["v0"].values, data.attrs.get("noise_step")
            )
        case "ac":
            return judge.response(data["frequency"].values, data["v_re"].values + 1j * data["v_im"].values)
        case _:
            return judge.noise(data["frequency"].values, data["psd"].values)


def faults_of(measurement: xr.Dataset) -> tuple[str, ...]:
    """Why a measurement is not what the circuit's equations predict; empty if it is."""
    return tuple(json.loads(measurement.attrs.get(FAULTS, "[]")))


def trusted(measurement: xr.Dataset) -> xr.Dataset:
    """The same measurement.

    Raises:
        SimulationFailed: it is not what the circuit's equations predict.
    """
    if faults := faults_of(measurement):
        raise SimulationFailed("; ".join(faults))
    return measurement


def _relative(
    difference: Float[np.ndarray, "..."] | Complex[np.ndarray, "..."],
    values: Float[np.ndarray, "..."] | Complex[np.ndarray, "..."],
    least: float = _LEAST,
) -> float:
    size = max(float(np.linalg.norm(values)), least)
    return float(np.linalg.norm(difference)) / size if size > 0 else 0.0


def _spread(count: int) -> Sequence[int]:
    """Some of the rows, the last among them."""
    return sorted({round(k) for k in np.linspace(0, count - 1, _LOOKS)})


def _response(space: StateSpace, f: float) -> Complex[np.ndarray, " n"]:
    s = np.linalg.solve(2j * pi * f * space.C + space.G, space.drive)
    return np.asarray(space.M @ s + space.y_drive)


def _density(linear: Linear, f: float) -> Float[np.ndarray, " n"]:
    """With the amplifiers' 1/f noise as white noise of what it is at this frequency."""
    if linear.nodal is None and linear.space.noise_feedthrough > 0:
        # What reaches a readout without any band limit is no part of the state space.
        return np.asarray(LinearCircuit.of(linear.network).psd(np.array([f]))[0])
    elements = tuple(_white_at(element, f) for element in linear.network.elements)
    same = elements == linear.network.elements
    space = linear.space if same else state_space(replace(linear.network, elements=elements))
    H = np.linalg.solve((2j * pi * f * space.C + space.G).T, space.M.T.astype(complex)).T
    return np.asarray(np.einsum("ni,ij,nj->n", H, 2 * space.noise, H.conj()).real)


def _white_at(element: Element, f: float) -> Element:
    if not isinstance(element, OpAmp) or element.model is None or element.model.noise_corner == 0:
        return element
    model = element.model
    # Below its lowest frequency the noise does not grow.
    more = 1 + model.noise_corner / max(f, model.noise_lowest)
    return replace(element, model=replace(model, noise_voltage=model.noise_voltage * np.sqrt(more), noise_corner=0.0))
