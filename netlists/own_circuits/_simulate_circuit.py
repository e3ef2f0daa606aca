"""A circuit of one's own in ngspice, beside its linear equations."""

import json
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import xarray as xr
from jaxtyping import Float

from ...circuits import Network, state_space
from ...circuits.linear_circuits import LinearCircuit, NoiseBudget, Observed
from ...circuits.networks import CurrentSource, VoltageSource, equations
from ...circuits.state_spaces import StateSpace, has_waveforms
from ...measurements import Analysis, network_dataset
from .._exceptions import NetlistError, SimulationFailed
from ..decks import Plan, Settings, plan
from ..runs import AGREEMENT, FAULTS, Judge, carried_out, elsewhere, faults_of, judged
from ..simulators import Ngspice, proven_ngspice
from ..timing import Linear
from ._stimulus import chosen_input, driven_by, with_a_probe


@dataclass(frozen=True, kw_only=True)
class CircuitRequest:
    """What is measured of a circuit."""

    analysis: Analysis = "op"
    temperature: float | None = None
    """Of every element that has none of its own [K], for its noise; the circuit's unless given. Values stay: a netlist
    that is read at another temperature has those of that temperature."""
    band: tuple[float, float] | None = None
    """Of the noise's covariance [Hz]; all frequencies unless given."""
    duration: float | None = None
    """Of a transient [s]; until it has settled unless given."""
    input: str | None = None
    """The source that the response is to."""
    noise: bool = False
    """A transient with a random source for each origin of noise."""
    seed: int | None = None
    timeout: float = 300.0


@dataclass(frozen=True, eq=False)
class CircuitResult:
    """What came of it, and the model that it was compared with."""

    request: CircuitRequest
    observed: Observed
    measurement: xr.Dataset
    circuit: str
    """The deck: runs as it is with `ngspice -b`."""
    model: LinearCircuit
    v: Float[np.ndarray, " n"]
    """Operating point in ngspice [V]; the end of a transient."""
    warnings: tuple[str, ...]
    faults: tuple[str, ...]
    """Why the simulator's numbers are not those of the circuit's equations."""

    input: str | None = None
    """The source of a response."""
    settled: bool = True
    """Whether a transient ends where the circuit rests."""
    steps: bool = True
    """Whether all sources are constant from the start of a transient on, and nothing jumps there."""

    @property
    def followed(self) -> bool:
        """Whether the model says what a waveform does from the start on."""
        return not _jumps(self.model.network, self.model.space)

    @property
    def predicted(self) -> Float[np.ndarray, " n"]:
        """What the model has for `v` [V]."""
        if self.request.analysis == "tran" and has_waveforms(self.model.space) and self.followed:
            return np.asarray(self.model.step(float(self.measurement["time"].values[-1]), 2)[1][-1])
        return self.model.settled

    @cached_property
    def budget(self) -> NoiseBudget:
        """Of the model's noise, over the band that was asked for."""
        return self.model.noise_budget(self.request.band)

    @property
    def passed(self) -> bool:
        """Whether the simulator and the equations agree."""
        return not self.faults


def simulate_circuit(
    circuit: Observed | Network, request: CircuitRequest | None = None, ngspice: Ngspice | None = None
) -> CircuitResult:
    """Measure a circuit in ngspice and compare it with its linear equations.

    The outputs are those that `observed` chose, or the network's own. Data variables as those of `simulate`, without
    `A` and `b`. A transient starts with empty capacitors and inductors (or the elements' own initial values), and all
    sources on. `ac` is the response to one source of a unit.

    Raises:
        NetlistError: a value out of range, or a circuit that cannot be written.
        SimulatorMissing: there is no ngspice.
        SimulationFailed: unstable circuit, killed, timed out, or no result that can be trusted.
        ValueError: equations that are singular.
    """
    simulator = ngspice or proven_ngspice()
    request = request or CircuitRequest()
    if isinstance(circuit, Network):
        circuit = Observed(circuit, circuit.outputs)
    warmed = _at_temperature(circuit, request.temperature)
    _check(request)
    source = chosen_input(warmed.network, request.input) if request.analysis == "ac" else None
    model = LinearCircuit.of(warmed.network, circuit.labels)
    measured = _measure(_as_measured(warmed.network, request, source), request, simulator, model)
    if request.analysis == "op":
        rest = measured
    else:
        rest = _measure(warmed.network, CircuitRequest(analysis="op", timeout=request.timeout), simulator, model)
    end = _end(measured, rest) if request.analysis == "tran" else _End(True, True, (), ())
    found = (measured.data, rest.data)
    warnings = [*(text for data in found for text in json.loads(data.attrs["warnings"])), *end.warnings]
    faults = [*(text for data in found for text in faults_of(data)), *end.faults]
    v = measured.data["v"].values[-1] if request.analysis == "tran" else rest.data["v"].values
    return CircuitResult(
        request,
        warmed,
        measured.data.assign_attrs(outputs=json.dumps(circuit.labels), **({} if source is None else {"input": source})),
        measured.plan.whole,
        model,
        np.asarray(v, dtype=float),
        tuple(dict.fromkeys(warnings)),
        tuple(dict.fromkeys(faults)),
        source,
        end.settled,
        end.steps,
    )


