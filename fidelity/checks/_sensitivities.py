"""Sensitivities of the settled readouts to every component: SPICE `.sens` against the adjoint network."""

import math
from collections.abc import Iterator, Mapping

import numpy as np
from jaxtyping import Float

from ...circuits.networks import CurrentSource, Difference, Inverter, OpAmp, Resistor, VoltageSource
from ...netlists.simulators import Plot
from ..subjects import Row, Subject

_LIMIT = 1e-4
"""ngspice perturbs each component by 1e-6 and subtracts: cancellation leaves 1e-5 of the largest; the ideal
amplifier's gain of 1e7 adds as much."""

_READOUTS = 4
"""Each takes a run of its own: ngspice 39 aborts on a second `.sens`."""


def rows(subject: Subject) -> Iterator[Row]:
    """The largest difference over components and readouts, by the largest sensitivity."""
    from ...circuits import symbolic  # loads sympy

    outputs = subject.network().outputs
    chosen = np.unique(np.linspace(0, len(outputs) - 1, _READOUTS).astype(int))
    known = symbolic.settled_sensitivity(subject.network())
    largest = 0.0
    scale = 0.0
    for number in chosen:
        plot = subject.run([*subject.circuit(), f".sens v({outputs[number]})"], "Sensitivity")
        expected = _by_card(subject, known.components, known.values[number])
        error = math.nan if plot is None else _difference(subject, plot, expected)
        largest = max(largest, error) if math.isfinite(error) and math.isfinite(largest) else math.nan
        scale = max(scale, max(map(abs, expected.values()), default=0.0))
    # A grid settles to zero whatever its components are; the drive is then the measure.
    scale = scale or subject.scaling.drive * float(np.abs(subject.program.b).max())
    yield subject.row("sens", "d v / d ln(component), SPICE .sens against adjoint", largest / scale, _LIMIT)


def _by_card(subject: Subject, components: tuple[str, ...], values: Float[np.ndarray, " k"]) -> Mapping[str, float]:
    """Relative sensitivities by the name that ngspice gives the parameter; a resistance falls as its conductance grows.

    At level macro a buffer and its output resistance are one card, and so are an input stage and its offset.
    """
    by_name = dict(zip(components, values.tolist(), strict=True))
    found = {}
    for e in subject.network().elements:
        match e:
            case Resistor(name):
                found[f"r{name}"] = -by_name[name]
            case CurrentSource(name):
                found[f"i{name}"] = by_name[name]
            case VoltageSource(name):
                found[f"v{name}"] = by_name[name]
            case Inverter(name) | Difference(name):
                found[f"e{name}_gain"] = by_name[name]
            case OpAmp(name, model=model) if model is not None:
                found[f"b{name}_gm_m"] = by_name[f"{name}_gm"] + by_name[f"{name}_os"]
                found[f"g{name}_rp_gain"] = by_name[f"{name}_rp"]
                found[f"g{name}_ro_gain"] = by_name[f"{name}_buf"] + by_name[f"{name}_ro"]
    return found


def _difference(subject: Subject, plot: Plot, expected: Mapping[str, float]) -> float:
    """Largest, in volts; NaN where ngspice leaves a component out."""
    sizes = _sizes(subject)
    found = [
        abs(float(plot[f"v({name})"][0].real) * sizes.get(name, 1.0) - value)
        if f"v({name})" in plot.variables
        else math.nan
        for name, value in expected.items()
    ]
    return math.nan if any(map(math.isnan, found)) else max(found, default=0.0)


def _sizes(subject: Subject) -> Mapping[str, float]:
    """Values of the components as they stand in the deck, by ngspice's name of their principal parameter."""
    found = {}
    for line in subject.circuit():
        words = line.split()
        match words[0][0].lower() if words else "":
            case "r":
                found[words[0].lower()] = float(words[3])
            case "v" | "i":
                found[words[0].lower()] = float(words[4])
            case "g" | "e":
                found[f"{words[0].lower()}_gain"] = float(words[5])
    return found
