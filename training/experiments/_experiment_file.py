"""From YAML to an experiment."""

from pathlib import Path
from typing import Any

from ...files import UnreadableFile, parse_yaml, read_text
from ...files.opening import DESCRIPTION
from .._exceptions import ExperimentError
from ._experiment import Experiment, experiment


def load_experiment(path: Path, **overrides: Any) -> Experiment:
    """An experiment from a YAML mapping; overrides that are not None win. Raises `ExperimentError`."""
    fields = read_mapping(path)
    wanted = {key: value for key, value in overrides.items() if value is not None}
    return experiment({**fields, **wanted}, str(path))


def read_mapping(path: Path) -> dict[str, Any]:
    """A YAML file that holds a mapping; raises `ExperimentError` with file and line otherwise."""
    try:
        content = parse_yaml(read_text(path, DESCRIPTION), str(path))
    except UnreadableFile as error:
        raise ExperimentError(f"{path}: cannot be read: {error.reason}") from None
    except ValueError as error:
        raise ExperimentError(str(error)) from None
    if not isinstance(content, dict):
        raise ExperimentError(f"{path}: expected a mapping of fields to values, got {type(content).__name__}")
    return {str(key): value for key, value in content.items()}
