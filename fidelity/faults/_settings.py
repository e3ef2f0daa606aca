"""Settings of a chip in which every element counts: as loaded, at high impedance, near the rails and beyond them."""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from ...circuits import (
    Cascade,
    DifferentialRCMesh,
    Instance,
    Network,
    Program,
    RCMesh,
    Scaling,
    choose_scaling,
    state_space,
)
from ...circuits.networks import OpAmp, OpAmpModel, pole_values
from ..subjects import Subject
from ._looks import STEPS, Look, Setting
from ._rails import part_of_rails

_IDEAL = 1e-5
"""An ideal amplifier is a source of gain 1e7 in SPICE and a nullor in the model; see `_waves.EXACT`."""
_SETTLED = 1e-9
"""Within their limits macro-models are linear: Newton's solution is exact but for rounding, some 1e-14."""
_SETTLED_SMALL = 1e-8
"""The same of a millivolt that volts of offset and drive have left."""
_SETTLED_HIGH = 1e-7
"""The same at high impedance: beside output stages of 0.05 S, rounding leaves 5e-9 of a nanosiemens, and more of the
millivolts of an offset."""
_AT_RAIL = 1e-6
"""The same beside the siemens that holds a pole node, where 1e-16 counts 1e9 times."""

# ngspice stretches its grid by up to 1e-9; a response falls or turns with at most the tenth power of
# frequency.
_RESPONSE = 1e-7

# Relative error of an amplitude: ngspice's Boltzmann constant is 3.6e-7 off, by which a density is;
# rounding and the stretched grid are less.
_NOISE = 1e-6

# The same at high impedance, where rounding in the model adds: its amplifiers are 1e10 times as fast
# as its cells, so that densities are taken above these.
_NOISE_HIGH = 3e-6

# Part of the swing by which the model errs: of second order in its steps of a fortieth of an
# amplifier's time constant.
_LIMITED = 4e-4

# Half a step of an eight-bit solver; the macro-model has no systematic offset, which is half of it.
_HALF_STEP = 2e-3

_OVERLAP = 60e-15
"""Between gates and drains of a follower's input pair, which the macro-model lacks: 42 fF and what the wiring of the
other devices adds [F]."""
_VIRTUAL_GROUND = 1e-3
"""At a virtual ground there is no voltage across it: what is left is one over the loop gain there."""
_LOOP_GAIN = 1e3
_POLES = 5e-2
"""At a tenth of the gain-bandwidth, by the square of that: poles and zeros of transistors beyond the macro-model's."""

# Resistance of the cells at high impedance [ohm].
_HIGH = 1e9

# Factor by which that is made smaller where it is too much.
_LESS = 16.0

# Settled voltages of small signals [V].
_SMALL = 1e-3

# Part of the rails that the largest settled voltage near them has.
_NEAR = 0.95

# Drive of a cell at its rail [V].
_OVERDRIVE = 100.0

_BEYOND = 3.0
"""Slopes of an overdriven chip by what its amplifiers can follow."""

# An overdriven chip is watched for so many times in which an amplifier crosses from zero to a rail.
_CROSSINGS = 3.0

# Most steps of the model; slower chips would take minutes to reach their rails, and are not
# overdriven.
_STEPS = 20_000

# Off-diagonal part of each row of the witness.
_MIXING = 0.25


def settings(subject: Subject) -> Iterator[Setting]:
    """Those of a chip at its level."""
    if subject.level == "transistor":
        yield from _transistors(subject)
        return
    yield _as_loaded(subject)
    models = _models(subject.network())
    if not subject.mean or _exact(subject) > 0:
        return
    if subject.instance.design.programming.full_scale is None:
        # A grid of its own knows no such conductances.
        yield _high_impedance(subject)
    if models:
        yield _small_signals(subject)
        yield _near_rails(subject)
        yield from _at_rails(subject)
        yield from _overdriven(subject, models)


def witness(instance: Instance) -> Program:
    """A well-conditioned program that uses everything a chip has: inverted rails, couplings to either rail, all
    stages; the rows of its matrix, or of each of its arrays, sum to one.
    """
    topology = instance.topology
    n = instance.topology.n
    if isinstance(topology, Cascade):
        r = topology.r
        return Program.from_factors(_rows_of_one(r, n), _rows_of_one(r, r), _MIXING, np.zeros(n))
    A = _rows_of_one(n, n)
    if isinstance(topology, DifferentialRCMesh):
        # Signs that alternate: a positive entry couples to the opposite rail.
        signs = (-1.0) ** np.arange(n)
        A = A * np.outer(signs, signs)
    return Program(A, np.zeros(n))


