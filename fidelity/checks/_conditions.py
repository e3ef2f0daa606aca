"""Corners, temperature, drift and ageing: the chip under each condition in SPICE, against the model of that chip."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ...behavioral import DeviceModel
from ...circuits import Corners, Design, Drift, Instance, Programming, TemperatureCoefficients, choose_scaling
from ..subjects import Row, Subject
from ._waveforms import compared

_TEMPCO = TemperatureCoefficients(resistor_tc1=3.1e-3, capacitor_tc1=3.6e-6, capacitor_tc2=2e-9, offset_tc=2e-6)
"""Silicided polysilicon and MIM capacitors of the public SG13G2 documentation (IHP)."""
_CORNERS = Corners(resistor=0.14, capacitor=0.1, gain_bandwidth=0.2, supply=0.1)
"""Resistors as there; the others are choices."""
_DRIFT = Drift(temperature_sigma=5.0, temperature_time=100.0, ageing_exponent=0.01, ageing_time=1.0)
_PROGRAMMING = Programming(bits=6, switch_resistance=50.0)
_AGE = 1e5
"""[s]; a thousand correlation times of the temperature path."""


def rows(subject: Subject) -> Iterator[Row]:
    """Waveform and noise under each condition."""
    for name, chip in conditions(subject).items():
        changed = replace(
            subject,
            instance=chip,
            scaling=choose_scaling(chip, subject.program, subject.level),
            model=DeviceModel.nominal(chip, subject.level),
            _found={},
        )
        yield from compared(changed, "tran", changed.measure("tran"), changed.model, f"{name}: SPICE against model")
        # Densities follow from what the covariance shows: the first row of a noise measurement is enough.
        yield next(compared(changed, "noise", changed.measure("noise"), changed.model, f"{name}: SPICE against model"))


def conditions(subject: Subject) -> Mapping[str, Instance]:
    """The same chip at corners and temperatures, and after a day of drift."""
    known = subject.instance.design
    tempco = known.tempco.model_copy(update=_TEMPCO.model_dump(exclude_unset=True))
    design = known.model_copy(update={"tempco": tempco, "corners": _CORNERS, "drift": _DRIFT})
    programmed = {"6 bits and switches": _chip(subject, known.model_copy(update={"programming": _PROGRAMMING}))}
    return {
        "slow corner": _chip(subject, design.corner("slow")),
        "fast corner": _chip(subject, design.corner("fast")),
        "at 233 K": _chip(subject, design.model_copy(update={"temperature": 233.0})),
        "at 398 K": _chip(subject, design.model_copy(update={"temperature": 398.0})),
        f"after {_AGE:g} s": _chip(subject, design).at(_AGE),
        # A grid holds capacitors, without a grid of conductances.
        **(programmed if subject.mean else {}),
    }


def _chip(subject: Subject, design: Design) -> Instance:
    return replace(subject.instance, design=design)
