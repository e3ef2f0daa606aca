"""Does the table see a fault of any element? Faults are planted one by one; where the model says most is to be seen,
ngspice has to show it.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ...behavioral import DeviceModel
from ...circuits import Cascade, choose_scaling, random_program
from ..subjects import Row, Subject
from ._faults import Fault, planted_faults
from ._looks import Setting
from ._settings import settings
from ._visibility import Sight, best_sight, sights

# Streams of the seed for the two chips, each of which has a program of its own.
_STREAMS = 24, 25

_CELLS = 2

# Of each kind of fault of each element the table looks at so many parts for each circuit, by chance;
# the full table looks at all of them.
_PARTS = 3

_TRIED = 2
"""Faults of a kind of which one should be clear to see."""
_CLEAR = 1.5
"""Effect by the limit from which a fault has to be seen: what a right circuit is off is less than half a limit."""
_UNSEEN = 1e9


def rows(subject: Subject, every: bool) -> Iterator[Row]:
    """How many times the limit over the error, of the fault that is seen least, by the analysis that sees it: below
    one, every fault is caught.
    """
    plans = [list(settings(chip)) for chip in chips(subject)]
    known = [faults_of(plan) for plan in plans]
    margins: dict[str, list[float]] = {}
    for k, faults in enumerate(_chosen(known, subject, every)):
        here = k % len(plans)
        found = _margin(sights(plans[here]), [fault for fault in faults if fault in known[here]])
        if found is not None:
            margins.setdefault(found[0].look.analysis, []).append(found[1])
    for analysis in sorted(margins):
        metric = "faults planted one by one, limit over error, worst"
        yield subject.row(analysis, metric, float(np.max(margins[analysis])), 1.0)


def chips(subject: Subject) -> list[Subject]:
    """Two small chips of the same kind, each with a program of its own."""
    chip = subject.instance
    topology = replace(chip.topology, n=_CELLS)  # type: ignore[type-var]  # all are dataclasses
    topology = Cascade(_CELLS, _CELLS) if isinstance(topology, Cascade) else topology
    found = []
    for stream in _STREAMS:
        rng = np.random.default_rng([subject.seed, stream])
        instance = chip.design.sample(topology, rng)
        program = random_program(topology, rng)
        scaling = choose_scaling(instance, program, subject.level)
        model = DeviceModel.nominal(instance, subject.level)
        found.append(Subject(instance, program, subject.level, scaling, model, subject.seed))
    return found


def faults_of(plan: Sequence[Setting]) -> Mapping[Fault, None]:
    """The faults of the circuits of all settings, each fault once, in order."""
    return dict.fromkeys(f for s in plan for f in planted_faults(s.network, s.level == "transistor"))


def _chosen(known: Sequence[Mapping[Fault, None]], subject: Subject, every: bool) -> Iterator[list[Fault]]:
    """Faults of the kinds that are looked at, those of a kind in an order of chance."""
    by_kind: dict[str, list[Fault]] = {}
    for fault in dict.fromkeys(fault for faults in known for fault in faults):
        by_kind.setdefault(fault.kind, []).append(fault)
    rng = np.random.default_rng([subject.seed, sum(map(ord, subject.instance.topology.name))])
    start, step = (0, 1) if every else (int(rng.integers(_PARTS)), _PARTS)
    for _, kinds in itertools.groupby(sorted(by_kind), key=lambda kind: kind.split(":")[0]):
        # Every element is among them, however few kinds it has.
        of_element = list(kinds)
        for kind in of_element[min(start, len(of_element) - 1) :: step]:
            yield [by_kind[kind][k] for k in rng.permutation(len(by_kind[kind]))]


def _margin(plan: Sequence[Sight], faults: Sequence[Fault]) -> tuple[Sight, float] | None:
    """Of the first of the faults of a kind that the model says is clearly to be seen; None when there is none.

    NaN where the right circuit itself is not right: a simulator that has no answer sees no fault either.
    """
    for fault in faults[:_TRIED]:
        sight, effect = best_sight(plan, fault, enough=_CLEAR)
        if effect >= _CLEAR:
            return sight, _limit_over_error(sight.error(fault)) if sight.slack <= 1 else math.nan
    return None


def _limit_over_error(error: float) -> float:
    return min(1 / error, _UNSEEN) if error > 0 else _UNSEEN
