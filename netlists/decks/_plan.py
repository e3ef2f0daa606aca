"""From settings to decks: what ngspice is asked for, and what a good answer looks like."""

import secrets
from dataclasses import dataclass, replace

import numpy as np

from ...circuits import Level, Network, state_space
from ...circuits.loaded_chips import loaded_chip
from ...circuits.networks import Capacitor, OpAmp
from ...measurements import ANALYSES
from .._exceptions import NetlistError
from ..amplifiers import AmplifierSubcircuit
from ..cards import NoiseForm, hierarchy, input_source, plainly_named
from ..simulators import DEFAULT_TOLERANCE, Deck, Ngspice, Tolerance
from ..simulators import analyses as _analyses
from ..timing import (
    Grid,
    Linear,
    Steps,
    band_grid,
    default_hold,
    held_steps,
    noise_grid,
    positive,
    response_grid,
    stationary_covariance,
    transient_steps,
    waveform_times,
)
from ._build import initial_voltages, network_cards, to_text
from ._job import Job, Settings
from ._transistor_level import chosen_amplifier, preamble, release_time

NOISE_RUNS_PER_PROCESS = 64
_DEFAULT_CHARGE = 1e-14
_NEGLIGIBLE = 1e-2
_NOISE_RELATIVE = 1e-6
"""Between the points where its sources change, a noisy transient needs no more."""


@dataclass(frozen=True, eq=False)
class Plan:
    """What a run comes to: the decks, one for each process, and the whole as one deck."""

    settings: Settings
    network: Network
    linear: Linear
    decks: tuple[Deck, ...]
    whole: str
    solver: str
    """Of ngspice's linear equations."""
    timeout: float
    seed: int | None = None
    hold: float | None = None
    grid: Grid | None = None


def plan_job(job: Job, ngspice: Ngspice) -> Plan:
    """The plan of a job.

    Raises:
        as `simulate`, but nothing is run.
    """
    if job.analysis not in ANALYSES:
        raise NetlistError(f"unknown analysis {job.analysis!r}: expected one of {', '.join(ANALYSES)}")
    chip = loaded_chip(job.instance, job.program, job.level, job.scaling)
    if job.level != "ideal" and not any(isinstance(element, OpAmp) for element in chip.network.elements):
        raise NetlistError(
            f"level {job.level}: a {job.instance.topology.name} has no amplifiers, and this would be level ideal once"
            " more; take level ideal"
        )
    return plan(job.settings, chip.network, Linear(chip.network, lambda: chip.space), ngspice)


def plan(settings: Settings, network: Network, linear: Linear, ngspice: Ngspice) -> Plan:
    """The plan of a network.

    Raises:
        NetlistError: a value out of range, or a circuit that cannot be written.
        SimulationFailed: it is unstable.
    """
    task = _Task(settings, plainly_named(network), linear, ngspice, positive(settings.timeout, "timeout"))
    match settings.analysis:
        case "op":
            return task.op()
        case "ac":
            return task.ac()
        case "noise":
            return task.spectral()
        case _ if settings.noise:
            return task.seeded()
        case _:
            return task.tran()


def settling_deck(settings: Settings, network: Network, ngspice: Ngspice) -> Deck:
    """The deck of an operating point at level `ideal` or `macro`; whether the circuit settles there is not asked.

    Raises:
        NetlistError: as `plan`.
    """
    linear = Linear(network, lambda: state_space(network))
    return _Task(settings, plainly_named(network), linear, ngspice, settings.timeout).settling()


def hierarchical_deck(plan: Plan, origin: str = "") -> str:
    """The deck for a designer's hands: the same circuit with subcircuits, parameters and units; see `hierarchy`.

    It has every source of noise, also where the analysis needs none. A transient with random sources, and amplifiers
    made of transistors, stay as they are run.
    """
    settings = plan.settings
    if settings.level == "transistor" or plan.seed is not None:
        return plan.whole
    v0 = initial_voltages(settings.x0, len(plan.network.outputs))
    lines = hierarchy(plan.network, v0, origin)
    _, mark, analyses = plan.whole.partition(_analyses.OPTIONS)
    if lines is None or not mark:
        return plan.whole
    return to_text(plan.network, [], "\n" + lines) + mark + analyses


def network_circuit(network: Network, level: Level = "macro", amplifier: AmplifierSubcircuit | None = None) -> str:
    """Cards of a network from rest and the solver's options; lines of analyses and `.end` may follow.

    Args:
        network: typed elements; those of amplifiers carry the macro-model, at level `transistor` too.
        level: depth of the amplifiers.
        amplifier: subcircuit at level `transistor`; the project's two-stage amplifier unless given.

    Raises:
        NetlistError: an unsafe name or number, a node without a path for direct current to ground, an amplifier at
            another level than `transistor`.
    """
    chosen = chosen_amplifier(level, amplifier)
    network = plainly_named(network)
    lines = network_cards(network, amplifier=chosen)
    if chosen is None:
        return to_text(network, lines) + _analyses.options(klu=False)
    return to_text(network, lines, preamble(network, chosen, state_space(network).settled)) + _analyses.options(
        klu=False
    )


