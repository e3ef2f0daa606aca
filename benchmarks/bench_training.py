"""Speed and memory of a natural-gradient step, all solvers in one run.

CPU seconds of one thread (so that a busy machine changes the ratios little), the best of several runs, float32. A
network of about 10,000 parameters, a batch of 64 and 10 classes: r = 640. Run with `--quick` for a smaller one.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import ctypes
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from thermospice.training import (
    TNGD,
    ConjugateGradient,
    DeviceSPU,
    Factors,
    IdealSPU,
    Products,
    Solver,
    Woodbury,
    curvature,
    products,
)
from torch import nn
from torch.nn import functional

STEP, TIME, DAMPING = 0.1, 50.0, 0.01


@dataclass(frozen=True)
class Board:
    """Tolerances of a discrete board: 1 % resistors, 5 % capacitors, 12-bit converters, an amplifier of 65 MHz."""

    conductance_sigma: float = 0.01
    capacitor_sigma: float = 0.05
    offset_mean: float = 0.0
    offset_sigma: float = 4e-4
    inverter_sigma: float = 0.014
    gain: float = 4.5e5
    kappa0: float = 5.7e-11
    full_scale: float = 5.0
    dac_bits: int | None = 12
    adc_bits: int | None = 12


def network(wide: int) -> nn.Sequential:
    torch.manual_seed(0)
    conv = nn.Conv2d(1, 8, 3, padding=1)
    return nn.Sequential(
        conv, nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, wide), nn.ReLU(), nn.Linear(wide, 10)
    )


def best(run: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        began = time.process_time()
        run()
        times.append(time.process_time() - began)
    return min(times)


def euler_maruyama(factors: Factors | Products, b: torch.Tensor) -> torch.Tensor:
    """The published simulation: step 0.1 up to t = 50, with noise."""
    g = b.clone()
    for _ in range(round(TIME / STEP)):
        g = g - STEP * (factors.matvec(g) - b) + 1e-3 * STEP**0.5 * torch.randn_like(g)
    return g


def solvers() -> dict[str, Solver]:
    return {
        "Woodbury": Woodbury(),
        "IdealSPU": IdealSPU(t=TIME, kappa0=1e-6),
        "DeviceSPU": DeviceSPU(Board(), t=TIME),
        "ConjugateGradient": ConjugateGradient(tol=1e-3),
    }


def compare(batch: int, wide: int, repeats: int) -> dict[str, float]:
    module = network(wide)
    x, y = torch.randn(batch, 1, 8, 8), torch.randint(10, (batch,))
    made = curvature(module, functional.cross_entropy, x, y, DAMPING)
    factors, b = made.factors, made.gradient
    print(f"r = {factors.r}, N = {factors.N}, float32")
    rows = {"factors": best(lambda: curvature(module, functional.cross_entropy, x, y), repeats)}
    rows["Euler-Maruyama on J, solve"] = best(lambda: euler_maruyama(factors, b), 1)
    free = products(module, functional.cross_entropy, x, y, DAMPING)
    rows["Euler-Maruyama by products, solve"] = best(lambda: euler_maruyama(free, b), 1)
    for name, solver in solvers().items():
        optimizer = TNGD(network(wide), functional.cross_entropy, lr=0.0, damping=DAMPING, solver=solver)
        optimizer.step(x, y)
        rows[f"{name}, solve"] = best(lambda s=solver: s.compute(s.init(factors), b, b), repeats)
        rows[f"{name}, step"] = best(lambda o=optimizer: o.step(x, y), repeats)
    residual = (factors.matvec(Woodbury().compute(Woodbury().init(factors), b).value) - b).norm() / b.norm()
    print(f"Woodbury's relative residual {float(residual):.1e}, conjugate gradients stop at 1e-3")
    return rows


def ratios(rows: dict[str, float]) -> dict[str, tuple[float, str]]:
    return {
        "IdealSPU step / Woodbury step": (rows["IdealSPU, step"] / rows["Woodbury, step"], "<= 1.25"),
        "DeviceSPU step / Woodbury step": (rows["DeviceSPU, step"] / rows["Woodbury, step"], "<= 3"),
        "IdealSPU solve / Woodbury solve": (rows["IdealSPU, solve"] / rows["Woodbury, solve"], ""),
        "DeviceSPU solve / Woodbury solve": (rows["DeviceSPU, solve"] / rows["Woodbury, solve"], ""),
        "Euler-Maruyama by products / IdealSPU step": (
            rows["Euler-Maruyama by products, solve"] / rows["IdealSPU, step"],
            ">= 30",
        ),
        "Euler-Maruyama on J / IdealSPU solve": (rows["Euler-Maruyama on J, solve"] / rows["IdealSPU, solve"], ""),
        "CG step / Woodbury step": (rows["ConjugateGradient, step"] / rows["Woodbury, step"], ""),
    }


def resident(field: str) -> float:
    """VmRSS or VmHWM of this process [bytes]."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return 1024.0 * float(line.split()[1])
    raise LookupError(field)


