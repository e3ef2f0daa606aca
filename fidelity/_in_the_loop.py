"""Training with ngspice in the loop, and with models of the same chip: do they reach the same parameters?"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..behavioral import DeviceModel
from ..circuits import Instance
from ..training import TNGD, ModelSPU, Solver, SpiceSPU, Split, load_task
from .subjects import Row, make_row

DRAWS = 12
"""Models drawn from the calibration's standard errors, each trained: what the calibration leaves open."""
_TIME = 5.0
"""Analog time of a step [tau]: the chip has not settled, so that its dynamics enter as well."""
_LR = 0.5
_DAMPING = 0.2
_BATCH = 64
# Streams of the seed, beside those of a run.
_POSTERIOR = 5
_ORDER = 6


def loop_parameters() -> int:
    """Parameters of the network that is trained in the loop: the chip has a cell for each."""
    return sum(p.numel() for p in load_task("logistic").build().parameters())


def train_in_the_loop(chip: Instance, device: DeviceModel, seed: int) -> dict[str, Any]:
    """The same steps with the chip in ngspice, with its calibrated model, and with the design alone.

    Args:
        chip: of `loop_parameters()` cells.
        device: its calibrated model.
        seed: of initial weights, batches, and what the calibration leaves open.

    Returns:
        by `spice`, `calibrated` and `design` losses and final parameters, and `sd`, how far the parameters scatter by
        what the calibration leaves open.
    """
    design = DeviceModel.nominal(chip.design.nominal(chip.topology))
    solvers: Mapping[str, Solver] = {
        "spice": SpiceSPU(chip, t=_TIME),
        "calibrated": ModelSPU(device, t=_TIME),
        "design": ModelSPU(design, t=_TIME),
    }
    runs = {name: _trained(solver, seed) for name, solver in solvers.items()}
    rng = np.random.default_rng([seed, _POSTERIOR])
    spread = [_trained(ModelSPU(_redrawn(device, rng), t=_TIME), seed)["parameters"] for _ in range(DRAWS)]
    return {**runs, "sd": np.std(spread, axis=0, ddof=1), "draws": DRAWS, "t": _TIME}


def loop_row(chip: Instance, trained: Mapping[str, Any]) -> Row:
    """Whether training by the model reaches what training in ngspice does, from `train_in_the_loop`."""
    spice = np.asarray(trained["spice"]["parameters"])
    model = np.asarray(trained["calibrated"]["parameters"])
    z = float(np.sqrt(np.mean(((model - spice) / np.asarray(trained["sd"])) ** 2)))
    # The parameters move together in a few directions: of a single unit normal one the size exceeds 3 in 0.3 %.
    metric = "parameters trained in ngspice and by the calibrated model, rms in standard errors"
    return make_row(chip, "macro", "training", metric, z, 3.0)


def _redrawn(device: DeviceModel, rng: np.random.Generator) -> DeviceModel:
    """A chip that the calibration also allows; deviations are taken as independent, which overstates their effect."""
    errors = {
        name: values + device.standard_errors[name] * rng.standard_normal(values.shape)
        for name, values in device.errors.items()
    }
    return DeviceModel.nominal(device.instance.replace_errors(**errors), device.level)


def _trained(solver: Solver, seed: int) -> dict[str, Any]:
    """Losses of the steps and final parameters."""
    task = load_task("logistic")
    train = task.train.to(torch.device("cpu"), torch.float64)
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        module = task.build().double()
    optimizer = TNGD(module, task.loss_fn, lr=_LR, damping=_DAMPING, solver=solver, start="gradient")
    losses = [float(optimizer.step(*batch)) for batch in _batches(train, task.steps, seed)]
    return {"losses": losses, "parameters": _flat(module)}


def _batches(train: Split, steps: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    order = np.random.default_rng([seed, _ORDER])
    for _ in range(steps):
        batch = train.take(torch.from_numpy(order.choice(len(train), _BATCH, replace=False)))
        yield batch.inputs, batch.targets


def _flat(module: nn.Module) -> Float[np.ndarray, " parameters"]:
    return torch.cat([p.detach().ravel() for p in module.parameters()]).numpy()
