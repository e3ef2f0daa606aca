"""K-FAC as an experiment: what it takes, what its runs say, and what they would cost."""

import json
from pathlib import Path

import pytest
from thermospice.training import KFAC, ExperimentError, IdealSPU, experiment, load_task
from thermospice.training.experiments import fields_of_method, with_defaults
from thermospice.training.runs import TrainingState, run_experiment
from thermospice.training.steps import make_stepper
from torch import nn
from torch.nn import functional

COMMON = {"task": "regression", "optimizer": "kfac", "steps": 3, "seeds": (0,), "precision": "float64"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"solver": "woodbury"}, "solver: kfac takes one of cholesky, ideal-spu, device-spu, not 'woodbury'"),
        ({"t": 5.0}, "t: means nothing to kfac-cholesky"),
        ({"accumulate": 2}, "accumulate: means nothing to kfac-cholesky"),
        ({"solver": "device-spu", "delay": 1.0}, "delay: means nothing to kfac-device-spu"),
        ({"factor_decay": 1.0}, "factor_decay: "),
        ({"bits": 1}, "bits: "),
        ({"optimizer": "tngd", "bits": 8}, "bits: means nothing to ideal-spu"),
    ],
)
def test_what_it_cannot_take_is_refused(fields, message):
    with pytest.raises(ExperimentError, match=message):
        experiment({**COMMON, **fields})


@pytest.mark.parametrize(
    ("name", "optimizer", "solver"),
    [
        ("adam", "adam", None),
        ("woodbury", "tngd", "woodbury"),
        ("kfac", "kfac", None),
        ("kfac-ideal-spu", "kfac", "ideal-spu"),
    ],
)
def test_a_method_s_name_gives_its_optimiser_and_solver(name, optimizer, solver):
    fields = fields_of_method(name)
    assert fields == {"optimizer": optimizer, "solver": solver}
    assert experiment({"task": "regression", **fields}).method == ("kfac-cholesky" if name == "kfac" else name)


def test_a_run_takes_the_steps_that_the_optimiser_takes(tmp_path):
    asked = experiment(
        {**COMMON, "solver": "ideal-spu", "t": 2.0, "lr": 0.2, "damping": 0.05, "bits": 10, "momentum": 0.5}
    )
    entry = run_experiment(asked, tmp_path / "out", workers=1, quiet=True)[0]
    task = load_task("regression")
    run = TrainingState(task, with_defaults(asked, task), 0)
    optimizer = KFAC(
        run.module,
        task.loss_fn,
        lr=0.2,
        damping=0.05,
        solver=IdealSPU(t=2.0, seed=0),
        momentum=0.5,
        bits=10,
        decay=0.95,
    )
    for step in range(3):
        optimizer.param_groups[0]["lr"] = run.learning_rate(step)
        batch = run._batch()
        optimizer.step(batch.inputs, batch.targets)
    loss = functional.mse_loss(run.module(run.task.train.inputs), run.task.train.targets)
    assert entry["run"] == "regression-kfac-ideal-spu-s0"
    assert entry["train_loss"] == pytest.approx(float(loss.detach()), rel=1e-12)


def test_its_cost_is_that_of_each_factor_in_a_crossbar_of_its_own(tmp_path):
    t, steps = 4.0, 3
    asked = experiment({**COMMON, "solver": "ideal-spu", "t": t})
    entry = run_experiment(asked, tmp_path / "out", workers=1, quiet=True)[0]
    layers = [layer for layer in load_task("regression").build().modules() if isinstance(layer, nn.Linear)]
    sizes = [(layer.out_features, layer.in_features + 1) for layer in layers]
    # G is asked once for each column of the gradient, and A for each row of what comes out; tau is 1 us
    solves = sum(i + o for o, i in sizes)
    assert entry["modelled_relaxation_s"] == pytest.approx(steps * solves * t * 1e-6, rel=1e-9)
    words = sum(o * o + i * i for o, i in sizes)
    assert entry["modelled_loading_s"] == pytest.approx(steps * 16 * words / 50e9, rel=1e-9)
    numbers = sum(2 * o * i for o, i in sizes)
    assert entry["modelled_drive_s"] == pytest.approx(steps * 16 * numbers / 50e9, rel=1e-9)


def test_it_trains_on_a_noisy_device_and_resumes_to_the_same_weights(tmp_path):
    asked = {**COMMON, "solver": "device-spu", "design": "board-1k-1n", "checkpoint_every": 2}
    whole = run_experiment(experiment(asked), tmp_path / "whole", workers=1, quiet=True)[0]
    assert whole["train_loss"] < 0.9 * float(_first_loss(tmp_path / "whole"))
    assert whole["modelled_energy_J"] > 0.0
    task = load_task("regression")
    first, second = (TrainingState(task, with_defaults(experiment(asked), task), 0) for _ in range(2))
    first.advance()
    second.load_state_dict(first.state_dict())
    assert [first.advance(), first.advance()] == [second.advance(), second.advance()]


def _first_loss(folder: Path) -> float:
    return json.loads((folder / "curves.jsonl").read_text().splitlines()[0])["train_loss"]


def test_a_network_without_factors_is_refused_before_the_first_step():
    module = nn.Sequential(nn.LayerNorm(4), nn.Linear(4, 2))
    with pytest.raises(ExperimentError, match=r"layer '0' \(LayerNorm\) has no Kronecker factors"):
        make_stepper(module, functional.mse_loss, experiment(COMMON), 0)
