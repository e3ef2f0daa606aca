"""What a model of a cascade tells of its kind: noise, power and spreads, for any number of rows."""

import numpy as np
import pytest
from thermospice.behavioral import DeviceModel, Population, Provenance
from thermospice.circuits import Cascade, Crossbar, Program, state_space

SIZES = [(3, 3), (3, 5), (4, 2), (3, 1)]


@pytest.mark.parametrize(("n", "r"), SIZES)
def test_a_cell_s_own_noise_is_that_of_a_crossbar_s(board, flat, n, r):
    # drive and damping resistor, noise gain 3: the very circuit of a crossbar's cell that holds the identity
    assert Population.estimate([flat(board, Cascade(n, r))]).kappa0 == pytest.approx(
        Population.estimate([flat(board, Crossbar(n))]).kappa0, rel=1e-9
    )


def slow_density(network) -> np.ndarray:
    """Two-sided density of the cells' noise at zero frequency [V^2/Hz], from the whole circuit's dense matrices."""
    space = state_space(network)
    back = space.M @ np.linalg.inv(space.G)
    return back @ space.noise @ back.T


@pytest.mark.parametrize(("n", "r"), SIZES)
def test_kappa0_is_what_the_dense_state_space_of_the_whole_circuit_has(board, flat, n, r):
    """The stages of the empty arrays are in the circuit; the model's own route is a spectrum."""
    white = board.model_copy(update={"amplifier": board.amplifier.model_copy(update={"noise_corner": 0.0})})
    model = flat(white, Cascade(n, r))
    program = Program.from_factors(np.zeros((r, n)), np.eye(r), 1.0, np.zeros(n))
    expected = np.diag(slow_density(model.instance.network(program, "macro"))).mean() / (2 * white.tau)
    assert Population.estimate([model]).kappa0 == pytest.approx(expected, rel=1e-9)


def test_supply_power_counts_the_amplifiers_of_cells_and_stages(board, flat):
    one = board.amplifier.supply_current * (board.amplifier.rail_high - board.amplifier.rail_low)
    # each cell and each stage has an amplifier and an inverted rail
    for n, r in ((4, 4), (4, 2), (2, 5)):
        assert Population.estimate([flat(board, Cascade(n, r))]).supply_power == pytest.approx(2 * one, rel=1e-12)
    # an H of one entry has nothing to invert
    assert Population.estimate([flat(board, Cascade(3, 1))]).supply_power == pytest.approx(9 / 5 * one, rel=1e-12)


def test_spreads_of_a_measured_cascade_are_those_of_its_arrays_and_stages(board):
    topology, rng = Cascade(12, 12), np.random.default_rng(0)
    scale = {"conductance_sigma": 3.0, "inverter_sigma": 0.5, "offset_sigma": 2.0}
    sigmas = topology.error_sigmas(board.tolerances)
    part = {name: scale["offset_sigma"] if "offset" in name else 3.0 for name in sigmas}
    part |= {"inverter": 0.5, "stage_inverter": 0.5, "capacitance": 1.0}
    shapes = topology.error_shapes()
    drawn = {name: part[name] * sigma * rng.standard_normal(shapes[name]) for name, sigma in sigmas.items()}
    exact = {name: np.full_like(values, 1e-3 * sigmas[name]) for name, values in drawn.items()}
    chip = board.nominal(topology).replace_errors(**drawn)
    nominal = DeviceModel.nominal(chip)
    found = Population.estimate(
        [
            DeviceModel(
                chip, "macro", exact, nominal.gain, nominal.gain_bandwidth, provenance=Provenance(source="measurements")
            )
        ]
    )
    # of 456 conductances, 36 inverters and 72 offsets: sqrt(1/(2 n)) is 3.3 %, 11.8 % and 8.3 %, and 3 of those pass
    assert found.conductance_sigma == pytest.approx(3.0 * board.mismatch.resistor_sigma, rel=0.10)
    assert found.inverter_sigma == pytest.approx(0.5 * np.sqrt(2) * board.mismatch.resistor_sigma, rel=0.36)
    assert found.offset_sigma == pytest.approx(2.0 * board.amplifier.offset_sigma, rel=0.25)
