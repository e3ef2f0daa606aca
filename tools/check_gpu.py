"""Does training on this GPU give the CPU's numbers, and how fast is it?

    tools/check-gpu [--processor cuda] [--short]

Every solver, the device by stored Jacobian and by layers, K-FAC, and two processes on one GPU: some steps each, in
double precision, on the CPU and on the GPU. The losses may differ by what the order of sums does, through matrices of
condition number 100 or so. Then the times of a large step in single precision, in which the answers may differ by a
thousandth. Exit code 0: all as on the CPU; 1: a difference is too large, or something did not run, and the rest is
still told; 2: there is no such processor here.

Without a GPU the same runs on the CPU twice, which shows that the script itself works. `--short` leaves out the large
step and takes two steps of each; the whole takes at most four minutes.
"""

import argparse
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
import torch.distributed as dist
from thermospice.behavioral import DeviceModel
from thermospice.circuits import Crossbar, Design
from thermospice.training import TNGD, DeviceSPU, ExperimentError, IdealSPU, Solver, Woodbury, experiment, load_task
from thermospice.training.experiments import with_defaults
from thermospice.training.parallel import Ranks
from thermospice.training.programs import Factors
from thermospice.training.runs import TrainingState
from torch import nn
from torch.nn import functional

SEED = 0
TOLERANCE = 1e-7
"""Relative, of the losses: the device's own mean is right to 1e-9, and a few steps multiply that by ten or so each."""

CASES: Mapping[str, Mapping[str, Any]] = {
    "adam": {"optimizer": "adam"},
    "cholesky": {"solver": "cholesky"},
    "woodbury": {"solver": "woodbury", "curvature": "ggn"},
    "woodbury, layers": {"solver": "woodbury", "curvature": "layers"},
    "conjugate gradients": {"solver": "conjugate-gradient", "curvature": "ggn"},
    "no Jacobian": {"solver": "conjugate-gradient", "curvature": "products"},
    "ideal-spu": {"solver": "ideal-spu", "kappa0": 1e-4, "curvature": "fisher", "accumulate": 2},
    "device-spu": {"solver": "device-spu", "design": "board-1k-1n", "curvature": "ggn"},
    "device-spu, layers": {"solver": "device-spu", "design": "board-1k-1n", "curvature": "layers"},
    "k-fac": {"optimizer": "kfac", "solver": "cholesky"},
    "k-fac, device-spu": {"optimizer": "kfac", "solver": "device-spu", "design": "board-1k-1n", "bits": 10},
    "model-spu": {"task": "logistic", "solver": "model-spu", "design": "board-1k-1n"},
    "spice-spu": {"task": "logistic", "solver": "spice-spu", "design": "board-1k-1n"},
}

LARGE = {"N": 1_000_000, "r": 64}
LARGE_TOLERANCE = 1e-3
"""Relative, of answers in single precision: a device's mean is right to 1e-4 there, and so is its offset."""


@dataclass(frozen=True)
class Run:
    """Losses of some steps, and the time of the last one [s]."""

    losses: tuple[float, ...]
    seconds: float


def steps(case: Mapping[str, Any], processor: str, count: int) -> Run:
    asked = {"task": "regression", "precision": "float64", "seeds": (SEED,), "steps": count, **case}
    task = load_task(asked["task"])
    state = TrainingState(task, with_defaults(experiment({**asked, "processor": processor}), task), SEED)
    losses, seconds = [], 0.0
    for _ in range(count):
        seconds = timed(lambda: losses.append(float(state.advance())), processor)
    return Run(tuple(losses), seconds)


def timed(run: Callable[[], object], processor: str) -> float:
    wait(processor)
    began = time.perf_counter()
    run()
    wait(processor)
    return time.perf_counter() - began


def wait(processor: str) -> None:
    if processor.startswith("cuda"):
        torch.cuda.synchronize(processor)


def two_processes(rank: int, port: int, processor: str, count: int, folder: str) -> None:
    """One of two that share a processor: gloo, since nccl wants a GPU for each."""
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    losses = parallel_steps(processor, count, rank, 2)
    if rank == 0:
        torch.save(losses, Path(folder) / "losses.pt")
    Ranks(rank, 2).leave()


