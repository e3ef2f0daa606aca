"""What a piece of work will take: added up, said, and held against what there is."""

import pytest
from thermospice.files.forecasts import LARGE, LONG, MARGIN, Forecast, free_memory, in_turn, side_by_side

HOUR = Forecast(3600.0, 4e9)


def test_what_is_long_or_large_is_said_and_nothing_else():
    assert Forecast(LONG - 1, LARGE - 1).text() is None
    assert Forecast(63.0, 5e8).text() == "this takes about 63 s"
    assert Forecast(2.0, 2e9).text() == "this takes about 2 s and 2 GB of memory"
    assert Forecast(0.0, 2e9).text("1 run takes") == "1 run takes 2 GB of memory"
    assert Forecast(7200.0).text() == "this takes about 2 h"


def test_runs_take_as_long_as_all_over_the_workers_and_never_less_than_the_longest():
    """Catches more memory or speed than there are runs for."""
    assert side_by_side([HOUR] * 6, 3) == Forecast(7200.0, 12e9, 3600.0)
    assert side_by_side([HOUR] * 2, 8) == Forecast(3600.0, 8e9, 3600.0)
    assert side_by_side([HOUR, Forecast(60.0)], 2).seconds == 3600.0
    assert side_by_side([], 3) == Forecast(0.0)


def test_what_is_done_in_turn_holds_its_largest_part_alone():
    assert in_turn([HOUR, Forecast(60.0, 5e9, 7.0)]) == Forecast(3660.0, 5e9, 7.0)
    assert in_turn([]) == Forecast(0.0)


def test_what_does_not_fit_is_told_with_both_numbers():
    assert HOUR.lack_of_memory(4e9) is None
    assert HOUR.lack_of_memory(None) is None
    assert HOUR.lack_of_memory(3e9) == "this takes about 4 GB of memory, and 3 GB are free"


def test_a_limit_is_refused_only_where_the_margin_does_not_reach_it():
    run = Forecast(600.0, 0.0, 60.0)
    assert run.lack_of_time(60.0 / MARGIN, "a run") is None
    assert run.lack_of_time(None, "a run") is None
    assert run.lack_of_time(10.0, "a run") == "timeout: a run takes about 60 s, and its limit is 10 s"


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    monkeypatch.setattr("thermospice.files.forecasts._free_memory._SYSTEM", tmp_path / "meminfo")
    monkeypatch.setattr("thermospice.files.forecasts._free_memory._GROUP", tmp_path)
    return tmp_path


def test_memory_is_free_as_far_as_the_machine_and_the_container_allow(kernel):
    """Catches a container that is promised the memory of its host, and one whose cached files count as lost."""
    assert free_memory() is None
    (kernel / "meminfo").write_text("MemTotal: 24000000 kB\nMemAvailable:   8000000 kB\n")
    assert free_memory() == 8.192e9
    (kernel / "memory.max").write_text("max\n")
    (kernel / "memory.current").write_text("3000000000\n")
    assert free_memory() == 8.192e9
    (kernel / "memory.max").write_text("4000000000\n")
    assert free_memory() == 1e9
    (kernel / "memory.stat").write_text("active_file 7\ninactive_file 500000000\n")
    assert free_memory() == 1.5e9
    (kernel / "memory.current").write_text("6000000000\n")
    assert free_memory() == 0.0
