"""Drift: two numbers from reference readouts, and a schedule against what the design foresees."""

import numpy as np
import pytest
from thermospice.behavioral import DeviceModel, recalibration_times, track_drift
from thermospice.behavioral.comparison import drift_error
from thermospice.circuits import Cascade, Crossbar, Design, DifferentialRCMesh, Program, RCMesh, RLCGrid, random_program

KINDS = [Crossbar(3), RCMesh(3), DifferentialRCMesh(2), Cascade(2, 2)]
SIGMA = 1e-4


def changed(chip, factor, offset):
    """The chip after its programmed conductances changed by a factor and its offsets by a voltage."""
    errors = {}
    for name, values in chip.errors.items():
        if name in chip.topology.programmed:
            errors[name] = factor * (1 + values) - 1
        elif "offset" in name:
            errors[name] = values + offset
    for name in chip.topology.mirrored & set(errors):
        diagonal = np.eye(chip.topology.n, dtype=bool)
        errors[name] = np.where(diagonal, chip.errors[name], errors[name])
    for name in set(chip.errors) & set(errors):
        if "offset" in name:
            errors[name] = chip.errors[name] + offset
    return chip.replace_errors(**errors)


def readouts(chip, programs, scalings, rng):
    model = DeviceModel.nominal(chip)
    settled = [model.response(p, s).settled for p, s in zip(programs, scalings, strict=True)]
    return np.array(settled) + SIGMA * rng.standard_normal((len(programs), chip.topology.n))


@pytest.mark.parametrize(
    "topology",
    [k if k.name in ("crossbar", "rc-mesh") else pytest.param(k, marks=pytest.mark.slow) for k in KINDS],
    ids=lambda t: t.name,
)
def test_gain_and_offset_are_found_within_their_error_bars(board, topology):
    rng = np.random.default_rng(1)
    chip = board.sample(topology, rng)
    model = DeviceModel.nominal(chip)
    programs = [random_program(topology, rng) for _ in range(3)]
    scalings = [model.scaling(p) for p in programs]
    z = []
    for _ in range(4):
        factor, offset = 1 + 0.03 * rng.standard_normal(), 1e-3 * rng.standard_normal()
        found = track_drift(model, programs, readouts(changed(chip, factor, offset), programs, scalings, rng), SIGMA)
        z.append((found.conductance.value - factor) / found.conductance.standard_error)
        # A difference of two rails does not see an offset that both have.
        if topology.name != "differential-rc-mesh":
            z.append((found.offset.value - offset) / found.offset.standard_error)
        # 6 values at least, 2 unknowns: a chi-square of 4 is beyond 25 once in 20,000 cases.
        assert found.residual < np.sqrt(25 / 6)
    assert np.abs(z).max() < 4.5
    # The mean square of 4 unit normal values is below 0.02 or above 6 once in 10,000 cases.
    assert 0.02 < np.mean(np.square(z)) < 6


def test_the_corrected_model_holds_for_other_programs(board):
    rng, topology = np.random.default_rng(2), Crossbar(3)
    chip = board.sample(topology, rng)
    model = DeviceModel.nominal(chip)
    now = changed(chip, 0.95, 2e-3)
    programs = [random_program(topology, rng) for _ in range(2)]
    scalings = [model.scaling(p) for p in programs]
    then = readouts(chip, programs, scalings, rng)
    found = track_drift(model, programs, readouts(now, programs, scalings, rng), SIGMA, settled=then)
    tracked, other = found.applied(model), random_program(topology, rng)
    truth = DeviceModel.nominal(now).response(other).solution
    errors = [np.linalg.norm(m.response(other).solution - truth) / np.linalg.norm(truth) for m in (model, tracked)]
    assert errors[0] > 0.03
    assert errors[1] < 1e-3


def test_the_calibrations_own_error_cancels_against_readouts_of_then(board):
    """A model that knows nothing of the chip follows it all the same, when it was read at the calibration."""
    rng, topology = np.random.default_rng(3), Crossbar(3)
    chip, model = board.sample(topology, rng), DeviceModel.nominal(board.nominal(topology))
    programs = [random_program(topology, rng) for _ in range(3)]
    scalings = [model.scaling(p) for p in programs]
    then, now = (readouts(c, programs, scalings, rng) for c in (chip, changed(chip, 0.97, 0.0)))
    blind = track_drift(model, programs, now, SIGMA)
    found = track_drift(model, programs, now, SIGMA, settled=then)
    assert abs(found.conductance.value - 0.97) < 2e-3 < abs(blind.conductance.value - 0.97)
    assert blind.residual > 10 * found.residual


