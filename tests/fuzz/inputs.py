"""Every input of every command: where its file lies, what lies beside it, and the words that make a command read it.

A new input is a row of `INPUTS`, or of `STATES`. It is tried with every row of `NODES`.
"""

import io
import json
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from folders import FILES
from nodes import CANARY, NODES, NOT_PLAIN
from thermospice.behavioral import DeviceModel
from thermospice.circuits import Crossbar, Design
from thermospice.cli import main

ROOT = Path(tempfile.mkdtemp(prefix="thermospice-fuzz-inputs-"))

PATIENCE = 60.0
"""Seconds that a command may take on a busy machine; of a file that it should refuse it takes a part of one."""


@dataclass(frozen=True)
class Input:
    """A file by its place in a folder, the files beside it, and a command; `{path}` and `{folder}` stand for them."""

    at: str
    words: Sequence[str]
    beside: Mapping[str, Callable[[], bytes]] = field(default_factory=dict)


@cache
def device() -> bytes:
    return json.dumps(DeviceModel.nominal(chip()).to_dict()).encode()


@cache
def instance() -> bytes:
    return json.dumps(chip().to_dict()).encode()


def chip() -> Any:
    return Design.preset("board-1k-1n").sample(Crossbar(2), np.random.default_rng(0), 0)


def _csv(text: str) -> Callable[[], bytes]:
    return text.encode


def _yaml(data: Any) -> Callable[[], bytes]:
    return lambda: yaml.safe_dump(data).encode()


def _json(data: Any) -> Callable[[], bytes]:
    return lambda: json.dumps(data).encode()


def _idx(dimensions: int) -> Callable[[], bytes]:
    sizes = (8, 28, 28)[:dimensions]
    header = bytes((0, 0, 8, dimensions)) + np.array(sizes, ">u4").tobytes()
    return lambda: header + bytes(int(np.prod(sizes)))


IMAGES = {
    f"{part}-{name}": _idx(dimensions)
    for part in ("train", "t10k")
    for name, dimensions in (("images-idx3-ubyte", 3), ("labels-idx1-ubyte", 1))
}
ONE = ("--size", "1", "--analysis", "op")
STUDY: Mapping[str, Any] = {
    "name": "one", "circuit": {"design": "ideal", "level": "ideal", "size": 2, "analyses": ["op"]},
}  # fmt: skip
FILES_STUDY = {
    **STUDY,
    "circuit": {**STUDY["circuit"], "size": 1, "program": {"matrix": "A.csv", "drive": "b.csv"}},
}
TRAINING = {"task": "regression", "optimizer": "tngd", "solver": "device-spu", "steps": 1}
EXPERIMENT = {"task": "regression", "optimizer": "sgd", "seeds": [0], "steps": 1}
RUN = "regression-sgd-s0"
TRAINED = {"state.json": _json({"command": "train", "experiment": EXPERIMENT})}

INPUTS: dict[str, Input] = {
    "design": Input("d.yaml", ("designs", "{path}")),
    "design of a simulation": Input("d.yaml", ("simulate", "--design", "{path}", *ONE)),
    "design of a training": Input(
        "d.yaml", ("train", "regression", "--solver", "device-spu", "--steps", "1", "--design", "{path}")
    ),
    "matrix": Input("A.csv", ("simulate", "--matrix", "{path}", "--drive", "{folder}/b.csv"), {"b.csv": _csv("1\n")}),
    "drive": Input("b.csv", ("simulate", "--matrix", "{folder}/A.csv", "--drive", "{path}"), {"A.csv": _csv("1\n")}),
    "jacobian": Input(
        "J.csv", ("simulate", "--topology", "cascade", "--jacobian", "{path}", "--drive", "{folder}/b.csv"),
        {"b.csv": _csv("1\n")},
    ),
    "hessian": Input(
        "H.csv",
        ("simulate", "--topology", "cascade", "--jacobian", "{folder}/J.csv", "--hessian", "{path}", "--drive",
         "{folder}/b.csv"),
        {"b.csv": _csv("1\n"), "J.csv": _csv("1\n")},
    ),
    "noise matrix": Input(
        "Q.csv", ("solve", "--problem", "lyapunov", "--matrix", "{folder}/A.csv", "--noise-matrix", "{path}"),
        {"A.csv": _csv("1\n")},
    ),
    "amplifier": Input("a.cir", ("simulate", "--amplifier", "{path}", "--trust", "--level", "transistor", *ONE)),
    "netlist": Input("x.cir", ("simulate", "--netlist", "{path}", "--outputs", "a", "--analysis", "op")),
    "netlist as formulas": Input("x.cir", ("symbolic", "--netlist", "{path}", "--outputs", "a")),
    "study": Input("s.yaml", ("sweep", "{path}")),
    "design of a study": Input(
        "d.yaml", ("sweep", "{folder}/s.yaml"),
        {"s.yaml": _yaml({**STUDY, "circuit": {**STUDY["circuit"], "design": "./d.yaml"}})},
    ),
    "matrix of a study": Input(
        "A.csv", ("sweep", "{folder}/s.yaml"), {"s.yaml": _yaml(FILES_STUDY), "b.csv": _csv("1\n")}
    ),
    "drive of a study": Input(
        "b.csv", ("sweep", "{folder}/s.yaml"), {"s.yaml": _yaml(FILES_STUDY), "A.csv": _csv("1\n")}
    ),
    "device of a study": Input(
        "device.json", ("sweep", "{folder}/s.yaml"),
        {"s.yaml": _yaml({"name": "one", "kind": "training", "training": {**TRAINING, "device": "device.json"}})},
    ),
    "measurement": Input("m.nc", ("calibrate", "{path}")),
    "measurement in a folder": Input("chip/m.nc", ("calibrate", "{folder}/chip")),
    "device to verify": Input("device.json", ("verify", "--device", "{path}"), {"instance.json": instance}),
    "chip to verify": Input("instance.json", ("verify", "--device", "{folder}/device.json"), {"device.json": device}),
    "other chip to verify": Input(
        "c.json", ("verify", "--device", "{folder}/device.json", "--instance", "{path}"), {"device.json": device}
    ),
    "device to solve on": Input("device.json", ("solve", "--device", "{path}")),
    "device to train on": Input(
        "device.json", ("train", "regression", "--solver", "device-spu", "--steps", "1", "--device", "{path}")
    ),
    "chip to train on": Input(
        "instance.json",
        ("train", "logistic", "--solver", "spice-spu", "--steps", "1", "--device", "{folder}/device.json"),
        {"device.json": device},
    ),
    "experiment": Input("e.yaml", ("train", "--config", "{path}")),
    **{
        f"mnist: {name}": Input(
            name, ("train", "mnist", "--data", "{folder}", "--steps", "1", "--optimizer", "sgd"),
            {other: make for other, make in IMAGES.items() if other != name},
        )
        for name in IMAGES
    },
    **{
        f"squad: {name}": Input(
            name, ("train", "squad", "--data", "{folder}", "--steps", "1", "--optimizer", "sgd"),
            {"model/config.json": _json({}), "model/vocab.txt": _csv("a\n")},
        )
        for name in ("train.json", "test.json", "model/config.json", "model/vocab.txt", "model/x.safetensors")
    },
    **{
        f"report: {name}": Input(file.name, ("report", "{folder}"), {n: (lambda c=c: c) for n, c in file.beside})
        for name, file in FILES.items()
    },
    "report: picture of a simulation": Input(
        "tran.png", ("report", "{folder}"), {"summary.json": _json(FILES["simulation"].plain)}
    ),
    "report: picture of a study": Input(
        "relative_error.png", ("report", "{folder}"), {"summary.json": _json(FILES["study"].plain)}
    ),
    "report: folder": Input("results", ("report", "{path}")),
}  # fmt: skip

