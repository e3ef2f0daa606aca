"""Which simulator runs a job: the one that is asked for, or the faster one of those that are there."""

from collections.abc import Mapping
from typing import Literal, get_args

from ...files import one_of
from ...measurements import Analysis
from .._exceptions import NetlistError, SimulatorMissing
from ..decks import Job
from ..simulators import Vacask, find_ngspice, find_vacask
from ._second_opinion import only_ngspice

Engine = Literal["ngspice", "vacask", "auto"]
ENGINES: tuple[Engine, ...] = get_args(Engine)

# Cells of a crossbar of macro-models between which VACASK took less of the processor than ngspice 39 with SPARSE 1.3,
# by benchmarks/bench_engines.py: it needs 0.09 s to begin, and its KLU is ahead where ngspice's elimination fills in.
# Spectra are the exception: VACASK takes half of the processor from 16 cells on, but one core, and ngspice all of them.
VACASK_FASTER: Mapping[Analysis, tuple[int, int]] = {
    "op": (64, 1_000_000),
    "ac": (24, 1_000_000),
    "noise": (1_000_000, 1_000_000),
    "tran": (16, 48),
}


def takes_vacask(analysis: Analysis, cells: int, klu: bool = False) -> bool:
    """Whether VACASK is the faster one for so many cells; never with an ngspice that has KLU as well.

    ngspice 44.2 with KLU took 1.06 s for a transient of 32 cells, 0.11 s for a response and 0.04 s for an operating
    point of 64, where VACASK took 1.24, 0.20 and 0.16 s; a response of 64 cells is as quick in both.
    """
    if klu:
        return False
    fewest, most = VACASK_FASTER[analysis]
    return fewest <= cells <= most


def ngspice_has_klu() -> bool:
    """Whether the ngspice that would run has the solver KLU; false without one."""
    try:
        return find_ngspice().klu
    except SimulatorMissing:
        return False


def get_engine(name: str) -> Engine:
    """An engine by its name.

    Raises:
        NetlistError: unknown.
    """
    return one_of(name, ENGINES, "engine", NetlistError)


def vacask_for(engine: Engine, job: Job) -> Vacask | None:
    """VACASK, where it is to run a job; None where ngspice is.

    `auto` takes the faster one, and ngspice for what only that does or where VACASK is not installed.

    Raises:
        NetlistError: VACASK is asked for what only ngspice does.
        SimulatorMissing: VACASK is asked for and not installed.
    """
    if get_engine(engine) == "ngspice":
        return None
    reason = only_ngspice(job)
    if engine == "vacask":
        if reason is not None:
            raise NetlistError(f"engine: VACASK: {reason}; take ngspice or auto")
        return find_vacask()
    if reason is not None or not takes_vacask(job.analysis, job.program.n, ngspice_has_klu()):
        return None
    try:
        return find_vacask()
    except SimulatorMissing:
        return None
