"""Spreads of a kind of chip."""

from dataclasses import replace

import numpy as np
import pytest
from thermospice.behavioral import DeviceModel, Estimate, Population, Provenance
from thermospice.behavioral.devices import Posterior
from thermospice.circuits import Crossbar, RCMesh
from thermospice.circuits.networks import BOLTZMANN


def test_a_nominal_model_stands_for_its_design(board, flat):
    population = Population.estimate([flat(board, Crossbar(8))])
    assert population.design == "board-1k-1n"
    assert (population.tau, population.R0, population.C) == (board.tau, board.R0, board.C)
    assert population.conductance_sigma == board.mismatch.resistor_sigma
    assert population.capacitor_sigma == board.mismatch.capacitor_sigma
    assert population.inverter_sigma == pytest.approx(np.sqrt(2) * board.mismatch.resistor_sigma)
    assert (population.offset_mean, population.offset_sigma) == (0.0, board.amplifier.offset_sigma)
    assert (population.gain, population.gain_bandwidth) == (board.amplifier.gain, board.amplifier.gain_bandwidth)
    assert (population.full_scale, population.dac_bits, population.adc_bits) == (5.0, 12, 12)
    assert not population.standard_errors


def test_kappa0_counts_the_resistors_of_a_cell(board, flat):
    kT = BOLTZMANN * board.temperature
    # A crossbar's cell has its own resistor and that of the drive; a mesh is driven by a current.
    assert Population.estimate([flat(board, Crossbar(3), "ideal")]).kappa0 == pytest.approx(2 * kT / board.C, rel=1e-9)
    assert Population.estimate([flat(board, RCMesh(3), "ideal")]).kappa0 == pytest.approx(kT / board.C, rel=1e-9)
    noisy = board.model_copy(update={"injected_noise": 1e-20})
    expected = kT / board.C + 1e-20 * board.R0 / (2 * board.C)
    assert Population.estimate([flat(noisy, RCMesh(3), "ideal")]).kappa0 == pytest.approx(expected, rel=1e-9)


def test_kappa0_has_amplifier_noise_through_the_noise_gain(board, flat):
    # A = I: noise gain 1 + R0/R0 + R0/R0 = 3 at low frequency; one-sided e_n^2 is two-sided e_n^2/2 = 2 kappa0 tau.
    e_n = board.amplifier.noise_voltage
    expected = 2 * BOLTZMANN * board.temperature / board.C + (2 * e_n) ** 2 / (4 * board.tau)
    assert Population.estimate([flat(board, Crossbar(2))]).kappa0 == pytest.approx(expected, rel=1e-4)


def test_supply_power_counts_amplifiers(board, flat):
    one = board.amplifier.supply_current * (board.amplifier.rail_high - board.amplifier.rail_low)
    assert Population.estimate([flat(board, Crossbar(4))]).supply_power == pytest.approx(2 * one)
    assert Population.estimate([flat(board, Crossbar(1))]).supply_power == pytest.approx(one)
    assert Population.estimate([flat(board, RCMesh(4))]).supply_power == pytest.approx(one)
    assert Population.estimate([flat(board, Crossbar(4), "ideal")]).supply_power == 0.0


def calibrated(board, rng, true, open_part):
    """What calibration with the design's tolerance would say of a chip whose spread is `true` times larger."""
    topology = Crossbar(12)
    errors, standard = {}, {}
    for name, sigma in topology.error_sigmas(board.tolerances).items():
        shape = topology.error_shapes()[name]
        # Data with standard error r, prior sigma: posterior variance open_part^2 sigma^2.
        r = sigma * open_part / np.sqrt(1 - open_part**2)
        y = true * sigma * rng.standard_normal(shape) + r * rng.standard_normal(shape)
        errors[name] = (1 - open_part**2) * y
        standard[name] = np.full(shape, open_part * sigma)
    chip = board.nominal(topology).replace_errors(**errors)
    measured = Provenance(source="measurements", instance_digest="x")
    return replace(DeviceModel.nominal(chip), standard_errors=standard, provenance=measured)


