"""Points of a ranking: each parameter through its range alone, and the rows of a Sobol design."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from jaxtyping import Float

from ..studies import Parameter, Reader, Study, points_at

# Stream of the study's seed; chips, programs and points that are drawn have the first three.
_STREAM = 3

_MIDDLE = 0.95
"""Of a normal distribution, which has no ends, the part that one-at-a-time goes through."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Which of a study's points are which: the settings as they are, each parameter's levels, then the Sobol design.

    The design has the rows of A, those of B, and for each parameter those of A with that parameter's column from B
    (Saltelli et al., Comput. Phys. Commun. 181, 259, 2010).
    """

    levels: Mapping[str, range]
    """Points at which one parameter goes through its range; empty where that was not asked for."""
    A: range
    B: range
    AB: Mapping[str, range]

    @property
    def points(self) -> int:
        last = [*self.levels.values(), self.A, self.B, *self.AB.values()]
        return max((part.stop for part in last if part), default=0)


def study_layout(study: Study) -> Layout:
    """The layout of a study with `sensitivity`."""
    asked = study.sensitivity
    assert asked is not None
    end = 0
    levels: dict[str, range] = {}
    if "one-at-a-time" in asked.methods:
        end = 1
        for name, parameter in study.parameters.items():
            count = asked.levels if parameter.values is None else len(parameter.values)
            levels[name] = range(end, end + count)
            end += count
    rows = asked.samples if "sobol" in asked.methods else 0
    A = range(end, end + rows)
    B = range(A.stop, A.stop + rows)
    AB = {name: range(B.stop + k * rows, B.stop + (k + 1) * rows) for k, name in enumerate(study.parameters)}
    return Layout(levels, A, B, AB if rows else {})


def sensitivity_points(study: Study, layout: Layout, read: Reader) -> list[dict[str, Any]]:
    """Values of what is replaced at each point.

    Raises:
        ValueError: bounds that make no range.
    """
    found: list[dict[str, Any]] = [{}] if layout.levels else []
    for name, places in layout.levels.items():
        parameter = study.parameters[name]
        unit = _levels(parameter, len(places))[:, None]
        found += points_at({name: parameter}, unit, read)
    return found + (_design(study, len(layout.A), read) if layout.A else [])


def _levels(parameter: Parameter, count: int) -> Float[np.ndarray, " levels"]:
    if parameter.values is not None:
        return (np.arange(count) + 0.5) / count
    cut = (1 - _MIDDLE) / 2 if parameter.mean is not None else 0.0
    return np.linspace(cut, 1 - cut, count)


def _design(study: Study, rows: int, read: Reader) -> list[dict[str, Any]]:
    """A, B and the mixed rows: a scrambled Sobol sequence of twice the dimension, as scipy's `sobol_indices` has it."""
    count = len(study.parameters)
    rng = np.random.default_rng([study.seed, _STREAM])
    unit = scipy.stats.qmc.Sobol(2 * count, seed=rng).random(rows)
    A = unit[:, :count]
    B = unit[:, count:]
    mixed = []
    for k in range(count):
        one = A.copy()
        one[:, k] = B[:, k]
        mixed.append(one)
    return points_at(study.parameters, np.concatenate([A, B, *mixed]), read)
