"""The symbolic state space: proofs that vanish, and agreement with the numbers of the same network."""

from dataclasses import replace

import numpy as np
import pytest
import sympy
from thermospice.circuits import (
    Cascade,
    Crossbar,
    Design,
    DesignError,
    DifferentialRCMesh,
    RCMesh,
    RLCGrid,
    random_program,
    state_space,
    symbolic,
)
from thermospice.circuits.networks import Resistor

DESIGN = Design.preset("board-1k-1n").model_copy(update={"L": 1e-3})
EVERY_KIND = (Crossbar(3), RCMesh(3), DifferentialRCMesh(3), Cascade(3, 2), RLCGrid(3))


@pytest.mark.parametrize("topology", [*EVERY_KIND, Crossbar(1), RCMesh(1), RCMesh(16), Cascade(1), RLCGrid(1)])
def test_claims_hold_for_any_components(topology):
    for proof in symbolic.proofs(symbolic.state_space(topology)):
        assert proof.holds, proof.claim


@pytest.mark.parametrize("topology", [Crossbar(30), RCMesh(30), DifferentialRCMesh(30), Cascade(30, 30), RLCGrid(30)])
def test_claims_of_thirty_cells_are_proved(topology, rng):
    model = symbolic.state_space(topology, program=random_program(topology, rng))
    assert all(proof.holds for proof in symbolic.proofs(model))


def test_a_wrong_stage_is_not_proved():
    model = symbolic.state_space(Cascade(3, 2))
    J = [list(row) for row in model.symbols.weights["J"]]
    J[0], J[1] = J[1], J[0]
    wrong = replace(model, symbols=replace(model.symbols, weights={**model.symbols.weights, "J": J}))
    assert [p.name for p in symbolic.proofs(wrong) if not p.holds] == ["first stage", "matrix"]


def test_a_wrong_claim_does_not_hold():
    model = symbolic.state_space(RCMesh(3))
    first = symbolic.proofs(model)[0]
    assert not symbolic.Proof("wrong", "twice the matrix", first.residual + model.A).holds


def _substitutions(model, program, instance):
    values = model.values(DESIGN, program)
    for i, e in enumerate(np.atleast_2d(instance.errors["capacitance"])[0]):
        values[sympy.Symbol(f"C_{i}", positive=True)] = DESIGN.C * (1 + e)
    return values


def _number(model, expression, values):
    return symbolic.compiled(expression)(values)


def _case(topology, rng):
    instance = DESIGN.nominal(topology)
    if not isinstance(topology, RLCGrid):
        errors = np.broadcast_to(0.05 * rng.standard_normal(topology.n), instance.errors["capacitance"].shape)
        instance = instance.replace_errors(capacitance=errors)
    return instance, random_program(topology, rng)


@pytest.mark.parametrize("topology", EVERY_KIND)
@pytest.mark.parametrize("level", ["ideal", "macro"])
def test_matrices_equal_the_numeric_ones(topology, level, rng):
    instance, program = _case(topology, rng)
    numeric = state_space(instance.network(program, level))
    model = symbolic.state_space(topology, level, program)
    values = _substitutions(model, program, instance)
    for name in ("C", "G", "drive", "bias", "noise", "M"):
        expected = getattr(numeric, name)
        found = _number(model, getattr(model, name), values).reshape(expected.shape)
        scale = np.abs(expected).max(initial=0.0)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12 * scale, err_msg=name)


def test_matrices_follow_the_temperature():
    # The preset has coefficients of capacitors and amplifiers; a warm resistor besides.
    design = Design.preset("cmos-100k-10p")
    tempco = design.tempco.model_copy(update={"resistor_tc1": 1e-3})
    warm = design.model_copy(update={"temperature": 340.15, "tempco": tempco})
    topology = Crossbar(2)
    program = random_program(topology, np.random.default_rng(1))
    model = symbolic.state_space(topology, "macro", program)
    values, numeric = model.values(warm, program), state_space(warm.nominal(topology).network(program))
    for name in ("C", "G", "noise"):
        expected = getattr(numeric, name)
        found = _number(model, getattr(model, name), values)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max(), err_msg=name)


@pytest.mark.parametrize("topology", [Crossbar(3), RLCGrid(1)])
def test_drift_and_diffusion_equal_the_numeric_ones(topology, rng):
    instance, program = _case(topology, rng)
    numeric = state_space(instance.network(program, "ideal"))
    model = symbolic.state_space(topology, program=program)
    values = _substitutions(model, program, instance)
    for name in ("F", "Q"):
        expected = getattr(numeric, name)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(
            _number(model, getattr(model, name), values), expected, rtol=1e-9, atol=1e-12 * scale, err_msg=name
        )


