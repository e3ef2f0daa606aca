"""How large a study is: counted from its description, before any of its points is made."""

import math

from ...files.opening import MOST_RUNS, seed_fault, shortened
from .._exceptions import StudyError
from ..studies import Parameter, Study
from ._sensitivity_points import study_layout

# One run may take four months: a clock that waits for much longer does not exist.
MOST_SECONDS = 1e7


def check_size(study: Study, where: str) -> None:
    """Whether a study can be carried out and kept.

    Raises:
        StudyError: too many runs, a seed that files do not keep, or a time limit that no clock waits for.
    """
    points = point_count(study)
    if study.optimise is not None and study.optimise.runs + study.optimise.verify > MOST_RUNS:
        raise StudyError(f"{where}: optimise.runs: expected at most {MOST_RUNS:,} runs with those of verify")
    if points * study.instances > MOST_RUNS:
        asked = f"{shortened(points)} points of {shortened(study.instances)} instances"
        raise StudyError(f"{where}: expected at most {MOST_RUNS:,} runs, got {asked}")
    if (fault := seed_fault(study.seed)) is not None:
        raise StudyError(f"{where}: seed: {fault}")
    seed = study.circuit.program.seed if study.circuit is not None else None
    if seed is not None and (fault := seed_fault(seed)) is not None:
        raise StudyError(f"{where}: circuit.program.seed: {fault}")
    if study.timeout > MOST_SECONDS:
        raise StudyError(f"{where}: timeout: expected at most {MOST_SECONDS:g} s, got {study.timeout:g}")


def point_count(study: Study) -> int:
    """Points of a study: the product of a grid's values, or as many as are drawn; of a search none beforehand."""
    if study.sensitivity is not None:
        return study_layout(study).points
    if study.optimise is not None:
        return 0
    if study.method != "grid":
        return study.samples or 0
    return math.prod(_values(parameter) for parameter in study.parameters.values())


def _values(parameter: Parameter) -> int:
    return len(parameter.values) if parameter.values is not None else parameter.count or 1
