"""What may stand where a file was expected: kinds of nodes, and contents that are made to hurt a reader.

A new kind is a row of `NOT_PLAIN` or `CONTENTS`: it makes something at a path.
"""

import gzip
import io
import json
import os
import pickle
import random
import socket
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import h5py
import numpy as np
import torch

Make = Callable[[Path], object]

_MEMBER = 1 << 24


def _socket(path: Path) -> None:
    # The name of a socket may have 107 bytes, which those of test folders exceed.
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(path.name)
    finally:
        os.chdir(here)


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


def _content(make: Callable[[], bytes]) -> Make:
    known = cache(make)
    return lambda path: path.write_bytes(known())


def _text(text: str) -> Make:
    return lambda path: path.write_text(text, encoding="utf-8")


def _gzip_bomb() -> bytes:
    # 2 GiB of zeros in 2 MB; as members, since packing one takes a tenth of a second.
    return gzip.compress(bytes(_MEMBER)) * (1 << 7)


def _idx_bomb() -> bytes:
    header = bytes((0, 0, 8, 3)) + np.array([2**31 // 784, 28, 28], ">u4").tobytes()
    return gzip.compress(header) + _gzip_bomb()


def _zip_bomb() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(1 << 28))
        archive.writestr("archive/version", "3\n")
    return made.getvalue()


def _stretched_checkpoint() -> bytes:
    """A tensor of a trillion numbers that are all the same one."""
    made = io.BytesIO()
    torch.save({"schema": 1, "model": torch.zeros(1).expand(1_000_000, 1_000_000)}, made)
    return made.getvalue()


def _doubled_checkpoint() -> bytes:
    """Lists in lists, each twice in the next: 2^60 values."""
    value: object = 0
    for _ in range(60):
        value = [value, value]
    made = io.BytesIO()
    torch.save({"schema": 1, "model": value}, made)
    return made.getvalue()


class _Code:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch /tmp/thermospice-fuzz-ran",)


def _code() -> bytes:
    return pickle.dumps(_Code())


def _code_in_a_checkpoint() -> bytes:
    made = io.BytesIO()
    torch.save({"schema": 1, "model": _Code()}, made)
    return made.getvalue()


def _netcdf(fill: Callable[[h5py.File], object]) -> Make:
    def make() -> bytes:
        made = io.BytesIO()
        with h5py.File(made, "w") as file:
            fill(file)
        return made.getvalue()

    return _content(make)


def _netcdf_bomb(file: h5py.File) -> None:
    file.create_dataset("v", (1 << 40,), "f8", chunks=(1 << 20,), compression="gzip")


def _packed_netcdf(file: h5py.File) -> None:
    """4 GB of zeros in some megabytes of good chunks."""
    data = file.create_dataset("v", (1 << 29,), "f8", chunks=(1 << 24,), compression="gzip", compression_opts=9)
    data[: 1 << 24] = 0.0


def _outside(file: h5py.File) -> None:
    file.create_dataset("v", (8,), "u1", external=[("/etc/passwd", 0, 8)])


def _virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((8,), "u1")
    layout[:] = h5py.VirtualSource("/tmp/other.h5", "v", (8,))
    file.create_virtual_dataset("v", layout)


def _linked(link: object) -> Callable[[h5py.File], object]:
    return lambda file: file.__setitem__("v", link)


def _ring(file: h5py.File) -> None:
    group = file.create_group("a")
    group["back"] = file["/"]


def _many(file: h5py.File) -> None:
    for k in range(20_000):
        file.create_group(f"g{k}")


ALIASES = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]\n" for k in range(1, 12)
)

NOT_PLAIN: Mapping[str, Make] = {
    "pipe": os.mkfifo,
    "folder": lambda path: path.mkdir(),
    "socket": _socket,
    "zeros without end": lambda path: path.symlink_to("/dev/zero"),
    "noise without end": lambda path: path.symlink_to("/dev/urandom"),
    "terminal": lambda path: path.symlink_to("/dev/tty"),
    "own memory": lambda path: path.symlink_to("/proc/self/mem"),
    "link to nothing": lambda path: path.symlink_to("nowhere"),
    "link to itself": lambda path: path.symlink_to(path.name),
    "sparse": _sparse,
}
"""What is no plain file of a sensible size, so that its content does not matter."""

CONTENTS: Mapping[str, Make] = {
    "empty": _text(""),
    "noise": _content(lambda: random.Random(0).randbytes(3000)),
    "zeros": _content(lambda: bytes(100_000)),
    "nothing but commas": _content(lambda: b"," * 6_000_000),
    "one long line": _content(lambda: b"1" * 1_000_000),
    "many lines": _content(lambda: b"1\n" * 1_000_000),
    "UTF-16": _content(lambda: "a: 1\n".encode("utf-16")),
    "deep JSON": _content(lambda: b"[" * 1_000_000),
    "deep YAML": _content(lambda: b"{a: " * 20_000),
    "YAML aliases": _text(ALIASES),
    "YAML object": _text("!!python/object/apply:os.system ['touch /tmp/thermospice-fuzz-ran']\n"),
    "long numbers": _text(json.dumps({"schema": 1, "kind": 10**400, "a": [10**4000]})),
    "infinite number": _text('{"schema": 1e999}\n'),
    "no number": _text('{"schema": NaN}\n'),
    "half a character": _text('{"command": "\\ud800", "topology": "\\ud800"}\n'),
    "list": _text("[1, 2]\n"),
    "text": _text('"text"\n'),
    "gzip bomb": _content(_gzip_bomb),
    "image bomb": _content(_idx_bomb),
    "zip bomb": _content(_zip_bomb),
    "stretched checkpoint": _content(_stretched_checkpoint),
    "doubled checkpoint": _content(_doubled_checkpoint),
    "pickled code": _content(_code),
    "code in a checkpoint": _content(_code_in_a_checkpoint),
    "netCDF bomb": _netcdf(_netcdf_bomb),
    "packed netCDF": _netcdf(_packed_netcdf),
    "netCDF with data elsewhere": _netcdf(_outside),
    "netCDF with virtual data": _netcdf(_virtual),
    "netCDF with an outer link": _netcdf(_linked(h5py.ExternalLink("/tmp/other.h5", "/v"))),
    "netCDF with a link": _netcdf(_linked(h5py.SoftLink("/v"))),
    "netCDF in a ring": _netcdf(_ring),
    "netCDF of many groups": _netcdf(_many),
}

NODES: Mapping[str, Make] = {**NOT_PLAIN, **CONTENTS}

CANARY = Path("/tmp/thermospice-fuzz-ran")
"""What code in a file would leave."""
