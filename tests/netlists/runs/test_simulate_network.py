"""Networks without a dense matrix: the sparse equations against dense ones, and against ngspice."""

import numpy as np
import pytest
import scipy.sparse
from thermospice.circuits import (
    Crossbar,
    Design,
    DifferentialRCMesh,
    Program,
    ProgramError,
    RCMesh,
    RLCGrid,
    random_program,
    sparse_mesh,
    state_space,
)
from thermospice.circuits.networks import nodal_equations
from thermospice.netlists import NetlistError, simulate, simulate_network
from thermospice.netlists.simulators import Ngspice

BOARD = Design.preset("board-1k-1n")


def square(side, leak=0.1):
    """A grid of `side` by `side` cells, its neighbours coupled; sparse."""
    chain = scipy.sparse.diags([-np.ones(side - 1), -np.ones(side - 1)], [-1, 1])
    off = scipy.sparse.kron(chain, scipy.sparse.eye(side)) + scipy.sparse.kron(scipy.sparse.eye(side), chain)
    return (off + scipy.sparse.diags(leak - np.asarray(off.sum(axis=1)).ravel())).tocsr()


def named(element):
    return element.name


def chips():
    for topology in (RCMesh(1), RCMesh(6), RCMesh(24), DifferentialRCMesh(4)):
        instance = BOARD.sample(topology, np.random.default_rng(1))
        yield instance.network(random_program(topology, np.random.default_rng(2)), "ideal")


class TestNodalEquations:
    @pytest.mark.parametrize("network", list(chips()), ids=lambda network: network.name)
    def test_settled_and_rates_are_those_of_the_dense_state_space(self, network):
        sparse, dense = nodal_equations(network), state_space(network)
        # Condition 10 and some units of rounding; a Lanczos iteration stops at machine precision.
        np.testing.assert_allclose(sparse.settled, dense.settled, rtol=1e-12)
        rates = np.sort(-dense.poles.real)
        np.testing.assert_allclose(sparse.slowest_and_fastest, (rates[0], rates[-1]), rtol=1e-9)

    @pytest.mark.parametrize(
        ("topology", "level"), [(Crossbar(2), "ideal"), (RCMesh(2), "macro"), (RLCGrid(2), "ideal")]
    )
    def test_what_is_not_a_passive_mesh_has_none(self, topology, level):
        design = BOARD.model_copy(update={"L": 1e-3})
        program = Program([[1.0, -0.25], [-0.25, 0.75]], [0.5, -0.25])
        assert nodal_equations(design.nominal(topology).network(program, level)) is None


class TestSparseMesh:
    def test_is_the_mesh_of_the_same_matrix(self):
        """Component by component, on the design's conductance grid."""
        programming = BOARD.programming.model_copy(update={"bits": 6, "switch_resistance": 5.0})
        design = BOARD.model_copy(update={"programming": programming, "injected_noise": 1e-22})
        A, b = square(3), np.arange(9.0) / 10
        A[0, 0] = 2.0  # no resistor to ground there
        dense = design.nominal(RCMesh(9)).network(Program(A.toarray(), b), "ideal")
        sparse = sparse_mesh(design, A, b)
        assert sorted(sparse.elements, key=named) == sorted(dense.elements, key=named)
        assert (sparse.outputs, sparse.temperature) == (dense.outputs, dense.temperature)

    def test_a_chip_is_drawn_with_the_designs_mismatch(self):
        """Relative deviations of 1600 capacitors and 3120 couplings; a variance of N samples scatters by sqrt(2/N)."""
        A, b = square(40), np.ones(1600)
        first, again = (sparse_mesh(BOARD, A, b, np.random.default_rng(3)) for _ in range(2))
        assert first == again
        nominal = sparse_mesh(BOARD, A, b)
        for kind, value, sigma in (
            ("c", "capacitance", BOARD.mismatch.capacitor_sigma),
            ("r", "resistance", BOARD.mismatch.resistor_sigma),
        ):
            pairs = [
                (getattr(e, value), getattr(f, value))
                for e, f in zip(first.elements, nominal.elements, strict=True)
                if e.name.startswith(kind)
            ]
            deviation = np.array([(a / b) ** (1 if kind == "c" else -1) - 1 for a, b in pairs])
            assert len(pairs) > 1500
            assert abs(deviation.std() / sigma - 1) < 5 / np.sqrt(2 * len(pairs))

    @pytest.mark.parametrize(
        ("A", "b", "reason"),
        [
            (np.eye(2), [1.0, 1.0], "expected a scipy.sparse matrix, got ndarray"),
            (scipy.sparse.eye(2, 3), [1.0, 1.0], "square"),
            (scipy.sparse.eye(2), [1.0], "b: expected 2 values"),
            (scipy.sparse.eye(2) * np.nan, [1.0, 1.0], "finite"),
            (scipy.sparse.csr_array([[1.0, -0.5], [0.0, 1.0]]), [1.0, 1.0], "symmetric"),
            (scipy.sparse.csr_array([[1.0, 0.5], [0.5, 1.0]]), [1.0, 1.0], "at most 0"),
            (scipy.sparse.csr_array([[1.0, -0.5], [-0.5, 0.25]]), [1.0, 1.0], "row 1 has a diagonal of 0.25"),
        ],
    )
    def test_what_a_mesh_does_not_realise_is_refused(self, A, b, reason):
        with pytest.raises(ProgramError, match=reason):
            sparse_mesh(BOARD, A, b)


