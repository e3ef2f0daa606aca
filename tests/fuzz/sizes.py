"""Numbers that ask for more than any machine has: each is refused at once, in one line that names the bound.

A new option that says how much is done is a row of `OPTIONS`, a new field of a study a row of `STUDY_FIELDS`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

HUGE = ("10000000", "1000000000", "1" + 18 * "0", "1" + 30 * "0")
"""Ten million cells or runs are too many of anything; the last is beyond any integer of a machine."""
SEEDS = ("9007199254740993", "1" + 30 * "0", "1" + 300 * "0")
"""From the first on, floating-point numbers do not tell them apart."""
FLOATS = ("1e39", "1e300", "1e308")

CASCADE = ("--topology", "cascade", "--size", "4")
TNGD = ("train", "regression", "--optimizer", "tngd")

OPTIONS: Mapping[str, tuple[Sequence[str], str, Sequence[str]]] = {
    # name: command, option, values
    "simulate size": (("simulate",), "--size", ("10000", *HUGE)),
    "simulate size, mesh": (("simulate", "--topology", "rc-mesh", "--level", "ideal"), "--size", ("10000", *HUGE)),
    "simulate rank": (("simulate", *CASCADE), "--rank", ("10000", *HUGE)),
    "simulate seed": (("simulate", "--size", "2"), "--seed", SEEDS),
    "simulate chip": (("simulate", "--size", "2"), "--instance-seed", SEEDS),
    "solve size": (("solve",), "--size", ("10000", *HUGE)),
    "solve runs": (("solve", "--size", "2"), "--runs", HUGE),
    "solve programs": (("solve", "--size", "2"), "--programs", HUGE),
    "solve noise": (("solve", "--size", "2"), "--kappa", FLOATS),
    "solve duration": (("solve", "--size", "2", "--problem", "inverse"), "--duration", FLOATS),
    "solve seed": (("solve", "--size", "2"), "--seed", SEEDS),
    "symbolic size": (("symbolic",), "--size", ("10000", *HUGE)),
    "calibrate size": (("calibrate",), "--size", ("10000", *HUGE)),
    "calibrate programs": (("calibrate", "--size", "2"), "--programs", HUGE),
    "calibrate chips": (("calibrate", "--size", "2"), "--instances", HUGE),
    "calibrate held out": (("calibrate", "--size", "2"), "--held-out", HUGE),
    "calibrate seed": (("calibrate", "--size", "2"), "--seed", SEEDS),
    "calibrate chip": (("calibrate", "--size", "2"), "--instance-seed", SEEDS),
    "verify size": (("verify", "--quick", "--topology", "crossbar"), "--size", ("10000", *HUGE)),
    "verify seed": (("verify", "--quick", "--topology", "crossbar", "--size", "1"), "--seed", SEEDS),
    "run seed": (("run", "--quick"), "--seed", SEEDS),
    "train steps": (("train", "regression"), "--steps", HUGE[1:]),
    "train seeds": (("train", "regression"), "--seeds", HUGE),
    "train batch": (("train", "regression"), "--batch-size", HUGE),
    "train accumulate": (TNGD, "--accumulate", HUGE),
    "train seed": (("train", "regression"), "--seed", SEEDS),
    "train noise": (TNGD, "--kappa0", FLOATS),
    "train time": (TNGD, "--t", FLOATS),
    "train delay": (TNGD, "--delay", FLOATS),
    "train rate": (TNGD, "--lr", FLOATS),
    "train damping": (TNGD, "--damping", FLOATS),
    "train decay": (TNGD, "--weight-decay", FLOATS),
    "train chip": ((*TNGD, "--solver", "device-spu"), "--device-seed", SEEDS),
    "train step time": ((*TNGD, "--solver", "device-spu"), "--step-time", FLOATS),
    "train bits": (("train", "regression", "--optimizer", "kfac"), "--bits", HUGE),
}

STUDY: Mapping[str, Any] = {
    "name": "large",
    "circuit": {"design": "ideal", "level": "ideal", "size": 1, "analyses": ["op"]},
}
GRID = {f"design.mismatch.{name}": {"low": 0.01, "high": 0.05, "count": 30} for name in ("resistor_sigma",)}
MONTE_CARLO = {"method": "monte-carlo", "parameters": {"design.R0": {"low": 1e3, "high": 2e3}}}

STUDY_FIELDS: Mapping[str, Mapping[str, Any]] = {
    "size": {"circuit": {**STUDY["circuit"], "size": 10_000}},
    "size beyond integers": {"circuit": {**STUDY["circuit"], "size": 10**30}},
    "samples": {**MONTE_CARLO, "samples": 10**9},
    "samples as a float": {**MONTE_CARLO, "samples": 1e9},
    "samples of a hypercube": {**MONTE_CARLO, "method": "latin-hypercube", "samples": 10**9},
    "samples beyond integers": {**MONTE_CARLO, "samples": 10**30},
    "instances": {"instances": 10**9},
    "instances beyond integers": {"instances": 10**30},
    "seed": {"seed": 10**30},
    "seed of the program": {"circuit": {**STUDY["circuit"], "program": {"seed": 10**30}}},
    "points of an axis": {"parameters": {"design.R0": {"low": 1e3, "high": 2e3, "count": 10**9}}},
    "points of a grid": {
        "parameters": {
            name: {"low": 1.0, "high": 2.0, "count": 30}
            for name in ("design.R0", "design.C", "design.temperature", "program.condition", "drive_scale", "duration")
        }
    },
    "time limit": {"timeout": 1e300},
    "noise of a training": {
        "kind": "training", "circuit": None,
        "training": {"task": "regression", "optimizer": "tngd", "solver": "ideal-spu", "steps": 1, "kappa0": 1e300},
    },
    "steps of a training": {
        "kind": "training", "circuit": None,
        "training": {"task": "regression", "optimizer": "sgd", "steps": 10**12},
    },
}  # fmt: skip


def study_file(name: str, folder: Path) -> Path:
    """A study with the fields of a row."""
    fields = {key: value for key, value in {**STUDY, **STUDY_FIELDS[name]}.items() if value is not None}
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(fields))
    return path
