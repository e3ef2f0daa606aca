"""Two processes take the step that one takes with the whole batch."""

import socket
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from thermospice.training import (
    KFAC,
    TNGD,
    Cholesky,
    ConjugateGradient,
    DeviceEffects,
    DeviceSPU,
    ExperimentError,
    IdealSPU,
    Woodbury,
    experiment,
    load_task,
)
from thermospice.training.experiments import with_defaults
from thermospice.training.optimizers import LevenbergMarquardt
from thermospice.training.parallel import Ranks
from thermospice.training.runs import Interrupted, follow, load_checkpoint
from thermospice.training.runs import train as train_run
from torch import nn
from torch.nn import functional

from ..doubles import Population

B, STEPS = 8, 3
CHIPS = Population(gain_bandwidth=1e7, kappa0=1e-6, dac_bits=12, adc_bits=12)


CASES: dict[str, dict[str, Any]] = {
    "Woodbury": {"solver": lambda: Woodbury(), "levenberg_marquardt": LevenbergMarquardt()},
    "Cholesky": {"solver": lambda: Cholesky()},
    "CG": {"solver": lambda: ConjugateGradient(tol=1e-13)},
    "IdealSPU": {"solver": lambda: IdealSPU(t=2.0, kappa0=1e-3), "delay": 0.3, "momentum": 0.5},
    "IdealSPU on Fisher": {"solver": lambda: IdealSPU(t=2.0), "curvature": "fisher"},
    "by layers": {"solver": lambda: Woodbury(), "curvature": "layers"},
    "DeviceSPU by layers": {
        "solver": lambda: DeviceSPU(CHIPS, t=2.0, effects=DeviceEffects(readout_bits=False)),
        "curvature": "layers",
    },
    "K-FAC": {"solver": lambda: Cholesky(), "momentum": 0.5},
    "K-FAC on a device": {"solver": lambda: DeviceSPU(CHIPS, effects=DeviceEffects(readout_bits=False))},
    "DeviceSPU": {"solver": lambda: DeviceSPU(CHIPS, t=2.0, effects=DeviceEffects(readout_bits=False))},
}


def train(name: str, rank: int = 0, count: int = 1) -> torch.Tensor:
    torch.manual_seed(1)
    module = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    settings = dict(CASES[name])
    solver = settings.pop("solver")()
    kind = KFAC if name.startswith("K-FAC") else TNGD
    optimizer = kind(
        module, functional.cross_entropy, lr=0.2, damping=0.1, solver=solver, data_parallel=count > 1, **settings
    )
    generator = torch.Generator().manual_seed(2)
    for _ in range(STEPS):
        x, y = torch.randn(B, 4, generator=generator, dtype=torch.float64), torch.randint(3, (B,), generator=generator)
        loss = optimizer.step(x.chunk(count)[rank], y.chunk(count)[rank])
    return torch.cat([loss.reshape(1), *(p.detach().reshape(-1) for p in module.parameters())])


RUNS: dict[str, dict[str, Any]] = {
    "adam run": {"optimizer": "adam", "lr": 0.01},
    "noisy run": {"solver": "ideal-spu", "lr": 0.1, "damping": 0.1, "t": 2.0, "kappa0": 1e-4, "delay": 0.0},
}


def run(name: str, ranks: Ranks | None, folder: Path) -> torch.Tensor:
    """Interrupted before its seventh step and resumed, where there are several processes."""
    task = load_task("regression")
    fields = {"task": "regression", "steps": 12, "batch_size": 32, "precision": "float64", "log_every": 12}
    e = with_defaults(experiment({**fields, **RUNS[name]}), task)
    if ranks is None:
        train_run(task, e, 3, folder)
    elif ranks.rank == 1:
        follow(task, e, 3, ranks)
        follow(task, e, 3, ranks)
    else:
        asked = iter(range(100))
        with pytest.raises(Interrupted):  # asked in the three evaluations of step 0, then before each step
            train_run(task, e, 3, folder, stop=lambda: next(asked) >= 9, ranks=ranks)
        assert load_checkpoint(folder / "checkpoint.pt")["counters"]["step"] == 6
        train_run(task, e, 3, folder, resume=True, ranks=ranks)
    if ranks is not None and ranks.rank == 1:
        return torch.empty(0)
    module = load_checkpoint(folder / "checkpoint.pt")["module"]
    return torch.cat([values.reshape(-1) for values in module.values()])


def worker(rank: int, port: int, folder: str) -> None:
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    ends = {name: train(name, rank, 2) for name in CASES}
    uneven = TNGD(nn.Linear(4, 3).double(), functional.cross_entropy, solver=Woodbury(), data_parallel=True)
    try:
        uneven.step(torch.randn(2 + rank, 4, dtype=torch.float64), torch.zeros(2 + rank, dtype=torch.int64))
    except ValueError as error:
        ends["uneven"] = torch.tensor("same number of samples in every process, got [2, 3]" in str(error))
    for name in RUNS:
        ends[name] = run(name, Ranks(rank, 2), Path(folder) / name)
    torch.save(ends, Path(folder) / f"{rank}.pt")
    Ranks(rank, 2).leave()


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, torch.Tensor]]:
    folder = tmp_path_factory.mktemp("ranks")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mp.spawn(worker, (port, str(folder)), nprocs=2)
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


@pytest.mark.parametrize("name", CASES)
def test_two_processes_take_the_step_of_one(two, name):
    first, second = (ends[name] for ends in two)
    assert torch.equal(first, second)
    # sums in another order, through a matrix whose condition number is about 100
    tolerance = 1e-8 if "DeviceSPU" in name else 1e-11  # the device's own mean is right to 1e-9
    torch.testing.assert_close(first, train(name), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", RUNS)
def test_a_run_of_two_processes_resumes_to_the_weights_of_one(two, tmp_path, name):
    torch.testing.assert_close(two[0][name], run(name, None, tmp_path), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(
    ("fields", "message"), [({"batch_size": 31}, "multiple of the 2"), ({"delay": 0.5}, "delay: ")]
)
def test_what_two_processes_cannot_run_is_refused_before_it_runs(tmp_path, fields, message):
    task = load_task("regression")
    e = with_defaults(experiment({"task": "regression", "solver": "ideal-spu", "batch_size": 32, **fields}), task)
    with pytest.raises(ExperimentError, match=message):
        follow(task, e, 0, Ranks(1, 2))


def test_uneven_parts_are_refused(two):
    assert all(bool(ends["uneven"]) for ends in two)
