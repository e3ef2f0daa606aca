"""Room for large arrays is used again, and never while somebody has a part of it."""

import math

import torch
from thermospice.training import DeviceSPU
from thermospice.training.programs import Factors, kept_room, room_for

from ..doubles import Population

LIKE = torch.empty(0)
ROWS = 1024
COLUMNS = 1537
"""An array of 6 MB, of a size that nothing else asks for."""


def test_a_room_comes_back_with_the_last_view_of_it():
    # Catches a room that is lent again while a row of its array is still there.
    whole = room_for(ROWS, COLUMNS, LIKE)
    place = whole.data_ptr()
    row = whole[3].fill_(7.0)
    del whole
    other = room_for(ROWS, COLUMNS, LIKE).fill_(1.0)
    assert other.data_ptr() != place
    assert bool((row == 7.0).all())
    del row
    assert room_for(ROWS, COLUMNS, LIKE).data_ptr() == place


def test_no_more_room_is_kept_than_is_stated():
    # Catches rooms that pile up: none of these is touched, so that they take no memory.
    held = [room_for(1 << 14, columns, LIKE) for columns in range(1 << 12, (1 << 12) + 6)]
    del held
    assert kept_room() <= 1 << 30


def test_a_device_reads_nothing_that_an_earlier_program_has_left():
    # Catches a loaded array with entries that were never written.
    J = torch.randn(64, 20_000, generator=torch.Generator().manual_seed(0)) / math.sqrt(20_000)
    b = torch.ones(20_000)

    def solved() -> torch.Tensor:
        solver = DeviceSPU(Population(), t=2.0)
        return solver.compute(solver.init(Factors(J, None, 0.1)), b).value

    expected = solved()
    held = [room_for(*J.shape, J).fill_(math.nan) for _ in range(3)]
    del held
    torch.testing.assert_close(solved(), expected, rtol=0.0, atol=0.0)
