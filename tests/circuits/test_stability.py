"""The slowest amplifiers that a loop stands, against a characteristic polynomial and against ngspice."""

import numpy as np
import pytest
import sympy
from thermospice.circuits import (
    Cascade,
    Crossbar,
    Design,
    DesignError,
    Program,
    random_program,
    stability_limit,
    state_space,
    symbolic,
    with_gain_bandwidth,
)
from thermospice.netlists import simulate

BOARD = Design.preset("board-1k-1n")


def _scaled(program, factor):
    J, H, damping = program.factors
    return Program.from_factors(J, factor * H, factor * damping, program.b)


def test_symbolic_hurwitz_determinant_vanishes_at_the_limit():
    # One cell, one stage each: a polynomial of degree seven whose last but one Hurwitz determinant changes its sign
    # where a pair of roots crosses the imaginary axis (Orlando's formula).
    topology = Cascade(1, 1)
    program = Program.from_factors([[3.0]], [[4.0]], 0.1, [1.0])
    limit = stability_limit(BOARD.nominal(topology), program)
    model = symbolic.state_space(topology, "macro", program)
    w_t = next(symbol for symbol in model.G.free_symbols | model.C.free_symbols if symbol.name == "omega_t")
    numbers = {s: sympy.Rational(repr(v)) for s, v in model.values(BOARD, program).items() if s != w_t}

    def determinant(gain_bandwidth):
        found = numbers | {w_t: sympy.Rational(repr(2 * np.pi * gain_bandwidth))}
        # Time in microseconds keeps the coefficients near one.
        pencil = (symbolic.s * 10**6 * model.C + model.G).subs(found)
        coefficients = sympy.Poly(pencil.det(method="berkowitz"), symbolic.s).all_coeffs()
        n = len(coefficients) - 1
        hurwitz = sympy.Matrix(n - 1, n - 1, lambda i, j: coefficients[2 * j - i + 1] if 0 <= 2 * j - i + 1 <= n else 0)
        return hurwitz.det(method="berkowitz") * sympy.sign(coefficients[0])

    assert determinant(limit * 1.001) > 0
    assert determinant(limit * 0.999) < 0


@pytest.mark.parametrize("topology", [Cascade(3, 2), Cascade(6, 3)])
def test_poles_cross_at_the_limit(topology, rng):
    chip = BOARD.sample(topology, rng)
    program = _scaled(random_program(topology, rng), 4.0)
    limit = stability_limit(chip, program)
    assert 1e5 < limit < BOARD.amplifier.gain_bandwidth
    for factor, sign in ((1.01, -1), (0.99, 1)):
        poles = state_space(with_gain_bandwidth(chip, factor * limit).network(program)).poles
        assert np.sign(poles.real.max()) == sign


def test_integrators_alone_have_no_limit(rng):
    program = random_program(Crossbar(4), rng)
    positive = Program(np.abs(program.A) + 4 * np.eye(4), program.b)
    assert stability_limit(BOARD.nominal(Crossbar(4)), positive) is None


def test_a_design_without_amplifiers_has_no_limit():
    with pytest.raises(DesignError, match="no amplifier"):
        stability_limit(Design.preset("ideal").nominal(Crossbar(1)), Program([[1.0]], [1.0]))


def _ringing_rate(chip, program):
    """Decay rate [1/s] of the last ringing in ngspice: energies of two windows of many periods."""
    space = state_space(chip.network(program))
    slowest = space.poles[np.argmax(space.poles.real)]
    period = 2 * np.pi / abs(slowest.imag)
    data = simulate(chip, program, "tran", duration=40 * period, max_step=period / 100)
    settled = simulate(chip, program, "op")["v"].values
    time, energy = data["time"].values, ((data["v"].values - settled) ** 2).sum(axis=1)
    grid = np.linspace(20 * period, 40 * period, 4001)
    energy = np.interp(grid, time, energy)
    return np.log(energy[:2000].sum() / energy[2001:].sum()) / (2 * 10 * period)


def test_ngspice_begins_to_ring_at_the_limit(rng):
    # The decay of the ringing, measured at two gain-bandwidths above the limit, extrapolates to zero at the limit.
    topology = Cascade(4, 2)
    chip = BOARD.sample(topology, rng)
    program = _scaled(random_program(topology, rng), 4.0)
    # Small signals: the ringing stays clear of rails and slew.
    program = Program.from_factors(*program.factors, 1e-2 * program.b)
    limit = stability_limit(chip, program)
    factors = np.array([1.1, 1.25])
    rates = np.array([_ringing_rate(with_gain_bandwidth(chip, f * limit), program) for f in factors])
    assert (rates > 0).all()
    onset = np.polyfit(rates, factors, 1)[1]
    assert onset == pytest.approx(1, rel=0.1)
