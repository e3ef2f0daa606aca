"""Runs: what they write, that they stop and go on without a trace, and how they fail."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from thermospice.training import (
    Experiment,
    ExperimentError,
    Split,
    Task,
    experiment,
    load_task,
    run_experiment,
    run_experiments,
    with_defaults,
)
from thermospice.training._checkpoint import load_checkpoint
from thermospice.training._run import Interrupted, evaluate, train
from thermospice.training._session import DataOrder
from torch import Tensor, nn

QUICK: dict[str, Any] = {"task": "regression", "steps": 12, "seeds": (0,), "log_every": 5, "test_every": 10}
ADAM = {**QUICK, "optimizer": "adam", "lr": 0.01}
METHODS: dict[str, dict[str, Any]] = {
    "momentum": {"optimizer": "momentum", "lr": 0.02, "momentum": 0.9},
    "adam": {"optimizer": "adam", "lr": 0.01},
    "woodbury": {"solver": "woodbury", "lr": 0.1, "damping": 0.1},
    "noisy spu": {"solver": "ideal-spu", "lr": 0.1, "damping": 0.1, "t": 2.0, "kappa0": 1e-4},
    "delayed spu": {"solver": "ideal-spu", "lr": 0.1, "damping": 0.1, "t": 2.0, "delay": 0.5},
    "device": {"solver": "device-spu", "lr": 0.1, "damping": 0.1, "t": 2.0},
    "micro-batches": {"solver": "woodbury", "lr": 0.1, "damping": 0.1, "accumulate": 3, "curvature": "fisher"},
    "mixed": {"solver": "ideal-spu", "lr": 0.1, "damping": 0.1, "t": 2.0, "autocast": "bfloat16"},
    "products": {"solver": "conjugate-gradient", "lr": 0.1, "damping": 0.1, "curvature": "products"},
}


def dropout_network() -> nn.Module:
    return nn.Sequential(nn.Linear(10, 8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, 1))


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def weights(folder: Path) -> dict[str, Tensor]:
    return load_checkpoint(folder / "checkpoint.pt")["module"]  # type: ignore[no-any-return]


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def complete(fields: dict[str, Any], task: Task) -> Experiment:
    return with_defaults(experiment(fields), task)


# What is computed ----------------------------------------------------------------------------------------------------


def test_adam_equals_a_plain_loop(tmp_path: Path) -> None:
    task = load_task("regression")
    e = complete({**ADAM, "schedule": "constant", "batch_size": 31}, task)
    train(task, e, 0, tmp_path)

    torch.manual_seed(0)
    module = task.build()
    optimizer = torch.optim.Adam(module.parameters(), lr=0.01, betas=(e.beta1 or 0.9, 0.999))
    generator = torch.Generator().manual_seed(0)
    order = torch.cat([torch.randperm(310, generator=generator) for _ in range(2)])
    for step in range(12):
        index = order[31 * step : 31 * (step + 1)]  # 31 divides 310: no sample is left out
        optimizer.zero_grad()
        task.loss_fn(module(task.train.inputs[index]), task.train.targets[index]).backward()
        optimizer.step()
    assert same(weights(tmp_path), module.state_dict())


def test_tngd_at_t_zero_equals_sgd(tmp_path: Path) -> None:
    common = {**QUICK, "lr": 0.05, "precision": "float64"}
    gradient = {"solver": "ideal-spu", "t": 0.0, "start": "gradient", "name": "t0"}
    entries = run_experiments(
        [experiment({**common, "optimizer": "sgd"}), experiment({**common, **gradient})], tmp_path, workers=1
    )
    # The two sum the same gradient in another order.
    assert entries[0]["train_loss"] == pytest.approx(entries[1]["train_loss"], rel=1e-12)


def test_cholesky_equals_woodbury(tmp_path: Path) -> None:
    common = {**QUICK, "lr": 0.2, "damping": 0.1, "precision": "float64"}
    made = [experiment({**common, "solver": solver}) for solver in ("cholesky", "woodbury")]
    entries = run_experiments(made, tmp_path, workers=1)
    assert entries[0]["train_loss"] == pytest.approx(entries[1]["train_loss"], rel=1e-10)


def test_order_draws_every_sample_once_an_epoch() -> None:
    order = DataOrder(10, 3, seed=0)
    epoch = torch.cat([order.draw() for _ in range(3)])
    assert len(epoch.unique()) == 9
    assert len(torch.cat([order.draw() for _ in range(3)]).unique()) == 9
    with pytest.raises(ExperimentError, match="batch_size: 11 is more than the 10"):
        DataOrder(10, 11, seed=0)


def test_evaluation_is_the_whole_mean_without_dropout() -> None:
    task = replace(load_task("regression"), build=dropout_network)
    many = Split(task.train.inputs.repeat(5, 1), task.train.targets.repeat(5, 1))  # more than one evaluation batch
    torch.manual_seed(0)
    module = task.build()
    loss, accuracy = evaluate(module, task, many)
    module.eval()
    with torch.no_grad():
        expected = (module(many.inputs) - many.targets).square().double().mean().item()
    assert loss == pytest.approx(expected, rel=1e-5)  # float32 sums of 1550 terms
    assert accuracy is None
    module.train()
    evaluate(module, task, many)
    assert module.training


# What is written -----------------------------------------------------------------------------------------------------


def test_entries_and_curves(tmp_path: Path) -> None:
    made = experiment({**QUICK, "task": "digits", "optimizer": "sgd", "lr": 0.1})
    (entry,) = run_experiment(made, tmp_path, workers=1)
    wanted = {"task", "optimizer", "seed", "steps", "train_loss", "test_loss", "test_accuracy", "elapsed_s"}
    assert wanted | {"modelled_time_s", "run"} <= entry.keys()
    # Neither computed, hence neither there.
    assert not {"solver", "modelled_energy_J"} & entry.keys()
    assert rows(tmp_path / "runs.jsonl") == [entry]
    curve = rows(tmp_path / "curves.jsonl")
    assert [row["step"] for row in curve] == [0, 5, 10, 12]
    assert [len(row["batch_losses"]) for row in curve] == [0, 5, 5, 2]
    assert ["test_loss" in row for row in curve] == [True, False, True, True]
    assert curve[-1]["train_loss"] == entry["train_loss"]
    assert {row["run"] for row in curve} == {"digits-sgd-s0"}
    times = [row["modelled_time_s"] for row in curve]
    assert times == sorted(times)
    assert 0 < entry["modelled_time_s"] <= entry["elapsed_s"]


def test_modelled_time_has_its_parts(tmp_path: Path) -> None:
    fields = {**QUICK, "steps": 3, "batch_size": 31, "lr": 0.1, "damping": 0.1, "t": 2.0, "delay": 0.5}
    made = [experiment({**fields, "solver": solver}) for solver in ("ideal-spu", "device-spu")]
    ideal, device = run_experiments(made, tmp_path, workers=1)
    # tau = 1 us; the first step has nothing stale to relax on.
    assert ideal["modelled_relaxation_s"] == pytest.approx((3 * 2.0 + 2 * 0.5) * 1e-6, rel=1e-12)
    # Published model: 16 bits for each of r (r + 2 N) resistors at 50 Gb/s, r = 31, N = 193.
    assert ideal["modelled_loading_s"] == pytest.approx(3 * 16 * 31 * (31 + 2 * 193) / 50e9, rel=1e-12)
    # One drive and one readout a step; a delay reads nothing out.
    assert ideal["modelled_drive_s"] == pytest.approx(3 * 16 * 193 / 50e9, rel=1e-12)
    for entry in (ideal, device):
        parts = [entry[f"modelled_{part}_s"] for part in ("digital", "loading", "drive", "relaxation", "readout")]
        assert entry["modelled_time_s"] == pytest.approx(sum(parts), rel=1e-12)
        assert 0 < entry["modelled_digital_s"] < entry["elapsed_s"]
    assert "modelled_energy_J" not in ideal
    assert device["modelled_energy_J"] > 0


def test_tensorboard_shows_what_the_curves_have_also_after_a_resume(tmp_path: Path) -> None:
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    task, e = load_task("regression"), complete(ADAM, load_task("regression"))
    calls = iter(range(100))
    with pytest.raises(Interrupted):
        train(task, e, 0, tmp_path, stop=lambda: next(calls) >= 11)
    train(task, e, 0, tmp_path, resume=True)
    events = accumulators.EventAccumulator(str(tmp_path))
    events.Reload()
    curve = rows(tmp_path / "curves.jsonl")
    for name in ("train_loss", "test_loss"):
        wanted = [(row["step"], pytest.approx(row[name], rel=1e-6)) for row in curve if name in row]  # single precision
        assert [(event.step, event.value) for event in events.Scalars(name)] == wanted


def test_no_accuracy_where_there_is_none(tmp_path: Path) -> None:
    (entry,) = run_experiment(experiment(ADAM), tmp_path, workers=1)
    assert "test_accuracy" not in entry
    assert entry["parameters"] == 193


def test_test_part_does_not_touch_training(tmp_path: Path) -> None:
    task = load_task("regression")
    poisoned = replace(task, test=Split(task.test.inputs * torch.nan, task.test.targets))
    for name, data in (("clean", task), ("poisoned", poisoned)):
        run_experiment(experiment({**ADAM, "name": name}), tmp_path / name, task=data, workers=1)
    assert same(weights(tmp_path / "clean/clean-s0"), weights(tmp_path / "poisoned/poisoned-s0"))


def test_a_users_own_module(tmp_path: Path) -> None:
    x = torch.linspace(-1, 1, 40)[:, None]
    part = Split(x, 3 * x + 1)
    task = Task("line", lambda: nn.Linear(1, 1), nn.MSELoss(), part, part, part, steps=20, batch_size=40)
    made = experiment({"solver": "woodbury", "lr": 1.0, "damping": 1e-6, "seeds": (0,), "name": "line"})
    (entry,) = run_experiment(made, tmp_path, task=task, workers=1)
    assert entry["train_loss"] < 1e-9  # a natural-gradient step of one solves least squares


# Stopping and going on -----------------------------------------------------------------------------------------------


# Asked before each step, in each of the three evaluations of step 0, and in the one of step 5: here before step 7.
BETWEEN = (11, 7)
IN_EVALUATIONS = {"in the first": (1, 0), "in a later": (8, 5), "after a later": (9, 5)}


@pytest.mark.parametrize(
    ("name", "question", "step"),
    [*((name, *BETWEEN) for name in [*METHODS, "dropout"]), *(("adam", *at) for at in IN_EVALUATIONS.values())],
    ids=[*METHODS, "dropout", *IN_EVALUATIONS],
)
def test_resume_bit_for_bit(tmp_path: Path, name: str, question: int, step: int) -> None:
    task = load_task("regression")
    if name == "dropout":
        task = replace(task, build=dropout_network)
    e = complete({**QUICK, **METHODS.get(name, METHODS["adam"])}, task)
    whole = train(task, e, 0, tmp_path / "whole")

    calls = iter(range(100))
    with pytest.raises(Interrupted):
        train(task, e, 0, tmp_path / "parts", stop=lambda: next(calls) >= question)
    reached = load_checkpoint(tmp_path / "parts/checkpoint.pt")["counters"]["step"]
    assert reached == step
    with (tmp_path / "parts/curves.jsonl").open("a") as file:  # as after a kill: a row beyond the checkpoint, one cut
        file.write('{"step": 10, "train_loss": 0.0}\n{"step": 1')
    parts = train(task, e, 0, tmp_path / "parts", resume=True)

    assert same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))
    assert parts["train_loss"] == whole["train_loss"]
    measured = ("modelled_time_s", "modelled_digital_s", "elapsed_s")  # by the clock
    a, b = (
        [{k: v for k, v in row.items() if k not in measured} for row in rows(tmp_path / part / "curves.jsonl")]
        for part in ("whole", "parts")
    )
    assert a == b


def test_finished_runs_are_kept(tmp_path: Path) -> None:
    first = run_experiment(experiment(ADAM), tmp_path, workers=1)
    began = (tmp_path / "regression-adam-s0/checkpoint.pt").stat().st_mtime_ns
    more = run_experiment(experiment({**ADAM, "seeds": (0, 1)}), tmp_path, resume=True, workers=1)
    assert more[0] == first[0]
    assert more[1]["seed"] == 1
    assert (tmp_path / "regression-adam-s0/checkpoint.pt").stat().st_mtime_ns == began


def test_refuses_other_peoples_folders(tmp_path: Path) -> None:
    run_experiment(experiment(ADAM), tmp_path, workers=1)
    with pytest.raises(ExperimentError, match="exists already; resume it"):
        run_experiment(experiment(ADAM), tmp_path, workers=1)
    with pytest.raises(ExperimentError, match=r"lr was 0.01, now 0.02; a run resumes unchanged"):
        run_experiment(experiment({**ADAM, "lr": 0.02}), tmp_path, resume=True, workers=1)
    with pytest.raises(ExperimentError, match="two runs would be called regression-adam-s0"):
        run_experiments([experiment(ADAM), experiment({**ADAM, "lr": 0.02})], tmp_path / "b", workers=1)


KILLED: dict[str, Any] = {
    "task": "regression", "solver": "ideal-spu", "lr": 0.05, "damping": 0.1, "t": 2.0, "kappa0": 1e-4,
    "steps": 120, "checkpoint_every": 5,
}  # fmt: skip
SCRIPT = """
import sys
from pathlib import Path
from thermospice.training import load_experiment, run_experiment
if __name__ == "__main__":
    made = load_experiment(Path(sys.argv[1]))
    run_experiment(made, Path(sys.argv[2]), workers=len(made.seeds))
