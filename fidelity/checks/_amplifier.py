"""The amplifier's transistors on their own test benches, against the values that the design has of them."""

import functools
from collections.abc import Iterator

from ...circuits import Amplifier
from ...netlists import SimulatorError
from ...netlists.amplifiers import (
    AmplifierSubcircuit,
    Load,
    TwoStage,
    amplifier_of,
    characterise,
    extract_macro_model,
    open_loop_error,
)
from ..subjects import Row, Subject

LIMIT = 2e-3
"""The design's values have four digits, and where an output clips is found to 5e-4 of it."""
OPEN_LOOP = 1.0
"""As other spectra of transistors: two poles and an output resistance stand for all that a subcircuit has [dB]."""
_FEWEST = 2
_COMPARED = (
    "gain",
    "gain_bandwidth",
    "noise_voltage",
    "noise_corner",
    "rail_low",
    "rail_high",
    "slew",
    "output_resistance",
    "supply_current",
)
"""What a subcircuit has of the macro-model; the spread of offsets is no value of one amplifier."""


def rows(subject: Subject) -> Iterator[Row]:
    """The worst of its values."""
    design = subject.instance.design.amplifier
    assert design is not None
    metric = "amplifier on its test benches, worst of its values against the design's"
    try:
        error = disagreement(_default(), design)
    except SimulatorError as failure:
        subject.failures.append(str(failure))
        error = float("nan")
    yield subject.row("op", metric, error, LIMIT)


def own_rows(subject: Subject) -> Iterator[Row]:
    """A user's own amplifier: the open loop of its subcircuit against the macro-model that was measured on it."""
    design = subject.instance.design
    own = amplifier_of(design)
    values = design.amplifier
    assert own is not None
    assert values is not None
    error = float("nan")
    try:
        error = open_loop_error(own, values, Load(design.R0, values.load_capacitance), design.tempco.reference)
    except SimulatorError as failure:
        subject.failures.append(str(failure))
    yield subject.row("ac", f"open loop of {own.subcircuit} against its macro-model, dB", error, OPEN_LOOP)


@functools.cache
def _default() -> Amplifier:
    return values_of(TwoStage().circuit())


def values_of(amplifier: AmplifierSubcircuit) -> Amplifier:
    """What the benches find.

    Raises:
        SimulatorError: a run failed, or the circuit does not amplify.
    """
    return extract_macro_model(characterise(amplifier, samples=_FEWEST))


def disagreement(found: Amplifier, expected: Amplifier) -> float:
    """The largest relative difference of two amplifiers' values."""
    return max(abs(float(getattr(found, name)) / float(getattr(expected, name)) - 1) for name in _COMPARED)
