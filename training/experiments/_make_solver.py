"""The solver that an experiment asks for, and what its device costs."""

from typing import Any

from .._exceptions import ExperimentError
from ..devices import DeviceSPU
from ..devices.chips import Ageing, Effects, measured_cells
from ..solvers import Cholesky, ConjugateGradient, IdealSPU, ModelSPU, Solver, SpiceSPU, Woodbury
from ._experiment import Experiment

MOST_CELLS = 256
"""Of one chip with every resistor: 65,536 of them, whose noise is 1.6 GB in the model and grows as the third power."""


def make_solver(experiment: Experiment, seed: int, cells: int) -> Solver:
    """The experiment's linear solver, for a network with so many parameters."""
    e = experiment
    if e.solves == "cholesky":
        return Cholesky()
    if e.solves == "woodbury":
        return Woodbury()
    if e.solves == "conjugate-gradient":
        return ConjugateGradient(**present(tol=e.tolerance, max_iterations=e.iterations))
    if e.solves == "ideal-spu":
        return IdealSPU(**present(t=e.t, kappa0=e.kappa0), seed=seed)
    # The circuit side is loaded only for those who train with it.
    from ._device_files import load_chip, load_design, load_measured, load_model, load_population

    chip_seed = seed if e.device_seed == "seed" else e.device_seed
    time = present(t=e.t)
    if e.solves in ("model-spu", "spice-spu") and cells > MOST_CELLS:
        raise ExperimentError(
            f"solver: {e.solves} has a cell for each of the network's {cells} parameters, at most {MOST_CELLS}; "
            "take a smaller network (task logistic), or device-spu"
        )
    if e.solves == "model-spu":
        return ModelSPU(load_model(e.device, e.design, cells, chip_seed), **time)
    if e.solves == "spice-spu":
        chip = load_chip(e.device, e.design, cells, chip_seed)
        return SpiceSPU(chip, **time, level="ideal" if chip.design.amplifier is None else "macro")
    if e.chip == "measured" and e.device is not None:
        model: Any = load_measured(e.device)
    else:
        model = load_population(e.device, e.design, e.correction, chip_seed)
    effects = Effects().without(*(e.without or ()))
    ageing = None
    if e.step_time is not None:
        ageing = Ageing.of(load_design(e.device, e.design), e.step_time, e.recalibrate_every or 0)
    asked = {**time, **present(rounding=e.rounding, chip=e.chip), "ageing": ageing}
    device = DeviceSPU(model, **asked, effects=effects, seed=chip_seed)
    # One chip for all runs, but each with noise of its own.
    device.generator.manual_seed(seed)
    return device


def extrapolation(solver: Solver, cells: int) -> str | None:
    """A warning in one line where a device's spreads were measured on fewer cells than the network has parameters."""
    measured = measured_cells(solver.population) if isinstance(solver, DeviceSPU) else None
    if measured is None or cells <= measured:
        return None
    return (
        f"the device's spreads were measured on {measured} cells and stand for {cells} here, {cells / measured:.3g} "
        "times as many: how deviations change over a larger chip was not measured"
    )


def present(**values: Any) -> dict[str, Any]:
    """The settings that have a value."""
    return {name: value for name, value in values.items() if value is not None}
