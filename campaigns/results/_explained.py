"""Which elements make a drawn chip what it is: each element's own deviation alone, in the linear model."""

import numpy as np

from ...circuits.linear_circuits import LinearCircuit, scaled
from ..studies import NetlistSettings


def deviations_behind(
    settings: NetlistSettings, metric: str, seed: int, most: int = 3
) -> list[tuple[str, float, float]]:
    """Element, its relative deviation, and what that alone does to the metric; the largest first.

    Empty for a metric that the model does not give as a number of its own.
    """
    circuit = settings.circuit
    tolerances = settings.drawn_from
    base = tolerances.at(circuit.network, settings.corner, settings.temperature)
    start = _value(LinearCircuit.of(base, circuit.labels), metric, settings)
    if start is None:
        return []
    found = []
    for name, factor in tolerances.factors(circuit.network, seed).items():
        changed = _value(LinearCircuit.of(scaled(base, {name: factor}), circuit.labels), metric, settings)
        if changed is not None:
            found.append((name, factor - 1, changed - start))
    ordered = sorted(found, key=lambda one: -abs(one[2]))[:most]
    return [one for one in ordered if abs(one[2]) > _NEGLIGIBLE * abs(ordered[0][2])]


_NEGLIGIBLE = 0.05
"""Of the largest change: less explains nothing."""


def _value(circuit: LinearCircuit, metric: str, settings: NetlistSettings) -> float | None:
    kind, _, label = metric.rstrip(")").partition("(")
    try:
        if kind == "tau":
            return float(circuit.time_constants[0])
        if kind == "dc":
            return float(circuit.settled[circuit.labels.index(label)])
        if kind == "rms":
            variance = np.diag(circuit.covariance(settings.band))
            return float(np.sqrt(variance[circuit.labels.index(label)]))
    except (ValueError, IndexError):
        return None
    return None
