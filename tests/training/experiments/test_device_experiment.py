"""The device that an experiment describes: its design, what is left out, and what a calibration makes up for."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from thermospice.behavioral import Calibration, DeviceModel, Population
from thermospice.circuits import Cascade, Crossbar, Design
from thermospice.training import ExperimentError, experiment
from thermospice.training.experiments import _device_files as device_file
from thermospice.training.experiments import calibrated, left_open, load_population, make_solver
from thermospice.training.runs import run_experiment

BOARD = Design.preset("board-1k-1n")


def test_a_design_is_completed_and_read_with_units() -> None:
    found = experiment({"solver": "device-spu", "design": {**BOARD.to_dict(), "mismatch": {"resistor_sigma": "5 %"}}})
    assert isinstance(found.design, dict)
    assert found.design["mismatch"]["resistor_sigma"] == 0.05
    assert load_population(None, found.design).conductance_sigma == 0.05


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"without": ["ofset"]}, "without: expected some of conductance, .*; got ofset"),
        (
            {"correction": "calibrated", "chip": "measured", "device": "device.json"},
            "correction: calibrated makes up for the deviations that chip: measured is made of",
        ),
        ({"design": {"R0": -1}}, "design: "),
        ({"design": "board-1k-1n", "device": "device.json"}, "give device or design"),
        ({"recalibrate_every": 5}, "recalibrate_every: .*give step_time too"),
        ({"design": {"preset": "nosuch"}}, "design: unknown design 'nosuch'"),
        ({"processor": "abacus"}, "processor: 'abacus' cannot be used here"),
        ({"rounding": "up"}, "rounding: .*'nearest' or 'stochastic'"),
    ],
)
def test_what_cannot_be_a_device_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ExperimentError, match=message):
        experiment({"solver": "device-spu", **fields})


def test_a_design_may_begin_at_a_preset() -> None:
    found = experiment(
        {"solver": "device-spu", "design": {"preset": "board-1k-1n", "mismatch": {"resistor_sigma": 0.03}}}
    )
    mismatch = {**BOARD.to_dict()["mismatch"], "resistor_sigma": 0.03}
    # What is another number has not the preset's source any more.
    sources = {k: v for k, v in BOARD.to_dict()["sources"].items() if k != "mismatch.resistor_sigma"}
    told = {"description": "preset board-1k-1n with another mismatch", "sources": found.design["sources"]}
    assert found.design == {**BOARD.to_dict(), "mismatch": mismatch, **told}
    assert found.design["sources"].keys() == sources.keys()


def test_the_solver_has_what_the_experiment_says() -> None:
    asked = {"solver": "device-spu", "design": "board-1k-1n", "without": ["offset"], "rounding": "stochastic", "t": 3.0}
    solver = make_solver(experiment(asked), 0, 16)
    assert (solver.t, solver.rounding) == (3.0, "stochastic")  # type: ignore[attr-defined]
    assert not solver.effects.offset  # type: ignore[attr-defined]
    assert solver.effects.conductance  # type: ignore[attr-defined]
    assert solver.seed == 0  # type: ignore[attr-defined]
    own = make_solver(experiment({**asked, "device_seed": "seed"}), 7, 16)
    assert own.seed == 7  # type: ignore[attr-defined]


def test_a_corrected_device_keeps_what_its_calibration_left_open(tmp_path: Path) -> None:
    chip = BOARD.sample(Crossbar(n=3), np.random.default_rng(0))
    left = {name: np.full_like(values, 1e-3) for name, values in chip.errors.items()}
    nominal = DeviceModel.nominal(chip)
    path = tmp_path / "device.json"
    DeviceModel(chip, "macro", left, nominal.gain, nominal.gain_bandwidth).save(path)
    corrected, before = load_population(path, None, "calibrated"), load_population(path, None)
    assert isinstance(corrected, Population)
    assert corrected.conductance_sigma == pytest.approx(1e-3, rel=1e-12)
    assert (corrected.offset_sigma, corrected.offset_mean) == (pytest.approx(1e-3, rel=1e-12), 0.0)
    assert before.conductance_sigma == BOARD.mismatch.resistor_sigma
    assert (corrected.kappa0, corrected.dac_bits) == (before.kappa0, before.dac_bits)


def test_a_calibration_in_the_run_leaves_what_its_standard_errors_say() -> None:
    design = Design.from_dict({**BOARD.to_dict(), "mismatch": {"resistor_sigma": 0.1, "capacitor_sigma": 0.05}})
    found = calibrated(design, 3, cells=2)
    left = left_open(found)
    drawn = design.sample(Crossbar(n=2), np.random.default_rng(3)).errors
    # conductances by their cell's capacitor: what a common factor of both leaves as it is
    known, true = (
        np.log1p(np.column_stack([e["conductance"], e["drive"]])) - np.log1p(e["capacitance"])[:, None]
        for e in (found.model.errors, drawn)
    )
    off = np.sqrt(np.mean((known - true) ** 2))
    claimed = np.hypot(left["conductance_sigma"], left["capacitor_sigma"])
    # the errors of two capacitors dominate: of two, an rms is above three standard errors with a chance of exp(-9)
    assert claimed / 3 < off < 3 * claimed
    # not the common factor, which the readouts leave as open as half the tolerance
    assert claimed < 1e-3
    assert 0.0 < left["offset_sigma"] < load_population(None, design.to_dict()).offset_sigma


def test_an_experiment_calibrates_the_chip_that_its_seed_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Design, int]] = []

    def fit(design: Design, seed: int) -> Calibration:
        asked.append((design, seed))
        return calibrated(design, seed, cells=1)

    monkeypatch.setattr(device_file, "calibrated", fit)
    fields = {"solver": "device-spu", "design": "board-1k-1n", "device_seed": "seed"}
    before = make_solver(experiment(fields), 7, 16)
    assert not asked
    after = make_solver(experiment({**fields, "correction": "calibrated"}), 7, 16)
    assert asked == [(BOARD, 7)]
    left = left_open(calibrated(BOARD, 7, cells=1))
    assert vars(after.model) == vars(replace(before.model, **left))  # type: ignore[attr-defined]


def test_a_nulled_chip_keeps_the_deviations_of_its_resistors() -> None:
    fields = {"solver": "device-spu", "design": "board-1k-1n"}
    raw, nulled = (make_solver(experiment({**fields, "correction": c}), 0, 16) for c in ("none", "nulled"))
    assert vars(nulled.model) == vars(raw.model)  # type: ignore[attr-defined]
    assert (raw.nulled, nulled.nulled) == (False, True)  # type: ignore[attr-defined]


def test_a_measured_chip_that_is_no_cascade_is_refused_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "device.json"
    DeviceModel.nominal(BOARD.nominal(Crossbar(n=3))).save(path)
    asked = experiment({"solver": "device-spu", "chip": "measured", "device": path})
    with pytest.raises(ExperimentError, match=r"device.json is one of a crossbar; calibrate a cascade"):
        make_solver(asked, 0, 16)


def test_a_measured_chip_that_is_too_small_is_refused_as_a_setting(tmp_path: Path) -> None:
    path = tmp_path / "device.json"
    DeviceModel.nominal(BOARD.nominal(Cascade(n=4))).save(path)
    fields = {"task": "regression", "solver": "device-spu", "chip": "measured", "device": path, "seeds": (0,)}
    with pytest.raises(ExperimentError, match="measured cascade holds 4 rows and 4 cells, got a program of 31 and 193"):
        run_experiment(experiment(fields), tmp_path / "out", workers=1, quiet=True)


def test_a_chip_drifts_as_its_design_says() -> None:
    drift = {"temperature_sigma": 5.0, "temperature_time": 10.0}
    design = {**BOARD.to_dict(), "drift": drift, "tempco": {"offset_tc": 1e-5}}
    asked = {"solver": "device-spu", "design": design, "step_time": 0.5, "recalibrate_every": 20}
    ageing = make_solver(experiment(asked), 0, 16).ageing  # type: ignore[attr-defined]
    assert (ageing.step_time, ageing.recalibrate_every) == (0.5, 20)
    assert (ageing.temperature_sigma, ageing.temperature_time, ageing.offset_tc) == (5.0, 10.0, 1e-5)
    still = {key: value for key, value in asked.items() if key not in ("step_time", "recalibrate_every")}
    assert make_solver(experiment(still), 0, 16).ageing is None  # type: ignore[attr-defined]


def test_a_network_too_large_for_a_chip_in_spice_is_told_so() -> None:
    with pytest.raises(ExperimentError, match=r"1498 parameters, at most 256; .*logistic"):
        make_solver(experiment({"task": "digits", "solver": "spice-spu"}), 0, 1498)
