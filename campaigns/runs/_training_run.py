"""One training."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...training import experiment
from ...training.runs import run_experiment
from .._exceptions import StudyError
from ..planning import digest_of
from ..studies import TRAINING


def perform(task: Mapping[str, Any], folder: str | None) -> dict[str, Any]:
    """Metrics and curves of a task; it goes on from a checkpoint in the folder, where this machine sees the folder.

    Raises:
        ExperimentError, TaskError, CheckpointError: the run failed; the message says why.
    """
    if folder is not None and Path(folder).parent.is_dir():
        return _perform_in(task, Path(folder))
    with tempfile.TemporaryDirectory(prefix="thermospice-") as temporary:
        return _perform_in(task, Path(temporary))


def _perform_in(task: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    fields = {**task["experiment"], "seeds": [task["instance"]]}
    for name, digest in task["files"].items():
        if digest_of(Path(fields[name])) != digest:
            raise StudyError(f"{fields[name]}: changed since the study began; use a copy, or begin a new study")
    entry = run_experiment(experiment(fields), folder, resume=True, workers=1, quiet=True)[0]
    metrics = {name: float(entry[name]) for name in TRAINING if name in entry} | {"steps_done": float(entry["steps"])}
    found: dict[str, Any] = {"metrics": metrics, "arrays": {}, "entry": dict(entry)}
    return {**found, "failed": str(entry["stopped"])} if "stopped" in entry else found