def test_another_change_shows_in_the_residual(board):
    rng, topology = np.random.default_rng(4), Crossbar(3)
    chip = board.sample(topology, rng)
    model = DeviceModel.nominal(chip)
    programs = [random_program(topology, rng) for _ in range(3)]
    scalings = [model.scaling(p) for p in programs]
    broken = chip.errors["conductance"] + np.diag([0.1, 0.0, 0.0])
    now = readouts(chip.replace_errors(conductance=broken), programs, scalings, rng)
    assert track_drift(model, programs, now, SIGMA).residual > 10


def drifting(**changes):
    base = Design.preset("board-1k-1n").to_dict()
    drift, tempco = changes.pop("drift", {}), changes.pop("tempco", {})
    return Design.from_dict({**base, "drift": drift, "tempco": tempco})


def test_ageing_alone_needs_calibrations_at_ages_in_proportion():
    """A crossbar's drive does not age: x goes with t^nu, so each interval multiplies the age by exp(limit/nu)."""
    design = drifting(drift={"ageing_exponent": 0.02, "ageing_time": 1.0})
    model = DeviceModel.nominal(design.nominal(Crossbar(2)), "ideal")
    programs = [random_program(Crossbar(2), np.random.default_rng(5)) for _ in range(3)]
    assert drift_error(model, programs, 10.0, 90.0) == pytest.approx(0.02 * np.log(10), rel=1e-6)
    assert drift_error(model, programs, 0.0, 1.0) == 0.0
    times = recalibration_times(model, programs, 0.01, 1000.0, start=1.0)
    np.testing.assert_allclose(times[1:] / times[:-1], np.exp(0.01 / 0.02), rtol=1e-5)
    assert times[-1] < 1000.0 < times[-1] * np.exp(0.5)
    # The chip itself: x(t) = x(1) t^nu to all orders.
    chip, program = design.nominal(Crossbar(2)), programs[0]
    x = [DeviceModel.nominal(chip.at(t), "ideal").response(program).solution for t in times[:2]]
    assert np.linalg.norm(x[1] - x[0]) / np.linalg.norm(x[0]) == pytest.approx(np.expm1(0.01), rel=1e-6)


def test_a_moving_temperature_is_allowed_for_at_two_sigma():
    """Real paths of drawn chips: the error at the end of an interval is beyond the limit in one case of 22 or fewer."""
    design = drifting(drift={"temperature_sigma": 5.0, "temperature_time": 100.0}, tempco={"offset_tc": 1e-5})
    rng, topology = np.random.default_rng(6), Crossbar(2)
    program = random_program(topology, rng)
    model = DeviceModel.nominal(design.nominal(topology))
    times = recalibration_times(model, [program], 3e-4, 400.0)
    intervals = np.diff(times)
    np.testing.assert_allclose(intervals, intervals[0], rtol=1e-6)
    assert 0.1 < intervals[0] < 100
    beyond, trials = 0, 100
    for _ in range(trials):
        chip = design.sample(topology, rng)
        x = [DeviceModel.nominal(chip.at(t)).response(program).solution for t in (50.0, 50.0 + intervals[0])]
        beyond += np.linalg.norm(x[1] - x[0]) > 3e-4 * np.linalg.norm(x[0])
    # 4.6 % of 100 are 5 with a spread of 2; mismatch changes the sensitivity by some per cent.
    assert 1 <= beyond <= 13


def test_no_drift_needs_one_calibration(board):
    model = DeviceModel.nominal(board.nominal(Crossbar(2)))
    program = random_program(Crossbar(2), np.random.default_rng(7))
    np.testing.assert_array_equal(recalibration_times(model, [program], 1e-3, 1e6), [0.0])


def test_what_cannot_be_followed_is_refused(board):
    model = DeviceModel.nominal(board.nominal(Crossbar(2)))
    program = random_program(Crossbar(2), np.random.default_rng(8))
    for bad, reason in (
        (([], np.zeros((0, 2)), SIGMA), "at least one program"),
        (([program], np.zeros((2, 2)), SIGMA), r"got \(2, 2\)"),
        (([program], np.full((1, 2), np.nan), SIGMA), "finite readouts"),
        (([program], np.zeros((1, 2)), 0.0), "sigma above zero"),
    ):
        with pytest.raises(ValueError, match=reason):
            track_drift(model, *bad)
    with pytest.raises(ValueError, match="limit above zero"):
        recalibration_times(model, [program], 0.0, 1.0)
    with pytest.raises(ValueError, match="start <= until"):
        recalibration_times(model, [program], 0.1, 1.0, start=2.0)
    with pytest.raises(ValueError, match="at least one program"):
        drift_error(model, [], 0.0, 1.0)
    with pytest.raises(ValueError, match="solution is not zero"):
        drift_error(model, [Program(np.eye(2), np.zeros(2))], 0.0, 1.0)
    grid = DeviceModel.nominal(Design.preset("rlc-board-8").nominal(RLCGrid(2)), "ideal")
    with pytest.raises(ValueError, match="answers by its covariance"):
        drift_error(grid, [random_program(RLCGrid(2), np.random.default_rng(0))], 0.0, 1.0)
