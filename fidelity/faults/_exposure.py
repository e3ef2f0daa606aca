"""The chip in settings in which every element counts, each look against the model."""

import math
from collections.abc import Iterator, Mapping

import numpy as np

from ...netlists import SimulatorError
from ..subjects import Row, Subject
from ._looks import Kind, Look, Setting, distance
from ._settings import settings

_METRICS: Mapping[Kind, str] = {
    "op": "settled, worst relative error",
    "ac": "worst relative error at any frequency",
    "noise": "amplitude densities, worst relative error at any frequency",
    "tran": "waveform with rails and slew, worst error over swing",
}
_NO_ANSWER = SimulatorError, ValueError, np.linalg.LinAlgError


def rows(subject: Subject) -> Iterator[Row]:
    """One for each look; a failed simulation, or a setting that the model has no answer for, is a failed row."""
    try:
        for setting in settings(subject):
            errors = _errors(subject, setting)
            for look in setting.looks:
                metric = f"{setting.name}: {_METRICS[look.analysis]}"
                yield subject.row(look.analysis, metric, errors.get(look, math.nan), look.limit)
    except _NO_ANSWER as failure:
        subject.failures.append(str(failure))
        yield subject.row("op", "a setting in which every element counts", math.nan, 0.0)


def _errors(subject: Subject, setting: Setting) -> Mapping[Look, float]:
    """By look; none when the simulation failed."""
    try:
        found = setting.measured(setting.network, setting.looks)
        return {look: distance(look, found[look], setting.right(look)) for look in setting.looks}
    except _NO_ANSWER as failure:
        subject.failures.append(str(failure))
        return {}
