"""Checkpoints that are either the old one or the new one, whole, whenever the power fails."""

import pickle
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from ...files import UnreadableFile, opened, replacing
from ...files.opening import CHECKPOINT, in_gigabytes, most_memory
from .._exceptions import CheckpointError

SCHEMA = 1

# Values of a checkpoint, a tensor counting as one: those that this package writes have some hundred
# for each layer.
_MOST_VALUES = 1_000_000

_LARGEST_PICKLE = 1 << 26
"""Bytes of what is not the numbers of tensors."""


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Writes tensors and plain values next to `path`, then renames: a reader never sees half a file.

    Raises `CheckpointError` when the file system refuses.
    """
    try:
        with replacing(path, synced=True) as file:
            torch.save({"schema": SCHEMA, **state}, file)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as RuntimeError
        raise CheckpointError(f"{path}: cannot be written: {_first_line(error)}") from error


def load_checkpoint(path: Path) -> dict[str, Any]:
    """What `save_checkpoint` wrote, on the CPU, of no more than fits into memory. Runs no code from the file.

    Raises `CheckpointError`.
    """
    try:
        with opened(path, CHECKPOINT) as file:
            _check_archive(file)
            state: Any = torch.load(file, map_location="cpu", weights_only=True)
    except UnreadableFile as error:
        raise CheckpointError(f"{path}: not a readable checkpoint: {error.reason}") from None
    except _UNREADABLE as error:
        raise CheckpointError(f"{path}: not a readable checkpoint: {_first_line(error)}") from error
    schema = state.get("schema") if isinstance(state, dict) else None
    if type(schema) is not int or schema != SCHEMA:
        found = schema if isinstance(schema, int | str) else type(state).__name__
        raise CheckpointError(f"{path}: expected a checkpoint of schema {SCHEMA}, got {found!r}")
    _check_values(state, path)
    return dict(state)


# What the unpickler stumbles over in a file that was made to trouble it is of any of these kinds.
_UNREADABLE = (
    OSError,
    RuntimeError,
    EOFError,
    MemoryError,
    ArithmeticError,
    LookupError,
    AttributeError,
    TypeError,
    ValueError,
    AssertionError,
    pickle.UnpicklingError,
    zipfile.BadZipFile,
)


def _check_archive(file: BinaryIO) -> None:
    """Whether the parts lie beside each other as they are, so that nothing unpacks to more than the file has bytes."""
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
    whole = file.seek(0, 2)
    file.seek(0)
    if any(part.compress_type != zipfile.ZIP_STORED for part in parts):
        raise zipfile.BadZipFile("expected parts that are not compressed")
    if sum(part.file_size for part in parts) > whole:
        raise zipfile.BadZipFile("its parts are larger than the file")
    if any(part.filename.endswith("data.pkl") and part.file_size > _LARGEST_PICKLE for part in parts):
        raise zipfile.BadZipFile(f"expected values beside the tensors of at most {_LARGEST_PICKLE:,} bytes")


def _check_values(state: Any, path: Path) -> None:
    """Whether as many values, and as many numbers in tensors, fit into memory as the file speaks of."""
    size = 0
    for count, value in enumerate(_values(state)):
        if count > _MOST_VALUES:
            raise CheckpointError(f"{path}: expected a checkpoint of at most {_MOST_VALUES:,} values")
        if isinstance(value, Tensor):
            # A stride of zero makes any shape of a single number, which a copy writes out.
            size += value.numel() * value.element_size()
        if size > most_memory():
            raise CheckpointError(
                f"{path}: expected tensors that fill at most {in_gigabytes(most_memory())} of memory, got more"
            )


def _values(state: Any) -> Iterator[Any]:
    """Every value in containers; one that stands in several places comes as often."""
    waiting = [state]
    while waiting:
        value = waiting.pop()
        yield value
        if isinstance(value, Mapping):
            waiting.extend(value.values())
        elif isinstance(value, list | tuple | set | frozenset):
            waiting.extend(value)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
