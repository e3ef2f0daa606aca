"""The four files of MNIST, from a mirror, believed only when their content is the published one."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from ....files import UnreadableFile, write_bytes
from ....files.opening import IMAGES, gunzipped
from ..._exceptions import TaskError
from ._download import downloaded, shown_address

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
"""Of PyTorch and of the Common Visual Data Foundation."""

MNIST: Mapping[str, str] = MappingProxyType(
    {
        "train-images-idx3-ubyte.gz": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte.gz": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte.gz": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte.gz": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    }
)
"""Files, and the SHA-256 of what is in them unpacked: mirrors pack the same content differently."""


def fetch_mnist(folder: Path, mirrors: Sequence[str] = MIRRORS, files: Mapping[str, str] = MNIST) -> list[Path]:
    """Leave the four files in `folder`, all or none, from the first of `mirrors` (https, http or file) that has them.

    `files`: names with the SHA-256 of their unpacked content, of MNIST or of a data set in its format.
    Raises `TaskError` in one line when no mirror has them, which without a network is so of all.
    """
    contents = {name: _fetched(name, mirrors, known) for name, known in files.items()}
    for name, content in contents.items():
        write_bytes(folder / name, content)
    return [folder / name for name in contents]


def _fetched(name: str, mirrors: Sequence[str], known: str) -> bytes:
    reasons = []
    for mirror in mirrors:
        try:
            return _checked(downloaded(_address(mirror, name)), shown_address(_address(mirror, name)), known)
        except TaskError as error:
            reasons.append(str(error))
    raise TaskError(f"mnist: {'; '.join(reasons)}")


def _address(mirror: str, name: str) -> str:
    """Of a file in the folder; what has no folder or server is left as it is, and refused."""
    folder = mirror.rstrip("/")
    return mirror if folder.endswith(":") else f"{folder}/{name}"


def _checked(content: bytes, address: str, expected: str) -> bytes:
    try:
        found = hashlib.sha256(gunzipped(content, address, IMAGES)).hexdigest()
    except UnreadableFile as error:
        raise TaskError(f"{address}: {error.reason}") from None
    if found != expected:
        raise TaskError(f"{address}: another file: expected content of SHA-256 {expected[:12]}, got {found[:12]}")
    return content
