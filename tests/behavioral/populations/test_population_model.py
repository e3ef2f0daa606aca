"""The model of a process: recovered from chips, drawn at any size, kept as JSON."""

import json

import numpy as np
import pytest
from thermospice.behavioral import (
    Calibration,
    DeviceModel,
    DeviceModelError,
    Estimate,
    Population,
    PopulationModel,
    Provenance,
    load_device,
)
from thermospice.behavioral.calibration import Parameters
from thermospice.behavioral.populations import Chip, Spread, fit_mixed
from thermospice.circuits import Crossbar, RCMesh

THREE = Crossbar(3)


def calibration(board, k, z, scatter, rng, topology=THREE):
    """What a fit says of a chip: the truth with errors of a given covariance, shrunk by the prior as a fit does."""
    parameters = Parameters.of(board, topology, "macro")
    precision = np.linalg.inv(scatter)
    covariance = np.linalg.inv(precision + np.eye(parameters.size))
    seen = z + np.linalg.cholesky(scatter) @ rng.standard_normal(parameters.size)
    fitted = covariance @ precision @ seen
    model = DeviceModel.nominal(parameters.instance(fitted))
    model = DeviceModel(
        model.instance, "macro", parameters.standard_errors(covariance), model.gain, model.gain_bandwidth,
        provenance=Provenance("measurements", f"chip {k}", (f"m{k}",), {}, ("ngspice 39",), 1.0, 10, 20),
    )  # fmt: skip
    scale = np.outer(parameters.sigma, parameters.sigma)
    return Calibration(model, parameters.names, parameters.sigma, parameters.sigma * fitted, covariance * scale, (), {})


def campaign(board, chips, seed=1, correlated=False):
    """Conductances 2 % high with 3 % from chip to chip; offsets that go with the gain-bandwidth, when `correlated`."""
    rng = np.random.default_rng(seed)
    parameters = Parameters.of(board, Crossbar(3), "macro")
    kind = np.array([name.split("[")[0] for name in parameters.names])
    found = []
    for k in range(chips):
        z = 0.8 * rng.standard_normal(parameters.size)
        z[kind == "conductance"] += 2.0 + 3.0 * rng.standard_normal()
        common = rng.standard_normal()
        if correlated:
            z[kind == "offset"] += 1.5 * common
            z[kind == "gain_bandwidth"] = -1.0 * common
        # A row's unknowns share an error, as its common factor does.
        scatter = 0.05 * np.eye(len(z)) + 0.05 * np.outer(kind == "conductance", kind == "conductance")
        found.append(calibration(board, k, z, scatter, rng))
    return found


def test_means_and_spreads_are_those_of_the_chips(board):
    found = PopulationModel.estimate(campaign(board, 40))
    sigma = board.mismatch.resistor_sigma
    spread = found.spreads["conductance"]
    for estimate, truth in ((spread.mean, 2 * sigma), (spread.chip, 3 * sigma), (spread.local, 0.8 * sigma)):
        assert abs(estimate.value - truth) < 4 * estimate.standard_error
        assert estimate.standard_error < 0.5 * truth
    # 40 chips: the mean of a spread of 3 % is known to 3 %/sqrt(40), the spread itself to 1/sqrt(80).
    assert spread.mean.standard_error == pytest.approx(3 * sigma / np.sqrt(40), rel=0.3)
    assert spread.chip.standard_error == pytest.approx(spread.chip.value / np.sqrt(80), rel=0.3)
    for name in ("drive", "capacitance", "inverter", "offset"):
        quiet, tolerance = found.spreads[name], Crossbar(3).error_sigmas(board.tolerances)[name]
        # 3 values a chip: 40 chips leave less than a fifth of the tolerance for what they have in common.
        assert quiet.chip.value < 0.25 * tolerance
        assert abs(quiet.local.value - 0.8 * tolerance) < 4 * quiet.local.standard_error
    assert not found.correlations
    assert found.instances == tuple(f"chip {k}" for k in range(40))
    assert found.provenance.source == "campaign"
    assert found.provenance.samples == 800


def test_standard_errors_are_honest(board):
    """Over campaigns of 10 chips, the misses are those of normal deviates."""
    z = []
    for seed in range(12):
        spread = PopulationModel.estimate(campaign(board, 10, seed + 10)).spreads["conductance"]
        sigma = board.mismatch.resistor_sigma
        z.append((spread.mean.value - 2 * sigma) / spread.mean.standard_error)
        z.append((spread.local.value - 0.8 * sigma) / spread.local.standard_error)
    # The mean square of 24 unit normal values lies within 0.3 to 2.2 but once in 1000 cases.
    assert 0.3 < np.mean(np.square(z)) < 2.2


def test_correlations_that_the_chips_show_are_drawn_again(board):
    found = PopulationModel.estimate(campaign(board, 40, correlated=True))
    assert list(found.correlations) == [("offset", "gain_bandwidth")]
    (r,) = found.correlations.values()
    assert -1 <= r.value < -0.6
    rng, offsets, bandwidths = np.random.default_rng(2), [], []
    for _ in range(200):
        drawn = found.draw(Crossbar(8), rng)
        offsets.append(drawn.errors["offset"].mean())
        bandwidths.append(np.log(drawn.gain_bandwidth.value))
    # The means of 8 offsets carry their own scatter: the correlation of the common parts comes out weaker.
    assert np.corrcoef(offsets, bandwidths)[0, 1] < -0.5


