"""The readout's converters."""

import numpy as np
import pytest
from thermospice.behavioral import DeviceModel, compare
from thermospice.behavioral.linear_algebra import Budget, ModelDevice, solve
from thermospice.circuits import Converters, Crossbar, Design, Program, Scaling, random_program
from thermospice.circuits.chips import converter
from thermospice.circuits.networks import BOLTZMANN
from thermospice.measurements import MeasurementError, digitise

TWELVE = Converters(adc_bits=12, full_scale=5.0)
STEP = 10 / 2**12


@pytest.fixture
def record(board, measure):
    chip = board.sample(Crossbar(4), np.random.default_rng(1))
    return measure(chip, random_program(Crossbar(4), np.random.default_rng(2)), times=np.linspace(0, 2e-5, 4001))


def test_errors_are_white_with_the_stated_deviation(record):
    read = digitise(record, TWELVE, np.random.default_rng(3))
    sigma = read.attrs["readout_sigma"]
    assert sigma == pytest.approx(np.sqrt(1 + 1 / 12) * STEP)
    e = (read["v"] - record["v"]).values
    n = e.size
    assert abs(e.mean()) < 4 * sigma / np.sqrt(n)
    # The standard deviation of a variance from n samples is sqrt(2/n), relative.
    assert abs(e.var() / sigma**2 - 1) < 4 * np.sqrt(2 / n)
    for other in (np.roll(e, 1, axis=0), np.roll(e, 1, axis=1), record["v"].values - record["v"].values.mean()):
        assert abs(np.corrcoef(e.ravel(), other.ravel())[0, 1]) < 4 / np.sqrt(n)


def test_the_mean_of_many_conversions_scatters_by_the_root_of_their_number(record):
    # Catches a deviation that is stated for one conversion, and conversions that share their dither.
    point = record.isel(time=slice(-2, None))
    read = digitise(point, TWELVE, np.random.default_rng(4), reads=100)
    sigma = read.attrs["readout_sigma"]
    assert sigma == pytest.approx(np.sqrt(1 + 1 / 12) * STEP / 10)
    assert read["v"].shape == point["v"].shape
    errors = [
        (digitise(point, TWELVE, np.random.default_rng(k), reads=100)["v"] - point["v"]).values for k in range(50)
    ]
    e = np.array(errors) / sigma
    assert abs(e.mean()) < 4 / np.sqrt(e.size)
    assert abs(e.var() - 1) < 4 * np.sqrt(2 / e.size)
    with pytest.raises(ValueError, match="at least one reading, got 0"):
        digitise(point, TWELVE, np.random.default_rng(4), reads=0)


def test_without_dither_the_error_depends_on_the_signal(record):
    flat = record.copy()
    flat["v"] = record["v"] * 0 + 0.3 * STEP
    flat["v"].attrs["units"] = "V"
    bare = digitise(flat, TWELVE, np.random.default_rng(3), dither=0.0)
    assert (bare["v"].values == 0).all()
    dithered = digitise(flat, TWELVE, np.random.default_rng(3))["v"].values
    assert abs(dithered.mean() - 0.3 * STEP) < 4 * 1.05 * STEP / np.sqrt(dithered.size)


def test_values_lie_on_the_grid_within_the_range(record):
    codes = digitise(record, TWELVE, np.random.default_rng(3))["v"].values / STEP
    np.testing.assert_array_equal(codes, np.rint(codes))
    near = record.copy()
    near["v"] = record["v"] * 0 + 5.0
    near["v"].attrs["units"] = "V"
    assert digitise(near, TWELVE, np.random.default_rng(3))["v"].values.max() == 5.0 - STEP


def test_ideal_converters_change_nothing(record):
    read = digitise(record, Converters(full_scale=5.0), np.random.default_rng(3))
    np.testing.assert_array_equal(read["v"].values, record["v"].values)
    assert read.attrs["readout_sigma"] == 0


def test_hold_capacitor_adds_its_noise(record):
    read = digitise(record, Converters(full_scale=5.0), np.random.default_rng(3), hold_capacitance=1e-13)
    sigma = np.sqrt(BOLTZMANN * 300.15 / 1e-13)
    assert read.attrs["readout_sigma"] == pytest.approx(sigma)
    e = (read["v"] - record["v"]).values
    assert abs(e.var() / sigma**2 - 1) < 4 * np.sqrt(2 / e.size)


def test_a_count_of_samples_is_spread_evenly_in_log_time(record, board):
    read = digitise(record, TWELVE, np.random.default_rng(3), times=50)
    t = read["time"].values
    assert (t[0], t[-1]) == pytest.approx((board.tau / 4, 2e-5))
    assert np.diff(np.log(t)) == pytest.approx(np.full(49, np.log(80) / 49))
    assert read["time"].attrs == {"units": "s"}


