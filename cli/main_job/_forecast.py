"""What is left of the main job, by the time that its stages take."""

from collections.abc import Collection, Mapping

from ...files.forecasts import Forecast, side_by_side
from ...files.opening import available_cores

_STAGES: Mapping[str, float] = {
    "spice": 0.6,
    "calibration": 2.4,
    "fit": 1.9,
    "heldout": 0.7,
    "compare": 0.5,
    "fidelity": 0.7,
    "loop-chip": 11.0,
    "loop-fit": 12.0,
    "loop": 20.0,
}
"""Time [s] on two cores, as `summary.json` of the job has it in `stages_s`; of the others next to none."""

_STEP = 0.0144
"""Of one run's training [s], on a core of its own, the mean of all methods."""

_ON = 2
"""Cores that the stages were timed on."""

_SHARED = ("calibration", "loop-chip")
"""Stages that use all of them."""


def main_job_forecast(stages: Collection[str], trainings: int, steps: int) -> Forecast:
    """Of stages that are not done yet, and of so many trainings of so many steps."""
    cores = available_cores()
    shared = sum(_STAGES.get(name, 0.0) for name in stages if name in _SHARED)
    alone = sum(_STAGES.get(name, 0.0) for name in stages if name not in _SHARED)
    training = side_by_side([Forecast(_STEP * steps)] * trainings, cores)
    return training.after(alone + shared * _ON / min(cores, 2 * _ON))
