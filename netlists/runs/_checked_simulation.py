"""A simulation beside its prediction, with warnings."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import xarray as xr
from jaxtyping import Float

from ...circuits import Instance, Level, Program, Scaling
from ...circuits.topologies import load
from ...circuits.trials import without_effect
from ...files import one_of
from ...measurements import ANALYSES, Analysis
from .._exceptions import NetlistError
from ..amplifiers import AmplifierSubcircuit
from ..decks import Job, Plan, chosen_amplifier, plan_job
from ..simulators import MODELS_FILE, Cancellation, Vacask, proven_ngspice, saving_also
from ..vacask import Engine, vacask_for
from ._agreement import AGREEMENT, Judge, faults_of
from ._carry_out import Outcome
from ._carry_out import run as carry_out
from ._forecast import TIMEOUT
from ._many import measured as as_measured
from ._power import OperatingPower, asked_for_power, power_of
from ._simulate import designed, designers_deck, measured_by_vacask, simulate


@dataclass(frozen=True, slots=True)
class Request:
    """What is simulated."""

    instance: Instance
    program: Program
    analysis: Analysis
    level: Level
    scaling: Scaling
    duration: float | None
    noise: bool
    seed: int
    amplifier: AmplifierSubcircuit | None = None
    corner: str = "typical"
    age: float | None = None
    """Of the chip [s]; the instance is the chip at this age."""
    temperature: float | None = None
    """As asked for [K]; the design has it."""
    band: tuple[float, float] | None = None
    """Of the noise's covariance [Hz]."""
    timeout: float = TIMEOUT
    """Of each of the simulator's processes [s]."""
    engine: Engine = "ngspice"
    """Which simulator; see `simulate`."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it, in volts of the circuit's nodes."""

    measurement: xr.Dataset
    circuit: str
    v: Float[np.ndarray, " n"]
    """Where the waveform ends; the operating point in the other analyses."""
    predicted: Float[np.ndarray, " n"]
    """The same by the circuit's linear equations."""
    clipped: tuple[str, ...]
    """Entries beyond the conductance range."""
    warnings: tuple[str, ...]
    faults: tuple[str, ...]
    """Why the simulator's numbers are not those of the circuit's equations."""
    time_constants: Float[np.ndarray, " n"] | None
    """Of the cells' modes, the slowest first [s]; None in a large mesh."""
    settled: bool
    """Whether `v` is where the circuit rests."""
    power: OperatingPower | None
    """Of the operating point, where that is the analysis and ngspice has run it."""
    netlists: Mapping[str, str] = field(default_factory=dict)
    """What another engine than ngspice has run, by names of files."""


@dataclass(frozen=True, slots=True)
class _Measured:
    """What an engine gave, and the circuit for a designer's hands."""

    data: xr.Dataset
    circuit: str
    power: OperatingPower | None = None
    netlists: Mapping[str, str] = field(default_factory=dict)


def get_analysis(
    name: str, noise: bool, duration: float | None = None, band: tuple[float, float] | None = None
) -> Analysis:
    """An analysis by its command-line name.

    Raises:
        NetlistError: unknown, or noise, a duration or a band where they mean nothing.
    """
    analysis = one_of(name, ANALYSES, "analysis", NetlistError)
    for option, given in (("noise", noise), ("duration", duration is not None)):
        if given and analysis != "tran":
            raise NetlistError(f"{option}: only a transient takes it, and the analysis is {name}; take analysis tran")
    if band is not None:
        _check_band(name, *band)
    return analysis


def _check_band(analysis: str, low: float, high: float) -> None:
    if analysis != "noise":
        raise NetlistError(f"band: only noise takes it, and the analysis is {analysis}; take analysis noise")
    if not 0 < low < high < np.inf:
        raise NetlistError(f"band: expected two frequencies, the lower one first, got {low:g} and {high:g} Hz")


def run(request: Request) -> Result:
    """Run the analysis, and the operating point that says where the circuit settles."""
    task = _job(request, request.analysis, request.noise)
    vacask = vacask_for(request.engine, task)
    ran = _in_ngspice(task) if vacask is None else _in_vacask(task, vacask)
    measurement = ran.data
    settled = measurement if request.analysis == "op" else None
    rest = settled if settled is not None else _simulate(_job(request, "op", False), request.engine)
    judge = Judge.of(request.instance, request.program, request.level, request.scaling)
    predicted = _predicted(measurement, judge)
    found = _findings(request, measurement, rest, judge, predicted)
    loaded = load(
        request.instance.design.programming, request.instance.topology, request.program, request.scaling.conductance
    )
    measured = tuple(dict.fromkeys(text for data in (measurement, rest) for text in json.loads(data.attrs["warnings"])))
    warnings = (*measured, *_out_of_range(loaded.clipped), *found.warnings, *_ineffective(request))
    return Result(
        measurement,
        ran.circuit,
        _shown(measurement, rest),
        predicted,
        loaded.clipped,
        warnings,
        found.faults,
        _time_constants(judge, request.program.n),
        found.settled,
        ran.power,
        ran.netlists,
    )


def _in_ngspice(task: Job) -> _Measured:
    simulator = proven_ngspice()
    plan = plan_job(task, simulator)
    outcome = carry_out(_watched(plan), simulator, Cancellation())
    return _Measured(as_measured(task, plan, outcome), designed(task, plan), _power(plan, outcome))


