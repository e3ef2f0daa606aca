"""The solvers that an experiment can name. A new one is a row of `SOLVER_KINDS`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from .._exceptions import ExperimentError
from ..devices import DeviceSPU
from ..devices.chips import Ageing, DeviceEffects
from ..solvers import Cholesky, ConjugateGradient, IdealSPU, ModelSPU, Solver, SpiceSPU, Woodbury
from ._fields import ExperimentFields
from ._optimizer_kinds import present
from .search import RHO, Choice, Range, Space

# Of one chip with every resistor: 256 cells have 65,536 of them. Their noise is 1.6 GB in the model, and what it takes
# grows as the third power of the cells.
MOST_CELLS = 256


@dataclass(frozen=True)
class Wanted:
    """The solver that is wanted: the experiment, the seed of its run, and the network's number of parameters."""

    experiment: ExperimentFields
    seed: int
    cells: int

    @property
    def chip_seed(self) -> int:
        """Number of the chip, which is that of the run where every run has a chip of its own."""
        number = self.experiment.device_seed
        return self.seed if number == "seed" else number


@dataclass(frozen=True)
class SolverKind:
    """Everything that the package knows of a kind of solver."""

    make: Callable[[Wanted], Solver]
    settings: tuple[str, ...] = ()
    """Fields of an experiment that mean something to it, beside those of TNGD."""
    layer_settings: tuple[str, ...] | None = None
    """The same beside those of K-FAC, which asks for programs of any size, one after the other; None: it cannot."""
    tuned_as: str | None = None
    """The kind whose settings it takes: solvers of one linear system share what was tuned. None: its own."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """What it takes on a task that it was not tuned for."""
    search: Space = field(default_factory=dict)
    """What `tune` searches; empty where it is tuned as another kind."""
    iterates: bool = False
    """It asks for products with F alone, a number of them that differs from step to step."""
    loaded: bool = False
    """Its arrays hold J as it is, which is then stored however the curvature is kept."""


def _ideal_spu(wanted: Wanted) -> Solver:
    e = wanted.experiment
    return IdealSPU(**present(t=e.t, kappa0=e.kappa0), seed=wanted.seed)


def _conjugate_gradient(wanted: Wanted) -> Solver:
    e = wanted.experiment
    return ConjugateGradient(**present(tol=e.tolerance, max_iterations=e.iterations))


def _model_spu(wanted: Wanted) -> Solver:
    from ._device_files import load_model  # the circuit side, for those alone who train with it

    _refuse_many_cells(wanted, "model-spu")
    e = wanted.experiment
    return ModelSPU(load_model(e.device, e.design, wanted.cells, wanted.chip_seed), **present(t=e.t))


def _spice_spu(wanted: Wanted) -> Solver:
    from ._device_files import load_chip  # the circuit side, for those alone who train with it

    _refuse_many_cells(wanted, "spice-spu")
    e = wanted.experiment
    chip = load_chip(e.device, e.design, wanted.cells, wanted.chip_seed)
    return SpiceSPU(chip, **present(t=e.t), level="ideal" if chip.design.amplifier is None else "macro")


def _refuse_many_cells(wanted: Wanted, solver: str) -> None:
    if wanted.cells > MOST_CELLS:
        raise ExperimentError(
            f"solver: {solver} has a cell for each of the network's {wanted.cells} parameters, at most {MOST_CELLS}; "
            "take a smaller network (task logistic), or device-spu"
        )


def _device_spu(wanted: Wanted) -> Solver:
    e = wanted.experiment
    device = DeviceSPU(
        _device_model(wanted),
        **present(t=e.t, rounding=e.rounding, chip=e.chip),
        nulled=e.correction == "nulled",
        ageing=_ageing(e),
        effects=DeviceEffects().without(*(e.without or ())),
        seed=wanted.chip_seed,
    )
    # One chip for all runs, but each with noise of its own.
    device.generator.manual_seed(wanted.seed)
    return device


def _device_model(wanted: Wanted) -> Any:
    from ._device_files import load_measured, load_population  # the circuit side, for those alone who train with it

    e = wanted.experiment
    if e.chip == "measured" and e.device is not None:
        return load_measured(e.device)
    return load_population(e.device, e.design, e.correction, wanted.chip_seed)


def _ageing(e: ExperimentFields) -> Ageing | None:
    if e.step_time is None:
        return None
    from ._device_files import load_design  # the circuit side, for those alone who train with it

    return Ageing.of(load_design(e.device, e.design), e.step_time, e.recalibrate_every or 0)


_SEARCHED: Space = {
    RHO: Range(0.2, 5.0),
    "damping": Range(0.01, 1.0),
    "momentum": Range(0.0, 0.95, from_one=True),
}
_ANALOG = ("delay", "start", "deflated", "t")
_DEVICE = ("device", "design", "rounding", "without", "correction", "unstable")

SOLVER_KINDS: Mapping[str, SolverKind] = MappingProxyType(
    {
        "ideal-spu": SolverKind(
            make=_ideal_spu,
            settings=(*_ANALOG, "kappa0"),
            layer_settings=("t", "kappa0"),
            defaults={"lr": 0.1, "damping": 0.1, "t": 10.0, "delay": 0.0, "start": "warm", "kappa0": 0.0},
            search={
                **_SEARCHED,
                "t": Range(1.0, 50.0),
                "start": Choice(("warm", "gradient", "zero")),
                "curvature_rows": Choice(("all", "sampled")),
            },
        ),
        "device-spu": SolverKind(
            make=_device_spu,
            loaded=True,
            settings=(*_ANALOG, *_DEVICE, "served", "chip", "step_time", "recalibrate_every"),
            layer_settings=("t", *_DEVICE),
            tuned_as="ideal-spu",
        ),
        "model-spu": SolverKind(
            make=_model_spu,
            settings=(*_ANALOG, "device", "design"),
            tuned_as="ideal-spu",
        ),
        "spice-spu": SolverKind(
            make=_spice_spu,
            settings=(*_ANALOG, "device", "design"),
            tuned_as="ideal-spu",
        ),
        "cholesky": SolverKind(
            make=lambda _: Cholesky(),
            layer_settings=(),
            tuned_as="woodbury",
        ),
        "woodbury": SolverKind(
            make=lambda _: Woodbury(),
            defaults={"lr": 0.1, "damping": 0.1},
            search=_SEARCHED,
        ),
        "conjugate-gradient": SolverKind(
            make=_conjugate_gradient,
            settings=("tolerance", "iterations"),
            tuned_as="woodbury",
            iterates=True,
        ),
    }
)
