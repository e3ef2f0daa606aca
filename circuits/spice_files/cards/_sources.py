"""Cards of independent sources."""

import cmath
from collections.abc import Mapping
from itertools import pairwise
from math import pi
from typing import Literal, cast

from ...networks import PULSE_FOR_EVER, CurrentSource, Element, VoltageSource, Waveform
from ..text import unbraced
from ._site import Site, multiplied, nodes


def voltage(site: Site, name: str, found: list[str]) -> list[Element]:
    (plus, minus), rest = nodes(site, found, 2)
    dc, ac, waveform = _stimulus(site, rest)
    if _is_drive(dc, ac, waveform):
        return [VoltageSource(name, plus, minus, dc, drive=True)]
    return [VoltageSource(name, plus, minus, dc, ac=ac, waveform=waveform)]


def current(site: Site, name: str, found: list[str]) -> list[Element]:
    (a, b), rest = nodes(site, found, 2)
    if rest[:2] == ["m", "="] and len(rest) > 3 and _is_value(site, rest[3]):
        raise ValueError("simulators disagree on m before a value; write it at the end")
    m, rest = multiplied(site, rest)
    dc, ac, waveform = _stimulus(site, rest, m)
    if _is_drive(dc, ac, waveform):
        return [CurrentSource(name, a, b, dc, drive=True)]
    return [CurrentSource(name, a, b, dc, ac=ac, waveform=waveform)]


def _is_drive(dc: float, ac: complex | float | None, waveform: Waveform | None) -> bool:
    """Whether the AC stimulus is the whole of the DC value, which is what a drive means."""
    return waveform is None and ac is not None and ac == dc and dc != 0


_WAVEFORMS: Mapping[str, tuple[str, int, int]] = {
    "pulse": ("pulse", 2, 7), "sin": ("sin", 3, 6), "sine": ("sin", 3, 6), "exp": ("exp", 6, 6),
    "pwl": ("pwl", 2, 20_000),
}  # fmt: skip
"""Name, and the fewest and most numbers."""


def _stimulus(
    site: Site, rest: list[str], factor: float = 1.0
) -> tuple[float, complex | float | None, Waveform | None]:
    """DC value, AC stimulus and waveform of a source."""
    dc: float | None = None
    ac: complex | float | None = None
    waveform: Waveform | None = None
    at = 0
    rest = [word for k, word in enumerate(rest) if not (word == "=" and k and rest[k - 1] in ("dc", "ac"))]
    while at < len(rest):
        word = rest[at]
        end = at + 1
        while end < len(rest) and _is_value(site, rest[end]):
            end += 1
        values = rest[at + 1 : end]
        if _is_value(site, word) and at == 0:
            # A value behind the nodes is the DC value; nothing else may follow it without a word.
            values = rest[at:end]
            word = "dc"
        if word == "dc" and len(values) == 1 and dc is None:
            dc = factor * site.scope.value(values[0])
        elif word == "ac" and len(values) <= 2 and ac is None:
            if names := [value for value in values if value[0].isalpha()]:
                raise ValueError(f"simulators disagree on ac {names[0]}; write {{{names[0]}}}")
            ac = _phasor(*([*site.numbers(values), 1.0][:1]), *site.numbers(values[1:])) * factor
        elif word in _WAVEFORMS and waveform is None:
            waveform = _waveform(site, word, values, factor)
        else:
            raise ValueError(f"expected a value, dc, ac, pulse, sin, exp or pwl, got {' '.join(rest[at:end])[:40]!r}")
        at = end
    if dc is None:
        dc = 0.0 if waveform is None else _at_start(waveform)
    return dc, ac, waveform


def _is_value(site: Site, word: str) -> bool:
    if word in _WAVEFORMS or word in ("dc", "ac", "="):
        return False
    return unbraced(word) is not None or not word[0].isalpha() or site.scope.knows(word)


def _phasor(magnitude: float, phase: float = 0.0) -> complex | float:
    """A magnitude with a phase in degrees; a float where it is real."""
    if phase % 180 == 0:
        return magnitude if phase % 360 == 0 else -magnitude
    return cmath.rect(magnitude, phase * pi / 180)


def _waveform(site: Site, word: str, values: list[str], factor: float) -> Waveform:
    kind, fewest, most = _WAVEFORMS[word]
    if names := [value for value in values if value[0].isalpha()]:
        raise ValueError(f"simulators disagree on {names[0]} in {word}; write {{{names[0]}}}")
    numbers = site.numbers(values)
    if not fewest <= len(numbers) <= most:
        raise ValueError(f"{word}: expected {fewest} to {most} numbers, got {len(numbers)}")
    if kind == "pwl":
        _check_corners(values, numbers)
        levels: tuple[int, ...] = tuple(range(1, len(numbers), 2))
    else:
        numbers = _checked(kind, numbers)
        levels = (0, 1)
    scaled = tuple(value * factor if k in levels else value for k, value in enumerate(numbers))
    return Waveform(cast(Literal["pulse", "sin", "exp", "pwl"], kind), scaled)


def _check_corners(values: list[str], numbers: list[float]) -> None:
    times = numbers[0::2]
    if any(value.startswith("+") for value in values[0::2]):
        raise ValueError("pwl: simulators disagree whether a time with + counts from the one before; leave the + out")
    if len(numbers) % 2 or times[0] < 0 or any(b <= a for a, b in pairwise(times)):
        raise ValueError("pwl: expected pairs of a time and a value, with times from 0 on that rise")


def _checked(kind: str, numbers: list[float]) -> list[float]:
    """All numbers of a waveform; those that simulators fill in by their time step are filled in by the pulse itself."""
    if kind == "sin":
        if not numbers[2] > 0 or min(numbers[3:5], default=0.0) < 0:
            raise ValueError("sin: expected a frequency above 0, and no delay or damping below 0")
        return numbers
    if kind == "exp":
        _, _, first, rise, second, fall = numbers
        if first < 0 or second < first or not (rise > 0 and fall > 0):
            raise ValueError("exp: expected delays of at least 0, the shorter one first, and time constants above 0")
        return numbers
    return _pulse(numbers)


def _pulse(numbers: list[float]) -> list[float]:
    low, high, delay, rise, fall, width, period = (*numbers, *[0.0] * (7 - len(numbers)))
    if len(numbers) > 5 and width == 0:
        raise ValueError("pulse: simulators disagree on a width of 0; leave it out for a step")
    if min(delay, rise, fall, width, period) < 0:
        raise ValueError("pulse: expected times of at least 0")
    edge = (width or delay or 1e-6) / 1000
    rise = rise or edge
    fall = fall or edge
    width = width or PULSE_FOR_EVER
    period = period or 10 * PULSE_FOR_EVER
    if width < PULSE_FOR_EVER and period < rise + width + fall:
        raise ValueError(f"pulse: expected a period of at least rise, width and fall, got {period:g}")
    return [low, high, delay, rise, fall, width, period]


def _at_start(waveform: Waveform) -> float:
    """The value at the operating point, which is that of t = 0."""
    values = waveform.values
    if waveform.kind == "pwl":
        return values[1]
    if waveform.kind == "sin" and len(values) > 5:
        return values[0] + values[1] * cmath.rect(1.0, values[5] * pi / 180).imag
    return values[0]
