"""Plans carried out by ngspice: each in processes of its own, or small ones together in one.

ngspice 44 and 47 crash at `remcirc` and at `quit`, so that circuits that share a process stay until it ends by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ...measurements import Variables, provenance
from .._exceptions import SimulationFailed
from ..decks import Plan
from ..simulators import (
    Cancellation,
    Deck,
    Limits,
    Ngspice,
    Plot,
    Run,
    judge,
    remarks,
    run_deck,
    run_process,
    side_by_side,
    tail,
)
from ._variables import variables

_TOGETHER = 5.0
"""Time of the processor for all circuits of a process [s], some times what fifty of the largest that share one take:
who needs more has a process alone."""

_LARGEST = 200_000
"""Characters of a deck that shares a process: some thousand elements."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a plan measured, and where that comes from."""

    variables: Variables
    attributes: dict[str, Any]
    plots: tuple[Plot, ...]


def run(plan: Plan, ngspice: Ngspice, cancellation: Cancellation) -> Outcome:
    """Carry out a plan.

    Raises:
        SimulationFailed: killed, timed out, or no result that can be trusted.
    """
    limits = Limits(timeout=plan.timeout)

    def one(deck: Deck) -> tuple[tuple[Plot, ...], tuple[str, ...], float]:
        run = run_deck(deck.text, ngspice, limits, cancellation)
        return *judge(run, deck.expected), run.elapsed

    if len(plan.decks) == 1:
        results = [one(plan.decks[0])]
    else:
        results = side_by_side([partial(one, part) for part in plan.decks], None, cancellation)
    plots = [plot for found, _, _ in results for plot in found]
    warnings = list(dict.fromkeys(line for _, lines, _ in results for line in lines))
    return _outcome(plan, ngspice, plots, warnings, sum(elapsed for _, _, elapsed in results))


def carried_out(plan: Plan, ngspice: Ngspice) -> Outcome:
    """As `run`, where nothing else can end it.

    Raises:
        SimulationFailed: as `run`.
    """
    return run(plan, ngspice, Cancellation())


def may_share(plan: Plan) -> bool:
    """Is a plan quicker done than a process is started: a small operating point?"""
    return plan.settings.analysis == "op" and is_small(plan.whole)


def is_small(deck: str) -> bool:
    """May a deck share a process?"""
    return len(deck) <= _LARGEST


def run_together(plans: Sequence[Plan], ngspice: Ngspice, cancellation: Cancellation) -> list[Outcome]:
    """Carry out plans that may share a process in one; `elapsed_s` is each one's part of its time.

    Raises:
        SimulationFailed: one of them failed, or left so much as a warning, and which one is not known.
    """
    decks = [Deck(plan.whole, plan.decks[0].expected) for plan in plans]
    plots, share = run_decks_together(decks, min(plan.timeout for plan in plans), ngspice, cancellation)
    return [_outcome(plan, ngspice, own, [], share) for plan, own in zip(plans, plots, strict=True)]


def run_decks_together(
    decks: Sequence[Deck], timeout: float, ngspice: Ngspice, cancellation: Cancellation
) -> tuple[list[tuple[Plot, ...]], float]:
    """Plots of decks that may share a process, and each one's part of its time [s].

    Raises:
        SimulationFailed: as `run_together`.
    """
    texts = {f"{k}.cir": deck.text for k, deck in enumerate(decks)}
    wanted = [f"{k}.raw" for k in range(len(decks))]
    limits = Limits(timeout=timeout, processor=_TOGETHER)
    command = (ngspice.path, "-n", "-b", "circuit.cir")
    texts["circuit.cir"] = _control(len(decks))
    found = run_process("ngspice", command, texts, wanted, limits, cancellation)
    if lines := remarks(found.log):
        raise SimulationFailed(f"ngspice, {len(decks)} circuits in one process: {lines[0][:200]}", tail(found.log))
    share = found.elapsed / len(decks)
    runs = [Run(found.files[name], "", share) for name in wanted]
    return [judge(run, deck.expected)[0] for run, deck in zip(runs, decks, strict=True)], share


def _control(count: int) -> str:
    steps = (f"source {k}.cir\nrun\nwrite {k}.raw\ndestroy all" for k in range(count))
    return "\n".join((".title thermospice", ".control", *steps, ".endc", ".end", ""))


def _outcome(plan: Plan, ngspice: Ngspice, plots: Sequence[Plot], warnings: Sequence[str], elapsed: float) -> Outcome:
    attributes = {
        **provenance(plan.settings.analysis, "ngspice", str(ngspice.version), plan.whole, warnings),
        "solver": plan.solver,
        "noise_seed": plan.seed,
        "noise_step": plan.hold,
        "elapsed_s": elapsed,
    }
    return Outcome(variables(plan, plots), attributes, tuple(plots))
