"""Many jobs: side by side, and small ones several to a process."""

import contextlib
import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from math import ceil

import numpy as np
import xarray as xr
from jaxtyping import Float

from ...circuits import Level, Program, Scaling
from ...circuits.chips import Instances
from ...measurements import dataset
from .._exceptions import NetlistError, SimulationFailed, SimulatorError
from ..cards import plainly_named
from ..decks import Job, Plan, Settings, plan_job, settling_decks
from ..simulators import Cancellation, Ngspice, proven_ngspice, side_by_side
from ..simulators import analyses as _analyses
from ._agreement import Judge, judged
from ._carry_out import Outcome, is_small, may_share, run, run_decks_together, run_together

PER_PROCESS = 16
"""Operating points in one process by default: its start has then become a small part."""

_Result = xr.Dataset | SimulatorError | ValueError


def simulate_many(
    jobs: Sequence[Job],
    workers: int | None = None,
    ngspice: Ngspice | None = None,
    done: Callable[[int], None] | None = None,
    per_process: int = PER_PROCESS,
) -> list[xr.Dataset | SimulatorError | ValueError]:
    """Run jobs side by side; results in the order of the jobs, a failed job's error in its place.

    Small operating points take less time than the start of ngspice and share its processes. When one of those that
    share fails, hangs or grows, each runs again by itself, so that only that one fails. The numbers are the same.

    Args:
        jobs: what to run.
        workers: processes at a time; as many as there are processors unless given.
        ngspice: the simulator, found unless given.
        done: called with a job's number when it has ended.
        per_process: most operating points in a process, at least 1.

    Raises:
        SimulatorMissing: there is no ngspice.
        NetlistError: `per_process` is less than 1.
    """
    if per_process < 1:
        raise NetlistError(f"per_process: expected at least 1, got {per_process}")
    try:
        simulator = ngspice or proven_ngspice()
    except SimulationFailed as error:  # of the known circuit, as it would be of any
        return [error for _ in jobs]
    cancellation = Cancellation()
    count = workers or os.cpu_count() or 1
    groups = _groups(jobs, per_process, count)

    def ended(group: int) -> None:
        if done is not None:
            for k in groups[group]:
                done(k)

    tasks = [partial(_attempt, [jobs[k] for k in group], simulator, cancellation) for group in groups]
    found = side_by_side(tasks, count, cancellation, ended)
    results = {
        k: result for group, part in zip(groups, found, strict=True) for k, result in zip(group, part, strict=True)
    }
    return [results[k] for k in range(len(jobs))]


def settle_together(jobs: Iterable[Job], ngspice: Ngspice | None = None) -> list[Float[np.ndarray, " n"]]:
    """Settled voltages [V] of small operating points in one ngspice process: all of them, or none.

    The numbers of `simulate_many` and nothing else, for campaigns of many thousand chips. Each job is planned as it
    comes: one whose scaling was chosen just before has its linear analysis still at hand.

    Raises:
        ProgramError, DesignError, NetlistError: as `simulate`, also for a job that is no small operating point.
        SimulatorMissing: there is no ngspice.
        SimulationFailed: at least one of them failed; run by itself each says whether it was that.
    """
    simulator = ngspice or proven_ngspice()
    plans = [plan_job(job, simulator) for job in jobs]
    if not all(map(may_share, plans)):
        raise NetlistError("settle_together: expected operating points of at most some thousand elements")
    outcomes = run_together(plans, simulator, Cancellation()) if plans else []
    return [outcome.variables["v"][1] for outcome in outcomes]


def settle_alike(
    chips: Instances,
    program: Program,
    level: Level,
    scaling: Scaling,
    timeout: float,
    ngspice: Ngspice | None = None,
) -> list[Float[np.ndarray, " n"]] | None:
    """As `settle_together`, of chips that are known to be stable with a program at a scaling, in a part of the time.

    Their decks are those of `deck`; None where they cannot be made together.

    Raises:
        ProgramError, DesignError, NetlistError, SimulatorMissing, SimulationFailed: as `settle_together`.
    """
    simulator = ngspice or proven_ngspice()
    network = chips.network(program, level, scaling)
    decks = settling_decks(Settings("op", level, timeout=timeout), network, len(chips), simulator)
    if decks is None or not all(is_small(deck.text) for deck in decks):
        return None
    plots, _ = run_decks_together(decks, timeout, simulator, Cancellation())
    outputs = plainly_named(network).outputs
    return [_analyses.voltages(own[0], outputs)[0] for own in plots]


def measured(job: Job, plan: Plan, outcome: Outcome) -> xr.Dataset:
    """The measurement of a job, and what its circuit's equations have to say of it."""
    chip = (job.instance, job.program, job.level, job.scaling)
    return judged(dataset(*chip, outcome.variables, outcome.attributes), Judge.of(*chip, plan.linear))


def _groups(jobs: Sequence[Job], most: int, workers: int) -> list[list[int]]:
    """Numbers of the jobs that go to a process together, so that no worker is left without."""
    points = [k for k, job in enumerate(jobs) if job.analysis == "op"]
    size = max(1, min(most, ceil(len(points) / workers)))
    others = [[k] for k, job in enumerate(jobs) if job.analysis != "op"]
    return [points[k : k + size] for k in range(0, len(points), size)] + others


def _attempt(jobs: Sequence[Job], ngspice: Ngspice, cancellation: Cancellation) -> list[_Result]:
    plans = [_planned(job, ngspice) for job in jobs]
    sharing = [plan for plan in plans if isinstance(plan, Plan) and may_share(plan)]
    shared: dict[Plan, Outcome] = {}
    if len(sharing) > 1:
        # Whoever it was that failed says so again when it runs alone.
        with contextlib.suppress(SimulationFailed):
            shared = dict(zip(sharing, run_together(sharing, ngspice, cancellation), strict=True))
    return [
        _finished(job, plan, shared.get(plan), ngspice, cancellation) if isinstance(plan, Plan) else plan
        for job, plan in zip(jobs, plans, strict=True)
    ]


def _planned(job: Job, ngspice: Ngspice) -> Plan | SimulatorError | ValueError:
    try:
        return plan_job(job, ngspice)
    except (SimulatorError, ValueError) as error:
        return error


def _finished(job: Job, plan: Plan, shared: Outcome | None, ngspice: Ngspice, cancellation: Cancellation) -> _Result:
    try:
        return measured(job, plan, shared or run(plan, ngspice, cancellation))
    except (SimulatorError, ValueError) as error:
        return error
