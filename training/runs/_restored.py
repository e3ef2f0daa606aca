"""Is a checkpoint one that this run could have written? It is compared with that of a run that took one step."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .._exceptions import CheckpointError, Diverged
from ._training_state import TrainingState

_FAULTS = (KeyError, IndexError, TypeError, ValueError, AttributeError, RuntimeError, OverflowError)


def restore(make: Callable[[], TrainingState], state: Mapping[str, Any], path: Path) -> TrainingState:
    """A run as it was when it wrote a checkpoint.

    Args:
        make: the run at its beginning.
        state: of the checkpoint.
        path: where it is, for the message.

    Raises:
        CheckpointError: it is not one of this run.
    """
    try:
        run = make()
        _check_counters(state["counters"], run)
        if run.ranks is None:
            _compare(_expected(run, state["counters"]["step"]), dict(state), "")
            _check_order(state["order"]["left"], len(run.task.train))
            run = make()
        run.load_state_dict(dict(state))
    except CheckpointError:
        raise
    except _Unlike as error:
        raise CheckpointError(f"{path}: not a checkpoint of this run: {error}") from None
    except _FAULTS as error:
        reason = (str(error).splitlines() or [""])[0]
        raise CheckpointError(f"{path}: not a checkpoint of this run: {type(error).__name__}: {reason}") from None
    return run


class _Unlike(Exception):
    """Where a checkpoint differs from what the run would write."""


def _expected(run: TrainingState, step: int) -> dict[str, Any]:
    """What the run writes: after its first step, from which on the state has all its parts."""
    if step > 0:
        try:
            run.advance()
        except Diverged:  # its weights, perhaps; the state has its shape all the same
            run.step += 1
    return run.state_dict()


def _check_counters(counters: Mapping[str, Any], run: TrainingState) -> None:
    step = counters["step"]
    steps = run.steps
    if type(step) is not int or not 0 <= step <= steps:
        raise _Unlike(f"step: expected 0 to {steps}, got {str(step)[:40]}")
    if not isinstance(counters["batch_losses"], list):
        raise _Unlike("batch_losses: expected a list of numbers")
    times = [
        counters["elapsed"],
        *counters["time"].values(),
        *counters["energy"].values(),
        *counters.get("digital", ()),
    ]
    if not all(isinstance(value, float) and 0.0 <= value < math.inf for value in times):
        raise _Unlike("times and energies: expected finite numbers, none negative")
    if not isinstance(counters["initial_loss"], float) or (step > 0 and not math.isfinite(counters["initial_loss"])):
        raise _Unlike(f"initial_loss: expected a finite number, got {str(counters['initial_loss'])[:40]}")


def _check_order(left: Tensor, samples: int) -> None:
    if len(left) and not 0 <= int(left.min()) <= int(left.max()) < samples:
        raise _Unlike(f"order.left: expected numbers of the {samples} samples")


_WINDOW = "stepper.analog.window"
"""Curvatures of the last steps, as many as there were."""

_FREE = ("counters.", "random.cuda", "schema", "stepper.analog.stats")
"""Checked by themselves, or different from machine to machine."""


def _compare(expected: Any, found: Any, where: str) -> None:
    if where.startswith(_FREE):
        _check_finite(found, where)
        return
    match expected:
        case Tensor():
            _compare_tensors(expected, found, where)
        case Mapping():
            _compare_keys(expected, found, where)
            for name, value in expected.items():
                if name in found:
                    _compare(value, found[name], f"{where}.{name}".lstrip("."))
        case list() if where == _WINDOW:
            if not isinstance(found, list) or not found:
                raise _Unlike(f"{where}: expected the curvature of some steps")
            for k, one in enumerate(found):  # after the first step there is one, and more later
                _compare(expected[0], one, f"{where}.{k}")
        case list() | tuple():
            if not isinstance(found, list | tuple) or len(found) != len(expected):
                raise _Unlike(f"{where}: expected {len(expected)} values")
            for k, (one, other) in enumerate(zip(expected, found, strict=True)):
                _compare(one, other, f"{where}.{k}")
        case _:
            _compare_values(expected, found, where)


def _compare_keys(expected: Mapping[Any, Any], found: Any, where: str) -> None:
    if not isinstance(found, Mapping):
        raise _Unlike(f"{where or 'checkpoint'}: expected a mapping, got {type(found).__name__}")
    places = {f"{where}.{name}".lstrip(".") for name in expected.keys() ^ found.keys()}
    if wrong := sorted(place for place in places if not place.startswith(_FREE)):
        raise _Unlike(f"{wrong[0]}: is missing, or nothing of this run")


def _compare_tensors(expected: Tensor, found: Any, where: str) -> None:
    if not isinstance(found, Tensor) or found.dtype != expected.dtype or found.is_sparse:
        raise _Unlike(f"{where}: expected a tensor of {expected.dtype}")
    if where == "order.left":  # what is left of an epoch has any length
        if found.dim() != 1:
            raise _Unlike(f"{where}: expected a list of samples")
    elif found.shape != expected.shape:
        raise _Unlike(f"{where}: expected the shape {tuple(expected.shape)}, got {tuple(found.shape)}")
    _check_finite(found, where)


_MOVING = (
    "lr",
    "damping",
    "steps",
    "total_analog_time",
    "solves",
    "loads",
    "step",
    "policy_acted",
    "unstable_runs",
    "added_damping",
)
"""Numbers that change from step to step; all others are settings of the run."""


def _compare_values(expected: Any, found: Any, where: str) -> None:
    _check_finite(found, where)
    if where.rpartition(".")[2] in _MOVING:
        if isinstance(found, bool) or not isinstance(found, int | float) or found < 0:
            raise _Unlike(f"{where}: expected a number >= 0, got {str(found)[:40]}")
    elif type(found) is not type(expected) or found != expected:
        raise _Unlike(f"{where}: expected {str(expected)[:40]}, got {str(found)[:40]}")


def _check_finite(found: Any, where: str) -> None:
    match found:
        case Tensor():
            finite = not found.is_floating_point() or bool(torch.isfinite(found).all())
        case Mapping():
            for name, value in found.items():
                _check_finite(value, f"{where}.{name}")
            return
        case list() | tuple():
            for value in found:
                _check_finite(value, where)
            return
        case bool() | None | str():
            return
        case int() | float():
            finite = math.isfinite(found) if isinstance(found, float) else abs(found) < 2**63
        case _:
            raise _Unlike(f"{where}: unexpected {type(found).__name__}")
    if not finite and where != "counters.initial_loss":
        raise _Unlike(f"{where}: not finite")
