"""A measurement says the same however its labels are ordered and its units are spelled, or is refused."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from thermospice.behavioral import DeviceModel, OrnsteinUhlenbeck, calibrate, compare
from thermospice.circuits import Cascade, Converters, Crossbar, Design, Program, RCMesh, random_program
from thermospice.measurements import MeasurementError, digitise, read_measurement, scatter

ORDERS = {
    "op": {"cell": [2, 1, 0], "cell_in": [1, 2, 0]},
    "tran": {"cell": [1, 2, 0], "cell_in": [2, 1, 0], "time": slice(None, None, -1)},
    "ac": {"cell": [2, 0, 1], "cell_in": [2, 1, 0], "frequency": slice(None, None, -1)},
    "noise": {"cell": [2, 0, 1], "cell_in": [0, 2, 1], "frequency": slice(None, None, -1)},
}


@pytest.fixture(scope="module")
def chip():
    return Design.preset("board-1k-1n").sample(Crossbar(3), np.random.default_rng(1))


@pytest.fixture(scope="module")
def program():
    return random_program(Crossbar(3), np.random.default_rng(2), 3.0, False)


@pytest.mark.parametrize("analysis", ORDERS)
def test_cells_times_and_frequencies_are_taken_by_their_labels(measure, chip, program, analysis):
    # Catches values that are taken by their places: the program is not symmetric, so that any other order errs by 2 %.
    measurement = measure(chip, program, analysis)
    other = measurement.isel(ORDERS[analysis])
    model = DeviceModel.nominal(chip)
    truth, found = compare(measurement, model), compare(other, model)
    assert found.value == pytest.approx(truth.value, abs=1e-12)
    assert found.value < 1e-9
    np.testing.assert_allclose(found.by_cell, truth.by_cell, atol=1e-12)


def test_dimensions_in_another_order_are_the_same_measurement(measure, chip, program):
    measurement = measure(chip, program, "tran")
    assert compare(measurement.transpose(), DeviceModel.nominal(chip)).value < 1e-9


def test_a_calibration_and_a_converter_take_labels_too(measure, chip, program):
    measured = [measure(chip, program, kind) for kind in ("tran", "noise")]
    turned = [m.isel(ORDERS[m.attrs["analysis"]]) for m in measured]
    truth, found = calibrate(measured), calibrate(turned)
    for name, values in truth.errors.items():
        np.testing.assert_allclose(found.errors[name], values, atol=1e-12)
    converters = Converters(adc_bits=12, full_scale=5.0)
    read = [digitise(m, converters, np.random.default_rng(0), 20) for m in (measured[0], turned[0])]
    xr.testing.assert_identical(*read)


def test_ranks_of_a_cascade_are_taken_by_their_labels(measure):
    rng = np.random.default_rng(3)
    topology = Cascade(n=2, r=3)
    chip = Design.preset("board-1k-1n").sample(topology, rng)
    program = random_program(topology, rng)
    measurement = measure(chip, program, "op")
    J, H, damping = program.factors
    factors = {"J": (("rank", "cell"), J), "H": (("rank", "rank_in"), H), "damping": ((), damping)}
    data = {name: (*value, {"units": "1"}) for name, value in factors.items()}
    measurement = measurement.assign(data).assign_coords(rank=[0, 1, 2], rank_in=[0, 1, 2]).assign_attrs(r=3)
    model = DeviceModel.nominal(chip)
    turned = measurement.isel(rank=[2, 0, 1], rank_in=[1, 0, 2], cell=[1, 0])
    assert compare(turned, model).value == pytest.approx(compare(measurement, model).value, abs=1e-12)


def renamed(dim, labels):
    return lambda d: d.assign_coords({dim: labels})


def spelled(name, unit):
    def change(d):
        d[name].attrs["units"] = unit
        return d

    return change


def marked(name, **attrs):
    def change(d):
        d[name].attrs.update(attrs)
        return d

    return change


def hidden(name, where, fill=None):
    def change(d):
        values = np.ma.array(d[name].values, mask=False)
        values[where] = np.ma.masked
        return d.assign({name: (d[name].dims, values if fill is None else values.filled(fill), d[name].attrs)})

    return change


REFUSED = {
    "names of cells": ("op", renamed("cell", ["a", "b", "c"]), "cell: expected numbers as labels"),
    "cells from one": ("op", renamed("cell", [1, 2, 3]), "cell: expected each of the labels 0 to 2 once, got 1, 2, 3"),
    "a cell twice": ("op", renamed("cell", [0, 1, 1]), "expected each of the labels 0 to 2 once"),
    "cells of the input": ("op", renamed("cell_in", [0, 1, 5]), "cell_in: expected each of the labels"),
    "nan as a label": ("tran", lambda d: d.assign_coords(time=[np.nan, *d.time.values[1:]]), "time"),
    "a time twice": ("tran", lambda d: d.isel(time=[0, 1, 1, 2]), "rising times"),
    "masked": ("op", hidden("v", 1), "v: expected finite values, .* in 1 of 3 places"),
    "masked program": ("op", hidden("A", (0, 1)), "A: expected finite values"),
    "masked drive": ("op", hidden("b", 1), "b: expected finite values"),
    "filled": ("op", hidden("v", 1, 9.969209968386869e36), "v: expected finite values, got nan, inf or a fill value"),
    "millivolts": ("op", spelled("v", "mV"), "v: expected values in V, got the unit 'mV'"),
    "microseconds": ("tran", spelled("time", "us"), "time: expected values in s, got the unit 'us'"),
    "kilohertz": ("ac", spelled("frequency", "kHz"), "frequency: expected values in Hz"),
    "decibels": ("ac", spelled("v_re", "dB"), "v_re: expected values in V"),
    "a drive in mV": ("op", spelled("b", "mV"), "b: expected values in V"),
    "a matrix in siemens": ("op", spelled("A", "S"), "A: expected values in 1"),
    "a covariance in mV^2": ("noise", spelled("covariance", "mV^2"), r"covariance: expected values in V\^2"),
    "no unit": ("op", lambda d: d.assign(v=("cell", d.v.values)), "v: expected values in V, got the unit None"),
    "packed": ("op", marked("v", scale_factor=0.1), "v: expected plain values, got packed ones"),
    "beyond its own range": ("op", marked("v", valid_max=-50.0), "expected values from -inf to -50"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_known_for_certain_is_refused(measure, chip, program, name):
    analysis, change, reason = REFUSED[name]
    measurement = change(measure(chip, program, analysis).copy(deep=True))
    with pytest.raises(MeasurementError, match=reason) as caught:
        compare(measurement, DeviceModel.nominal(chip))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "unit"), [("v", "volt"), ("v", "volts"), ("time", "seconds"), ("v0", "V"), ("A", "1")]
)
def test_other_spellings_of_a_unit_are_the_same_unit(measure, chip, program, name, unit):
    measurement = spelled(name, unit)(measure(chip, program, "tran").copy(deep=True))
    assert compare(measurement, DeviceModel.nominal(chip)).value < 1e-9


def noisy_record(measure, chip, program, kind):
    rng, times = np.random.default_rng(5), np.arange(1, 801) * 2e-8
    if kind == "readout":
        record = measure(chip, program, "tran", times=times)
        return record.assign(v=record["v"] + 2e-3 * rng.standard_normal(record["v"].shape)).assign(
            v=lambda d: d["v"].assign_attrs(units="V")
        )
    record = measure(chip, program, "tran", times=times, noise=rng, noise_scale=1e4)
    del record.attrs["noise_seed"]
    return record


@pytest.mark.parametrize("kind", ["readout", "device"])
def test_a_record_that_scatters_says_so_or_is_refused(measure, chip, program, kind):
    # Catches a noisy record that is taken for a waveform without noise, known to 1e-5 of full scale.
    record = noisy_record(measure, chip, program, kind)
    model = DeviceModel.nominal(chip)
    with pytest.raises(MeasurementError, match=r"v: the samples scatter by .* and no attribute says why"):
        compare(record, model)
    with pytest.raises(MeasurementError, match=r"readout_sigma says 1e-05 V"):
        calibrate([record.assign_attrs(readout_sigma=1e-5)])
    assert compare(record.assign_attrs(noise_seed=1), model).analysis == "tran"
    assert compare(record.assign_attrs(readout_sigma="2 mV" if kind == "readout" else 0.1), model).value < 0.1


def test_the_scatter_of_white_noise_is_its_standard_deviation():
    rng, times = np.random.default_rng(0), np.geomspace(1e-7, 1e-4, 4000)
    curve = np.stack([np.exp(-times / 1e-5), np.sin(3e5 * times) * np.exp(-times / 3e-5)], axis=1)
    # Of 4000 samples with neighbours correlated by -2/3 the estimate scatters by 2 %: five of those.
    assert scatter(times, curve + 1e-3 * rng.standard_normal(curve.shape)) == pytest.approx(1e-3, rel=0.1)
    assert scatter(times, curve) == 0.0


@pytest.mark.parametrize("samples", [40, 64, 200, 1000])
@pytest.mark.parametrize("topology", [Crossbar(3), RCMesh(3)], ids=lambda t: t.name)
def test_a_smooth_waveform_is_not_taken_for_a_noisy_one(measure, topology, samples):
    chip = Design.preset("board-1k-1n").sample(topology, np.random.default_rng(samples))
    program = random_program(topology, np.random.default_rng(samples))
    for times in (np.geomspace(1e-9, 1e-4, samples), np.linspace(1e-8, 1e-5, samples)):
        measurement = measure(chip, program, "tran", times=times)
        assert scatter(times, measurement["v"].values) < 1e-6


def test_a_masked_program_is_refused():
    masked = np.ma.array([[1.0, 9.0], [0.0, 1.0]], mask=[[0, 1], [0, 0]])
    with pytest.raises(ValueError, match=r"A: expected finite numbers, got nan at index \(0, 1\)"):
        Program(masked, [1.0, 1.0])
    with pytest.raises(ValueError, match=r"b: expected finite numbers, got nan at index \(0,\)"):
        Program(np.eye(2), np.ma.array([1.0, 1.0], mask=[1, 0]))


def test_a_masked_record_or_process_is_refused():
    # Catches numbers below a mask that count as if they were measured.
    process = OrnsteinUhlenbeck(drift=np.eye(2), mean=np.zeros(2), diffusion=np.eye(2))
    values = np.ma.array(np.zeros((3, 2)), mask=[[0, 0], [0, 1], [0, 0]])
    with pytest.raises(ValueError, match="log_prob: expected finite times and values"):
        process.log_prob(np.arange(3.0), values)
    with pytest.raises(ValueError, match="covariance_at: expected times"):
        process.covariance_at(np.ma.array([1.0, 2.0], mask=[0, 1]))
    with pytest.raises(ValueError, match="mean_at: expected x0"):
        process.mean_at(1.0, np.ma.array([1.0, 2.0], mask=[0, 1]))
    with pytest.raises(ValueError, match="expected finite numbers in drift"):
        OrnsteinUhlenbeck(drift=np.ma.array(np.eye(2), mask=np.eye(2)), mean=np.zeros(2), diffusion=np.eye(2))
    unmasked = np.ma.array(np.zeros((3, 2)), mask=False)
    assert process.log_prob(np.arange(3.0), unmasked) == process.log_prob(np.arange(3.0), np.zeros((3, 2)))


@pytest.mark.parametrize(
    ("given", "kelvin"),
    [("25 degC", 298.15), ("25 C", 298.15), (310, 310.0), ("77 K", 77.0), (np.float64(233.15), 233.15)],
)
def test_a_temperature_with_its_unit_is_that_of_the_noise(measure, chip, program, given, kelvin):
    # Catches "25 C" read as a difference of 25 K: thermal noise of a twelfth.
    measured = read_measurement(measure(chip, program, "op").assign_attrs(temperature=given))
    assert measured.design.temperature == pytest.approx(kelvin, abs=1e-9)


@pytest.mark.parametrize(
    ("given", "said"), [(25, "25 may be kelvin or degrees Celsius"), (77.0, "may be"), (0, "greater than 0"),
                        (-40, "-40 degC"), ("-300 C", "greater than 0"), ("80 F", "degrees Celsius"), (None, "number"),
                        (float("nan"), "finite")],
)  # fmt: skip
def test_a_temperature_that_may_be_another_is_refused(measure, chip, program, given, said):
    with pytest.raises(MeasurementError, match=f"temperature: .*{said}"):
        read_measurement(measure(chip, program, "op").assign_attrs(temperature=given))


def test_a_cold_design_needs_no_unit_in_its_measurements(measure, chip, program):
    cold = replace(chip, design=chip.design.model_copy(update={"temperature": 77.0}))
    assert read_measurement(measure(cold, program, "op")).design.temperature == 77.0
    assert read_measurement(measure(cold, program, "op").assign_attrs(temperature=80.0)).design.temperature == 80.0
