"""Runs that are stopped, killed or spread over processes go on without a trace."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from thermospice.training import ExperimentError, experiment, load_task, run_experiments
from thermospice.training.runs import Interrupted, load_checkpoint, run_experiment, train
from torch import Tensor, nn

from ..experiments_in_short import ADAM, QUICK, complete, dropout_network, rows, same, weights

METHODS: dict[str, dict[str, Any]] = {
    "momentum": {"optimizer": "momentum", "lr": 0.02, "momentum": 0.9},
    "adam": {"optimizer": "adam", "lr": 0.01},
    "lbfgs": {"optimizer": "lbfgs", "lr": 1.0},
    "woodbury": {"solver": "woodbury", "lr": 0.1, "damping": 0.1},
    "noisy spu": {"solver": "ideal-spu", "lr": 0.1, "damping": 0.1, "t": 2.0, "kappa0": 1e-4},
    "delayed spu": {"solver": "ideal-spu", "lr": 0.1, "damping": 0.1, "t": 2.0, "delay": 0.5},
    "device": {"solver": "device-spu", "lr": 0.1, "damping": 0.1, "t": 2.0},
    "micro-batches": {"solver": "woodbury", "lr": 0.1, "damping": 0.1, "accumulate": 3, "curvature": "fisher"},
    "mixed": {"solver": "ideal-spu", "lr": 0.1, "damping": 0.1, "t": 2.0, "autocast": "bfloat16"},
    "averaged": {
        "solver": "woodbury",
        "lr": 0.1,
        "damping": 0.1,
        "curvature": "ggn",
        "curvature_rows": "sampled",
        "curvature_average": 4,
    },
    "averaged by layers": {
        "solver": "woodbury",
        "lr": 0.1,
        "damping": 0.1,
        "curvature": "layers",
        "curvature_average": 20,
        "curvature_decay": 0.7,
    },
    "products": {"solver": "conjugate-gradient", "lr": 0.1, "damping": 0.1, "curvature": "products"},
}
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
    measured = ("modelled_time_s", "modelled_digital_s", "modelled_digital_spread", "elapsed_s")  # by the clock
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
    "steps": 400, "checkpoint_every": 5, "curvature": "ggn",  # slow enough to be stopped on its way
}  # fmt: skip
SCRIPT = """
import sys
from pathlib import Path
from thermospice.training import load_experiment, run_experiment
if __name__ == "__main__":
    made = load_experiment(Path(sys.argv[1]))
    run_experiment(made, Path(sys.argv[2]), workers=len(made.seeds))
"""


@pytest.mark.slow
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
    assert max(map(steps_of, checkpoints)) < KILLED["steps"]

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