"""


@pytest.mark.parametrize(("sent", "workers"), [(signal.SIGKILL, 1), (signal.SIGINT, 2)])
def test_killed_process_resumes_to_the_same_weights(tmp_path: Path, sent: signal.Signals, workers: int) -> None:
    made = experiment({**KILLED, "seeds": tuple(range(workers))})
    script, description, killed = tmp_path / "run.py", tmp_path / "e.yaml", tmp_path / "killed"
    script.write_text(SCRIPT)
    description.write_text(made.to_yaml())
    folders = [f"regression-tngd-ideal-spu-s{seed}" for seed in made.seeds]
    checkpoints = [killed / folder / "checkpoint.pt" for folder in folders]

    command = [sys.executable, str(script), str(description), str(killed)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: process.poll() is not None or all(steps_of(c) >= 5 for c in checkpoints))
    process.send_signal(sent)
    message = process.communicate(timeout=60)[1]
    assert process.returncode != 0, message
    assert max(map(steps_of, checkpoints)) < 120

    run_experiment(made, killed, resume=True, workers=1)
    run_experiment(made, tmp_path / "whole", workers=1)
    for folder in folders:
        assert same(weights(killed / folder), weights(tmp_path / "whole" / folder))
    assert len(rows(killed / "runs.jsonl")) == workers


def steps_of(checkpoint: Path) -> int:
    return load_checkpoint(checkpoint)["counters"]["step"] if checkpoint.exists() else -1


def wait_for(condition: Any, seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.02)


def test_a_long_step_is_given_up_and_taken_again(tmp_path: Path) -> None:
    steps = iter(range(100))

    def slow(outputs: Tensor, targets: Tensor) -> Tensor:
        if len(outputs) == 31 and next(steps) == 4:
            os.kill(os.getpid(), signal.SIGINT)
            for _ in range(3000):  # half a minute
                time.sleep(0.01)
        return nn.functional.mse_loss(outputs, targets)

    task = load_task("regression")
    made = experiment({**ADAM, "batch_size": 31, "checkpoint_every": 3})
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_experiment(made, tmp_path / "parts", task=replace(task, loss_fn=slow), workers=1)
    assert time.monotonic() - began < 15  # a second of grace, on a machine that may be busy
    checkpoint = tmp_path / "parts/regression-adam-s0/checkpoint.pt"
    assert load_checkpoint(checkpoint)["counters"]["step"] == 3
    run_experiment(made, tmp_path / "parts", task=task, resume=True, workers=1)
    run_experiment(made, tmp_path / "whole", task=task, workers=1)
    assert same(weights(checkpoint.parent), weights(tmp_path / "whole/regression-adam-s0"))


def test_processes_give_what_one_gives(tmp_path: Path) -> None:
    made = experiment({**ADAM, "seeds": (0, 1, 2)})
    alone = run_experiment(made, tmp_path / "alone", workers=1)
    together = run_experiment(made, tmp_path / "together", workers=2)
    assert [e["train_loss"] for e in alone] == [e["train_loss"] for e in together]


def test_nothing_outside_changes(tmp_path: Path) -> None:
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    run_experiment(experiment(ADAM), tmp_path, workers=1)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)


# Failing -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"optimizer": "sgd", "lr": 1e3, "loss_bound": 10.0}, r"step \d+: loss .* above the bound"),
        ({"optimizer": "sgd", "lr": 1e20, "loss_bound": 1e300}, r"step \d+: the loss is not finite"),
        ({"solver": "woodbury", "lr": 1e20, "damping": 0.1, "loss_bound": 1e300}, r"step \d+: "),
    ],
)
def test_divergence_stops_with_reason_and_good_checkpoint(tmp_path: Path, fields: dict[str, Any], reason: str) -> None:
    made = experiment({**QUICK, "name": "bad", "checkpoint_every": 1, "log_every": 1, **fields})
    good = experiment({**ADAM, "name": "good"})
    bad, fine = run_experiments([made, good], tmp_path, workers=1)
    assert bad["steps"] < 12
    assert "train_loss" not in bad
    assert "test_loss" not in bad
    assert fine["steps"] == 12
    assert re.match(reason, bad["stopped"])
    kept = weights(tmp_path / "bad-s0")
    assert all(values.isfinite().all() for values in kept.values())
    for line in (tmp_path / "curves.jsonl").read_text().splitlines():
        json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


MEMORY = {
    "cuda": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of ..."),
    "cpu": RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 800 bytes."),
    "numpy": MemoryError("Unable to allocate 1.2 GiB for an array"),
}


@pytest.mark.parametrize("fields", [ADAM, {**QUICK, "solver": "ideal-spu"}], ids=["adam", "ideal-spu"])
@pytest.mark.parametrize("kind", MEMORY)
def test_out_of_memory_says_what_to_lower(tmp_path: Path, kind: str, fields: dict[str, Any]) -> None:
    steps = iter(range(100))

    def full(outputs: Tensor, targets: Tensor) -> Tensor:
        if len(outputs) == 31 and next(steps) >= 3:  # the batch, and not an evaluation
            raise MEMORY[kind]
        return nn.functional.mse_loss(outputs, targets)

    task = replace(load_task("regression"), loss_fn=full)
    made = experiment({**fields, "batch_size": 31, "checkpoint_every": 1})
    with pytest.raises(ExperimentError) as caught:
        run_experiment(made, tmp_path, task=task, workers=1)
    message = str(caught.value)
    assert re.match(r"regression, \S+: out of memory in step \d", message)
    asked = {
        "cuda": "(asked for 2.50 GiB more)",
        "cpu": "(asked for 800 bytes more)",
        "numpy": "(asked for 1.2 GiB more)",
    }
    assert asked[kind] in message
    assert "lower batch_size" in message
    assert ("makes J 31 x 193 " in message) == (fields is not ADAM)
    kept = re.search(r"the checkpoint of step (\d) is kept", message)
    assert kept
    (checkpoint,) = tmp_path.glob("*/checkpoint.pt")
    assert load_checkpoint(checkpoint)["counters"]["step"] == int(kept[1])


def test_missing_device_file_is_refused_before_training(tmp_path: Path) -> None:
    made = experiment({**QUICK, "solver": "device-spu", "device": tmp_path / "absent.json"})
    with pytest.raises(ExperimentError, match=r"device: .*absent\.json"):
        run_experiment(made, tmp_path / "out", workers=1)