STATES: dict[str, Input] = {
    **{
        f"{command}: state": Input("state.json", (command, "--resume", "{folder}"))
        for command in ("run", "verify", "train", "calibrate", "sweep")
    },
    "sweep: runs": Input(
        "runs.sqlite", ("sweep", "--resume", "{folder}"), {"state.json": _json({"command": "sweep", "study": {
            **STUDY, "circuit": {**STUDY["circuit"], "design": Design.preset("ideal").to_dict()}}})},
    ),
    **{
        f"train: {name}": Input(
            f"{RUN}/{name}", ("train", "--resume", "{folder}"), {**TRAINED, **beside},
        )
        for name, beside in (
            ("experiment.yaml", {}),
            ("entry.jsonl", {}),
            ("checkpoint.pt", {}),
            ("curves.jsonl", {}),
            ("metrics.jsonl", {}),
        )
    },
}  # fmt: skip
"""Files by which a run goes on: written by the command itself, and yet in a folder that anybody may have filled."""

CASES = (
    *((name, node) for name in INPUTS for node in NODES),
    *((name, node) for name in STATES for node in NOT_PLAIN),
)


class TooSlow(BaseException):
    """Nothing that a command could take for an error of its own."""


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Ends what waits for ever."""

    def end(number: int, frame: Any) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def call(words: Sequence[str], seconds: float = PATIENCE) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), patience(seconds):
        code = main([*words])
    return code, out.getvalue(), err.getvalue()


def check_refused(words: Sequence[str], seconds: float = PATIENCE) -> None:
    """Raise `AssertionError` unless a command refuses its input in one line, and at once."""
    started = time.perf_counter()
    code, out, err = call(words, seconds)
    said = f"{' '.join(words)}: {code}, {time.perf_counter() - started:.1f} s: {out[-500:]}{err[-1500:]}"
    assert code == 2, said
    assert "(a bug" not in err, said
    assert len(err.splitlines()) == 1, said
    assert err.strip().isprintable(), said
    assert not out, said


def try_node(name: str, node: str) -> None:
    """A command with something else where it expects a file: refused in one line, or taken for what it is."""
    given = {**INPUTS, **STATES}[name]
    folder = Path(tempfile.mkdtemp(dir=ROOT))
    for other, make in given.beside.items():
        (folder / other).parent.mkdir(parents=True, exist_ok=True)
        (folder / other).write_bytes(make())
    path = folder / given.at
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    NODES[node](path)
    words = [word.format(path=path, folder=folder) for word in given.words]
    more = ["--quiet"] if "--resume" in words else ["--quiet", "--out", str(folder / "out")]
    code, _, err = call([*words, *more])
    assert "(a bug" not in err, (name, node, err)
    assert code in (0, 1, 2), (name, node, code)
    assert code != 2 or len(err.splitlines()) == 1, (name, node, err)
    assert not CANARY.exists(), (name, node)
