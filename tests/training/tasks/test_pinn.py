"""The residual of a differential equation: derivatives against autograd, and what curvature does to it."""

from pathlib import Path

import pytest
import torch
from thermospice.training import experiment, load_task
from thermospice.training.experiments import with_defaults
from thermospice.training.runs import run_experiment


def second_derivative(values: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    (slope,) = torch.autograd.grad(values.sum(), x, create_graph=True)
    return torch.autograd.grad(slope.sum(), x)[0]


def test_the_residual_is_the_second_derivative_of_the_solution() -> None:
    # Catches a term that the chain or the product rule asks for and the forward pass left out.
    task = load_task("pinn")
    torch.manual_seed(3)
    module = task.build().double()
    x = torch.linspace(-1, 1, 41, dtype=torch.float64)[:, None].requires_grad_()
    scale = (task.train.targets.double().square().mean() * 128 / 129).sqrt()
    # 128 inner points of 129 equal steps over whole waves: the sum of sin^2 is that of all of them
    assert scale == pytest.approx(1.0, rel=1e-6)
    force = (4 * torch.pi) ** 2 / 2**0.5
    torch.testing.assert_close(module(x) * force, second_derivative(module.solution(x), x), rtol=1e-11, atol=1e-9)
    assert module.solution(x)[[0, -1]].abs().max() == 0.0


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_the_targets_are_the_force_of_the_exact_solution(part: str) -> None:
    split = getattr(load_task("pinn"), part)
    x = split.inputs.double().requires_grad_()
    force = second_derivative(torch.sin(4 * torch.pi * x), x) / ((4 * torch.pi) ** 2 / 2**0.5)
    torch.testing.assert_close(split.targets.double(), force, rtol=0, atol=1e-6)
    assert split.inputs.abs().max() <= 1.0


def test_no_point_is_in_two_parts() -> None:
    task = load_task("pinn")
    points = torch.cat([task.train.inputs, task.validation.inputs, task.test.inputs])
    assert len(points.unique()) == len(points)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_first_order_stalls(tmp_path: Path, seed: int) -> None:
    settings = {"task": "pinn", "optimizer": "adam", "lr": 0.01, "steps": 300, "seeds": (seed,), "precision": "float64"}
    entry = run_experiment(experiment(settings), tmp_path, workers=1, quiet=True)[0]
    assert float(entry["train_loss"]) > 0.1


@pytest.mark.parametrize("solver", ["ideal-spu", "woodbury", "device-spu"])
def test_natural_gradients_adapt_their_damping_unless_told_otherwise(solver: str) -> None:
    task = load_task("pinn")
    settings = {"task": "pinn", "solver": solver}
    assert with_defaults(experiment(settings), task).levenberg_marquardt
    for given in ({"damping_last": 1e-3}, {"levenberg_marquardt": False}):
        assert not with_defaults(experiment({**settings, **given}), task).levenberg_marquardt


@pytest.mark.slow
@pytest.mark.parametrize("solver", ["ideal-spu", "woodbury"])
def test_natural_gradients_reach_a_millionth_with_their_defaults(tmp_path: Path, solver: str) -> None:
    settings = {"task": "pinn", "solver": solver, "seeds": tuple(range(10))}
    entries = run_experiment(experiment(settings), tmp_path, quiet=True)
    assert all(float(entry["train_loss"]) < 1e-6 for entry in entries)
