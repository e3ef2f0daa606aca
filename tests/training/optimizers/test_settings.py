"""Settings that are none are refused where they are given, not in the middle of a step."""

import pytest
import torch
from thermospice.training import KFAC, TNGD, Cholesky, DeviceSPU, IdealSPU
from torch import nn

from ..doubles import Population


@pytest.mark.parametrize("optimizer", [TNGD, KFAC])
@pytest.mark.parametrize(
    ("loss_fn", "solver", "said"),
    [
        (nn.MSELoss, None, r"loss_fn as a function or a loss, .* got the class MSELoss"),
        (nn.MSELoss(), Cholesky, r"a solver, such as Woodbury\(\), got <class"),
    ],
)
def test_a_class_is_not_taken_for_one_of_its_kind(optimizer, loss_fn, solver, said):
    # Catches `MSELoss` without brackets, which torch answers with "Boolean value of Tensor is ambiguous".
    with pytest.raises(TypeError, match=f"^{optimizer.__name__}: expected {said}"):
        optimizer(nn.Linear(2, 1), loss_fn, solver=solver)


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"chunk": 0}, "chunk >= 1"), ({"betas": (0.9, 0.999), "eps": -1.0}, "eps >= 0"),
     ({"betas": (0.9, 0.999), "eps": float("nan")}, "eps >= 0")],
)  # fmt: skip
def test_numbers_that_are_none(settings, said):
    with pytest.raises(ValueError, match=said):
        TNGD(nn.Linear(2, 1), nn.MSELoss(), **settings)


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"noise_tolerance": -1.0}, "noise_tolerance > 0"), ({"max_attempts": 0}, "max_attempts >= 1"),
     ({"seed": -1}, "seed from 0"), ({"t": float("nan")}, "t >= 0")],
)  # fmt: skip
def test_a_device_refuses_what_it_cannot_do(settings, said):
    # Catches a tolerance below zero, which no solution meets, and a number of attempts that gives none.
    with pytest.raises(ValueError, match=said):
        DeviceSPU(Population(), **settings)


def test_a_seed_is_a_whole_number():
    for make in (lambda: IdealSPU(seed=-3), lambda: IdealSPU(seed=2**60)):
        with pytest.raises(ValueError, match="IdealSPU: seed: expected a seed from 0"):
            make()
    assert torch.equal(*(IdealSPU(seed=2**53).generator.get_state() for _ in range(2)))