def _rows_of_one(r: int, n: int) -> Float[np.ndarray, "r n"]:
    """A diagonal above one, and what makes it one again spread over the rest of the row."""
    if n == 1:
        return np.ones((r, 1))
    diagonal = np.arange(r)[:, None] % n == np.arange(n)
    return np.where(diagonal, 1 + _MIXING, -_MIXING / (n - 1))


def _settled_at(subject: Subject, target: Float[np.ndarray, " n"], part: float = 1.0) -> Setting:
    """The setting in which the drive, offsets and all, leaves the readouts at these voltages [V].

    The witness is loaded with `part` of the conductance with which it would be used.
    """
    program = witness(subject.instance)
    scaling = Scaling(part * _conductance(subject, program))

    def network(b: Float[np.ndarray, " n"]) -> Network:
        return subject.instance.network(_driven(program, b), subject.level, scaling)

    rest = state_space(network(np.zeros(program.n))).settled
    columns = [state_space(network(unit)).settled - rest for unit in np.eye(program.n)]
    b = np.linalg.solve(np.column_stack(columns), target - rest)
    return Setting("", network(b), program, subject.level, ())


def _power_of_two(value: float) -> float:
    # Which changes no digit of the program.
    return 2.0 ** round(math.log2(value))


def _conductance(subject: Subject, program: Program) -> float:
    """With which the amplifiers are quick enough."""
    return choose_scaling(subject.instance, program, subject.level).conductance


def _driven(program: Program, b: Float[np.ndarray, " n"]) -> Program:
    return Program(program.A, b) if program.factors is None else Program.from_factors(*program.factors, b)


def _as_loaded(subject: Subject) -> Setting:
    """The chip's own program."""
    network = subject.network()
    exact = _exact(subject)
    looks = _over_all_poles(network, exact)
    if subject.mean:
        looks = (Look("op", max(exact, _SETTLED)), *looks)
    return Setting("as loaded", network, subject.program, subject.level, looks)


def _over_all_poles(network: Network, exact: float) -> tuple[Look, ...]:
    """Responses and densities from far below the poles of a circuit to far beyond those of its amplifiers."""
    poles = state_space(network).poles
    slowest = float(np.abs(poles.real).min()) / (2 * math.pi)
    fastest = float(np.abs(poles).max()) / (2 * math.pi)
    return (
        Look("ac", max(exact, _RESPONSE), slowest / 10, fastest * 10),
        Look("noise", max(exact, _NOISE), slowest / 10, fastest, density=2),
    )


def _transistors(subject: Subject) -> Iterator[Setting]:
    """The chip's own program: where the loop gain makes amplifiers of transistors alike, and up to where the
    macro-model's two poles stand for theirs.
    """
    design = subject.instance.design
    assert design.amplifier is not None
    edge = design.amplifier.gain_bandwidth / _LOOP_GAIN
    top = design.amplifier.gain_bandwidth / 10
    followers = isinstance(subject.instance.topology, RCMesh | DifferentialRCMesh)
    off = _OVERLAP / design.C if followers else _VIRTUAL_GROUND
    slow = (
        Look("op", _HALF_STEP),
        Look("ac", off, edge / 1e3, edge),
        Look("noise", 2 * off, edge / 1e3, edge, density=2),
    )
    fast = Look("ac", _POLES, edge, top), Look("noise", _POLES, edge, top, density=2)
    for name, looks in (("as loaded", slow), ("as loaded, near the amplifiers' band", fast)):
        yield Setting(name, subject.network(), subject.program, subject.level, looks)


def _exact(subject: Subject) -> float:
    ideal = any(isinstance(e, OpAmp) and e.model is None for e in subject.network().elements)
    return _IDEAL if ideal else 0.0


