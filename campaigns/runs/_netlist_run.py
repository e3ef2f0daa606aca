"""One run of a study of a netlist: a circuit that was drawn, in ngspice, reduced to a few numbers."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from ...circuits.linear_circuits import LinearCircuit, Observed
from ...netlists import find_ngspice
from ...netlists.own_circuits import CircuitRequest, CircuitResult, simulate_circuit, trusted_circuit
from ..studies import NetlistSettings

Numbers = dict[str, float]


def perform(task: Mapping[str, Any], timeout: float) -> dict[str, Any]:
    """Metrics of a task.

    Raises:
        SimulatorError, ValueError: the run failed; the message says why.
    """
    deadline = time.monotonic() + timeout
    settings = NetlistSettings.model_validate({k: v for k, v in task.items() if k in NetlistSettings.model_fields})
    circuit = chip(settings, task["instance"])
    metrics: Numbers = {}
    constants = LinearCircuit.of(circuit.network, circuit.labels).time_constants
    if len(constants):
        metrics["tau"] = float(constants[0])
    for analysis in settings.analyses:
        request = CircuitRequest(
            analysis=analysis,
            band=settings.band if analysis == "noise" else None,
            duration=settings.duration if analysis == "tran" else None,
            input=settings.input if analysis == "ac" else None,
            timeout=max(deadline - time.monotonic(), 1e-3),
        )
        result = trusted_circuit(simulate_circuit(circuit, request))
        metrics |= _REDUCE[analysis](result, settings)
    return {"metrics": metrics, "arrays": {}, "engine": f"ngspice {find_ngspice().version}"}


def chip(settings: NetlistSettings, seed: int | None) -> Observed:
    """The circuit of a chip: drawn, then brought to its corner and temperature."""
    circuit, tolerances = settings.circuit, settings.drawn_from
    network = circuit.network if seed is None else tolerances.drawn(circuit.network, seed)
    return Observed(tolerances.at(network, settings.corner, settings.temperature), circuit.labels)


def _named(kind: str, result: CircuitResult, values: Float[np.ndarray, " n"]) -> Numbers:
    found = zip(result.observed.labels, values, strict=True)
    return {f"{kind}({label})": float(value) for label, value in found if np.isfinite(value)}


def _op(result: CircuitResult, settings: NetlistSettings) -> Numbers:
    return _named("dc", result, result.v)


def _noise(result: CircuitResult, settings: NetlistSettings) -> Numbers:
    found = result.measurement.get("covariance" if settings.band is None else "band_covariance")
    if found is None:
        return {}
    P = found.values
    sd = np.sqrt(np.diag(P))
    labels = result.observed.labels
    rho = {
        f"rho({labels[i]},{labels[j]})": float(P[i, j] / (sd[i] * sd[j]))
        for i in range(len(labels))
        for j in range(i + 1, len(labels))
        if sd[i] * sd[j] > 0
    }
    return _named("rms", result, sd) | rho


def _ac(result: CircuitResult, settings: NetlistSettings) -> Numbers:
    data = result.measurement
    size, f = np.hypot(data["v_re"].values, data["v_im"].values), data["frequency"].values
    peak = size.argmax(axis=0)
    bandwidth = np.array([_half_power(f, size[:, k], peak[k]) for k in range(size.shape[1])])
    return (
        _named("gain", result, size.max(axis=0))
        | _named("peak_frequency", result, f[peak])
        | _named("bandwidth", result, bandwidth)
    )


def _half_power(f: Float[np.ndarray, " f"], size: Float[np.ndarray, " f"], peak: int) -> float:
    """The first frequency above the peak at which the response is 3 dB less; NaN where there is none."""
    below = np.flatnonzero(size[peak:] < size[peak] / np.sqrt(2))
    if len(below) == 0 or size[peak] == 0:
        return np.nan
    k = peak + int(below[0])
    part = np.log(size[k - 1] * np.sqrt(2) / size[peak]) / np.log(size[k - 1] / size[k])
    return float(f[k - 1] * (f[k] / f[k - 1]) ** part)


def _tran(result: CircuitResult, settings: NetlistSettings) -> Numbers:
    if not result.settled:
        return {}
    times, v = result.measurement["time"].values, result.measurement["v"].values
    end = result.model.settled
    size = np.abs(end)
    with np.errstate(divide="ignore", invalid="ignore"):
        away = np.abs(v - end) / size
        beyond = ((v - end) * np.sign(end)).max(axis=0) / size
    settle = np.array([_last_outside(times, away[:, k], settings.settle_tolerance) for k in range(len(end))])
    return _named("settle_time", result, settle) | _named("overshoot", result, np.maximum(beyond, 0.0))


def _last_outside(times: Float[np.ndarray, " t"], away: Float[np.ndarray, " t"], tolerance: float) -> float:
    outside = np.flatnonzero(away > tolerance)
    if not np.isfinite(away).all():
        return np.nan
    if len(outside) == 0:
        return float(times[0])
    last = int(outside[-1])
    if last == len(times) - 1:
        return np.nan
    part = (away[last] - tolerance) / (away[last] - away[last + 1])
    return float(times[last] + part * (times[last + 1] - times[last]))


_REDUCE = {"op": _op, "noise": _noise, "ac": _ac, "tran": _tran}
