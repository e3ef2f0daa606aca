"""Memory and time of steps as the network grows, and the least that a device's can take, of bench_training."""

import ctypes
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from _network import DAMPING, EPOCH_STEPS, Board, Setting, best, solvers
from _table import Row
from thermospice.training import TNGD, DeviceSPU
from thermospice.training.programs import Factors, kept_room
from torch import Tensor
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode


def measure_memory(batch: int, wide: int, sizes: list[int]) -> tuple[dict[str, float], list[dict[str, float]]]:
    # every array of more than 1 MB goes back to the system when it is freed (M_MMAP_THRESHOLD is -3)
    ctypes.CDLL(None).mallopt(-3, 1 << 20)
    torch.set_num_threads(1)
    return memory(Setting.of(batch, wide, EPOCH_STEPS)), growth(sizes, 64)


def resident(field: str) -> float:
    """VmRSS or VmHWM of this process [bytes]."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return 1024.0 * float(line.split()[1])
    raise LookupError(field)


def peak_memory(run: Callable[[], object]) -> float:
    """Highest resident memory of a run above where it began [bytes], room that was kept for its arrays included."""
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS") - kept_room()
    run()
    return resident("VmHWM") - before


def memory(at: Setting) -> dict[str, float]:
    """Peak of a whole step (its J included), in units of J."""
    optimizers = {
        name: TNGD(at.module, functional.cross_entropy, lr=0.0, damping=DAMPING, solver=solver)
        for name, solver in solvers().items()
    }
    size = len(at.y) * 10 * sum(p.numel() * p.element_size() for p in at.module.parameters())
    for optimizer in optimizers.values():
        # code and buffers that a library loads and keeps at its first use are not counted
        optimizer.step(at.x, at.y)
    return {name: peak_memory(lambda o=o: o.step(at.x, at.y)) / size for name, o in optimizers.items()}


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


# Passes over an array as large as J, besides products with a vector: J and the two arrays of deviations are read, the
# two loaded arrays written; both are read for the Gram matrix.
LOADING = 5 + 2
# The fewest products: each array once for each of three answers, to the drive, to the offsets, to the noise.
FEWEST = 3 * 2


class Products(TorchDispatchMode):
    """Counts the products of a vector with a whole array of `size` numbers."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        if "mv" in str(func):
            self.count += any(isinstance(x, Tensor) and x.numel() == self.size for x in args)
        return func(*args, **(kwargs or {}))


def large_step(N: int, r: int) -> dict[str, float]:
    """CPU seconds of a device's second step and of the least that it can take on this machine.

    The bandwidth is that of a copy, the rate of arithmetic that of the Gram matrix, both measured here. The first step,
    which draws the chip, only counts.
    """
    J = torch.randn(r, N) / N**0.5
    b = torch.randn(N)
    solver = DeviceSPU(Board(), t=5.0)

    def step() -> None:
        solver.compute(solver.init(Factors(J, None, DAMPING)), b, b)

    with Products(J.numel()) as products:
        step()
    copy = torch.zeros_like(J)
    one_pass = best(lambda: copy.copy_(J), 5) / 2.0
    return {
        "step": best(step, 3),
        "pass": one_pass,
        "products": float(products.count),
        "gram": best(lambda: J @ J.T, 3),
        "rate": J.nbytes / one_pass,
        "bytes": float(J.nbytes),
    }


def against_floor(found: dict[str, float], judged: bool) -> list[Row]:
    fewest = (LOADING + FEWEST) * found["pass"] + found["gram"]
    moved = (LOADING + found["products"]) * found["pass"] + found["gram"]
    step, over = (1.0, 3.0) if judged else (None, None)
    where = "device, N = 1e6, r = 64"
    return [
        Row(f"{where}: memory moves", found["rate"] / 1e9, "GB/s"),
        Row(f"{where}: products with an array", found["products"], ""),
        Row(f"{where}: least that it has to move", (LOADING + FEWEST) * found["bytes"] / 1e9, "GB"),
        Row(f"{where}: least that it moves, as time", (LOADING + FEWEST) * found["pass"], "s"),
        Row(f"{where}: the Gram matrix alone", found["gram"], "s"),
        Row(f"{where}: the floor, both", fewest, "s"),
        Row(f"{where}: a step", found["step"], "s", most=step),
        Row(f"{where}: over what its products move", found["step"] / moved, "x"),
        Row(f"{where}: over the floor", found["step"] / fewest, "x", most=over),
    ]


def grown(line: dict[str, float]) -> str:
    solved = (f"{name} {1e3 * line[name]:.0f} ms, {line[f'{name} memory'] / 1e9:.2f} GB" for name in solvers())
    return f"N = {line['N']:9.0f}, r = {line['r']:.0f}: {'  '.join(solved)}"


def draw(lines: list[dict[str, float]], path: Path) -> None:
    """Seconds and memory of a solve against the number of parameters; a straight line of slope one is linear growth."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    N = [line["N"] for line in lines]
    arrays = [4.0 * line["r"] * line["N"] for line in lines]  # bytes of J
    for ax, unit, what in zip(
        axes, ("", " memory"), ("CPU time of a solve [s]", "memory, J included [GB]"), strict=True
    ):
        for name, marker in zip(solvers(), "os^d", strict=True):
            values = [line[name] for line in lines]
            if unit:
                values = [(size + line[name + unit]) / 1e9 for size, line in zip(arrays, lines, strict=True)]
            ax.plot(N, values, marker=marker, label=name)
        ax.set(xscale="log", yscale="log", xlabel="parameters N", ylabel=what)
        ax.grid(alpha=0.3)
    axes[1].plot(N, [size / 1e9 for size in arrays], "k--", label="J itself")
    axes[1].legend(fontsize=8)
    figure.suptitle(f"r = {lines[0]['r']:.0f}, float32, one thread")
    figure.savefig(path, dpi=150)