def test_draws_devices_of_any_size(board):
    found = PopulationModel.estimate(campaign(board, 30))
    rng = np.random.default_rng(3)
    sigma = board.mismatch.resistor_sigma
    for n in (1, 16):
        chips = [found.draw(Crossbar(n), rng) for _ in range(300)]
        values = np.array([chip.errors["conductance"] for chip in chips])
        spread = found.spreads["conductance"]
        # 300 chips: the mean to 3 %/sqrt(300), the spread to 1/sqrt(600).
        assert abs(values.mean() - spread.mean.value) < 4.5 * spread.chip.value / np.sqrt(300)
        assert values.std() == pytest.approx(spread.total, rel=0.2)
    assert values.std(axis=(1, 2)).mean() == pytest.approx(0.8 * sigma, rel=0.15)
    assert chips[0].provenance.source == "population"
    mesh = PopulationModel(board, "rc-mesh", "macro", {"conductance": Spread(*(Estimate(0.01),) * 3)})
    drawn = mesh.draw(RCMesh(4), rng).errors["conductance"]
    np.testing.assert_array_equal(drawn, drawn.T)
    with pytest.raises(DeviceModelError, match="expected a crossbar"):
        found.draw(RCMesh(2), rng)


def test_training_takes_its_statistics(board):
    found = PopulationModel.estimate(campaign(board, 20))
    population = found.population()
    assert isinstance(population, Population)
    kinds = [found.spreads[name].total for name in ("conductance", "drive")]
    assert population.conductance_sigma == pytest.approx(np.sqrt(np.mean(np.square(kinds))))
    assert population.capacitor_sigma == pytest.approx(found.spreads["capacitance"].total)
    assert population.gain == pytest.approx(board.amplifier.gain * np.exp(found.spreads["gain"].mean.value))
    assert population.standard_errors["conductance_sigma"] > 0


def test_what_no_chip_shows_stays_at_the_tolerance():
    """Data of no precision: means at the design, components at the tolerance, the whole chip's values too."""
    blind = [Chip(np.zeros((3, 3)), np.zeros(3)) for _ in range(5)]
    found = fit_mixed(blind, np.array([0, 0, 1]), np.array([0.1, 0.1, 0.5]), [True, False])
    np.testing.assert_array_equal(found.mean, 0.0)
    np.testing.assert_allclose(found.mean_error, [0.1, 0.5])
    assert found.local[0] == pytest.approx(0.1)
    assert np.sqrt(found.common[1, 1]) == pytest.approx(0.5)


def test_kept_as_json_without_loss(board, tmp_path):
    found = PopulationModel.estimate(campaign(board, 6, correlated=True))
    path = tmp_path / "population.json"
    found.save(path)
    loaded = PopulationModel.load(path)
    assert loaded.to_dict() == found.to_dict()
    assert isinstance(load_device(path), PopulationModel)
    a, b = (model.draw(Crossbar(2), np.random.default_rng(4)).to_dict() for model in (found, loaded))
    assert a == b
    DeviceModel.nominal(board.nominal(Crossbar(2))).save(tmp_path / "device.json")
    assert isinstance(load_device(tmp_path / "device.json"), DeviceModel)


def test_sets_of_chips_that_tell_nothing(board):
    chips = campaign(board, 3)
    with pytest.raises(DeviceModelError, match="at least 3 chips, got 2"):
        PopulationModel.estimate(chips[:2])
    with pytest.raises(DeviceModelError, match="given twice"):
        PopulationModel.estimate([*chips[:2], chips[0]])
    other = calibration(board, 9, np.zeros(12), np.eye(12), np.random.default_rng(0), RCMesh(2))
    with pytest.raises(DeviceModelError, match="one design, topology, size and level"):
        PopulationModel.estimate([*chips[:2], other])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: d.update(kind="device-model"), "expected a population"),
        (lambda d: d.update(schema=2), "expected schema 1, got 2; calibrate again"),
        (lambda d: d.update(topology="ring"), "topology: expected one of"),
        (lambda d: d.update(level="deep"), "level: expected one of"),
        (lambda d: d.pop("spreads"), "not a population: KeyError"),
        (
            lambda d: d["spreads"]["drive"]["mean"].update(value=float("nan")),
            "spreads.drive.mean.value: expected a finite number, got nan",
        ),
        (
            lambda d: d["spreads"]["drive"]["chip"].update(value=-1.0),
            "spreads.drive.chip: expected a standard deviation",
        ),
        (lambda d: d["spreads"]["drive"]["local"].update(value="1"), "expected a finite number, got '1'"),
        (lambda d: d["spreads"].update(weight=d["spreads"]["drive"]), "a crossbar has no weight"),
        (
            lambda d: d["correlations"].append({"between": ["gain", "x"], "value": 0.5, "standard_error": 0.1}),
            "got gain",
        ),
        (
            lambda d: d["correlations"].append({"between": ["gain"], "value": 0.5, "standard_error": 0.1}),
            "not a population",
        ),
        (
            lambda d: d["correlations"].append({"between": ["gain", "drive"], "value": 2.0, "standard_error": 0.1}),
            "correlations: expected",
        ),
        (lambda d: d["design"].update(R0=-1), "R0"),
        (lambda d: d.update(instances="abc"), "instances: expected a list of texts"),
        (lambda d: d["provenance"].update(residual=None), "provenance.residual: expected a finite number"),
    ],
)
def test_a_file_that_is_no_population_is_one_clear_line(board, tmp_path, change, reason):
    data = PopulationModel.estimate(campaign(board, 3)).to_dict()
    change(data)
    path = tmp_path / "population.json"
    path.write_text(json.dumps(data))
    with pytest.raises(DeviceModelError, match=reason) as caught:
        PopulationModel.load(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_unreadable_files_are_named(tmp_path):
    with pytest.raises(DeviceModelError, match="cannot read it: No such file"):
        load_device(tmp_path / "none.json")
    (tmp_path / "text.json").write_text("[")
    with pytest.raises(DeviceModelError, match="not valid JSON"):
        PopulationModel.load(tmp_path / "text.json")
