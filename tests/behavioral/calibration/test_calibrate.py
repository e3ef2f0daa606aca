"""Calibration: sensitivities, recovery of the drawn chip, honesty of the error bars, bad measurements."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
from thermospice.behavioral import DeviceModel, Response, calibrate, compare
from thermospice.behavioral.calibration import Parameters, Run, fit
from thermospice.behavioral.calibration.derivatives import Dual, Sensitivity, transient
from thermospice.circuits import Crossbar, Design, Program, RCMesh, Scaling, choose_scaling, random_program
from thermospice.measurements import MeasurementError, digitise, load_measurement, read_measurement, save_measurement
from thermospice.netlists import Job, simulate_many

TIMES = np.geomspace(0.25e-6, 5e-5, 48)
CASES = [(kind(n), level) for kind in (Crossbar, RCMesh) for n in (1, 3) for level in ("ideal", "macro")]


def records(measure, chip, count, rng, digital=True, level="macro", **more):
    """Transients of random programs from random starts, as the converters see them."""
    n, found = chip.topology.n, []
    for _ in range(count):
        program, v0 = random_program(chip.topology, rng), rng.choice([-2.0, 2.0], n)
        record = measure(chip, program, level=level, times=TIMES, v0=v0, **more)
        found.append(digitise(record, chip.design.converters, rng) if digital else record)
    return found


def test_duals_differentiate_every_operation():
    x, y = 1.3, -0.7

    def f(x, y):
        power = x**3 + 2 / (1 + y) - (3 - x) / 4 + y * x - x / y
        return power + (x.exp() if isinstance(x, Dual) else np.exp(x)) + (-y) + 1.5

    found, h = f(Dual.variable(x, 0), Dual.variable(y, 1)), 1e-6
    assert float(found) == pytest.approx(f(x, y), rel=1e-14)
    # Central differences are good to h^2 and to rounding by h.
    assert found.gradient[0] == pytest.approx((f(x + h, y) - f(x - h, y)) / (2 * h), rel=1e-8)
    assert found.gradient[1] == pytest.approx((f(x, y + h) - f(x, y - h)) / (2 * h), rel=1e-8)


@pytest.mark.parametrize(("topology", "level"), CASES)
def test_the_circuit_on_duals_is_the_circuit(board, topology, level):
    rng = np.random.default_rng(1)
    parameters = Parameters.of(board, topology, level)
    z, program, v0 = rng.standard_normal(parameters.size), random_program(topology, rng), rng.uniform(-1, 1, topology.n)
    scaling = Scaling(0.5, 0.25)
    v = transient(Sensitivity.of(parameters.dual_network(z, program, scaling)), TIMES, v0, parameters.size).v
    response = Response.of(parameters.instance(z), program, level, scaling)
    np.testing.assert_allclose(v, response.mean_at(TIMES, v0), atol=1e-10)


@pytest.mark.parametrize("equal", [False, True])
@pytest.mark.parametrize(("topology", "level"), CASES)
def test_sensitivities_equal_finite_differences(board, topology, level, equal):
    """`equal`: identical cells without coupling, where rates coincide and a divided difference is a derivative."""
    rng, n = np.random.default_rng(2), topology.n
    parameters = Parameters.of(board, topology, level)
    z = np.zeros(parameters.size) if equal else rng.standard_normal(parameters.size)
    program = Program(np.eye(n), rng.uniform(-1, 1, n)) if equal else random_program(topology, rng)
    v0, scaling, h = rng.uniform(-1, 1, n), Scaling(1.0, 0.5), 1e-3
    times = np.concatenate([[0.0, 1e-9], TIMES[::8]])
    circuit = Sensitivity.of(parameters.dual_network(z, program, scaling))
    jacobian = transient(circuit, times, v0, parameters.size).jacobian
    settled = circuit.settled_jacobian(parameters.size)
    assert not jacobian[0].any() or np.abs(jacobian[0]).max() < 1e-12
    for k, unit in enumerate(np.eye(parameters.size)):
        up, down = (Response.of(parameters.instance(z + sign * h * unit), program, level, scaling) for sign in (1, -1))
        # Second differences are below sigma^3 h^2, about 1e-10 V for capacitors and 1e-7 V for the log gains;
        # rounding of the waveform is 1e-11 V by 2h.
        limit = 1e-6 if parameters.names[k].startswith("gain") else 2e-8
        twin = (up.mean_at(times, v0) - down.mean_at(times, v0)) / (2 * h)
        np.testing.assert_allclose(jacobian[:, :, k], twin, atol=limit)
        np.testing.assert_allclose(settled[:, k], (up.settled - down.settled) / (2 * h), atol=limit)


def test_recovers_the_chip_within_its_own_error_bars(board, measure):
    rng, topology, chips = np.random.default_rng(3), Crossbar(3), 4
    total, p, z = 0.0, 0, []
    for _ in range(chips):
        chip = board.sample(topology, rng)
        data = [read_measurement(d) for d in records(measure, chip, 4, rng)]
        parameters = Parameters.of(board, topology, "macro")
        found = fit([Run.of(m) for m in data], parameters)
        own = parameters.deviations
        truth = np.zeros(parameters.size)
        for name, where in parameters.index.items():
            truth[where] = chip.errors[name] / topology.error_sigmas(board.tolerances)[name]
        # The amplifier is as its design says, not drawn from the prior: only the deviations count.
        miss = (truth - found.z)[:own]
        covariance = np.linalg.inv(found.normal.curvature)[:own, :own]
        total += float(miss @ np.linalg.solve(covariance, miss))
        p += len(miss)
        z.append(miss / found.sd[:own])
    # The squared distance in the metric of the posterior is chi-square with p degrees of freedom.
    assert 1e-4 < scipy.stats.chi2.sf(total, p) < 1 - 1e-4
    # Errors of one row share a factor, so the scatter of z is that of about half as many.
    assert abs(np.std(np.concatenate(z)) - 1) < 4 / np.sqrt(p)


def test_holds_for_programs_that_were_not_measured(board, measure, flat):
    rng, topology = np.random.default_rng(4), Crossbar(3)
    chip = board.sample(topology, rng)
    model = calibrate(records(measure, chip, 12, rng))
    heldout = records(measure, chip, 5, rng, digital=False)
    errors = np.array([compare(record, model).value for record in heldout])
    assert errors.max() < 4e-3
    assert errors.max() < 0.2 * max(compare(record, flat(board, topology)).value for record in heldout)


def test_more_samples_give_smaller_errors(board, measure):
    rng = np.random.default_rng(5)
    chip = board.sample(Crossbar(3), rng)
    many = records(measure, chip, 8, rng)
    few, all_ = (calibrate(part) for part in (many[:2], many))
    assert (all_.standard_errors["offset"] < 0.75 * few.standard_errors["offset"]).all()


@pytest.mark.parametrize("topology", [Crossbar(3), RCMesh(3)])
def test_clean_waveforms_pin_down_what_they_can(board, measure, topology):
    rng = np.random.default_rng(6)
    chip = board.sample(topology, rng)
    model = calibrate(records(measure, chip, 6, rng, digital=False))
    # The capacitor by the drive's resistor is a rate that shows; both together are known by tolerance alone.
    rate = (1 + model.errors["drive"]) / (1 + model.errors["capacitance"])
    true = (1 + chip.errors["drive"]) / (1 + chip.errors["capacitance"])
    np.testing.assert_allclose(rate, true, rtol=1e-4)
    assert (model.standard_errors["drive"] > 1e-3 * 0.5).all()


def test_nothing_measured_leaves_the_tolerance(board, measure):
    chip = board.sample(Crossbar(3), np.random.default_rng(7))
    point = measure(chip, Program(np.diag([1.0, 0.5, 0.2]), np.zeros(3)), "op")
    model = calibrate([point])
    assert model.standard_errors["conductance"][0, 1] == board.mismatch.resistor_sigma
    assert model.errors["conductance"][0, 1] == 0
    assert {"conductance[0,1]", "capacitance[0]", "inverter[2]", "gain", "noise_scale"} <= set(model.not_identified)
    assert "offset[0]" not in model.not_identified


def test_exact_components_are_not_fitted(measure):
    chip = Design.preset("ideal").nominal(Crossbar(2))
    model = calibrate([measure(chip, random_program(Crossbar(2), np.random.default_rng(0)), "op", level="ideal")])
    assert not any(values.any() for values in (*model.errors.values(), *model.standard_errors.values()))


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_noise_scale_from_spectra_and_from_waveforms(board, measure, scale):
    rng = np.random.default_rng(8)
    chip = board.sample(Crossbar(2), rng)
    runs = records(measure, chip, 3, rng)
    program = random_program(Crossbar(2), rng)
    spectrum = measure(chip, program, "noise", noise_scale=scale)
    found = calibrate([*runs, spectrum]).noise_scale
    assert abs(found.value - scale) < max(4 * found.standard_error, 0.02 * scale)
    noisy = measure(chip, program, times=np.linspace(0, 1e-5, 301), noise=rng, noise_scale=scale)
    found = calibrate([*runs, noisy]).noise_scale
    # 600 values give sqrt(2/600) = 6 %; what is not known of the chip adds to it.
    assert 0.8 < found.standard_error / (scale * np.sqrt(2 / 600)) < 1.8
    assert abs(found.value - scale) < 4 * found.standard_error


def test_one_bad_run_is_left_out_and_named(board, measure):
    rng = np.random.default_rng(9)
    chip = board.sample(Crossbar(2), rng)
    good = records(measure, chip, 6, rng)
    bad = good[2].copy(deep=True)
    bad["v"] = (bad["v"].dims, bad["v"].values[:, ::-1].copy(), bad["v"].attrs)
    model = calibrate([*good[:2], bad, *good[3:]])
    clean = calibrate([*good[:2], *good[3:]])
    assert list(model.provenance.discarded) == [read_measurement(bad).digest]
    assert "unlike the other runs" in next(iter(model.provenance.discarded.values()))
    for name, values in clean.errors.items():
        np.testing.assert_allclose(model.errors[name], values, atol=0.2 * clean.standard_errors[name].max())
    assert len(model.provenance.measurements) == 5


def test_a_run_at_the_rails_is_left_out(board, measure):
    rng = np.random.default_rng(10)
    chip = board.sample(Crossbar(2), rng)
    hot = measure(chip, Program(np.eye(2), [1.0, 0.5]), times=TIMES, scaling=Scaling(1.0, 4.0))
    hot.attrs["drive_scale"] = 8.0
    model = calibrate([*records(measure, chip, 3, rng), hot])
    assert "beyond rails" in model.provenance.discarded[read_measurement(hot).digest]
    with pytest.raises(MeasurementError, match="at its rails in every run"):
        calibrate([hot])


def test_provenance_says_what_was_used(board, measure, tmp_path):
    rng = np.random.default_rng(11)
    chip = board.sample(Crossbar(2), rng)
    data = records(measure, chip, 3, rng)
    model = calibrate(data)
    assert model.provenance.source == "measurements"
    assert model.provenance.measurements == tuple(read_measurement(d).digest for d in data)
    assert model.provenance.instance_digest == chip.digest
    assert model.provenance.simulators == ("circuit equations 1",)
    assert model.provenance.samples == 3 * len(TIMES) * 2
    assert model.provenance.residual == pytest.approx(1, abs=4 * np.sqrt(0.5 / model.provenance.samples))
    save_measurement(data[0], tmp_path / "0.nc")
    assert read_measurement(load_measurement(tmp_path / "0.nc")).digest == model.provenance.measurements[0]
    model.save(tmp_path / "device.json")
    assert DeviceModel.load(tmp_path / "device.json").to_dict() == model.to_dict()


def attribute(name, value):
    return lambda d: d.assign_attrs({name: value})


def units(name, unit):
    def change(d):
        d[name].attrs["units"] = unit
        return d

    return change


def hole(d):
    d["v"].values[3, 1] = np.nan
    return d


BAD = {
    "empty": (lambda d: d.isel(time=slice(0, 0)), "expected values, got none"),
    "too short": (lambda d: d.isel(time=slice(0, 1)), "at least 2 samples"),
    "nan": (hole, "v: expected finite values"),
    "millivolts": (units("v", "mV"), "v: expected values in V, got the unit 'mV'"),
    "no unit": (units("time", None), "time: expected values in s, got the unit None"),
    "microseconds": (units("time", "us"), "expected values in s, got the unit 'us'"),
    "a time twice": (lambda d: d.isel(time=[0, 1, 1, 2]), "rising times"),
    "no program": (lambda d: d.drop_vars("A"), "the program is missing: expected the variable 'A'"),
    "no values": (lambda d: d.drop_vars("v"), "expected the variable 'v'"),
    "other schema": (attribute("schema", 7), "expected schema 1, got 7"),
    "other chip": (attribute("instance_digest", "abc"), "expected one chip, but its instance_digest differs"),
    "other level": (attribute("level", "ideal"), "its level differs"),
    "other analysis": (attribute("analysis", "sp"), "expected one of op, ac, noise, tran, got 'sp'"),
    "other size": (attribute("n", 5), "expected 5 cells"),
    "unknown topology": (attribute("topology", "grid"), "unknown topology 'grid'"),
    "no design": (attribute("design", ""), "expected the attribute 'design'"),
    "broken design": (attribute("design", "{"), "expected the design as JSON"),
    "wrong design": (attribute("design", "{}"), "name: missing"),
    "no scale": (attribute("drive_scale", 0.0), "drive_scale: expected a number above zero"),
    "negative noise": (attribute("readout_sigma", -1.0), "readout_sigma: expected a finite number"),
    "unstable program": (lambda d: d.assign(A=-d["A"]), "positive real part"),
    "temperature": (attribute("temperature", 400.0), "its design differs"),
}


@pytest.fixture(scope="module")
def three(board, measure):
    rng = np.random.default_rng(12)
    return records(measure, board.sample(Crossbar(2), rng), 3, rng)


@pytest.mark.parametrize("name", BAD)
def test_bad_measurements_give_one_clear_line(three, name):
    change, reason = BAD[name]
    with pytest.raises(MeasurementError, match=reason) as caught:
        calibrate([*three[:2], change(three[2].copy(deep=True))])
    assert "measurement 2" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_sets_that_cannot_be_fitted(three):
    with pytest.raises(MeasurementError, match="at least one measurement, got none"):
        calibrate([])
    with pytest.raises(MeasurementError, match="given twice"):
        calibrate([three[0], three[0]])


def test_values_in_millivolts_that_say_volts_are_never_fitted(three):
    wrong = [d.assign(v=(d["v"].dims, 1e-3 * d["v"].values, d["v"].attrs)) for d in three]
    with pytest.raises(MeasurementError, match=r"unexplained|contradict"):
        calibrate(wrong)


@pytest.mark.parametrize("n", [3, pytest.param(8, marks=pytest.mark.slow)])
def test_fitted_to_spice_and_held_out(board, n):
    """Ten programs from random starts, 256 readouts each: for 8 cells 20480 values of 2.5 mV for 106 unknowns."""
    rng, topology = np.random.default_rng(13), Crossbar(n)
    chip, nominal = board.sample(topology, rng), board.nominal(topology)

    def job():
        program = random_program(topology, rng)
        scaling = choose_scaling(nominal, program)
        return Job(chip, program, duration=1e-4, scaling=scaling, x0=rng.choice([-2.0, 2.0], n))

    measured = simulate_many([job() for _ in range(13)])
    model = calibrate([digitise(m, board.converters, rng, times=256) for m in measured[:10]])
    heldout = [compare(m, model) for m in measured[10:]]
    assert all(c.row(2e-3)["passed"] for c in heldout)
    exact = replace(model, instance=chip)
    assert all(compare(m, exact).value < 1e-4 for m in measured[10:])
    z = np.concatenate(
        [((e - model.errors[name]) / model.standard_errors[name]).ravel() for name, e in chip.errors.items()]
    )
    # Errors of a row share a factor: the scatter of z is that of one number a row.
    assert 0.4 < z.std() < 1.8
    assert np.abs(z).max() < 5
