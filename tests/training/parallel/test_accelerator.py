"""Training on another processor than the CPU: the same numbers, and nothing computed in the wrong place."""

import math

import pytest
import torch
from thermospice.files.opening import available_cores
from thermospice.training import DeviceSPU, ExperimentError, experiment, load_task
from thermospice.training.experiments import with_defaults
from thermospice.training.parallel import Ranks
from thermospice.training.runs import Run, evaluate
from thermospice.training.runs._many_runs import _places

from ..doubles import Population, make_factors
from .accelerator import DEVICE, Elsewhere, accelerator

CASES = {
    "momentum": {"optimizer": "momentum", "accumulate": 2},
    "woodbury": {"solver": "woodbury"},
    "cholesky": {"solver": "cholesky"},
    "conjugate-gradient": {"solver": "conjugate-gradient"},
    "ideal": {"solver": "ideal-spu", "kappa0": 1e-4, "delay": 0.2, "curvature": "fisher", "accumulate": 2},
    "device": {"solver": "device-spu", "design": "board-1k-1n", "rounding": "stochastic", "delay": 0.3},
    "kfac": {"optimizer": "kfac", "solver": "device-spu", "design": "board-1k-1n", "bits": 10},
    "model": {"task": "logistic", "solver": "model-spu", "design": "board-1k-1n"},
}


def test_the_double_refuses_what_a_gpu_refuses():
    with accelerator() as there:
        x = torch.ones(3, 2, device=there)
        assert isinstance(x, Elsewhere)
        assert float(x.sum()) == 6.0
        assert not isinstance(x.cpu(), Elsewhere)
        with pytest.raises(RuntimeError, match="on one processor"):
            x + torch.ones(3, 2)
        with pytest.raises(RuntimeError, match="a generator of this processor"):
            torch.randn(3, generator=torch.Generator(), device=there)
        with pytest.raises(RuntimeError, match="cannot be indexed"):
            torch.ones(3)[torch.tensor([0], device=there)]
        with pytest.raises(TypeError, match="numpy"):
            x.numpy()


@pytest.mark.parametrize("case", CASES)
def test_steps_checkpoints_and_losses_are_those_of_the_cpu(case):
    asked = {"task": "regression", "precision": "float64", "seeds": (0,), "steps": 2, **CASES[case]}
    task = load_task(asked["task"])
    complete = with_defaults(experiment(asked), task)
    here = Run(task, complete, 0)
    expected = [here.advance(), here.advance()]
    with accelerator():
        # the check of a processor asks torch whether there is such a device
        moved = complete.model_copy(update={"processor": str(DEVICE)})
        run = Run(task, moved, 0)
        losses = [run.advance()]
        resumed = Run(task, moved, 0)
        resumed.load_state_dict(run.state_dict())
        losses.append(resumed.advance())
        assert all(p.device == DEVICE for p in resumed.module.parameters())
        loss, _ = evaluate(resumed.module, resumed.task, resumed.task.test)
    # the same operations on the same numbers; the reduction of a transposed view may go in another order
    assert losses == pytest.approx(expected, rel=1e-9)
    assert loss == pytest.approx(evaluate(here.module, here.task, here.task.test)[0], rel=1e-9)


def test_each_process_of_torchrun_takes_a_gpu_of_its_own(monkeypatch):
    for name, value in {"WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ExperimentError, match="give cuda, not cuda:1"):
        Ranks.launched("cuda:1")


def test_runs_on_a_gpu_do_not_contend_for_it():
    assert _places(["cpu", "cpu"]) == available_cores()
    assert _places(["cpu", "cuda"]) == 1


@pytest.mark.parametrize("t", [2.0, math.inf])
def test_a_device_alone_answers_where_its_program_is(t):
    factors, b = make_factors(4, 3, 30), torch.linspace(-1.0, 1.0, 30, dtype=torch.float64)
    device = DeviceSPU(Population(kappa0=1e-6, gain_bandwidth=2e7), t=t)
    expected = device.compute(device.init(factors), b, b).value
    with accelerator() as there:
        again = DeviceSPU(Population(kappa0=1e-6, gain_bandwidth=2e7), t=t)
        moved = type(factors)(factors.J.to(there), factors.H.to(there), factors.damping)
        found = again.compute(again.init(moved), b.to(there), b.to(there)).value
        assert found.device == DEVICE
        torch.testing.assert_close(found.cpu(), expected, rtol=1e-9, atol=1e-12)