@pytest.mark.parametrize("true", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("open_part", [0.05, 0.7])
def test_spreads_are_those_of_the_chips_not_of_the_estimates(board, true, open_part):
    rng = np.random.default_rng(3)
    population = Population.estimate([calibrated(board, rng, true, open_part) for _ in range(4)])
    expected = {
        "conductance_sigma": true * board.mismatch.resistor_sigma,
        "capacitor_sigma": true * board.mismatch.capacitor_sigma,
        "inverter_sigma": true * np.sqrt(2) * board.mismatch.resistor_sigma,
        "offset_sigma": true * board.amplifier.offset_sigma,
        "offset_mean": 0.0,
    }
    for name, value in expected.items():
        assert abs(getattr(population, name) - value) < 4 * population.standard_errors[name]


@pytest.mark.parametrize("true", [0.5, 1.0, 2.0])
def test_spreads_of_correlated_posteriors_are_those_of_the_chips(board, true):
    # Catches standard errors taken one at a time: rows whose common factor only the tolerance settles.
    rng, topology = np.random.default_rng(4), Crossbar(4)
    all_sigmas = topology.error_sigmas(board.tolerances)
    sigmas = {name: all_sigmas[name] for name in ("conductance", "drive")}
    names = [f"{name}[{k}]" for name in sigmas for k in range(int(np.prod(topology.error_shapes()[name])))]
    prior = np.full(len(names), board.mismatch.resistor_sigma)
    # The data see how conductances of a row differ from its drive, to a tenth of the tolerance; nothing else.
    rows = [np.eye(20)[4 * i + j] - np.eye(20)[16 + i] for i in range(4) for j in range(4)]
    J = np.array(rows) * prior[0] / (0.1 * prior[0])
    models, squares = [], []
    for _ in range(20):
        z = true * rng.standard_normal(20)
        covariance = np.linalg.inv(np.eye(20) + J.T @ J)
        fitted = covariance @ J.T @ (J @ z + rng.standard_normal(16))
        posterior = Posterior(tuple(names), prior, prior * fitted, covariance * np.outer(prior, prior))
        measured = Provenance(source="measurements", instance_digest="x")
        models.append(replace(DeviceModel.nominal(board.nominal(topology)), provenance=measured, posterior=posterior))
        squares.append(np.mean(fitted**2))
    found = Population.estimate(models)
    # 16 directions of each of 20 chips, known to 0.1 of the tolerance over sqrt(2): sigma/sqrt(2 * 320) = 4 %.
    error = found.standard_errors["conductance_sigma"]
    assert 0.03 < error / found.conductance_sigma < 0.05
    assert abs(found.conductance_sigma - true * prior[0]) < 3.5 * error
    # The estimates themselves scatter less, since a row's common factor is drawn to zero.
    assert np.sqrt(np.mean(squares)) < 0.95 * true


def test_standard_error_of_a_well_known_spread(board):
    population = Population.estimate([calibrated(board, np.random.default_rng(3), 1.0, 1e-3)])
    # 12*12 + 12 conductances and drives: sigma/sqrt(2 N).
    relative = population.standard_errors["conductance_sigma"] / population.conductance_sigma
    assert relative == pytest.approx(1 / np.sqrt(2 * 156), rel=0.02)


def test_a_common_offset_is_a_mean_not_a_spread(board):
    model = calibrated(board, np.random.default_rng(3), 1.0, 0.05)
    moved = {name: model.errors[name] + 2e-3 for name in ("offset", "inverter_offset")}
    population = Population.estimate([replace(model, instance=model.instance.replace_errors(**moved))])
    assert abs(population.offset_mean - 2e-3) < 4 * population.standard_errors["offset_mean"]
    assert abs(population.offset_sigma - board.amplifier.offset_sigma) < 4 * population.standard_errors["offset_sigma"]


def test_what_no_measurement_touched_does_not_count(board):
    model = calibrated(board, np.random.default_rng(3), 1.0, 0.05)
    errors, standard = dict(model.errors), dict(model.standard_errors)
    errors["conductance"] = np.where(np.eye(12) == 1, errors["conductance"], 0.0)
    standard["conductance"] = np.where(np.eye(12) == 1, standard["conductance"], board.mismatch.resistor_sigma)
    partly = Population.estimate(
        [replace(model, instance=model.instance.replace_errors(**errors), standard_errors=standard)]
    )
    assert partly.conductance_sigma > 0.5 * board.mismatch.resistor_sigma
    # 12 diagonal conductances and 12 drives are left.
    relative = partly.standard_errors["conductance_sigma"] / partly.conductance_sigma
    assert relative == pytest.approx(1 / np.sqrt(2 * 24), rel=0.02)


def test_amplifier_values_are_those_inferred(board):
    model = calibrated(board, np.random.default_rng(3), 1.0, 0.05)
    population = Population.estimate([replace(model, gain_bandwidth=Estimate(6e7, 1e6))])
    assert population.gain_bandwidth == 6e7


def test_models_of_one_kind_only(board, flat):
    with pytest.raises(ValueError, match="at least one model"):
        Population.estimate([])
    with pytest.raises(ValueError, match="one design, topology and level"):
        Population.estimate([flat(board, Crossbar(2)), flat(board, RCMesh(2))])