def _in_vacask(task: Job, vacask: Vacask) -> _Measured:
    data, sheet = measured_by_vacask(task, vacask)
    netlists = {"circuit.sim": sheet.text, MODELS_FILE: sheet.models}
    return _Measured(data, designers_deck(task), netlists=netlists)


def _ineffective(request: Request) -> Iterator[str]:
    """Options that change nothing in this design."""
    design = request.instance.design
    return without_effect(design, request.level, request.temperature, request.corner, request.age)


@dataclass(frozen=True, slots=True)
class _Findings:
    faults: tuple[str, ...]
    warnings: tuple[str, ...]
    settled: bool


def _findings(
    request: Request, measurement: xr.Dataset, rest: xr.Dataset, judge: Judge, predicted: Float[np.ndarray, " n"]
) -> _Findings:
    """What the measurements and the circuit's equations say of each other, and whether the waveform has settled."""
    faults = [*faults_of(measurement), *faults_of(rest)]
    if request.analysis != "tran":
        # Neither an operating point nor what is linear about it shows that the circuit would run away from it.
        if request.amplifier is not None:
            wave = _simulate(_job(request, "tran", False), "ngspice")
            faults += [*faults_of(wave), *elsewhere(request.level, wave, rest, 0.0)]
        return _Findings(tuple(dict.fromkeys(faults)), (), True)
    left = judge.unsettled(predicted, measurement["v0"].values)
    if left > AGREEMENT[request.level]:
        text = f"not settled: the transient ends {left:.1%} away from where the circuit settles; the answer is its end"
        return _Findings(tuple(faults), (text,), False)
    noise = judge.noise_sd if request.noise else 0.0
    faults += elsewhere(request.level, measurement, rest, noise)
    return _Findings(tuple(dict.fromkeys(faults)), (), not faults)


_SIGMAS = 6.0


def elsewhere(level: Level, wave: xr.Dataset, rest: xr.Dataset, noise: float) -> list[str]:
    """Whether a waveform that should have settled ends where the circuit has its operating point."""
    end, point = wave["v"].values[-1], rest["v"].values
    away, size = float(np.abs(end - point).max()), float(np.abs(point).max())
    if away <= AGREEMENT[level] * size + _SIGMAS * noise + _LEAST:
        return []
    cell = int(np.argmax(np.abs(end - point)))
    return [
        f"the transient ends at {end[cell]:.4g} V in cell {cell}, and the operating point is {point[cell]:.4g} V: the"
        " loop is unstable there or has latched, or an amplifier slows it down"
    ]


_LEAST = 1e-6
"""Voltages below this are the simulator's rounding [V]."""


def _shown(measurement: xr.Dataset, rest: xr.Dataset) -> Float[np.ndarray, " n"]:
    v = measurement["v"].values[-1] if measurement.attrs["analysis"] == "tran" else rest["v"].values
    return np.asarray(v, dtype=float)


def _predicted(measurement: xr.Dataset, judge: Judge) -> Float[np.ndarray, " n"]:
    if measurement.attrs["analysis"] != "tran":
        return judge.linear.settled
    return judge.predicted(float(measurement["time"].values[-1]), measurement["v0"].values)


def _time_constants(judge: Judge, n: int) -> Float[np.ndarray, " n"] | None:
    if judge.linear.nodal is not None:
        return None
    return np.sort(-1 / judge.linear.space.poles.real)[::-1][:n]


def _watched(plan: Plan) -> Plan:
    """An operating point that also leaves what its power follows from."""
    if plan.settings.analysis != "op":
        return plan
    names = asked_for_power(plan.network, _amplifier(plan))
    return replace(plan, decks=tuple(saving_also(deck, names) for deck in plan.decks))


def _power(plan: Plan, outcome: Outcome) -> OperatingPower | None:
    if plan.settings.analysis != "op":
        return None
    return power_of(plan.network, _amplifier(plan), outcome.plots[0])


def _amplifier(plan: Plan) -> AmplifierSubcircuit | None:
    return chosen_amplifier(plan.settings.level, plan.settings.amplifier)


def _job(request: Request, analysis: Analysis, noise: bool) -> Job:
    return Job(
        request.instance,
        request.program,
        analysis,
        request.level,
        request.duration if analysis == "tran" else None,
        request.scaling,
        noise,
        request.seed if noise else None,
        amplifier=request.amplifier,
        band=request.band if analysis == "noise" else None,
        timeout=request.timeout,
    )


def _simulate(task: Job, engine: Engine) -> xr.Dataset:
    chip = (task.instance, task.program, task.analysis, task.level, task.duration, task.scaling, task.noise, task.seed)
    return simulate(*chip, amplifier=task.amplifier, band=task.band, timeout=task.timeout, engine=engine)


SHOWN = 3


def _out_of_range(clipped: Sequence[str]) -> tuple[str, ...]:
    if not clipped:
        return ()
    more = f", and {len(clipped) - SHOWN} more (summary.json has all)" if len(clipped) > SHOWN else ""
    return (f"beyond the conductance range: {'; '.join(clipped[:SHOWN])}{more}",)


def relative_norm(difference: Float[np.ndarray, "..."], values: Float[np.ndarray, "..."]) -> float | None:
    scale = float(np.linalg.norm(values))
    return float(np.linalg.norm(difference)) / scale if scale > 0 else None
