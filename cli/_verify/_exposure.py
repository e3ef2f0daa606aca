"""The chip in settings in which every element counts, each look against the model."""

import math
from collections.abc import Iterator, Mapping

from ...netlists import SimulatorError
from ._looks import Kind, distance
from ._row import Row
from ._settings import settings
from ._subject import Subject

_METRICS: Mapping[Kind, str] = {
    "op": "settled, worst relative error",
    "ac": "worst relative error at any frequency",
    "noise": "amplitude densities, worst relative error at any frequency",
    "tran": "waveform with rails and slew, worst error over swing",
}


def rows(subject: Subject) -> Iterator[Row]:
    """One for each look; a failed simulation is a failed row."""
    for setting in settings(subject):
        try:
            found = setting.measured(setting.network, setting.looks)
        except SimulatorError as failure:
            subject.failures.append(str(failure))
            found = {}
        for look in setting.looks:
            error = distance(look, found[look], setting.right(look)) if look in found else math.nan
            yield subject.row(look.analysis, f"{setting.name}: {_METRICS[look.analysis]}", error, look.limit)
