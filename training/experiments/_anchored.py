"""Files and folders that an experiment names, as they are called from everywhere."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...circuits.trials import names_a_file
from ._experiment import Experiment


def anchored(experiment: Experiment) -> Experiment:
    """The same with paths that mean the same in every working folder, and in every link to it."""
    found = anchored_paths({name: getattr(experiment, name) for name in ("device", "data", "design")})
    return experiment.replace(**found) if found else experiment


def anchored_paths(fields: Mapping[str, Any]) -> dict[str, str]:
    """Those fields of an experiment that are paths."""
    found = {}
    for name in ("device", "data", "design"):
        value = fields.get(name)
        # a design may be the name of a preset, or described here
        if isinstance(value, str | Path) and (name != "design" or names_a_file(str(value))):
            found[name] = str(Path(value).resolve())
    return found