def peak_memory(run: Callable[[], object]) -> float:
    """Highest resident memory of a run above where it began [bytes]."""
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    run()
    return resident("VmHWM") - before


def memory(batch: int, wide: int) -> dict[str, float]:
    """Peak of a whole step (its J included), in units of J."""
    module = network(wide)
    x, y = torch.randn(batch, 1, 8, 8), torch.randint(10, (batch,))
    optimizers = {
        name: TNGD(module, functional.cross_entropy, lr=0.0, damping=DAMPING, solver=solver)
        for name, solver in solvers().items()
    }
    made = curvature(module, functional.cross_entropy, x, y)
    size = made.factors.J.numel() * made.factors.J.element_size()
    del made
    return {name: peak_memory(lambda o=o: o.step(x, y)) / size for name, o in optimizers.items()}


def growth(sizes: list[int], r: int) -> list[dict[str, float]]:
    """CPU seconds and peak memory [bytes] of solves at r rows."""
    rows = []
    for N in sizes:
        row: dict[str, float] = {"N": float(N), "r": float(r)}
        for name, solver in solvers().items():
            factors = Factors(torch.randn(r, N) / N**0.5, None, DAMPING)
            b = torch.randn(N)
            if name == "DeviceSPU":
                solver = replace(solver, t=5.0)
            began = time.process_time()
            row[f"{name} memory"] = peak_memory(lambda s=solver, f=factors, b=b: s.compute(s.init(f), b, b))
            row[name] = time.process_time() - began
        rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small network, few repeats")
    parser.add_argument("--json", type=Path, help="also write the numbers there")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    # every array of more than 1 MB goes back to the system when it is freed (M_MMAP_THRESHOLD is -3)
    ctypes.CDLL(None).mallopt(-3, 1 << 20)
    batch, wide, repeats = (16, 8, 2) if chosen.quick else (64, 71, 7)
    rows = compare(batch, wide, repeats)
    for name, seconds in rows.items():
        print(f"  {name:36} {1e3 * seconds:9.1f} ms")
    for name, (value, limit) in ratios(rows).items():
        print(f"  {name:44} {value:7.2f} {limit}")
    memories = memory(batch, wide)
    for name, share in memories.items():
        print(f"  peak memory of a step, {name:18} {share:5.2f} J")
    lines = growth([1000, 10_000] if chosen.quick else [10_000, 100_000, 1_000_000], 64)
    for line in lines:
        times = "  ".join(
            f"{name} {1e3 * line[name]:.0f} ms, {line[f'{name} memory'] / 1e9:.2f} GB" for name in solvers()
        )
        print(f"  N = {line['N']:9.0f}, r = 64: {times}")
    if chosen.json:
        found = {name: value for name, (value, _) in ratios(rows).items()}
        chosen.json.write_text(json.dumps({"seconds": rows, "ratios": found, "memory": memories, "growth": lines}))


if __name__ == "__main__":
    main()
