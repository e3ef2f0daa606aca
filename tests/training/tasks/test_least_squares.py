"""Least squares: the task whose optimum is known, so that what a step leaves is the solver's doing."""

from pathlib import Path

import numpy as np
import pytest
from thermospice.training import experiment, load_task
from thermospice.training.runs import run_experiment


def least_loss() -> float:
    """The smallest training loss, by LAPACK's least squares."""
    train = load_task("least-squares").train
    inputs = np.column_stack([train.inputs.double().numpy(), np.ones(len(train))])
    targets = train.targets.double().numpy()
    best, *_ = np.linalg.lstsq(inputs, targets, rcond=None)
    return float(np.mean((inputs @ best - targets) ** 2))


def one_step(folder: Path, **settings: object) -> float:
    fields = {"task": "least-squares", "steps": 1, "seeds": (0,), "lr": 1.0, "precision": "float64"}
    entry = run_experiment(experiment({**fields, **settings}), folder, workers=1, quiet=True)[0]
    return float(entry["train_loss"])


@pytest.mark.parametrize("solver", ["cholesky", "woodbury", "conjugate-gradient"])
def test_one_exact_step_ends_in_the_minimum(tmp_path: Path, solver: str) -> None:
    # Catches a curvature or a gradient that is off by a factor, which a run of many steps hides.
    # The smallest eigenvalue of F is 2 x 0.008 (columns of the data are nearly collinear): damping of 1e-6 leaves
    # 6e-5 of the way in that direction, whose square weighs 4e-9 in the loss.
    # Conjugate gradients stop at a residual of 1e-5 of the gradient: 1e-5/0.016 of the way, squared 4e-7.
    assert one_step(tmp_path, solver=solver, damping=1e-6) == pytest.approx(least_loss(), rel=1e-6)


def test_a_device_is_short_of_it_by_its_time(tmp_path: Path) -> None:
    # After one time constant the slow directions have hardly moved: the loss lies between start and minimum.
    short = one_step(tmp_path / "short", solver="ideal-spu", damping=1e-6, t=1.0)
    longer = one_step(tmp_path / "longer", solver="ideal-spu", damping=1e-6, t=100.0)
    assert least_loss() < longer < short