def _small_signals(subject: Subject) -> Setting:
    """Settled voltages as small as offsets, so that these and the currents of pins count as much."""
    found = _settled_at(subject, _pattern(subject, _SMALL))
    looks = (Look("op", _SETTLED_SMALL), *_over_all_poles(found.network, 0.0))
    return replace(found, name="small signals", looks=looks)


def _high_impedance(subject: Subject) -> Setting:
    """Conductances so small that leaks and the gain itself move the settled voltages, and current noise counts."""
    models = _models(subject.network())
    volts = min((min(m.rail_high, -m.rail_low) for m in models), default=2.0) / 2
    part = _power_of_two(subject.instance.design.R0 / _HIGH)
    found = _settled_at(subject, _pattern(subject, volts), part)
    while part < 1 and part_of_rails(found.network) > _NEAR:
        # Currents of pins leave more than volts there.
        part *= _LESS
        found = _settled_at(subject, _pattern(subject, volts), part)
    slowest = float(np.abs(state_space(found.network).poles.real).min()) / (2 * math.pi)
    looks = Look("op", _SETTLED_HIGH), Look("noise", _NOISE_HIGH, slowest * 30, slowest * 3e4, density=1)
    return replace(found, name="at high impedance", looks=looks)


def _near_rails(subject: Subject) -> Setting:
    """Every amplifier's output near its rails, the furthest just within them, so that one that limits earlier shows."""
    pattern = _pattern(subject, 1.0)
    # Offsets do not grow with the drive, and they are thousandths.
    volts = _NEAR / part_of_rails(_settled_at(subject, pattern).network)
    found = _settled_at(subject, volts * pattern)
    return replace(found, name="near the rails", looks=(Look("op", _SETTLED),))


def _at_rails(subject: Subject) -> Iterator[Setting]:
    """Every other cell at a rail, the rest within them: what an inverted rail does there reaches the rest."""
    n = subject.instance.topology.n
    if n == 1 or isinstance(subject.instance.topology, RCMesh | DifferentialRCMesh):
        return
    for name, cells in (("even", np.arange(n) % 2 == 0), ("odd", np.arange(n) % 2 == 1)):
        for rail, sign in (("high", 1.0), ("low", -1.0)):
            found = _witness_driven_by(subject, np.where(cells, sign * _OVERDRIVE, 0.0))
            yield replace(found, name=f"{name} cells at the {rail} rail", looks=(Look("op", _AT_RAIL),))


def _overdriven(subject: Subject, models: tuple[OpAmpModel, ...]) -> Iterator[Setting]:
    """Driven beyond slew rates and both rails."""
    slew = max(m.slew for m in models)
    rails = [abs(rail) for m in models for rail in (m.rail_low, m.rail_high)]
    end = _CROSSINGS * max(rails) / slew
    step = 1 / (2 * math.pi * max(m.gain_bandwidth for m in models)) / STEPS
    if end / step > _STEPS:
        return
    # ngspice's rails give way by what the slew current leaves across one siemens.
    give = 2 * max(m.slew * pole_values(m.gain, m.gain_bandwidth)[1] for m in models) / min(rails)
    drive = _BEYOND * slew * subject.instance.design.tau
    for name, sign in (("upwards", 1.0), ("downwards", -1.0)):
        found = _witness_driven_by(subject, sign * drive * _pattern(subject, 1.0))
        yield replace(found, name=f"overdriven {name}", looks=(Look("tran", _LIMITED + give, stop=end),))


def _witness_driven_by(subject: Subject, volts: Float[np.ndarray, " n"]) -> Setting:
    """The witness with these voltages at its drives [V]."""
    program = witness(subject.instance)
    scaling = Scaling(_conductance(subject, program))
    program = _driven(program, volts / scaling.conductance)
    return Setting("", subject.instance.network(program, subject.level, scaling), program, subject.level, ())


def _pattern(subject: Subject, volts: float) -> Float[np.ndarray, " n"]:
    """Readouts [V] with which all rails of the witness go the same way."""
    n = subject.instance.topology.n
    if not isinstance(subject.instance.topology, DifferentialRCMesh):
        return np.full(n, volts)
    # A readout is the difference of two rails.
    return np.asarray(2 * volts * (-1.0) ** np.arange(n))


def _models(network: Network) -> tuple[OpAmpModel, ...]:
    return tuple(e.model for e in network.elements if isinstance(e, OpAmp) and e.model is not None)
