"""What may be asked for at once follows from the memory of the machine, and a message names it."""

import os

import numpy as np
import pytest
from thermospice.circuits import Cascade, Crossbar, Design, DesignError, Program, RCMesh, state_space
from thermospice.circuits.topologies import BYTES_PER_PAIR, most_cells
from thermospice.files.opening import MOST_SEED, in_gigabytes, most_memory, seed_fault
from thermospice.files.opening import _bounds as bounds


@pytest.fixture
def machine(monkeypatch):
    """A machine of 16 GB, half of which one piece of work may take."""
    monkeypatch.setattr("thermospice.circuits.topologies._topology.most_memory", lambda: 8_000_000_000)


def test_half_of_the_memory_is_for_one_piece_of_work():
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert 0 < most_memory() <= whole // 2


@pytest.mark.parametrize(("text", "limit"), [("max\n", None), ("1000000\n", 1_000_000), ("rubbish", None)])
def test_a_group_of_processes_may_have_less(text, limit, tmp_path, monkeypatch):
    (tmp_path / "memory.max").write_text(text)
    monkeypatch.setattr(bounds, "_GROUP_LIMIT", tmp_path / "memory.max")
    assert bounds._limit_of_group() == limit


@pytest.mark.parametrize("make", [Crossbar, RCMesh, lambda n: Cascade(4, n), lambda n: Cascade(n, 4)])
def test_cells_are_bounded_by_memory(make, machine):
    # sqrt(8e9/8e3) = 1000: ten unknowns a cell, squared, eight bytes, ten matrices.
    assert BYTES_PER_PAIR == 10**2 * 8 * 10
    assert most_cells() == 1000
    make(1000)
    with pytest.raises(DesignError, match=r"at most 1,000 cells, got 1001: .* 8\.02 GB of memory.* 8 GB"):
        make(1001)


@pytest.mark.parametrize("n", [10**9, 10**30, 10**400])
def test_any_number_of_cells_has_a_message(n, machine):
    with pytest.raises(DesignError, match="at most 1,000 cells") as caught:
        Crossbar(n)
    assert len(str(caught.value)) < 200


def test_the_unknowns_of_a_cell_are_no_more_than_are_counted():
    # Catches a topology that grows new nodes and leaves the bound behind.
    n = 4
    chip = Design.preset("board-1k-1n").nominal(Crossbar(n))
    network = chip.network(Program(np.eye(n), np.ones(n)))
    assert len(state_space(network).C) <= 10 * n


def test_seeds_are_whole_numbers_that_every_file_keeps():
    assert seed_fault(0) is None
    assert seed_fault(MOST_SEED) is None
    assert float(MOST_SEED) == MOST_SEED
    assert float(MOST_SEED + 1) != MOST_SEED + 1
    for seed in (-1, MOST_SEED + 1, 10**30, 10**400):
        fault = seed_fault(seed)
        assert fault is not None
        assert "from 0 to 2^53" in fault
        assert len(fault) < 120


@pytest.mark.parametrize(
    ("size", "text"), [(5e8, "0.5 GB"), (12.6e9, "12.6 GB"), (8e11, "800 GB"), (8e13, "80,000 GB"), (8e40, "8e+31 GB")]
)
def test_sizes_are_told_in_gigabytes(size, text):
    assert in_gigabytes(size) == text
