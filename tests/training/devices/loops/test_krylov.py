"""A loop that is not normal: a Krylov space of few vectors may seem to grow where the loop itself settles."""

from dataclasses import dataclass

import pytest
import torch
from thermospice.training import Vector
from thermospice.training.devices.loops import _krylov as _krylov
from torch import Tensor


@dataclass(frozen=True)
class Solver:
    matrix: Tensor

    def solve(self, f: Vector, tol: float) -> Vector:
        return torch.linalg.solve(self.matrix, f)


@dataclass(frozen=True)
class Dense:
    F: Tensor

    def matvec(self, x: Vector) -> Vector:
        return self.F @ x

    def shifted(self, p: float, h: float) -> Solver:
        return Solver(p * torch.eye(len(self.F), dtype=self.F.dtype) + h * self.F)


def ring(modes: int, seed: int) -> Tensor:
    """Cells and two stages each, as an amplifier of little bandwidth makes them, in a basis of their own."""
    draw = torch.Generator().manual_seed(seed)
    strength = torch.logspace(-1, 1.9, modes, dtype=torch.float64)  # up to two thirds of what rings up
    Z, eye = torch.zeros(modes, modes, dtype=torch.float64), torch.eye(modes, dtype=torch.float64)
    F = torch.cat(
        [
            torch.cat([0.05 * eye, Z, eye], 1),
            torch.cat([-6.0 * eye, 6.0 * eye, Z], 1),
            torch.cat([Z, -120.0 * torch.diag(strength), 120.0 * eye], 1),
        ]
    )
    turn, _ = torch.linalg.qr(torch.randn(3 * modes, 3 * modes, generator=draw, dtype=torch.float64))
    return turn @ F @ turn.T


def test_a_small_space_that_seems_to_grow_is_not_believed(monkeypatch):
    seen = []
    small = _krylov._small_phi1

    def watched(hessenberg, scaled):
        y = small(hessenberg, scaled)
        seen.append(float(y.norm()))
        return y

    monkeypatch.setattr(_krylov, "_small_phi1", watched)
    for seed in range(40):
        F = ring(12, seed)
        assert float(torch.linalg.eigvals(F).real.min()) > 0
        d = torch.randn(len(F), generator=torch.Generator().manual_seed(100 + seed), dtype=torch.float64)
        x = _krylov.state_at(Dense(F), d, None, 4.0, 1e-8)
        settled = torch.linalg.solve(F, d)
        expected = settled - torch.linalg.matrix_exp(-4.0 * F) @ settled
        torch.testing.assert_close(x, expected, rtol=0, atol=1e-7 * float(expected.norm()))
    # The fault was there to be made.
    assert max(seen) > 1e3


@pytest.mark.parametrize(("seed", "t"), [(50, 3.775), (27, 7.667), (36, 6.054)])
def test_a_small_change_after_a_large_one_is_not_the_last(seed, t):
    # Catches a space that ends because one coefficient happens to vanish: of these three, found by trying 2400, the
    # seventh changes the answer by 4e-5, and leaves it off by four times as much.
    rates = torch.logspace(-2, 1.5, 12, dtype=torch.float64)
    d = torch.randn(12, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    x = _krylov.state_at(Dense(torch.diag(rates)), d, None, t, 5e-5)
    expected = -torch.expm1(-t * rates) / rates * d
    assert float((x - expected).norm()) < 5e-5 * float(expected.norm())