@dataclass(frozen=True, eq=False)
class _Task:
    settings: Settings
    network: Network
    linear: Linear
    ngspice: Ngspice
    timeout: float

    def op(self) -> Plan:
        # An operating point does not show that the circuit would run away from it.
        _ = self.linear.rates
        found = self.settling()
        return self.plan((found,), found.text)

    def settling(self) -> Deck:
        return _analyses.op_deck(self.circuit("none") + self.options(), self.network.outputs)

    def ac(self) -> Plan:
        grid = response_grid(self.linear.rates, self.settings.frequencies, self.settings.points_per_decade)
        found = _analyses.ac_deck(self.circuit("none") + self.options(), self.network.outputs, grid)
        return self.plan((found,), found.text, grid=grid)

    def spectral(self) -> Plan:
        grid = self.noise_grid()
        circuit = self.circuit("spectral") + self.options()
        kind, name = input_source(self.network)
        source, pairs = f"{kind.upper()}{name}", _analyses.noise_pairs(self.network.outputs)
        if self.settings.frequencies is not None:
            pairs = pairs[: len(self.network.outputs)]
        parts = [pairs[k : k + NOISE_RUNS_PER_PROCESS] for k in range(0, len(pairs), NOISE_RUNS_PER_PROCESS)]
        decks = tuple(_analyses.noise_deck(circuit, part, source, grid) for part in parts)
        whole = _analyses.noise_deck(circuit, pairs, source, grid).text
        return self.plan(decks, whole, grid=grid)

    def noise_grid(self) -> Grid:
        settings = self.settings
        if settings.band is None:
            return noise_grid(self.linear.rates, settings.frequencies, settings.points_per_decade)
        if settings.frequencies is not None:
            raise NetlistError("band and frequencies: give one of them")
        return band_grid(self.linear.rates, settings.band, settings.points_per_decade)

    def tran(self) -> Plan:
        circuit = self.circuit("none", transient=True)
        found = self.transient(circuit, self.steps(), self.options(_tolerance(self.network, self.swing())))
        return self.plan((found,), found.text)

    def seeded(self) -> Plan:
        seed, rates, space = _seed(self.settings.seed), self.linear.rates, self.linear.space
        if self.settings.noise_step is None:
            hold = default_hold(rates, space)
        else:
            hold = positive(self.settings.noise_step, "noise_step")
        steps = held_steps(self.steps(), hold, len(self.network.outputs))
        circuit = self.circuit("seeded", hold, transient=True)
        noise = float(np.sqrt(np.diag(stationary_covariance(space)).max()))
        tolerance = replace(_tolerance(self.network, max(self.swing(), noise)), relative=_NOISE_RELATIVE)
        found = self.transient(circuit, steps, self.options(tolerance, ngspice_seed(seed)))
        return self.plan((found,), found.text, seed=seed, hold=hold)

    def transient(self, circuit: str, steps: Steps, options: str) -> Deck:
        from_rest = self.settings.level != "transistor"
        return _analyses.tran_deck(circuit + options, self.network.outputs, steps, from_rest)

    def plan(
        self,
        decks: tuple[Deck, ...],
        whole: str,
        seed: int | None = None,
        hold: float | None = None,
        grid: Grid | None = None,
    ) -> Plan:
        solver = "KLU" if self.klu else "SPARSE 1.3"
        return Plan(self.settings, self.network, self.linear, decks, whole, solver, self.timeout, seed, hold, grid)

    def circuit(self, noise: NoiseForm, hold: float | None = None, transient: bool = False) -> str:
        settings, network = self.settings, self.network
        amplifier = chosen_amplifier(settings.level, settings.amplifier)
        release = release_time(self.linear.rates) if transient else None
        lines = network_cards(network, settings.x0, noise, hold, amplifier, release)
        if amplifier is None:
            return to_text(network, lines)
        near = self.start if transient else self.linear.settled
        return to_text(network, lines, preamble(network, amplifier, near))

    def steps(self) -> Steps:
        settings, linear, n = self.settings, self.linear, len(self.network.outputs)
        shown, finest = waveform_times(self.network)
        settle_time = max(linear.settle_time, shown) if settings.duration is None else None
        steps = transient_steps(linear.rates, n, settings.duration, settings.max_step, settle_time)
        if finest >= steps.largest:
            return steps
        return transient_steps(linear.rates, n, settings.duration, finest, settle_time)

    @property
    def start(self) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        return initial_voltages(self.settings.x0, len(self.network.outputs))

    def swing(self) -> float:
        return float(np.abs([*self.linear.settled, *self.start]).max())

    @property
    def klu(self) -> bool:
        # ngspice's noise analysis refuses KLU (seen in 44 and 47).
        return self.ngspice.klu and self.settings.analysis != "noise" and _analyses.klu_pays(len(self.network.nodes))

    def options(self, tolerance: Tolerance = DEFAULT_TOLERANCE, seed: int | None = None) -> str:
        return _analyses.options(self.klu, tolerance, seed)


def _tolerance(network: Network, swing: float) -> Tolerance:
    """ngspice holds the error of a charge to `reltol` times that charge, but at least times this one.

    It is a small part of what the smallest cell moves: less would chase the waveform through every zero, and
    ngspice's own 1e-14 C is more than an on-chip cell holds.
    """
    capacitors = [e for e in network.elements if isinstance(e, Capacitor)]
    # A circuit without cells is all of one kind.
    cells = [e for e in capacitors if e.cell is not None] or capacitors
    charge = _NEGLIGIBLE * min((float(e.capacitance) for e in cells), default=0.0) * swing
    return Tolerance(charge=charge) if 0 < charge < _DEFAULT_CHARGE else Tolerance()


def _seed(seed: int | None) -> int:
    if seed is None:
        return secrets.randbits(31)
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise NetlistError(f"seed: expected a whole number of at least 0, got {seed!r}")
    return int(seed)


def ngspice_seed(seed: int) -> int:
    """ngspice takes 1 to 2^31 - 1; neighbouring seeds are spread out, so that their streams have nothing in common."""
    return int(np.random.SeedSequence(seed).generate_state(1)[0]) % (2**31 - 1) + 1
