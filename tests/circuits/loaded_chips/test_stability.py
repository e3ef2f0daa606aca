"""The slowest amplifiers that a loop stands, against a characteristic polynomial and against ngspice."""

import numpy as np
import pytest
import sympy
from thermospice.circuits import (
    Cascade,
    Crossbar,
    Design,
    DesignError,
    DifferentialRCMesh,
    Program,
    RCMesh,
    RLCGrid,
    random_program,
    stability_limit,
    state_space,
    symbolic,
)
from thermospice.circuits.loaded_chips import with_gain_bandwidth
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


def _stiff(gain_bandwidth):
    """Amplifiers that are `omega_t/s` and nothing else."""
    amplifier = BOARD.amplifier.model_copy(
        update={"gain": 1e9, "output_resistance": 1e-2, "load_capacitance": 1e-13, "gain_bandwidth": gain_bandwidth}
    )
    return BOARD.model_copy(update={"amplifier": amplifier})


def _onset(topology, values):
    """Of the closed form and, exactly, of the Hurwitz polynomial's largest real root [Hz]."""
    limit = symbolic.stability(topology)
    numbers = {
        symbol: values[symbol.name]
        for symbol in limit.hurwitz.free_symbols | limit.onset.free_symbols
        if symbol.name in values
    }
    (polynomial,) = [
        sympy.Poly(limit.hurwitz.subs(numbers), symbol)
        for symbol in limit.hurwitz.free_symbols
        if symbol.name == "omega_t"
    ]
    roots = np.roots([float(c) for c in polynomial.all_coeffs()])
    exact = max(root.real for root in roots if abs(root.imag) < 1e-6 * abs(root))
    return float(limit.onset.subs(numbers)) / (2 * np.pi), exact / (2 * np.pi)


def test_closed_form_of_the_cascade_is_the_limit_of_one_cell():
    J, H, damping = 3.0, 4.0, 0.1
    design = _stiff(1e7)
    program = Program.from_factors([[J]], [[H]], damping, [1.0])
    found = stability_limit(design.nominal(Cascade(1, 1)), program)
    values = {"mu": J * H * J, "lambda": damping, "tau": design.tau}
    values |= {"gamma_0": 1 + J + damping, "gamma_J": 1 + J, "gamma_H": 1 + H}
    lowest_order, exact = _onset(Cascade(1, 1), values)
    # What is left of the output resistance is of the order of 1e-5; poles at 1e15 1/s round the others.
    assert found == pytest.approx(exact, rel=1e-3)
    # gamma/(omega_t tau), 5 %, and damping/mu.
    assert lowest_order == pytest.approx(exact, rel=0.1)


@pytest.mark.parametrize(("alpha", "beta"), [(0.05, 1.0), (0.02, 0.5)])
def test_closed_form_of_the_crossbar_is_the_limit_of_two_cells_that_turn(alpha, beta):
    design = _stiff(1e7)
    found = stability_limit(design.nominal(Crossbar(2)), Program([[alpha, -beta], [beta, alpha]], [1.0, 0.5]))
    values = {"alpha": alpha, "beta": beta, "tau": design.tau, "gamma_0": 1 + alpha + beta}
    lowest_order, exact = _onset(Crossbar(2), values)
    # What is left of the output resistance is of the order of 1e-5.
    assert found == pytest.approx(exact, rel=1e-3)
    assert lowest_order == pytest.approx(exact, rel=0.15)


@pytest.mark.parametrize("topology", [RCMesh(2), DifferentialRCMesh(2), RLCGrid(2)])
def test_passive_cells_have_no_loop(topology):
    assert symbolic.stability(topology) is None


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
