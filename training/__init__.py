"""Training with linear solvers from Cholesky to a calibrated device (torch)."""

from ..files import moved_names
from ._exceptions import CheckpointError as CheckpointError
from ._exceptions import Diverged as Diverged
from ._exceptions import ExperimentError as ExperimentError
from ._exceptions import TaskError as TaskError
from ._exceptions import UnstableLoop as UnstableLoop
from ._types import Vector as Vector
from .costs import CostModel as CostModel
from .devices import DeviceSPU as DeviceSPU
from .devices.chips import DeviceEffects as DeviceEffects
from .devices.chips import DeviceEffects as Effects  # noqa: F401  # the name that it had; it stays at this door
from .experiments import Experiment as Experiment
from .experiments import experiment as experiment
from .experiments import load_experiment as load_experiment
from .optimizers import KFAC as KFAC
from .optimizers import TNGD as TNGD
from .runs import run_experiments as run_experiments
from .runs import tune as tune
from .solvers import Cholesky as Cholesky
from .solvers import ConjugateGradient as ConjugateGradient
from .solvers import IdealSPU as IdealSPU
from .solvers import ModelSPU as ModelSPU
from .solvers import Solution as Solution
from .solvers import Solver as Solver
from .solvers import SpiceSPU as SpiceSPU
from .solvers import Woodbury as Woodbury
from .tasks import Split as Split
from .tasks import Task as Task
from .tasks import load_task as load_task

_MOVED = {
    "Ageing": "thermospice.training.devices.chips",
    "Budget": "thermospice.training.runs:TuningBudget",
    "CascadeFlow": "thermospice.training.devices",
    "Curvature": "thermospice.training.curvature",
    "Factors": "thermospice.training.programs",
    "Layered": "thermospice.training.programs",
    "LevenbergMarquardt": "thermospice.training.optimizers",
    "METHODS": "thermospice.training.runs",
    "OPTIMIZERS": "thermospice.training.experiments",
    "Parts": "thermospice.training.costs",
    "PopulationLike": "thermospice.training.devices.chips",
    "Products": "thermospice.training.programs",
    "SOLVERS": "thermospice.training.experiments",
    "SaturatedDevice": "thermospice.training.devices.chips",
    "TASKS": "thermospice.training.tasks",
    "Tuned": "thermospice.training.runs",
    "anchored": "thermospice.training.experiments",
    "applies": "thermospice.training.experiments",
    "available_cores": "thermospice.files.opening",
    "curvature": "thermospice.training.curvature",
    "fields_of_method": "thermospice.training.experiments",
    "follow_experiments": "thermospice.training.runs",
    "layered": "thermospice.training.curvature",
    "output_hessian": "thermospice.training.curvature",
    "products": "thermospice.training.curvature",
    "run_experiment": "thermospice.training.runs",
    "started_among_others": "thermospice.training.parallel",
    "with_defaults": "thermospice.training.experiments",
}

__getattr__ = moved_names(__name__, _MOVED)
