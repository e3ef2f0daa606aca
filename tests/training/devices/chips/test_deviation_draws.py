"""Deviations that are kept from step to step, and arrays that are loaded in parts."""

import hashlib
from dataclasses import replace

import pytest
import torch
from thermospice.training import DeviceSPU
from thermospice.training.devices.chips import ALL_EFFECTS, DrawnErrors, Kept

from ...doubles import Population, make_factors

LARGE = 8 * 100
"""Bytes of the tensors here."""


class Maker:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> torch.Tensor:
        self.made += 1
        return torch.full((100,), float(self.made), dtype=torch.float64)


def test_what_is_kept_is_made_once():
    """Catches draws that are repeated at every step."""
    kept, maker = Kept(limit=10 * LARGE), Maker()
    first = [kept.get("chip", k, maker) for k in range(3)]
    again = [kept.get("chip", k, maker) for k in range(3)]
    assert maker.made == 3
    assert all(a is b for a, b in zip(first, again, strict=True))


def test_no_more_is_kept_than_there_is_room_for():
    """Catches a device whose memory grows with every chip, and one array that pushes out its own beginning."""
    kept, maker = Kept(limit=3 * LARGE), Maker()
    for _ in range(2):
        for k in range(5):
            kept.get("chip", k, maker)
    assert kept.size == 3 * LARGE
    assert maker.made == 5 + 2  # the first three stay


def test_the_chip_that_was_used_longest_ago_goes_first():
    kept, maker = Kept(limit=2 * LARGE), Maker()
    for chip in ("a", "b", "a", "c"):
        kept.get(chip, 0, maker)
    assert maker.made == 3
    kept.get("a", 0, maker)
    assert maker.made == 3
    kept.get("b", 0, maker)
    assert maker.made == 4
    assert kept.size == 2 * LARGE


def test_a_tensor_beyond_all_room_is_made_and_not_kept():
    kept, maker = Kept(limit=LARGE - 1), Maker()
    assert float(kept.get("chip", 0, maker)[0]) == 1.0
    assert kept.size == 0


@pytest.mark.parametrize("columns", [1, 7, 64])
def test_an_array_is_loaded_alike_in_parts_and_as_a_whole(monkeypatch, columns):
    """Catches a part of a tile that takes another part's deviations, rails or sums."""
    factors = make_factors(10, 2, 50)
    solver, b = DeviceSPU(Population(), t=5.0, effects=replace(ALL_EFFECTS, noise=False)), torch.ones(50).double()
    whole = solver.init(factors)
    monkeypatch.setattr("thermospice.training.devices.chips._deviating_arrays._COLUMNS", columns)
    parts = solver.init(factors)
    torch.testing.assert_close(parts.chip.loop.J_in, whole.chip.loop.J_in, rtol=1e-13, atol=0.0)
    torch.testing.assert_close(parts.chip.loop.J_out, whole.chip.loop.J_out, rtol=1e-13, atol=0.0)
    torch.testing.assert_close(solver.compute(parts, b).value, solver.compute(whole, b).value, rtol=1e-9, atol=0.0)


@pytest.mark.parametrize("count", [1, 255, 256, 1000])
def test_a_vector_of_deviations_is_that_of_its_tiles(count):
    # Catches another chip under an old seed: its cells follow from tiles of 16 x 16 normals, whatever is kept.
    population = replace(Population(), capacitor_sigma=0.5)
    like = torch.zeros(1, dtype=torch.float64)
    found = DrawnErrors(population, 7).cells("capacitance", count, like)
    tiles = []
    for index in range(-(-count // 256)):
        digest = hashlib.blake2b(f"7/capacitance/{index}/16".encode(), digest_size=8).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(digest) >> 1)
        tiles.append(torch.randn(16, 16, generator=generator))
    assert torch.equal(found, 0.5 * torch.cat(tiles).reshape(-1)[:count].double())
