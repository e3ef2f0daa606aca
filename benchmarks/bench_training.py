"""Speed and memory of a natural-gradient step, all solvers and two other libraries in one run.

CPU seconds of one thread (so that a busy machine changes the ratios little), the best of several runs, float32. A
network of about 10,000 parameters on scikit-learn's digits, a batch of 64 and 10 classes: r = 640, after 100 steps of
Adam: at the initial weights all classes are alike, and conjugate gradients have little to do (shown beside it). With
`--processor cuda` the seconds are those of the clock. `--quick` takes a smaller network. The limits are those of the
whole run on the CPU.

The Euler-Maruyama simulation (step 0.1 up to t = 50) needs one product with the curvature for each of its 500 steps.
It is timed in four ways: products through the network with this project's and with posteriors' functions, as where J
is never stored, products with the stored J, and products layer by layer.

A step `by layers` keeps J as outer products (`curvature="layers"`), which is how the digital solvers are fastest and
what other libraries are compared with. A device has to be loaded with J itself: its step is compared with a Woodbury
step on the stored J, and that of the ideal device likewise, each solver with the same arrays.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import ctypes
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import torch
from _peers import curvlinops_solve, posteriors_product, posteriors_solve
from _table import Row, finish
from thermospice.training import TNGD, ConjugateGradient, DeviceSPU, IdealSPU, Solver, Woodbury, load_task
from thermospice.training.curvature import curvature, layered, products
from thermospice.training.programs import Factors
from torch import Tensor, nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

STEP, TIME, DAMPING = 0.1, 50.0, 0.01
EPOCH_STEPS = 100
# What the project promises besides the ratios below: a step with its J holds no more than so many times its J.
PEAK = 2.5


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


def euler_maruyama(product: Callable[[Tensor], Tensor], b: Tensor) -> Tensor:
    """The published simulation: step 0.1 up to t = 50, with noise."""
    g = b.clone()
    for _ in range(round(TIME / STEP)):
        g = g - STEP * (product(g) - b) + 1e-3 * STEP**0.5 * torch.randn_like(g)
    return g


def solvers() -> dict[str, Solver]:
    return {
        "Woodbury": Woodbury(),
        "IdealSPU": IdealSPU(t=TIME, kappa0=1e-6),
        "DeviceSPU": DeviceSPU(Board(), t=TIME),
        "ConjugateGradient": ConjugateGradient(tol=1e-3),
    }


def compare(at: Setting, repeats: int) -> dict[str, float]:
    made = curvature(at.module, functional.cross_entropy, at.x, at.y, DAMPING)
    factors, b = made.factors, made.gradient
    print(f"r = {factors.r}, N = {factors.N}, float32, loss {float(made.loss):.3g}")
    rows = {"factors": best(lambda: curvature(at.module, functional.cross_entropy, at.x, at.y), repeats)}
    for name, solver in solvers().items():
        optimizer = TNGD(at.module, functional.cross_entropy, lr=0.0, damping=DAMPING, solver=solver)
        optimizer.step(at.x, at.y)
        rows[f"{name}, solve"] = best(lambda s=solver: s.compute(s.init(factors), b, b), repeats)
        rows[f"{name}, step"] = best(lambda o=optimizer: o.step(at.x, at.y), repeats)
        layers = TNGD(at.module, functional.cross_entropy, lr=0.0, damping=DAMPING, solver=solver, curvature="layers")
        layers.step(at.x, at.y)
        rows[by_layers(name)] = best(lambda o=layers: o.step(at.x, at.y), repeats)
    return rows | checked(at, repeats) | simulations(at, factors, b) | peers(at, factors, b)


def checked(at: Setting, repeats: int) -> dict[str, float]:
    """A Woodbury step by layers without a referee, and with a full check at each step; in turns, which are alike."""
    optimizers = {
        check: TNGD(
            at.module,
            functional.cross_entropy,
            lr=0.0,
            damping=DAMPING,
            solver=Woodbury(),
            curvature="layers",
            check=check,
        )
        for check in ("off", "gradient", "every")
    }
    for optimizer in optimizers.values():
        optimizer.step(at.x, at.y)
    turns = [
        {check: seconds_of(lambda o=one: o.step(at.x, at.y)) for check, one in optimizers.items()}
        for _ in range(3 * repeats)
    ]
    least = {check: min(turn[check] for turn in turns) for check in optimizers}
    # each 16th step is checked in full
    usual = (15.0 * least["gradient"] + least["every"]) / 16.0
    return {"referee": usual - least["off"], "checked": usual, "referee at each step": least["every"] - least["off"]}


def simulations(at: Setting, factors: Factors, b: Tensor) -> dict[str, float]:
    own = products(at.module, functional.cross_entropy, at.x, at.y, DAMPING)
    theirs = posteriors_product(at.module, at.x, at.y, DAMPING)
    parts = layered(at.module, functional.cross_entropy, at.x, at.y, DAMPING)
    ways = {
        "by products": own.matvec,
        "by posteriors' products": theirs,
        "on stored J": factors.matvec,
        "by layers": parts.matvec,
    }
    return {f"Euler-Maruyama {way}": best(lambda p=product: euler_maruyama(p, b), 1) for way, product in ways.items()}


def peers(at: Setting, factors: Factors, b: Tensor) -> dict[str, float]:
    """Conjugate gradients of other libraries, to the residual that Woodbury has."""

    def residual(x: Tensor) -> float:
        return float((factors.matvec(x) - b).norm() / b.norm())

    goal = residual(Woodbury().compute(Woodbury().init(factors), b).value)
    print(f"relative residual: Woodbury {goal:.1e}", end="")
    rows = {}
    for name, solve in (
        ("posteriors CG", posteriors_solve(at.module, at.x, at.y, DAMPING, b)),
        ("curvlinops CG", curvlinops_solve(at.module, at.x, at.y, DAMPING, b)),
    ):
        print(f", {name} {residual(solve(goal)):.1e}", end="")
        rows[name] = best(lambda s=solve: s(goal), 3)
    print()
    return rows


def by_layers(solver: str) -> str:
    return f"{solver}, step by layers"


def ratios(rows: dict[str, float], judged: bool) -> list[Row]:
    def row(what: str, above: str, below: str, most: float | None = None, least: float | None = None) -> Row:
        limits = {"most": most, "least": least} if judged else {}
        return Row(what, rows[above] / rows[below], "x", **limits)

    return [
        row("IdealSPU step / Woodbury step", "IdealSPU, step", "Woodbury, step", most=1.25),
        row("DeviceSPU step / Woodbury step", "DeviceSPU, step", "Woodbury, step", most=2.0),
        row("IdealSPU by layers / Woodbury by layers", by_layers("IdealSPU"), by_layers("Woodbury")),
        row("DeviceSPU by layers / Woodbury by layers", by_layers("DeviceSPU"), by_layers("Woodbury")),
        row("referee / Woodbury step by layers", "referee", "checked", most=0.15),
        row("referee at each step / the same", "referee at each step", "checked"),
        row("IdealSPU solve / Woodbury solve", "IdealSPU, solve", "Woodbury, solve"),
        row("DeviceSPU solve / Woodbury solve", "DeviceSPU, solve", "Woodbury, solve"),
        row(
            "EM by products / IdealSPU step by layers", "Euler-Maruyama by products", by_layers("IdealSPU"), least=30.0
        ),
        row(
            "EM by posteriors' products / the same",
            "Euler-Maruyama by posteriors' products",
            by_layers("IdealSPU"),
            least=30.0,
        ),
        row("EM by layers / the same", "Euler-Maruyama by layers", by_layers("IdealSPU")),
        row("EM by products / IdealSPU step", "Euler-Maruyama by products", "IdealSPU, step"),
        row("EM on stored J / IdealSPU solve", "Euler-Maruyama on stored J", "IdealSPU, solve"),
        row("posteriors CG / Woodbury step by layers", "posteriors CG", by_layers("Woodbury"), least=2.0),
        row("curvlinops CG / Woodbury step by layers", "curvlinops CG", by_layers("Woodbury"), least=2.0),
        row("posteriors CG / Woodbury step", "posteriors CG", "Woodbury, step"),
        row("curvlinops CG / Woodbury step", "curvlinops CG", "Woodbury, step"),
        row("own CG step to 1e-3 / Woodbury step", "ConjugateGradient, step", "Woodbury, step"),
    ]


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


def untrained(at: Setting, step: float) -> list[Row]:
    """The peers before any training, over the seconds of a Woodbury step by layers after it."""
    made = curvature(at.module, functional.cross_entropy, at.x, at.y, DAMPING)
    found = peers(at, made.factors, made.gradient)
    return [Row(f"{name} / Woodbury step by layers", value / step, "x") for name, value in found.items()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small network, few repeats, no limits")
    parser.add_argument("--out", type=Path, help="also write the numbers there, as JSON")
    parser.add_argument("--figure", type=Path, help="draw the growth with N there (PNG, SVG or PDF)")
    parser.add_argument("--processor", default="cpu", help="cpu or cuda")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    batch, wide, repeats = (16, 8, 2) if chosen.quick else (64, 71, 7)
    on_cpu = chosen.processor == "cpu"
    judged = on_cpu and not chosen.quick
    if not on_cpu:
        torch.zeros(1, device=chosen.processor)
    seconds = compare(Setting.of(batch, wide, EPOCH_STEPS, chosen.processor), repeats)
    rows = [Row(name, 1e3 * value, "ms") for name, value in seconds.items()] + ratios(seconds, judged)
    print(*rows, sep="\n")
    print("at the initial weights:", end=" ")
    start = untrained(Setting.of(batch, wide, 0, chosen.processor), seconds[by_layers("Woodbury")])
    print(*start, sep="\n")
    lines: list[dict[str, float]] = []
    if on_cpu:
        sizes = [1000, 10_000] if chosen.quick else [10_000, 100_000, 1_000_000]
        # a fresh process: memory that was freed here before would hide what is taken again
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            shares, lines = pool.submit(measure_memory, batch, wide, sizes).result()
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            large = against_floor(pool.submit(large_step, sizes[-1], 64).result(), judged)
        most = PEAK if judged else None
        held = [Row(f"peak memory of a step, {name}", share, "J", most) for name, share in shares.items()]
        print(*held, *map(grown, lines), sep="\n")
        print(*large, sep="\n")
        rows += [*held, *large]
    if chosen.figure and lines:
        draw(lines, chosen.figure)
    facts = {"at the initial weights": {row.what: row.value for row in start}, "growth": lines}
    return finish(rows, facts, chosen.out)


def measure_memory(batch: int, wide: int, sizes: list[int]) -> tuple[dict[str, float], list[dict[str, float]]]:
    # every array of more than 1 MB goes back to the system when it is freed (M_MMAP_THRESHOLD is -3)
    ctypes.CDLL(None).mallopt(-3, 1 << 20)
    torch.set_num_threads(1)
    return memory(Setting.of(batch, wide, EPOCH_STEPS)), growth(sizes, 64)


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
    }


def against_floor(found: dict[str, float], judged: bool) -> list[Row]:
    fewest = (LOADING + FEWEST) * found["pass"] + found["gram"]
    moved = (LOADING + found["products"]) * found["pass"] + found["gram"]
    step, over = (1.0, 3.0) if judged else (None, None)
    where = "device, N = 1e6, r = 64"
    return [
        Row(f"{where}: memory moves", found["rate"] / 1e9, "GB/s"),
        Row(f"{where}: products with an array", found["products"], ""),
        Row(f"{where}: the Gram matrix alone", found["gram"], "s"),
        Row(f"{where}: a step", found["step"], "s", most=step),
        Row(f"{where}: over what its products move", found["step"] / moved, "x", most=over),
        Row(f"{where}: over three answers' products", found["step"] / fewest, "x"),
    ]


def grown(line: dict[str, float]) -> str:
    solved = (f"{name} {1e3 * line[name]:.0f} ms, {line[f'{name} memory'] / 1e9:.2f} GB" for name in solvers())
    return f"N = {line['N']:9.0f}, r = {line['r']:.0f}: {'  '.join(solved)}"


if __name__ == "__main__":
    raise SystemExit(main())
