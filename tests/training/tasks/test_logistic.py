"""A network as small as a chip: the task, and one chip in the loop by ngspice and by its model."""

from pathlib import Path

import numpy as np
import pytest
from thermospice.behavioral import DeviceModel
from thermospice.circuits import Crossbar, Design
from thermospice.training import CostModel, ExperimentError, experiment, load_task
from thermospice.training.experiments import load_chip, load_model
from thermospice.training.runs import run_experiment

BOARD = Design.preset("board-1k-1n")


def test_the_inputs_are_principal_components_of_the_training_part():
    task = load_task("logistic")
    inputs = task.train.inputs.double()
    assert [len(part) for part in (task.train, task.validation, task.test)] == [399, 85, 85]
    # Float32 data: components are uncorrelated and of variance one to its rounding.
    np.testing.assert_allclose((inputs.T @ inputs / len(inputs)).numpy(), np.eye(7), atol=1e-5)
    assert sum(p.numel() for p in task.build().parameters()) == 16


def test_ngspice_and_the_model_of_one_chip_train_alike(tmp_path: Path):
    common = {"task": "logistic", "design": "board-1k-1n", "device_seed": 4, "seeds": (0,), "steps": 2, "t": 5.0}
    spice, model = (
        run_experiment(experiment({**common, "solver": solver}), tmp_path / solver, workers=1, quiet=True)[0]
        for solver in ("spice-spu", "model-spu")
    )
    design = {k: v for k, v in common.items() if k not in ("design", "device_seed")}
    ideal = run_experiment(experiment({**design, "solver": "ideal-spu"}), tmp_path / "ideal", workers=1, quiet=True)[0]
    # The same chip to ngspice's tolerances (and float32), far closer than the chip is to the ideal device.
    assert abs(spice["train_loss"] - model["train_loss"]) < 0.02 * abs(model["train_loss"] - ideal["train_loss"])
    # 16 bits for each of 16 x 16 resistors at 50 Gb/s: a crossbar, not a cascade.
    assert spice["modelled_loading_s"] == pytest.approx(2 * 16 * 256 / 50e9)


def test_the_chip_of_a_device_is_the_file_beside_it(tmp_path: Path):
    chip, other = (BOARD.sample(Crossbar(n=3), np.random.default_rng(seed)) for seed in (0, 1))
    DeviceModel.nominal(chip).save(tmp_path / "device.json")
    with pytest.raises(ExperimentError, match=r"expected the chip of device.json beside it"):
        load_chip(tmp_path / "device.json", None, 3, 0)
    other.save(tmp_path / "instance.json")
    with pytest.raises(ExperimentError, match="is another chip"):
        load_chip(tmp_path / "device.json", None, 3, 0)
    chip.save(tmp_path / "instance.json")
    assert load_chip(tmp_path / "device.json", None, 3, 0).digest == chip.digest
    with pytest.raises(ExperimentError, match="a chip of 16 cells, as many as parameters, got 3"):
        load_model(tmp_path / "device.json", None, 16, 0)


def test_a_crossbar_holds_the_square_of_its_cells():
    cost = CostModel(arrays="crossbar", bits=8, link_rate=1e9, cell_power=2.0)
    assert cost.time(r=100, N=16, analog_time=0.0).loading == pytest.approx(8 * 256 / 1e9)
    assert cost.energy(r=100, N=16, analog_time=3.0).relaxation == pytest.approx(3e-6 * 16 * 2.0)
