"""Checkpoints that are either the old one or the new one, whole, whenever the power fails."""

from pathlib import Path
from typing import Any

import torch

SCHEMA = 1


class CheckpointError(RuntimeError):
    """Names the file, and what is wrong with it."""


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Writes tensors and plain values next to `path`, then renames: a reader never sees half a file.

    Raises `CheckpointError` when the file system refuses.
    """
    from ..files import replacing

    try:
        with replacing(path, synced=True) as file:
            torch.save({"schema": SCHEMA, **state}, file)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as RuntimeError
        raise CheckpointError(f"{path}: cannot be written: {_first_line(error)}") from error


def load_checkpoint(path: Path) -> dict[str, Any]:
    """What `save_checkpoint` wrote, on the CPU. Runs no code from the file. Raises `CheckpointError`."""
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # whatever a forged file makes torch's reader raise
        raise CheckpointError(f"{path}: not a readable checkpoint: {_first_line(error)}") from error
    if not isinstance(state, dict) or state.get("schema") != SCHEMA:
        found = state.get("schema") if isinstance(state, dict) else type(state).__name__
        raise CheckpointError(f"{path}: expected a checkpoint of schema {SCHEMA}, got {found!r}")
    return state


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
