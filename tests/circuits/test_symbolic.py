"""The symbolic state space: proofs that vanish, and agreement with the numbers of the same network."""

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

DESIGN = Design.preset("board-1k-1n").model_copy(update={"L": 1e-3})
EVERY_KIND = (Crossbar(3), RCMesh(3), DifferentialRCMesh(3), Cascade(3, 2), RLCGrid(3))


@pytest.mark.parametrize("topology", [*EVERY_KIND, Crossbar(1), RCMesh(1), RCMesh(16), Cascade(1), RLCGrid(1)])
def test_claims_hold_for_any_components(topology):
    for proof in symbolic.proofs(symbolic.state_space(topology)):
        assert proof.holds, proof.claim


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
    function = model.numpy_function(expression)
    return np.array(function(*[values[symbol] for symbol in model.arguments(expression)]), dtype=float)


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