@dataclass(frozen=True, slots=True)
class _Measured:
    data: xr.Dataset
    plan: Plan
    judge: Judge


@dataclass(frozen=True, slots=True)
class _End:
    settled: bool
    steps: bool
    warnings: tuple[str, ...]
    faults: tuple[str, ...]


def _end(wave: _Measured, rest: _Measured) -> _End:
    """Whether a transient has settled, and if it has, whether that is where the circuit rests."""
    network = wave.plan.network
    steps = not any(isinstance(e, VoltageSource | CurrentSource) and e.waveform for e in network.elements)
    judge, data = wave.judge, wave.data
    if not steps or (_jumps(network, judge.linear.space) and not faults_of(data)):
        return _End(False, False, (), ())
    left = judge.left(float(data["time"].values[-1]), data["v0"].values)
    if left > AGREEMENT[judge.level]:
        text = f"not settled: the transient ends {left:.1%} away from where the circuit settles"
        return _End(False, True, (text,), ())
    noise = judge.noise_sd if wave.plan.settings.noise else 0.0
    faults = tuple(elsewhere(judge.level, data, rest.data, noise))
    return _End(not faults, True, (), faults)


def _check(request: CircuitRequest) -> None:
    only: list[tuple[str, bool, str]] = [
        ("duration", request.duration is not None, "tran"),
        ("noise", request.noise, "tran"),
        ("band", request.band is not None, "noise"),
        ("input", request.input is not None, "ac"),
    ]
    for name, given, analysis in only:
        if given and request.analysis != analysis:
            raise NetlistError(f"{name}: only analysis {analysis} takes it, and the analysis is {request.analysis}")
    if request.band is not None and not 0 < request.band[0] < request.band[1] < np.inf:
        low, high = request.band
        raise NetlistError(f"band: expected two frequencies, the lower one first, got {low:g} and {high:g} Hz")


def _at_temperature(circuit: Observed, temperature: float | None) -> Observed:
    if temperature is None:
        return circuit
    if not 0 < temperature < np.inf:
        raise NetlistError(f"temperature: expected a positive number of kelvin, got {temperature:g}")
    return replace(circuit, network=replace(circuit.network, temperature=temperature))


def _as_measured(network: Network, request: CircuitRequest, source: str | None) -> Network:
    if source is not None:
        return driven_by(network, source)
    return with_a_probe(network) if request.analysis == "noise" else network


def _measure(network: Network, request: CircuitRequest, simulator: Ngspice, model: LinearCircuit) -> _Measured:
    settings = Settings(
        request.analysis,
        duration=request.duration if request.analysis == "tran" else None,
        noise=request.noise,
        seed=request.seed if request.noise else None,
        timeout=request.timeout,
        band=request.band,
    )
    # A response is to one source alone; to all else its equations are the circuit's own.
    linear = Linear(network, lambda: state_space(network) if request.analysis == "ac" else model.space)
    planned = plan(settings, network, linear, simulator)
    outcome = carried_out(planned, simulator)
    judge = Judge.of_network(network, linear)
    data = judged(network_dataset(network, outcome.variables, outcome.attributes), judge)
    if request.analysis == "tran" and faults_of(data) and _jumps(network, judge.linear.space):
        data = _not_compared(data)
    return _Measured(data, planned, judge)


def _jumps(network: Network, space: StateSpace) -> bool:
    """Whether sources hold some of the storage elements, so that these jump when the sources step on."""
    return len(space.C) < len(equations(network).states)


def _not_compared(data: xr.Dataset) -> xr.Dataset:
    """A capacitor in a loop with a source, or an inductor in series with one, begins with a jump of its own."""
    text = (
        "the waveform is not compared: a capacitor in a loop with a voltage source, or an inductor in series with a"
        " current source, jumps when the sources step on"
    )
    attributes = {name: value for name, value in data.attrs.items() if name != FAULTS}
    found = data.copy()
    found.attrs = {**attributes, "warnings": json.dumps([*json.loads(data.attrs["warnings"]), text])}
    return found


def trusted_circuit(result: CircuitResult) -> CircuitResult:
    """The same result.

    Raises:
        SimulationFailed: it is not what the circuit's equations predict.
    """
    if result.faults:
        raise SimulationFailed("; ".join(result.faults))
    return result
