"""The settings that are shipped: tuned, or published, for a task."""

from collections.abc import Sequence
from pathlib import Path

from ._experiment_file import read_mapping
from .tunings import TunedSettings, in_document, nearest

FOLDER = Path(__file__).parent.parent / "tasks" / "tuned"


def tuned_settings(task: str, methods: Sequence[str], steps: int) -> TunedSettings | None:
    """Of `tuned/<task>.yaml`, those whose number of steps is nearest to `steps` by its ratio; None where it has none.

    methods: names under which they may stand; of equally near ones the first.
    """
    path = FOLDER / f"{task}.yaml"
    if not path.exists():
        return None
    return nearest(in_document(read_mapping(path), methods), steps)


def has_tunings(task: str) -> bool:
    """Is there a table for the task?"""
    return (FOLDER / f"{task}.yaml").exists()
