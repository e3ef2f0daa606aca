"""The description of an experiment: what it refuses, and how it is completed."""

from pathlib import Path

import pytest
from thermospice.training import ExperimentError, experiment, load_experiment, load_task
from thermospice.training.experiments import with_defaults
from thermospice.training.runs import TrainingState, schedule
from thermospice.training.tasks import TASKS


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"task": "digit"}, f"task: expected one of {', '.join(TASKS)}, got 'digit'"),
        ({"optimizer": "adma"}, "optimizer: expected one of sgd, momentum, adam, lbfgs, tngd, kfac, got 'adma'"),
        ({"solver": "spu"}, "solver: expected one of ideal-spu, device-spu, model-spu, spice-spu, cholesky.*got 'spu'"),
        ({"optimizer": "adam", "solver": "cholesky"}, "solver: only the optimizers tngd and kfac take one, not adam"),
        ({"optimizer": "adam", "t": 5}, "t: means nothing to adam, which takes lr"),
        ({"solver": "woodbury", "t": 5}, "t: means nothing to woodbury"),
        ({"learning_rate": 1}, "learning_rate: unknown field; the fields are task"),
        ({"target_loss": 0}, "target_loss: expected a value greater than 0, got 0"),
        ({"tuned_for": 0}, "tuned_for: expected a value greater than or equal to 1, got 0"),
        ({"lr": -1}, "lr: expected a value greater than 0, got -1"),
        ({"lr": float("nan")}, "lr: Input should be a finite number"),
        ({"t": float("inf")}, "t: Input should be a finite number"),
        ({"steps": 0}, "steps"),
        ({"steps": 1.5}, "steps"),
        ({"steps": 3, "epochs": 1}, "epochs: 1, and steps: 3; expected one of them"),
        ({"seeds": []}, "seeds"),
        ({"seeds": [1, 1]}, r"seeds: expected different non-negative integers, got \[1, 1\]"),
        ({"seeds": [-1]}, "seeds"),
        ({"name": "../evil"}, "name"),
    ],
)
def test_refuses_in_one_line(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ExperimentError, match=message) as caught:
        experiment(fields)
    assert "\n" not in str(caught.value)


def test_yaml_round_trip_and_overrides(tmp_path: Path) -> None:
    path = tmp_path / "e.yaml"
    made = experiment({"solver": "device-spu", "t": 5, "seeds": [3, 4], "lr": 0.25})
    path.write_text(made.to_yaml())
    assert load_experiment(path) == made
    assert load_experiment(path, lr=0.5, t=None) == made.replace(lr=0.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("task: [digits\n", r"e.yaml, line \d+: not valid YAML"),
        ("steps: 3\nsteps: 4\n", "e.yaml, line 2: .*'steps' is given twice"),
        ("without: offset\n", r"e.yaml: without: expected a list, such as \[offset\]"),
        ("without: [colour]\n", "e.yaml: without: "),
        ("device_seed: -1\n", "e.yaml: device_seed: "),
        ("- digits\n", "expected a mapping of fields to values, got list"),
        ("", "expected a mapping"),
        ("stepz: 3\n", "e.yaml: stepz: unknown field"),
    ],
)
def test_bad_yaml_names_the_file(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "e.yaml"
    path.write_text(text)
    with pytest.raises(ExperimentError, match=message):
        load_experiment(path)
    with pytest.raises(ExperimentError, match="cannot be read"):
        load_experiment(tmp_path / "absent.yaml")


@pytest.mark.parametrize("method", ["sgd", "momentum", "adam", "ideal-spu", "device-spu", "cholesky", "woodbury"])
def test_defaults_fill_only_what_is_open(method: str) -> None:
    fields = {"optimizer": method} if method in ("sgd", "momentum", "adam") else {"solver": method}
    task = load_task("regression")
    made = with_defaults(experiment({"task": "regression", **fields}), task)
    assert None not in (made.lr, made.schedule, made.steps, made.batch_size)
    assert with_defaults(made.replace(lr=0.123, steps=7), task) == made.replace(lr=0.123, steps=7)


def test_solvers_of_one_system_share_what_was_tuned() -> None:
    task = load_task("digits")

    def settings(solver: str, **fields: object) -> tuple[object, ...]:
        made = with_defaults(experiment({"solver": solver, **fields}), task)
        return made.lr, made.damping, made.t

    assert settings("cholesky") == settings("woodbury") == settings("conjugate-gradient")
    assert settings("device-spu", correction="nulled") == settings("ideal-spu")
    # A bare chip bears less.
    assert settings("device-spu") == (0.186, 0.0617, 3.94)


def test_the_curvature_is_kept_by_layers_where_it_can_be() -> None:
    task = load_task("digits")

    def chosen(**fields: object) -> str | None:
        return with_defaults(experiment(fields), task).curvature

    assert [chosen(solver=solver) for solver in ("woodbury", "device-spu")] == ["layers", "layers"]
    assert chosen(solver="ideal-spu", delay=0.2) == "layers"
    assert chosen(solver="woodbury", curvature="ggn") == "ggn"
    for fields in (
        {"solver": "woodbury", "accumulate": 2},
        {"optimizer": "adam"},
        {"optimizer": "kfac"},
    ):
        assert chosen(**fields) is None


def test_the_curvature_is_left_to_the_processes_of_torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")  # before they have joined
    assert with_defaults(experiment({"solver": "woodbury"}), load_task("digits")).curvature is None


def test_schedule_ends() -> None:
    cosine = schedule(experiment({"lr": 2.0, "steps": 10, "schedule": "cosine"}))
    assert cosine(0) == 2.0
    assert cosine(5) == pytest.approx(1.0, rel=1e-12)
    assert cosine(10) == pytest.approx(0.0, abs=1e-12)
    constant = schedule(experiment({"lr": 2.0, "steps": 10, "schedule": "constant"}))
    assert {constant(step) for step in range(11)} == {2.0}


@pytest.mark.parametrize(
    ("fields", "steps"),
    [
        # 1257 samples have 39 whole batches of 32; with 640 samples there are 20, 10 of two mini-batches each
        ({"epochs": 2}, 78),
        ({"epochs": 2, "train_size": 640}, 40),
        ({"epochs": 3, "train_size": 640, "accumulate": 2, "curvature": "ggn"}, 30),
        ({"epochs": 1, "train_size": 40, "batch_size": 40}, 1),
    ],
)
def test_epochs_are_passes_over_the_samples_in_use(fields: dict[str, object], steps: int) -> None:
    complete = with_defaults(experiment(fields), load_task("digits"))
    assert (complete.steps, complete.epochs) == (steps, None)


def test_more_samples_than_there_are_are_refused() -> None:
    with pytest.raises(ValueError, match="digits: expected 1 to 1257 training samples, got 1258"):
        with_defaults(experiment({"train_size": 1258}), load_task("digits"))


def test_a_run_sees_the_samples_in_use_alone() -> None:
    # Catches a size that sets the number of steps and not the data.
    task = load_task("digits")
    complete = with_defaults(experiment({"train_size": 50, "optimizer": "adam"}), task)
    assert len(TrainingState(task, complete, 0).task.train) == 50
