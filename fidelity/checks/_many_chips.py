"""Many chips: SPICE and the model of each, one by one; and the law of SPICE's errors against that of the model's."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import xarray as xr
from jaxtyping import Float

from ...behavioral import DeviceModel
from ...circuits import Instance
from ...measurements import Analysis
from ...netlists import Job, simulate_many
from ..subjects import Row, Subject, relative
from ._waveforms import EXACT

_CHIPS = 50
_OTHERS = 200
"""Chips of the model alone, from draws that SPICE has not seen."""
_SIGNIFICANCE = 6e-5
"""That of a normal deviate beyond four."""
_STREAMS = 20, 21


def rows(subject: Subject) -> Iterator[Row]:
    """Settled errors of fifty chips."""
    chips = _drawn(subject, _STREAMS[0], _CHIPS)
    analysis: Analysis = "op" if subject.mean else "noise"
    jobs = [Job(chip, subject.program, analysis, subject.level, scaling=subject.scaling) for chip in chips]
    measured = simulate_many(jobs)
    subject.failures.extend(str(found) for found in measured if not isinstance(found, xr.Dataset))
    one = f"{_CHIPS} chips one by one, worst"
    law = f"{_CHIPS} chips, law of the errors, Kolmogorov-Smirnov"
    critical = _critical(_CHIPS, _OTHERS)
    if any(not isinstance(found, xr.Dataset) for found in measured):
        yield subject.row(analysis, one, math.nan, EXACT[analysis])
        yield subject.row(analysis, law, math.nan, critical)
        return
    answers = [_measured(subject, found) for found in measured if isinstance(found, xr.Dataset)]
    worst = max(relative(v - _modelled(subject, chip), v) for chip, v in zip(chips, answers, strict=True))
    yield subject.row(analysis, one, worst, EXACT[analysis])
    others = [_modelled(subject, chip) for chip in _drawn(subject, _STREAMS[1], _OTHERS)]
    measured_law, model_law = (np.array([_error(subject, answer) for answer in group]) for group in (answers, others))
    distance = _distance(measured_law, model_law)
    # The distance of the laws themselves lies within what chance adds to that of the samples.
    chance = _critical(_CHIPS, _OTHERS, 0.05)
    interval = (max(distance - chance, 0.0), min(distance + chance, 1.0))
    yield subject.row(analysis, law, distance, critical, interval=interval)


def _drawn(subject: Subject, stream: int, count: int) -> Sequence[Instance]:
    rng = np.random.default_rng([subject.seed, stream])
    design = subject.instance.design
    topology = subject.instance.topology
    return [design.sample(topology, rng) for _ in range(count)]


def _measured(subject: Subject, data: xr.Dataset) -> np.ndarray:
    return np.asarray(data["v"].values / subject.scaling.drive if subject.mean else data["covariance"].values)


def _modelled(subject: Subject, chip: Instance) -> np.ndarray:
    response = DeviceModel.nominal(chip, subject.level).response(subject.program, subject.scaling, allow_clipping=True)
    return response.solution if subject.mean else response.stationary_covariance()


def _error(subject: Subject, answer: np.ndarray) -> float:
    """Relative distance of a chip's answer from the exact one."""
    if subject.mean:
        exact = subject.program.solution
    else:
        exact = subject.instance.design.kappa0 * np.linalg.inv(subject.program.A)
    return relative(answer - exact, exact)


def _critical(n: int, m: int, significance: float = _SIGNIFICANCE) -> float:
    """Distance of two samples of one law that chance exceeds with this probability (Smirnov, 1948)."""
    return math.sqrt(-math.log(significance / 2) / 2 * (n + m) / (n * m))


def _distance(a: Float[np.ndarray, " n"], b: Float[np.ndarray, " m"]) -> float:
    """Largest difference of two empirical distribution functions (Kolmogorov and Smirnov)."""
    points = np.concatenate([a, b])
    below = [np.searchsorted(np.sort(x), points, side="right") / len(x) for x in (a, b)]
    return float(np.abs(below[0] - below[1]).max())