def test_given_times_interpolate_the_record(record):
    times = np.array([1.2345e-6, 1.7e-5])
    read = digitise(record, Converters(full_scale=5.0), np.random.default_rng(3), times=times)
    expected = [np.interp(times, record["time"], record["v"][:, k]) for k in range(4)]
    np.testing.assert_allclose(read["v"].values.T, expected, rtol=1e-12)


def test_same_source_same_readout_and_the_record_is_left_alone(record):
    before = record.copy(deep=True)
    first, second = (digitise(record, TWELVE, np.random.default_rng(3), times=9) for _ in range(2))
    assert first.identical(second)
    assert record.identical(before)


def test_what_cannot_be_read_is_refused(record, board, measure):
    rng = np.random.default_rng(0)
    with pytest.raises(MeasurementError, match=r"beyond the converter's full scale of 0\.01 V"):
        digitise(record, Converters(adc_bits=12, full_scale=0.01), rng)
    with pytest.raises(MeasurementError, match="digitised already"):
        digitise(digitise(record, TWELVE, rng), TWELVE, rng)
    with pytest.raises(MeasurementError, match="expected times within"):
        digitise(record, TWELVE, rng, times=np.array([1.0]))
    with pytest.raises(ValueError, match="dither"):
        digitise(record, TWELVE, rng, dither=-1.0)
    chip = board.nominal(Crossbar(2))
    program = random_program(Crossbar(2), rng)
    with pytest.raises(MeasurementError, match="expected an analysis op or tran, got noise"):
        digitise(measure(chip, program, "noise"), TWELVE, rng)


def test_an_operating_point_is_read_too(board, measure, flat):
    chip = board.nominal(Crossbar(2))
    point = measure(chip, random_program(Crossbar(2), np.random.default_rng(1)), "op")
    read = digitise(point, TWELVE, np.random.default_rng(3))
    assert 0 < compare(read, flat(board, Crossbar(2))).value < 0.05


def test_a_chips_own_converter_bends_what_it_reads(board, measure, flat):
    plain = board.to_dict()
    plain["converters"] |= {"adc_bits": 12, "full_scale": 5.0, "inl": 2.0, "dnl": 0.5}
    chip = Design.from_dict(plain).sample(Crossbar(2), np.random.default_rng(0), 5)
    program = random_program(Crossbar(2), np.random.default_rng(0))
    record = measure(chip, program, "tran")
    straight, bent = (
        digitise(record, chip.design.converters, np.random.default_rng(1), dither=0.0, instance=which)["v"].values
        for which in (None, chip)
    )
    expected = converter(chip, "adc").to_codes(record["v"].values)
    np.testing.assert_array_equal(bent, expected)
    # Two steps rms of 2.4 mV.
    assert 1e-3 < np.abs(bent - straight).max() < 3e-2


def test_droop_lowers_what_is_held(board, measure, flat):
    chip = board.nominal(Crossbar(2))
    record = measure(chip, random_program(Crossbar(2), np.random.default_rng(0)), "op")
    leaky = board.converters.model_copy(update={"adc_bits": None, "droop": 50.0, "hold_time": 1e-5})
    found = digitise(record, leaky, np.random.default_rng(1))
    np.testing.assert_allclose(found["v"].values, record["v"].values - 5e-4, atol=1e-12)
    held = leaky.model_copy(update={"droop": 0.0, "hold_capacitance": 1e-12})
    assert digitise(record, held, np.random.default_rng(1)).attrs["readout_sigma"] == pytest.approx(
        np.sqrt(BOLTZMANN * board.temperature / 1e-12), rel=1e-12
    )


def test_a_model_drives_and_reads_through_its_converters(board):
    plain = board.to_dict()
    plain["converters"] |= {"dac_bits": 8, "adc_bits": 10, "full_scale": 1.0, "hold_capacitance": 1e-13, "droop": 10.0}
    plain["converters"] |= {"hold_time": 1e-4}
    model = DeviceModel.nominal(Design.from_dict(plain).nominal(Crossbar(2)))
    program = Program(np.eye(2), [0.3001, -0.7])
    driven = model.driven(program, Scaling(0.5, 0.5))
    # A quarter of b on steps of 1/128 V.
    np.testing.assert_allclose(driven.b, np.rint(program.b / 4 * 128) / 128 * 4)
    read = model.read_out(np.full((20_000, 2), 0.25), np.random.default_rng(0))
    # kT/C of 0.1 pF is 0.2 mV, a tenth of a step: the mean shows the droop of 1 mV only through the rounding.
    assert set(np.unique(np.rint(read * 512))) <= {127.0, 128.0}
    device = ModelDevice(model, converters=True)
    answer = solve(device, program.A, program.b, np.random.default_rng(0), Budget(5.0, 4))
    np.testing.assert_allclose(answer.value, program.solution, atol=4 / 128)
    ideal = solve(ModelDevice(model), program.A, program.b, np.random.default_rng(0), Budget(5.0, 4))
    assert np.abs(answer.value - ideal.value).max() > 1e-4