class TestSimulateNetwork:
    def test_is_what_simulate_measures_of_a_chip(self):
        instance = BOARD.sample(Crossbar(3), np.random.default_rng(1))
        program = random_program(Crossbar(3), np.random.default_rng(2))
        network = instance.network(program)
        for analysis, names in (("op", ["v"]), ("ac", ["v_re", "v_im"]), ("tran", ["v", "v0"])):
            found, expected = simulate_network(network, analysis), simulate(instance, program, analysis)
            for name in names:
                np.testing.assert_array_equal(found[name], expected[name])
            assert found.netlist_sha256 == expected.netlist_sha256
            assert found.network == "crossbar3"

    @pytest.mark.parametrize("analysis", ["op", "ac", "tran"])
    def test_a_mesh_of_900_cells_without_a_dense_matrix(self, analysis, monkeypatch):
        """ngspice against the sparse solution; the dense state space would be 900 by 900, and is not asked for."""
        A, rng = square(30, leak=0.5), np.random.default_rng(0)
        network = sparse_mesh(BOARD, A, rng.normal(size=900), rng)
        monkeypatch.setattr("thermospice.netlists.runs._simulate_network.state_space", None)
        steps = {"duration": 1e-5, "max_step": 1e-6} if analysis == "tran" else {}
        found = simulate_network(network, analysis, frequencies=(1.0, 1e3), points_per_decade=1, **steps)
        nodal = nodal_equations(network)
        if analysis == "op":
            np.testing.assert_allclose(found.v, nodal.settled, rtol=1e-8, atol=1e-10)
        elif analysis == "ac":
            s = 2j * np.pi * found.frequency.values[-1]
            matrix = (nodal.G + s * scipy.sparse.diags(nodal.C)).tocsc()
            expected = scipy.sparse.linalg.spsolve(matrix, nodal.i)
            np.testing.assert_allclose(found.v_re[-1] + 1j * found.v_im[-1], expected, rtol=1e-8, atol=1e-10)
        else:
            # The rows of A sum to 0.5, so that the largest error decays at least as exp(-t/2 tau): 0.7 % after 10 tau.
            assert np.abs(found.v[-1] - nodal.settled).max() < 0.01 * np.abs(nodal.settled).max()

    def test_what_is_too_large_for_a_dense_state_space_says_what_to_do(self, monkeypatch):
        # A machine with more memory than this one may have: the circuit is refused for its size alone.
        monkeypatch.setattr("thermospice.circuits.topologies._topology.most_cells", lambda: 10_000)
        n = 1400  # an amplifier brings two states of its own
        network = BOARD.nominal(RCMesh(n)).network(program_without_checks(n), "macro")
        with pytest.raises(NetlistError, match=r"4200 capacitors, inductors and amplifier poles.*at most 4000"):
            simulate_network(network, ngspice=Ngspice("/nowhere", 39))


def program_without_checks(n):
    """A diagonal program; its eigenvalues would take a minute."""
    program = object.__new__(Program)
    object.__setattr__(program, "A", np.eye(n))
    object.__setattr__(program, "b", np.ones(n))
    return program


@pytest.mark.parametrize("level", ["macro", "transistor"])
def test_a_grid_is_not_simulated_under_the_name_of_a_level_that_it_has_not(level):
    # Catches the ideal netlist, measured as one with amplifiers.
    board = Design.preset("board-1k-1n").model_copy(update={"L": 1e-3})
    chip = board.nominal(RLCGrid(2))
    with pytest.raises(NetlistError, match=f"level {level}: a rlc-grid has no amplifiers"):
        simulate(chip, Program([[2.0, -1.0], [-1.0, 2.0]], [0.1, 0.0]), "op", level)
