"""Does a simulator compute? A circuit whose answers are known in closed form says so before any other is believed.

Two dividers and an amplifier of -3 between them: settled voltages, response, waveform and noise of two outputs that
differ in size and sign, so that zeros, swapped outputs, another unit, temperature or density are seen.
"""

import functools
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...circuits.networks import BOLTZMANN
from .._exceptions import SimulationFailed, SimulatorMissing
from ._ngspice import Ngspice, find_ngspice, run_deck
from ._process import Limits, tail
from ._raw_file import Plot, read_raw
from ._verdict import failure

_SOURCE = 2.0
_TOP = 1000.0
_LOW = 3000.0
_GAIN = -3.0
_EVEN = 1000.0
_C = 1e-9
_TEMPERATURE = 320.0
_SHARE = _LOW / (_TOP + _LOW)
_SECOND = _GAIN / 2
_RESISTANCE = _TOP * _LOW / (_TOP + _LOW)
_TAU = _RESISTANCE * _C
_CORNER = 1 / (2 * math.pi * _TAU)
_DURATION = 2 * _TAU

# What is linear is solved to rounding, and 1e-5 leaves room for the digits of a unit's constant (k_B of 1.38065e-23). A
# waveform in steps of a hundredth of tau by the trapezoidal rule is within (1/100)^2 / 12 of its exponential.
_EXACT, _WAVE = 1e-5, 1e-3

_DECK = f""".title a circuit whose answers are known
V1 in 0 dc {_SOURCE!r} ac 1.0
Rtop in out0 {_TOP!r}
Rlow out0 0 {_LOW!r}
C1 out0 0 {_C!r} ic=0
E1 e 0 out0 0 {_GAIN!r}
R3 e out1 {_EVEN!r}
R4 out1 0 {_EVEN!r}
.options reltol=1e-6 abstol=1e-14 vntol=1e-9 temp={_TEMPERATURE - 273.15!r} tnom={_TEMPERATURE - 273.15!r}
.save v(out0) v(out1) onoise_spectrum onoise_total
.op
.ac lin 1 {_CORNER!r} {_CORNER!r}
.noise v(out0) V1 lin 2 {_CORNER!r} {2 * _CORNER!r}
.noise v(out1) V1 lin 1 {_CORNER!r} {_CORNER!r}
.tran {_TAU / 100!r} {_DURATION!r} 0 {_TAU / 100!r} uic
.end
"""


def proven_ngspice(path: str | None = None) -> Ngspice:
    """The simulator that `find_ngspice` finds; the program has computed a known circuit, once in this process.

    Raises:
        SimulatorMissing: there is none, or it gives wrong answers; with the first of them.
        SimulationFailed: it was killed or timed out.
    """
    found = find_ngspice(path)
    _prove(found, Path(found.path).stat().st_mtime_ns)
    return found


@functools.lru_cache(maxsize=8)
def _prove(ngspice: Ngspice, _modified: int) -> None:
    run = run_deck(_DECK, ngspice, Limits(timeout=20.0, output=1 << 24))
    if reason := failure(run.log):
        raise SimulationFailed(f"ngspice failed: {reason}", tail(run.log))
    try:
        wrong = next(_wrong(read_raw(run.raw)), None)
    except (SimulationFailed, KeyError, IndexError) as error:
        wrong = str(error) if isinstance(error, SimulationFailed) else "what it was asked for is not there"
    if wrong:
        raise SimulatorMissing(
            f"{ngspice.path} gives wrong answers to a known circuit, so no number of it can be trusted: {wrong}"
        )


def _wrong(plots: Sequence[Plot]) -> Iterator[str]:
    """Every answer that is not the right one."""
    noise = sorted((p for p in plots if p.name == "Noise Spectral Density Curves"), key=lambda p: -len(p.values))
    named = {plot.name: plot for plot in plots}
    settled, response, wave = (named[name] for name in ("Operating Point", "AC Analysis", "Transient Analysis"))
    first = _SOURCE * _SHARE
    yield from _differ("settled voltages", _pair(settled), [first, _SECOND * first], _EXACT)
    yield from _differ("frequency", response.scale, [_CORNER], _EXACT)
    yield from _differ("response", _pair(response), np.array([1.0, _SECOND]) * _SHARE / (1 + 1j), _EXACT)
    # 4 k T R through the corner of the low-pass, and again behind the amplifier with what the second divider adds
    density = 4 * BOLTZMANN * _TEMPERATURE * _RESISTANCE / 2
    behind = _SECOND**2 * density + 4 * BOLTZMANN * _TEMPERATURE * _EVEN / 2
    found = [plot["onoise_spectrum"][0].real ** 2 for plot in noise]
    yield from _differ("noise densities", found, [density, behind], 10 * _EXACT)
    yield from _differ("end of a transient", wave.scale[-1:], [_DURATION], _EXACT)
    expected = first * (1 - np.exp(-wave.scale / _TAU))
    yield from _differ("transient", wave["v(out0)"].real, expected, _WAVE, first)
    yield from _differ("transient", wave["v(out1)"].real, _SECOND * expected, _WAVE, first)


def _pair(plot: Plot) -> list[Any]:
    return [plot["v(out0)"][0], plot["v(out1)"][0]]


def _differ(what: str, found: Any, expected: Any, tolerance: float, size: float = 0.0) -> Iterator[str]:
    """Of the larger of the expected value and `size`: a waveform begins at zero."""
    found = np.asarray(found)
    expected = np.asarray(expected)
    if found.shape != expected.shape:
        yield f"{what}: {len(found)} values, expected {len(expected)}"
        return
    for got, right in zip(found, expected, strict=True):
        if not abs(got - right) <= tolerance * max(abs(right), size):
            yield f"{what}: {got:.6g}, expected {right:.6g}"
            return
