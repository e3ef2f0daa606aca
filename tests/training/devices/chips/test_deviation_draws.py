"""Deviations that are kept from step to step, and arrays that are loaded in parts."""

import hashlib
from dataclasses import replace

import pytest
import torch
from thermospice.training import DeviceEffects, DeviceSPU
from thermospice.training.devices.chips import ALL_EFFECTS, Ageing, DrawnErrors, Kept

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


def normals(key: str, width: int) -> torch.Tensor:
    """16 rows of an array, by the hash that a chip has had from the first."""
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest) >> 1)
    return torch.randn(16, width, generator=generator)


def test_each_chip_keeps_the_deviations_of_its_own_arrays():
    # Catches one chip, array, tile or width that is handed what was kept of another, whichever was asked for first.
    like = torch.zeros(1)
    for _ in range(2):
        for seed in (3, 4):
            for array in ("J", "J^T"):
                for index, width in ((0, 40), (1, 40), (0, 41)):
                    found, _ = DrawnErrors(Population(), seed).tile(array, index, 16, width, like)
                    assert torch.equal(found, normals(f"{seed}/{array}/{index}/{width}", width))
            drive = DrawnErrors(replace(Population(), conductance_sigma=1.0), seed).cells("drive", 200, like)
            assert torch.equal(drive, normals(f"{seed}/drive/0/16", 16).reshape(-1)[:200])


def test_a_chip_that_drifts_leaves_what_is_kept_as_it_was():
    # Catches a load that writes into the kept tensors, which single precision hands on without a copy.
    program = make_factors(10, 2, 50)
    program = replace(program, J=program.J.float(), H=program.H.float())
    new = DeviceSPU(Population(), seed=5, effects=DeviceEffects.only("conductance"))
    ageing = Ageing(step_time=2.0, ageing_exponent=0.5, ageing_time=1.0)
    old = replace(new, ageing=ageing)
    before = new.init(program).chip.loop
    drifted = [old.init(program).chip.loop for _ in range(4)][-1]
    after = new.init(program).chip.loop
    assert torch.equal(before.J_in, after.J_in)
    assert torch.equal(before.J_out, after.J_out)
    # the same chip: all of its conductances have fallen to 6^-1/2 at the fourth load, after 6 s
    torch.testing.assert_close(drifted.J_out, before.J_out * 6.0**-0.5, rtol=1e-6, atol=0.0)
