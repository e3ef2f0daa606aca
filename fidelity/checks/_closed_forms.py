"""SPICE against closed forms that know nothing of the model: the solution, the inverse, equipartition."""

import math
from collections.abc import Iterator

import numpy as np

from ...circuits.networks import BOLTZMANN
from ..subjects import Row, Subject, relative

_PASSIVE = 1e-4
_SETTLED = 2e-4


def rows(subject: Subject) -> Iterator[Row]:
    """Rows of the ideal level."""
    yield solution(subject) if subject.mean else _inverse(subject)
    if subject.instance.topology.name == "rc-mesh":
        yield _equipartition(subject)


def solution(subject: Subject) -> Row:
    """Without mismatch the ideal circuit solves A x = b."""
    data = subject.measure("op", subject.instance.design.nominal(subject.instance.topology))
    x = subject.program.solution
    error = math.nan if data is None else relative(data["v"].values / subject.scaling.drive - x, x)
    return subject.row("op", "settled against A^-1 b, no mismatch", error, _SETTLED)


def _inverse(subject: Subject) -> Row:
    """Without mismatch the grid's covariance is `(kT + S R0/2) (C A)^-1`."""
    design = subject.instance.design
    data = subject.measure("noise", design.nominal(subject.instance.topology))
    expected = design.kappa0 * np.linalg.inv(subject.program.A)
    error = math.nan if data is None else relative(data["covariance"].values - expected, expected)
    return subject.row("noise", "covariance against A^-1, no mismatch", error, _PASSIVE)


def _equipartition(subject: Subject) -> Row:
    """A passive mesh at one temperature: kT/C whatever its conductances are."""
    design = subject.instance.design
    C = design.C * (1 + subject.instance.errors["capacitance"])
    expected = np.diag(BOLTZMANN * design.temperature / C)
    data = subject.measure("noise")
    error = math.nan if data is None else relative(data["covariance"].values - expected, expected)
    return subject.row("noise", "covariance against kT/C", error, _PASSIVE)
