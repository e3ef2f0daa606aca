"""A network somewhere in its training, a chip to train it with, and the clock, of bench_training."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from thermospice.training import ConjugateGradient, DeviceSPU, IdealSPU, Solver, Woodbury, load_task
from torch import Tensor, nn
from torch.nn import functional

TIME = 50.0
DAMPING = 0.01
EPOCH_STEPS = 100


@dataclass(frozen=True)
class Board:
    """Tolerances of a discrete board: 1 % resistors, 5 % capacitors, 12-bit converters, an amplifier of 65 MHz."""

    conductance_sigma: float = 0.01
    capacitor_sigma: float = 0.05
    offset_mean: float = 0.0
    offset_sigma: float = 4e-4
    inverter_sigma: float = 0.014
    gain: float = 4.5e5
    gain_bandwidth: float = 65e6
    tau: float = 1e-6
    kappa0: float = 5.7e-11
    full_scale: float = 5.0
    dac_bits: int | None = 12
    adc_bits: int | None = 12


@dataclass(frozen=True)
class Setting:
    """A network somewhere in its training, and a batch."""

    module: nn.Module
    x: Tensor
    y: Tensor

    @classmethod
    def of(cls, batch: int, wide: int, steps: int, processor: str = "cpu") -> "Setting":
        torch.manual_seed(0)
        data = load_task("digits").train
        module = network(wide)
        optimizer = torch.optim.Adam(module.parameters(), lr=1e-3)
        for _ in range(steps):
            index = torch.randint(len(data), (batch,))
            optimizer.zero_grad()
            functional.cross_entropy(module(data.inputs[index]), data.targets[index]).backward()
            optimizer.step()
        module.zero_grad()  # gradients of another batch are refused
        index = torch.randperm(len(data))[:batch]
        return cls(module.to(processor), data.inputs[index].to(processor), data.targets[index].to(processor))


def network(wide: int) -> nn.Sequential:
    conv = nn.Conv2d(1, 8, 3, padding=1)
    return nn.Sequential(
        conv, nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, wide), nn.ReLU(), nn.Linear(wide, 10)
    )


def solvers() -> dict[str, Solver]:
    return {
        "Woodbury": Woodbury(),
        "IdealSPU": IdealSPU(t=TIME, kappa0=1e-6),
        "DeviceSPU": DeviceSPU(Board(), t=TIME),
        "ConjugateGradient": ConjugateGradient(tol=1e-3),
    }


def seconds_of(run: Callable[[], object]) -> float:
    if not torch.cuda.is_initialized():
        began = time.process_time()
        run()
        return time.process_time() - began
    torch.cuda.synchronize()
    began = time.perf_counter()
    run()
    torch.cuda.synchronize()
    return time.perf_counter() - began


def best(run: Callable[[], object], repeats: int) -> float:
    return min(seconds_of(run) for _ in range(repeats))
