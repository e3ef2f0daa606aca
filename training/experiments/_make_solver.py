"""The solver that an experiment asks for, and a warning where its device is extrapolated."""

from .._exceptions import ExperimentError
from ..devices import DeviceSPU
from ..devices.chips import measured_cells
from ..solvers import Solver
from ._experiment import Experiment
from ._solver_kinds import SOLVER_KINDS, Wanted


def make_solver(experiment: Experiment, seed: int, cells: int) -> Solver:
    """The experiment's linear solver, for a network with so many parameters.

    Raises:
        ExperimentError: its device or design cannot be used, the network has more parameters than the
            solver has cells, or the optimiser takes no solver.
    """
    if experiment.solves is None:
        raise ExperimentError(f"solver: {experiment.optimizer} solves no linear system")
    return SOLVER_KINDS[experiment.solves].make(Wanted(experiment, seed, cells))


def extrapolation(solver: Solver, cells: int) -> str | None:
    """A warning in one line where a device's spreads were measured on fewer cells than it has here."""
    measured = measured_cells(solver.population) if isinstance(solver, DeviceSPU) else None
    if measured is None or cells <= measured:
        return None
    return (
        f"the device's spreads were measured on {measured} cells and stand for {cells} here,"
        f" {cells / measured:.3g} times as many: how deviations change over a larger chip was not measured"
    )