@pytest.mark.parametrize("topology", [Crossbar(2), RCMesh(2)])
def test_settled_transfer_noise_and_covariance_equal_the_numeric_ones(topology, rng):
    instance, program = _case(topology, rng)
    numeric = state_space(instance.network(program, "ideal"))
    model = symbolic.state_space(topology, program=program)
    values = _substitutions(model, program, instance)
    np.testing.assert_allclose(_number(model, model.settled(), values).ravel(), numeric.settled, rtol=1e-10)
    w = 2 * np.pi * 1e5
    resolvent = np.linalg.inv(1j * w * numeric.C + numeric.G)
    H = model.transfer().subs(symbolic.s, sympy.I * w)
    H = np.array(H.subs({symbol: values[symbol] for symbol in H.free_symbols}).evalf(), dtype=complex)
    np.testing.assert_allclose(H @ program.b, numeric.M @ resolvent @ numeric.drive, rtol=1e-9)
    noise = model.output_noise()
    noise = noise.subs({symbol: values.get(symbol, w) for symbol in noise.free_symbols}).evalf()
    expected = 2 * numeric.M @ resolvent @ numeric.noise @ resolvent.conj().T @ numeric.M.T
    np.testing.assert_allclose(np.array(noise, dtype=complex), expected, rtol=1e-9)
    P = _number(model, model.stationary_covariance(), values)
    np.testing.assert_allclose(numeric.F @ P + P @ numeric.F.T, numeric.Q, rtol=1e-9, atol=1e-12 * numeric.Q.max())


def test_large_inverses_are_refused_with_a_reason():
    model = symbolic.state_space(Crossbar(4))
    for ask in (model.settled, model.transfer, model.output_noise, model.stationary_covariance):
        with pytest.raises(DesignError, match="too large"):
            ask()
    with pytest.raises(DesignError, match="too large"):
        symbolic.sensitivity(model)


def test_compiled_functions_take_a_frequency(rng):
    instance, program = _case(Crossbar(2), rng)
    numeric = state_space(instance.network(program, "ideal"))
    model = symbolic.state_space(Crossbar(2), program=program)
    values = _substitutions(model, program, instance)
    w = 2 * np.pi * 1e5
    resolvent = np.linalg.inv(1j * w * numeric.C + numeric.G)
    H = symbolic.compiled(model.transfer())({**values, symbolic.s: 1j * w})
    np.testing.assert_allclose(H @ program.b, numeric.M @ resolvent @ numeric.drive, rtol=1e-9)
    expected = 2 * numeric.M @ resolvent @ numeric.noise @ resolvent.conj().T @ numeric.M.T
    np.testing.assert_allclose(
        symbolic.compiled(model.output_noise())({**values, symbolic.omega: w}), expected, rtol=1e-9
    )
    with pytest.raises(KeyError):
        symbolic.compiled(model.transfer())({})


SMALL = [(t, "ideal") for t in (Crossbar(2), RCMesh(2), DifferentialRCMesh(1), Cascade(1), RLCGrid(1))]
SMALL += [(Crossbar(1), "macro"), (RCMesh(1), "macro")]


@pytest.mark.parametrize(("topology", "level"), SMALL)
def test_sensitivities_equal_the_adjoint_network_s(topology, level, rng):
    # Implicit differentiation of symbols against the adjoint network of the numbers.
    program = random_program(topology, rng)
    model = symbolic.state_space(topology, level, program)
    found = symbolic.sensitivity(model)
    expected = symbolic.settled_sensitivity(DESIGN.nominal(topology).network(program, level))
    assert found.components == expected.components
    scale = np.abs(expected.values).max()
    numbers = symbolic.compiled(found.values)(model.values(DESIGN, program))
    np.testing.assert_allclose(numbers, expected.values, rtol=1e-9, atol=1e-12 * scale)


@pytest.mark.parametrize("topology", EVERY_KIND)
def test_sensitivities_equal_finite_differences(topology, rng):
    network = DESIGN.sample(topology, rng).network(random_program(topology, rng), "macro")
    found = symbolic.settled_sensitivity(network)
    step = 1e-4  # central: the error is of the order of step^2, and rounding of 1e-13/step
    for k in rng.permutation([k for k, e in enumerate(network.elements) if isinstance(e, Resistor)])[:4]:
        element, settled = network.elements[k], []
        for part in (1 + step, 1 - step):
            elements = list(network.elements)
            elements[k] = replace(element, resistance=element.resistance / part)
            settled.append(state_space(replace(network, elements=tuple(elements))).settled)
        expected = (settled[0] - settled[1]) / (2 * step)
        scale = np.abs(found.values).max(initial=0.0)
        np.testing.assert_allclose(
            found.values[:, found.components.index(element.name)], expected, rtol=1e-6, atol=1e-7 * scale
        )