def parallel_steps(processor: str, count: int, rank: int = 0, ranks: int = 1) -> list[float]:
    torch.manual_seed(SEED)
    module = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)).double()
    x, y = torch.randn(32, 6, dtype=torch.float64), torch.randint(3, (32,))
    solver = DeviceSPU(device(), t=20.0)
    optimizer = TNGD(
        module.to(processor),
        functional.cross_entropy,
        lr=0.2,
        damping=0.1,
        solver=solver,
        curvature="layers",
        data_parallel=ranks > 1,
    )
    mine = [part.chunk(ranks)[rank].to(processor) for part in (x, y)]
    return [float(optimizer.step(*mine)) for _ in range(count)]


def device() -> DeviceModel:
    return DeviceModel.nominal(Design.preset("board-1k-1n").nominal(Crossbar(2)))


def in_two(processor: str, count: int) -> list[float]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(two_processes, (port, processor, count, folder), nprocs=2)
        found: list[float] = torch.load(Path(folder) / "losses.pt")
    return found


def large_step(solver: Solver, processor: str) -> tuple[torch.Tensor, float]:
    """The answer with 1e6 cells and 64 rows in single precision, and the seconds of its second solve."""
    J = torch.randn(LARGE["r"], LARGE["N"], generator=torch.Generator().manual_seed(SEED)) / LARGE["N"] ** 0.5
    factors, b = Factors(J.to(processor), None, 0.01), torch.ones(LARGE["N"], device=processor)
    answers: list[torch.Tensor] = []

    def solve() -> None:
        answers.append(solver.compute(solver.init(factors), b, b).value)

    solve()
    seconds = timed(solve, processor)
    return answers[0].cpu(), seconds


def compare_large(processor: str) -> Iterator[bool]:
    makers: Mapping[str, Callable[[], Solver]] = {
        "woodbury": Woodbury,
        "ideal-spu": lambda: IdealSPU(t=50.0),
        "device-spu": lambda: DeviceSPU(device(), t=50.0),
    }
    for name, make in makers.items():

        def run(make: Callable[[], Solver] = make) -> tuple[float, float, float]:
            here, slow = large_step(make(), "cpu")
            there, fast = large_step(make(), processor)
            return slow, fast, float((there - here).norm() / here.norm())

        yield told(f"{name}, N = 1e6", run, LARGE_TOLERANCE)


def difference(found: Sequence[float], expected: Sequence[float]) -> float:
    return max(abs(a - b) / abs(b) for a, b in zip(found, expected, strict=True))


def told(name: str, run: Callable[[], tuple[float, float, float]], most: float = TOLERANCE) -> bool:
    """Print the seconds on the CPU and there, and how far apart they are; whether that is near enough."""
    try:
        here, there, apart = run()
    except Exception as error:
        print(f"{name:22s} FAILED: {first_line(error)}", flush=True)
        return False
    passed = apart <= most
    times = f"{1e3 * here:10.1f} ms {1e3 * there:10.1f} ms"
    print(f"{name:22s} {times}   {apart:8.1e} {'ok' if passed else 'DIFFERENT'}", flush=True)
    return passed


def first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"


def compare_case(case: Mapping[str, Any], processor: str, count: int) -> tuple[float, float, float]:
    here = steps(case, "cpu", count)
    there = steps(case, processor, count)
    return here.seconds, there.seconds, difference(there.losses, here.losses)


def compare_two(processor: str, count: int) -> tuple[float, float, float]:
    began = time.perf_counter()
    expected = parallel_steps("cpu", count)
    between = time.perf_counter()
    apart = difference(in_two(processor, count), expected)
    return between - began, time.perf_counter() - between, apart


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processor", help="cuda, cuda:1 or cpu; cuda where there is one unless given")
    parser.add_argument("--short", action="store_true", help="two steps of each, and no large step")
    given = parser.parse_args(words)
    processor = given.processor or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        experiment({"task": "regression", "processor": processor})
    except ExperimentError as error:
        print(f"check-gpu: {first_line(error).split(': ', 3)[-1]}", file=sys.stderr)
        return 2
    count = 2 if given.short else 5
    print(
        f"torch {torch.__version__}, {processor}: {count} steps each; time of a step on the CPU and there, losses apart"
    )
    good = [told(name, partial(compare_case, case, processor, count)) for name, case in CASES.items()]
    good.append(told("two processes", partial(compare_two, processor, count)))
    if not given.short:
        good += compare_large(processor)
    print("all as on the CPU" if all(good) else "NOT all as on the CPU: see above")
    return 0 if all(good) else 1


if __name__ == "__main__":
    raise SystemExit(main())
