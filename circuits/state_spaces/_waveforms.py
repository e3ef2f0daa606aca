"""What sources do in time, as linear equations of their own: `z' = A z` between edges, with the level as `z[0]`.

With these beside a circuit's equations one matrix exponential gives the circuit under any of SPICE's waveforms, without
a time step. The functions are those of the ngspice manual, chapter 4.1.
"""

from bisect import bisect_right
from collections.abc import Iterable
from math import cos, exp, floor, inf, pi, sin

import numpy as np
from jaxtyping import Float

from ..networks import PULSE_FOR_EVER, Waveform

MOST_EDGES = 20_000

Knots = list[tuple[float, float]]
"""Times [s] and levels, between which a level is straight."""


def law(waveform: Waveform) -> Float[np.ndarray, "k k"]:
    """The matrix of a waveform's own equations."""
    values = waveform.values
    if waveform.kind == "sin":
        # Its middle, a sine and a cosine that decay; the level is middle and sine.
        omega, damping = 2 * pi * values[2], _at(values, 4)
        rotation = [[-damping, omega], [-omega, -damping]]
        return _with_level(np.array(rotation), np.array([1.0, 0.0]))
    if waveform.kind == "exp":
        return _with_level(np.diag([-1 / values[3], -1 / values[5]]), np.ones(2))
    return np.array([[0.0, 1.0], [0.0, 0.0]])


def _with_level(A: Float[np.ndarray, "k k"], read: Float[np.ndarray, " k"]) -> Float[np.ndarray, "n n"]:
    """Equations of a level that is a constant and some of the states: its derivative is theirs."""
    found = np.zeros((len(A) + 1, len(A) + 1))
    found[0, 1:] = read @ A
    found[1:, 1:] = A
    return found


def edges(waveform: Waveform, end: float) -> list[float]:
    """Times [s] before an end at which its equations begin anew.

    Raises:
        ValueError: more than can be followed.
    """
    values = waveform.values
    if waveform.kind == "sin":
        found: Iterable[float] = [_at(values, 3)]
    elif waveform.kind == "exp":
        found = [values[2], values[4]]
    else:
        found = [time for time, _ in _knots(waveform, end)]
    return [time for time in found if 0 < time < end]


def state(waveform: Waveform, start: float, middle: float) -> Float[np.ndarray, " k"]:
    """The state of its equations at the start of a stretch without edges, in whose middle it is known what it does."""
    if waveform.kind == "sin":
        return _sine(waveform.values, start, middle)
    if waveform.kind == "exp":
        return _exponentials(waveform.values, start, middle)
    points = _knots_around(waveform, middle)
    after = bisect_right(points, middle, key=lambda point: point[0])
    if after in (0, len(points)):
        return np.array([points[max(after - 1, 0)][1], 0.0])
    (t0, v0), (t1, v1) = points[after - 1], points[after]
    slope = (v1 - v0) / (t1 - t0)
    return np.array([v0 + slope * (start - t0), slope])


def _knots(waveform: Waveform, end: float) -> Knots:
    """All corners of a level that is straight between them, up to an end and a few behind it."""
    values = waveform.values
    if waveform.kind == "pwl":
        return _pairs(values)
    delay, period = values[2], values[6]
    count = max((end - delay) / period, 0.0)
    if count * 4 > MOST_EDGES:
        raise ValueError(f"a pulse of {period:g} s has more than {MOST_EDGES} edges until {end:g} s")
    return [knot for k in range(int(count) + 1) for knot in _one_pulse(values, delay + k * period)]


def _knots_around(waveform: Waveform, time: float) -> Knots:
    """The corners before and behind a time, and maybe others."""
    values = waveform.values
    if waveform.kind == "pwl":
        return _pairs(values)
    delay, period = values[2], values[6]
    k = max(floor((time - delay) / period), 0)
    return _one_pulse(values, delay + k * period)


def _pairs(values: tuple[float, ...]) -> Knots:
    return list(zip(values[0::2], values[1::2], strict=True))


def _one_pulse(values: tuple[float, ...], begin: float) -> Knots:
    low, high, _, rise, fall, width, _ = values
    corners = ((0.0, low), (rise, high), (rise + width, high), (rise + width + fall, low))
    return [(begin + time, level) for time, level in corners]


def _at(values: tuple[float, ...], k: int) -> float:
    return values[k] if len(values) > k else 0.0


def _sine(values: tuple[float, ...], start: float, middle: float) -> Float[np.ndarray, " k"]:
    offset, amplitude, frequency = values[:3]
    delay, damping, phase = (_at(values, k) for k in (3, 4, 5))
    angle = phase * pi / 180
    if middle < delay:
        return np.array([offset + amplitude * sin(angle), 0.0, 0.0])
    since = start - delay
    size = amplitude * exp(-damping * since)
    angle += 2 * pi * frequency * since
    return np.array([offset + size * sin(angle), size * sin(angle), size * cos(angle)])


def _exponentials(values: tuple[float, ...], start: float, middle: float) -> Float[np.ndarray, " k"]:
    low, high, first, rise, second, fall = values
    swing = high - low
    up = -swing * exp(-(start - first) / rise) if middle > first else 0.0
    down = swing * exp(-(start - second) / fall) if middle > second else 0.0
    base = low + (swing if middle > first else 0.0) - (swing if middle > second else 0.0)
    return np.array([base + up + down, up, down])


def followed(waveform: Waveform) -> tuple[float, float]:
    """After which time a waveform has shown what it does, and the largest step that follows it [s]."""
    values = waveform.values
    if waveform.kind == "sin":
        period = 1 / values[2]
        return _at(values, 3) + 5 * period, period / 100
    if waveform.kind == "exp":
        return values[4] + 5 * values[5], min(values[3], values[5]) / 20
    if waveform.kind == "pwl":
        return values[-2], inf
    _, _, delay, rise, fall, width, period = values
    once = delay + rise + fall + (width if width < PULSE_FOR_EVER else 0.0)
    return (once if period >= PULSE_FOR_EVER else delay + 2 * period), inf
