"""A circuit of one's own in ngspice, beside its linear equations."""

import json
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from jaxtyping import Float

from ...circuits import Network, state_space
from ...circuits.linear_circuits import LinearCircuit, Observed
from ...measurements import Analysis, network_dataset
from .._exceptions import NetlistError, SimulationFailed
from ..decks import Plan, Settings, plan
from ..runs import Judge, carried_out, faults_of, judged
from ..simulators import Ngspice, proven_ngspice
from ..timing import Linear
from ._stimulus import chosen_input, driven_by, with_a_probe


@dataclass(frozen=True, kw_only=True)
class CircuitRequest:
    """What is measured of a circuit."""

    analysis: Analysis = "op"
    temperature: float | None = None
    """Of every element that has none of its own [K]; the circuit's unless given."""
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
    """Whether all sources are constant from the start of a transient on."""

    @property
    def passed(self) -> bool:
        """Whether the simulator and the equations agree."""
        return not self.faults


def simulate_circuit(circuit: Observed, request: CircuitRequest, ngspice: Ngspice | None = None) -> CircuitResult:
    """Measure a circuit in ngspice and compare it with its linear equations.

    Data variables as those of `simulate`, without `A` and `b`. A transient starts with empty capacitors and inductors,
    and all sources on. `ac` is the response to one source of a unit.

    Raises:
        NetlistError: a value out of range, or a circuit that cannot be written.
        SimulatorMissing: there is no ngspice.
        SimulationFailed: unstable circuit, killed, timed out, or no result that can be trusted.
        ValueError: equations that are singular.
    """
    simulator = ngspice or proven_ngspice()
    warmed = _at_temperature(circuit, request.temperature)
    _check(request)
    network = _as_measured(warmed.network, request)
    found, outcome_plan = _measure(network, request, simulator)
    rest = found if request.analysis == "op" else _rest(warmed.network, request, simulator)
    v = found["v"].values[-1] if request.analysis == "tran" else rest["v"].values
    texts = [text for data in (found, rest) for text in json.loads(data.attrs["warnings"])]
    faults = [*faults_of(found), *faults_of(rest)]
    measurement = found.assign_attrs(outputs=json.dumps(circuit.labels))
    return CircuitResult(
        request,
        warmed,
        measurement,
        outcome_plan.whole,
        LinearCircuit.of(warmed.network, circuit.labels),
        np.asarray(v, dtype=float),
        tuple(dict.fromkeys(texts)),
        tuple(dict.fromkeys(faults)),
    )


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


def _as_measured(network: Network, request: CircuitRequest) -> Network:
    if request.analysis == "ac":
        return driven_by(network, chosen_input(network, request.input))
    return with_a_probe(network) if request.analysis == "noise" else network


def _measure(network: Network, request: CircuitRequest, simulator: Ngspice) -> tuple[xr.Dataset, Plan]:
    settings = Settings(
        request.analysis,
        duration=request.duration if request.analysis == "tran" else None,
        noise=request.noise,
        seed=request.seed if request.noise else None,
        timeout=request.timeout,
        band=request.band,
    )
    linear = Linear(network, lambda: state_space(network))
    planned = plan(settings, network, linear, simulator)
    outcome = carried_out(planned, simulator)
    data = network_dataset(network, outcome.variables, outcome.attributes)
    return judged(data, Judge.of_network(network)), planned


def _rest(network: Network, request: CircuitRequest, simulator: Ngspice) -> xr.Dataset:
    """The operating point, at which the other analyses are linear."""
    return _measure(network, CircuitRequest(analysis="op", timeout=request.timeout), simulator)[0]


def trusted_circuit(result: CircuitResult) -> CircuitResult:
    """The same result.

    Raises:
        SimulationFailed: it is not what the circuit's equations predict.
    """
    if result.faults:
        raise SimulationFailed("; ".join(result.faults))
    return result
