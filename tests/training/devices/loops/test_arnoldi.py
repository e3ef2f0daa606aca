"""The slowest mode of a loop, beside all of its eigenvalues."""

import numpy as np
import pytest
import torch
from thermospice.training.devices.loops import Loop

from ...parallel.accelerator import accelerator

R = 300
RATE = 0.01


def loop_of(values: np.ndarray, skew: float) -> Loop:
    """Equal cells, whose arrays turn once by a matrix with these blocks, in a basis of condition `skew`."""
    rng = np.random.default_rng(0)
    left = np.linalg.qr(rng.normal(size=(R, R)))[0]
    right = np.linalg.qr(rng.normal(size=(R, R)))[0]
    basis = left * np.geomspace(1.0, skew, R) @ right
    turn = basis @ values @ np.linalg.inv(basis)
    cells = torch.ones(R, dtype=torch.float64)
    return Loop(cells, RATE * cells, torch.eye(R, dtype=torch.float64), torch.as_tensor(turn.T), None)


def decaying() -> np.ndarray:
    """A network's curvature: a few large, most of them all but zero, some of those negative by mismatch."""
    rng = np.random.default_rng(1)
    return np.diag(np.concatenate([np.geomspace(1e-6, 16.0, 240), 1e-4 * rng.normal(size=60)]))


def with_mode(real: float, imag: float) -> np.ndarray:
    values = decaying()
    values[:2, :2] = [[real, imag], [-imag, real]]
    return values


@pytest.mark.parametrize("skew", [1.0, 5.0])
@pytest.mark.parametrize(
    ("real", "imag"), [(-0.003, 0.0), (-0.011, 0.0), (-2.6, 0.0), (-0.15, 2.6), (-0.004, 0.005), (-0.003, 1.5)]
)
def test_growth_is_that_of_all_eigenvalues(real, imag, skew):
    # Catches a mode that grows, or rings, far from the slowest decay, where inverse iteration alone does not look.
    loop = loop_of(with_mode(real, imag), skew)
    exact = -np.linalg.eigvals(loop.turn.numpy()).real.min() - RATE
    assert loop.growth == pytest.approx(exact, rel=2e-3)


def test_a_loop_without_such_a_mode_needs_no_eigenvalues_of_the_whole(monkeypatch):
    loop = loop_of(decaying(), 1.0)
    whole = torch.linalg.eigvals

    def small(matrix: torch.Tensor) -> torch.Tensor:
        assert len(matrix) < R
        return whole(matrix)

    monkeypatch.setattr(torch.linalg, "eigvals", small)
    assert loop.growth == pytest.approx(-RATE - decaying().diagonal().min(), rel=2e-3)


def test_it_is_found_where_the_loop_is():
    # Catches a matrix of the CPU among those of a GPU.
    here = loop_of(decaying(), 1.0)
    with accelerator() as there:
        moved = [x.to(there) for x in (here.D, here.Lam, here.J_in, here.J_out)]
        assert Loop(*moved, None).growth == pytest.approx(here.growth, rel=1e-9)
