"""Settled circuits with amplifiers at their rails."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import pi
from typing import Literal

from ...circuits import Network, state_space
from ...circuits.networks import (
    GROUND,
    TRANSCONDUCTANCE,
    Capacitor,
    CurrentSource,
    Element,
    OpAmp,
    OpAmpModel,
    Resistor,
    VoltageSource,
    pole_values,
)

_CLAMP = 1.0
"""What pulls a pole node back within the rails, in the netlist [S]."""
_TRIES = 100

Region = Literal["clamped", "saturated"]
Regions = Mapping[str, tuple[Region, float]]
"""By amplifier: where it is if not within its limits, and the rail it is at [V]."""


def within_rails(network: Network) -> Network:
    """The circuit as it settles with every pole node held by its rails, linear again.

    A pole node beyond its rail has a siemens to it, as in the netlist. An input stage that would drive more than the
    slew current into that is a source of this current: its amplifier is then one at the rail, and knows no input.
    Region by region, the amplifier first that is furthest from where it is taken to be.

    Raises:
        ValueError: no such state is found.
    """
    regions: Regions = {}
    for _ in range(_TRIES):
        limited = _limited(network, regions)
        worst = max((_moved(amp, regions) for amp in _settled(network, limited)), default=None)
        if worst is None or worst.excess <= 0:
            return limited
        kept = {name: region for name, region in regions.items() if name != worst.name}
        regions = kept if worst.region is None else {**kept, worst.name: worst.region}
    raise ValueError(f"network {network.name}: no settled state within the rails was found")


def part_of_rails(network: Network) -> float:
    """The largest settled voltage of an amplifier as a part of its rail."""
    return max((amp.pole / _rail(amp) for amp in _settled(network, network)), default=0.0)


@dataclass(frozen=True, slots=True)
class _Settled:
    """An amplifier with the voltages of its pole node and of its input, offset and all [V]."""

    name: str
    model: OpAmpModel
    pole: float
    input: float


@dataclass(frozen=True, slots=True, order=True)
class _Moved:
    """How far an amplifier is beyond its region, by its rail, and the region that follows; None is the linear one."""

    excess: float
    name: str
    region: tuple[Region, float] | None


def _moved(amp: _Settled, regions: Regions) -> _Moved:
    region, rail = regions.get(amp.name, (None, _rail(amp)))
    beyond = amp.pole / rail - 1
    give = _give(amp.model) / abs(rail)
    if region is None:
        return _Moved(beyond, amp.name, ("clamped", rail))
    if region == "clamped":
        return max(_Moved(-beyond, amp.name, None), _Moved(beyond - give, amp.name, ("saturated", rail)), key=_excess)
    current = TRANSCONDUCTANCE * amp.input / (_CLAMP * rail)
    return _Moved(give - current, amp.name, ("clamped", rail))


def _excess(moved: _Moved) -> float:
    return moved.excess


def _settled(network: Network, limited: Network) -> list[_Settled]:
    amplifiers = [(e, e.model) for e in network.elements if isinstance(e, OpAmp) and e.model is not None]
    if not amplifiers:
        return []
    nodes = dict.fromkeys(node for amp, _ in amplifiers for node in (f"{amp.name}_p", amp.plus, amp.minus))
    nodes.pop(GROUND, None)
    space = state_space(replace(limited, outputs=(*network.outputs, *nodes)))
    v = dict(zip(nodes, space.settled[len(network.outputs) :].tolist(), strict=True)) | {GROUND: 0.0}
    return [
        _Settled(amp.name, model, v[f"{amp.name}_p"], v[amp.plus] - v[amp.minus] + model.offset)
        for amp, model in amplifiers
    ]


def _rail(amp: _Settled) -> float:
    return float(amp.model.rail_high if amp.pole > 0 else amp.model.rail_low)


def _give(model: OpAmpModel) -> float:
    """How far the slew current takes a pole node beyond its rail [V]."""
    return float(model.slew * pole_values(model.gain, model.gain_bandwidth)[1] / _CLAMP)


def _saturated(model: OpAmpModel, rail: float) -> float:
    """Where a pole node settles between its rail's clamp and its own resistance under the slew current [V]."""
    leak = 1 / pole_values(model.gain, model.gain_bandwidth)[0]
    return float((rail + (_give(model) if rail > 0 else -_give(model))) / (1 + leak / _CLAMP))


def _limited(network: Network, regions: Regions) -> Network:
    pieces = [tuple(_at_rail(e, *regions[e.name])) if e.name in regions else (e,) for e in network.elements]
    return replace(network, elements=tuple(e for part in pieces for e in part))


def _at_rail(amp: Element, region: Region, rail: float) -> Iterator[Element]:
    assert isinstance(amp, OpAmp)
    assert amp.model is not None
    model = amp.model
    pole = f"{amp.name}_p"
    node = f"{amp.name}_rail"
    if region == "clamped":
        yield from (amp, VoltageSource(f"{amp.name}_vr", node, GROUND, rail))
        yield Resistor(f"{amp.name}_clamp", pole, node, 1 / _CLAMP, noisy=False)
        return
    yield VoltageSource(f"{amp.name}_vr", pole, GROUND, _saturated(model, rail))
    driving = pole
    if model.second_pole:
        # The second pole behind the held first one, and a follower that does not load it.
        lagging = f"{amp.name}_q"
        driving = f"{amp.name}_b"
        yield Resistor(f"{amp.name}_r2", pole, lagging, 1 / TRANSCONDUCTANCE, noisy=False)
        yield Capacitor(f"{amp.name}_c2", lagging, GROUND, TRANSCONDUCTANCE / (2 * pi * model.second_pole))
        yield OpAmp(f"{amp.name}_buf", lagging, driving, driving, None)
    if model.input_capacitance:
        yield Capacitor(f"{amp.name}_ci", amp.minus, GROUND, model.input_capacitance)
    yield Resistor(f"{amp.name}_ro", driving, amp.out, model.output_resistance, noisy=False)
    yield Capacitor(f"{amp.name}_cl", amp.out, GROUND, model.load_capacitance, amp.cell, amp.sign)
    for pin, at in (("p", amp.plus), ("m", amp.minus)):
        if at != GROUND:
            yield CurrentSource(f"{amp.name}_ib{pin}", at, GROUND, model.bias_current)
