# ruff: noqa: E402  (the thread counts must stand before the imports)
"""Speed of exact sampling against thermox and torchsde: one thread, all in one run, best of some runs.

Each program draws one path of 10,000 points of the same process, from a standing start: a random symmetric positive
definite drift, noise 2, spacing 0.01. Eigenvectors (thermospice, thermox) are found once, before the clock starts, as
for a device that is used more than once; the rows "with set-up" have them inside. Compilation is a warm-up run.

torchsde is not exact: it takes one step a point, with its default method (srk, the row "torchsde") and with the
cheapest one (euler, whose variances are off by a factor 2/(2 - h a)). Euler has no limit: at dimension 1,000 it does
as many operations as the one matrix product that an exact path needs, and is bound by memory where that is not, so
nothing exact is 25 times faster. The time for 10,000 steps is extrapolated from fewer: each step costs the same.

The row "matrix product alone" is that floor: `modes @ eigenvectors` of 10,000 points, without drawing or stepping; the
row "normals alone" draws the numbers that any path of this process needs. What a path costs above both is its price.

Devices: chips of 64 cells against ngspice, and 1,000 chips of 32 cells in arrays; see `_devices.py` for what is
compared. A noisy transient of 1 us takes ngspice a minute.

Times are of the processor (CPU seconds on one core), so that other work on the machine does not count.

    python benchmarks/bench_sde.py [--out FILE.json] [--sizes 100 1000] [--repeats 3] [--transient 1e-6]
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import argparse
import importlib.metadata
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import _devices
import numpy as np
from _table import VERDICTS, finish
from thermospice.behavioral import OrnsteinUhlenbeck

POINTS = 10_000
SPACING = 0.01
NOISE = 2.0
# What the project promises: at least so many times faster.
LIMITS = {("thermox", 100): 5.0, ("thermox", 1000): 10.0, ("torchsde", 100): 50.0, ("torchsde", 1000): 25.0}


@dataclass(frozen=True)
class Row:
    dimension: int
    program: str
    seconds: float
    ratio: float
    limit: float | None = None

    @property
    def passed(self) -> bool | None:
        return None if self.limit is None else self.ratio >= self.limit


def best(run: Callable[[int], object], repeats: int) -> float:
    times = []
    for k in range(repeats + 1):
        start = time.process_time()
        run(k)
        times.append(time.process_time() - start)
    return min(times[1:])  # the first is the warm-up


def drift(n: int) -> np.ndarray:
    B = np.random.default_rng(n).standard_normal((n, 2 * n))
    return B @ B.T / (2 * n) + 0.5 * np.eye(n)


def prepared(A: np.ndarray, Q: np.ndarray) -> Callable[[int], object]:
    n, times = len(A), np.arange(POINTS) * SPACING
    process = OrnsteinUhlenbeck(drift=A, mean=np.zeros(n), diffusion=Q)
    return lambda k: process.sample(times, np.zeros(n), np.random.default_rng(k))


def product(A: np.ndarray) -> Callable[[int], object]:
    V = np.linalg.eigh(A)[1].T.copy()
    modes, out = np.random.default_rng(0).standard_normal((POINTS, len(A))), np.empty((POINTS, len(A)))
    return lambda k: np.matmul(modes, V, out=out)


def normals(n: int) -> Callable[[int], object]:
    return lambda k: np.random.default_rng(k).standard_normal((POINTS, n))


def with_setup(A: np.ndarray, Q: np.ndarray) -> Callable[[int], object]:
    return lambda k: prepared(A, Q)(k)


def thermox_run(A: np.ndarray, scan: bool, setup: bool = False) -> Callable[[int], object]:
    import jax
    import jax.numpy as jnp
    import thermox

    jax.config.update("jax_enable_x64", True)
    n, times = len(A), jnp.arange(POINTS) * SPACING
    A_, b, D = jnp.asarray(A), jnp.zeros(n), NOISE * jnp.eye(n)

    ready = thermox.preprocess(A_, D)

    def run(k: int) -> object:
        drift_, diffusion = (A_, D) if setup else ready
        key = jax.random.PRNGKey(k)
        return thermox.sample(key, times, b, drift_, b, diffusion, associative_scan=scan).block_until_ready()

    return run


def torchsde_run(A: np.ndarray, method: str, steps: int) -> Callable[[int], object]:
    import torch
    import torchsde

    torch.set_num_threads(1)
    n = len(A)
    transposed = torch.tensor(A.T.copy())
    level = torch.full((1, n), NOISE**0.5, dtype=torch.float64)

    class Process(torch.nn.Module):
        # The cheapest description that torchsde has for independent noise.
        noise_type, sde_type = "diagonal", "ito"

        def f(self, t: object, y: torch.Tensor) -> torch.Tensor:
            return -y @ transposed

        def g(self, t: object, y: torch.Tensor) -> torch.Tensor:
            return level

    times = torch.arange(steps + 1, dtype=torch.float64) * SPACING
    start = torch.zeros(1, n, dtype=torch.float64)

    def run(k: int) -> object:
        torch.manual_seed(k)
        with torch.no_grad():
            return torchsde.sdeint(Process(), start, times, dt=SPACING, method=method)

    return run


def measure(n: int, repeats: int) -> list[Row]:
    A, Q = drift(n), NOISE * np.eye(n)
    unequal = np.diag(np.linspace(1.0, 3.0, n))
    rows: list[Row] = []

    def add(program: str, *runs: Callable[[int], object], scale: float = 1.0) -> None:
        seconds = scale * min(best(run, repeats) for run in runs)
        own = rows[0].seconds if rows else seconds
        rows.append(Row(n, program, seconds, seconds / own, LIMITS.get((program, n))))

    add("thermospice", prepared(A, Q))
    add("thermospice, with set-up", with_setup(A, Q))
    add("thermospice, unequal noise", prepared(A, unequal))
    add("thermospice, non-normal drift", prepared(unequal @ A, unequal))
    add("matrix product alone", product(A))
    add("normals alone", normals(n))
    # The faster of its two modes.
    add("thermox", *(thermox_run(A, scan) for scan in (True, False)))
    add("thermox, with set-up", *(thermox_run(A, scan, setup=True) for scan in (True, False)))
    steps = 500 if n < 500 else 100
    for method, name in [("srk", "torchsde"), ("euler", "torchsde, euler")]:
        add(name, torchsde_run(A, method, steps), scale=POINTS / steps)
    return rows


def versions() -> dict[str, str]:
    names = ("thermospice", "numpy", "scipy", "thermox", "jax", "torch", "torchsde")
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=None, help="write the rows as JSON")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--transient", type=float, default=1e-6, help="of a noisy chip [s]; 0 leaves the chips out")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    rows = [row for n in options.sizes for row in measure(n, options.repeats)]
    if options.transient > 0:
        rows += [Row(*found) for found in _devices.measure(options.transient)]
    print(f"{'dimension':>9}  {'program':<56} {'seconds':>10} {'ratio':>9}  limit")
    for row in rows:
        verdict = "" if row.limit is None else f"{row.limit:g} {VERDICTS[row.passed]}"
        print(f"{row.dimension:>9}  {row.program:<56} {row.seconds:>10.3g} {row.ratio:>9.4g}  {verdict}")
    return finish(rows, {"points": POINTS, "versions": versions()}, options.out)


if __name__ == "__main__":
    raise SystemExit(main())
