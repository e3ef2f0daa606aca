"""One seed's training, from the first step or from its last checkpoint to its entry in the table."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .._exceptions import Diverged, ran_out
from ..curvature import call
from ..experiments import Experiment
from ..parallel import Lead, Ranks
from ..tasks import Split, Task
from ._checkpoint import load_checkpoint, save_checkpoint
from ._metrics import Entry, JsonLines, Metrics, RowsError, TensorBoard, finite, has_tensorboard, read_rows, write_rows
from ._progress import Progress
from ._restored import restore
from ._training_state import TrainingState, given
from .memory import explain_memory, refuse_what_does_not_fit
from .tuning import TargetWatch, reached

CURVES = "curves.jsonl"
CHECKPOINT = "checkpoint.pt"
_EVALUATION_BATCH = 1024
CHECKPOINT_SECONDS = 30.0
"""A run that is killed loses no more than this, however slow its steps are."""


class Interrupted(Exception):
    """The run was asked to stop; its checkpoint holds the step that it reached."""


def train(
    task: Task,
    experiment: Experiment,
    seed: int,
    folder: Path,
    resume: bool = False,
    stop: Callable[[], bool] = lambda: False,
    progress: Progress = lambda run, step, steps, loss: None,
    ranks: Ranks | None = None,
) -> Entry:
    """Trains to the end and returns the run's entry; every setting of `experiment` must have its value.

    `folder` receives `curves.jsonl`, `checkpoint.pt` and, where installed, TensorBoard events. With `resume` it goes
    on from the checkpoint there, to the same weights, bit for bit, as if it had not stopped. A run that diverges
    ends early: its entry says why under `stopped`, and the checkpoint is the last good one.
    Raises `Interrupted` when `stop()` turns true, `ExperimentError` when memory runs out or will.
    """
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / CHECKPOINT
    with alone(experiment):
        state = load_checkpoint(checkpoint) if resume and checkpoint.exists() else None
        make = partial(TrainingState, task, experiment, seed, ranks)
        run = make() if state is None else restore(make, state, checkpoint)
        if ranks is None:
            refuse_what_does_not_fit(experiment, run.task, run.module)
        lead = Lead(ranks)
        lead.share(state)
        logged = _keep_rows(folder / CURVES, run.step if resume and checkpoint.exists() else -1)
        target = TargetWatch.of(experiment.target_loss, read_rows(folder / CURVES))
        sinks = _sinks(folder, run.step)
        saved = Saved(checkpoint, run.step if resume and checkpoint.exists() else None)
        try:
            with lead:
                stopped = _loop(run, experiment, seed, saved, logged, target, sinks, stop, progress, lead)
            _settle_times(folder / CURVES, run)
            entry = _entry(run, experiment, seed, stopped, stop)
            return {**entry, **_to_target(experiment, folder / CURVES)}
        except (MemoryError, RuntimeError) as error:
            if not ran_out(error):
                raise
            raise explain_memory(error, experiment, run.task, run.module, run.step + 1, saved.step) from error
        finally:
            for sink in sinks:
                sink.close()


def follow(task: Task, experiment: Experiment, seed: int, ranks: Ranks) -> None:
    """What the other processes of a data-parallel `train` do: the same steps, on their own parts of the batches."""
    with alone(experiment):
        run = TrainingState(task, experiment, seed, ranks)
        if (state := ranks.agree(None)) is not None:
            run.load_state_dict(state)
        while ranks.agree(None):
            try:
                run.advance()
            except Diverged:  # of what all processes share; the first one says it
                return


@dataclass
class Saved:
    """The checkpoint on disk: its step, and when it was written."""

    path: Path
    step: int | None
    at: float = field(default_factory=time.monotonic)

    def due(self) -> bool:
        return time.monotonic() - self.at > CHECKPOINT_SECONDS

    def write(self, run: TrainingState) -> None:
        if self.step != run.step:
            save_checkpoint(self.path, run.state_dict())
        self.step, self.at = run.step, time.monotonic()


def run_name(experiment: Experiment, seed: int) -> str:
    return f"{experiment.label}-s{seed}"


def evaluate(
    module: nn.Module, task: Task, split: Split, stop: Callable[[], bool] = lambda: False
) -> tuple[float, float | None]:
    """Mean loss and accuracy over a whole part of the data, in evaluation mode. Raises `Interrupted` on `stop()`."""
    training = module.training
    module.eval()
    outputs = []
    try:
        with torch.no_grad():
            for start in range(0, len(split), _EVALUATION_BATCH):
                if stop():
                    raise Interrupted(task.name)
                inputs = split.take(slice(start, start + _EVALUATION_BATCH)).inputs
                outputs.append(call(module, inputs))
            whole = torch.cat(outputs)
            loss = float(task.loss_fn(whole, split.targets))
    finally:
        module.train(training)
    return loss, task.accuracy(whole, split.targets) if task.accuracy else None


def _loop(
    run: TrainingState,
    experiment: Experiment,
    seed: int,
    saved: Saved,
    logged: int,
    target: TargetWatch,
    sinks: list[Metrics],
    stop: Callable[[], bool],
    progress: Progress,
    lead: Lead,
) -> str | None:
    steps = given(experiment.steps)
    log_every = given(experiment.log_every)
    name = run_name(experiment, seed)
    head = {"run": name, **_names(experiment, seed)}
    before = run.elapsed
    clock = time.perf_counter()

    def seen() -> float:
        return evaluate(run.module, run.task, run.task.validation, stop)[0]

    while True:
        run.elapsed = before + time.perf_counter() - clock
        try:
            due = run.step % log_every == 0 or run.step == steps or target.met(seen)
            row = _row(run, experiment, stop) if due and run.step != logged else None
        except Interrupted:
            saved.write(run)
            raise
        if row is not None:
            target.look(row)
            if reason := _diverged(run, experiment, row["train_loss"]):
                return reason
            for sink in sinks:
                sink.write({**head, **row})
            saved.step = None  # a row that is written is no longer to be made
            progress(name, run.step, steps, row["train_loss"])
        asked = stop()  # once: it may turn true between two questions, and a run must not end without its checkpoint
        if run.step == steps or run.step % experiment.checkpoint_every == 0 or asked or saved.due():
            saved.write(run)
        if run.step == steps:
            return None
        if asked:
            raise Interrupted(name)
        try:
            with lead.step():
                loss = run.advance()
        except Diverged as error:
            return f"step {run.step + 1}: {error}"
        if reason := _diverged(run, experiment, loss):
            return reason


def _row(run: TrainingState, experiment: Experiment, stop: Callable[[], bool]) -> dict[str, Any]:
    task = run.task
    module = run.module
    train_loss, _ = evaluate(module, task, task.train, stop)
    row: dict[str, Any] = {"step": run.step, "train_loss": train_loss, "batch_losses": run.batch_losses}
    looks = run.step % given(experiment.test_every) == 0 or run.step == experiment.steps
    if looks or experiment.target_loss is not None:
        row["validation_loss"], row["validation_accuracy"] = evaluate(module, task, task.validation, stop)
    if looks:
        row["test_loss"], row["test_accuracy"] = evaluate(module, task, task.test, stop)
    # only a row that is whole changes the run
    run.batch_losses = []
    if run.step == 0:
        run.initial_loss = train_loss
    return {**row, **run.served, **run.stepper.stability, **_costs(run)}


def _diverged(run: TrainingState, experiment: Experiment, loss: float) -> str | None:
    bound = experiment.loss_bound * run.initial_loss
    if not math.isfinite(loss):
        return f"step {run.step}: the loss is not finite; a smaller lr or a larger damping may help"
    if loss > bound:
        return f"step {run.step}: loss {loss:.3g} above the bound {bound:.3g}; a smaller lr may help"
    return None


def _entry(
    run: TrainingState, experiment: Experiment, seed: int, stopped: str | None, stop: Callable[[], bool]
) -> Entry:
    task = run.task
    module = run.module
    entry: Entry = {**_names(experiment, seed), "run": run_name(experiment, seed), "steps": run.step}
    if stopped is None:
        for part, split in (("train", task.train), ("validation", task.validation), ("test", task.test)):
            entry[f"{part}_loss"], entry[f"{part}_accuracy"] = evaluate(module, task, split, stop)
    entry |= {**run.served, **run.stepper.stability, **_costs(run)}
    entry["tuned_for"] = experiment.tuned_for
    entry["parameters"] = sum(p.numel() for p in module.parameters() if p.requires_grad)
    return finite({**entry, "warning": run.stepper.warning, "stopped": stopped})


def _to_target(experiment: Experiment, curves: Path) -> Entry:
    """When the run had come to its target loss; only the target where it never had."""
    if (target := experiment.target_loss) is None:
        return {}
    if (found := reached(read_rows(curves), target)) is None:
        return {"target_loss": target}
    when = {"steps_to_target": found.step, "modelled_time_to_target_s": found.modelled_time_s}
    # each step before was looked at, logged or not
    above = {} if found.step == 0 else {"last_step_above_target": found.step - 1}
    return {"target_loss": target, **when, **above}


def _names(experiment: Experiment, seed: int) -> dict[str, Any]:
    names = {"task": experiment.task, "optimizer": experiment.optimizer, "solver": experiment.solver}
    return {**{key: value for key, value in names.items() if value is not None}, "seed": seed}


def _keep_rows(path: Path, last_step: int) -> int:
    """Drop the rows after a step; the step of the last one that stays, -1 where none does."""
    found = read_rows(path)
    if not all(type(row.get("step")) is int for row in found):
        raise RowsError(f"{path}: not the rows of a run: expected a step in every line")
    rows = [row for row in found if row["step"] <= last_step]
    write_rows(path, rows)
    return int(rows[-1]["step"]) if rows else -1


def _settle_times(path: Path, run: TrainingState) -> None:
    """What a step takes is known best at the end, and each row's modelled time is then that of so many steps."""
    step = run.digital.of_a_step()
    rows = read_rows(path)
    for row in rows:
        if "modelled_digital_s" in row:
            row["modelled_time_s"] += row["step"] * step - row["modelled_digital_s"]
            row["modelled_digital_s"] = row["step"] * step
    write_rows(path, rows)


def _sinks(folder: Path, first_step: int) -> list[Metrics]:
    sinks: list[Metrics] = [JsonLines(folder / CURVES)]
    if has_tensorboard():
        sinks.append(TensorBoard(folder, first_step))
    return sinks


def _costs(run: TrainingState) -> dict[str, float]:
    costs = {"elapsed_s": run.elapsed, "modelled_time_s": sum(run.time.values(), 0.0)}
    costs |= {f"modelled_{part}_s": seconds for part, seconds in run.time.items()}
    if (spread := run.digital.spread()) is not None:
        costs["modelled_digital_spread"] = spread
    return {**costs, "modelled_energy_J": sum(run.energy.values())} if run.energy else costs


@contextmanager
def alone(experiment: Experiment) -> Iterator[None]:
    """With one thread, and random numbers of its own."""
    # One thread: the sums of a parallel reduction depend on how many there are, and runs share the machine's cores.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    devices = [torch.device(experiment.processor)] if experiment.processor.startswith("cuda") else []
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        torch.set_num_threads(threads)
