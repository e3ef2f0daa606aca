"""The cost model of a solver."""

from ..devices import DeviceSPU
from ..solvers import IdealSPU, ModelSPU, Solver, SpiceSPU
from ._cost_model import CostModel, Supplied


def cost_model(solver: Solver) -> CostModel | None:
    """The device's own costs, the published timing model's where it tells none, None for a digital solver."""
    if isinstance(solver, ModelSPU | SpiceSPU):
        chip = solver.instance if isinstance(solver, SpiceSPU) else solver.model
        return CostModel(tau=chip.design.tau, arrays="crossbar")
    if isinstance(solver, DeviceSPU):
        population = solver.population
        if isinstance(population, Supplied):
            return CostModel.of(population)
    return CostModel() if isinstance(solver, DeviceSPU | IdealSPU) else None
