"""The IDX files of MNIST and its relatives: read, and checked before anything believes them."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from ....files import UnreadableFile, read_bytes
from ....files.opening import IMAGES, gunzipped
from ..._exceptions import TaskError

_UNSIGNED_BYTE = 0x08


def read_idx(path: Path, dimensions: int) -> UInt8[np.ndarray, "..."]:
    """The array of unsigned bytes in an IDX file, plain or gzip (told by content, not by name).

    Layout (big endian): two zero bytes, a type code, the number of dimensions, a 32-bit size for each, the values.
    Raises `TaskError` when the magic number, the sizes or the length of the file do not fit each other.
    """
    raw = _content(path)
    expected = bytes((0, 0, _UNSIGNED_BYTE, dimensions))
    if raw[:4] != expected:
        raise TaskError(f"{path}: expected the IDX magic number {expected.hex()}, got {raw[:4].hex() or 'nothing'}")
    start = 4 + 4 * dimensions
    if len(raw) < start:
        raise TaskError(f"{path}: cut off inside its header of {start} bytes")
    shape = tuple(int(size) for size in np.frombuffer(raw, ">u4", dimensions, 4))
    # Python integers: the product of hostile 32-bit sizes would wrap around in numpy.
    count = 1
    for size in shape:
        count *= size
    if len(raw) - start != count:
        sizes = " x ".join(map(str, shape))
        raise TaskError(f"{path}: its header promises {sizes} = {count} values, the file holds {len(raw) - start}")
    return np.frombuffer(raw, np.uint8, count, start).reshape(shape)


def find_idx(folder: Path, stem: str) -> Path:
    """`folder/stem`, in any of its usual spellings; raises `TaskError` naming all of them."""
    name = stem.rsplit("-", 2)[0]
    kind = "-".join(stem.rsplit("-", 2)[1:])
    spellings = [f"{name}{dot}{kind}{end}" for dot in "-." for end in ("", ".gz")]
    for spelling in spellings:
        if (folder / spelling).exists():
            return folder / spelling
    raise TaskError(f"{folder}: no {stem}; looked for {', '.join(spellings)}")


def _content(path: Path) -> bytes:
    try:
        return gunzipped(read_bytes(path, IMAGES), path, IMAGES)
    except UnreadableFile as error:
        raise TaskError(f"{path}: cannot be read: {error.reason}") from None
