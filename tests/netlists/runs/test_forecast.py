"""What a simulation is said to take before it begins."""

import numpy as np
import pytest
import scipy.sparse
from thermospice.circuits import Crossbar, Design, Network, random_program
from thermospice.circuits.loaded_chips import sparse_mesh
from thermospice.netlists import NetlistError
from thermospice.netlists.runs import Forecast, check_size, forecast, forecast_of_noise

DESIGN = Design.preset("board-1k-1n")


def crossbar(n: int) -> Network:
    topology = Crossbar(n)
    return DESIGN.nominal(topology).network(random_program(topology, np.random.default_rng(0)), "macro")


def test_an_array_takes_at_least_the_cube_of_its_cells():
    """Catches a forecast that counts nodes once, as for circuits that stay sparse."""
    small, large = (forecast(crossbar(n), "op") for n in (64, 128))
    assert 7 <= large.simulator / small.simulator <= 9
    assert large.text is None  # a second


def test_spectra_of_every_pair_count_by_their_processes():
    whole, one = forecast(crossbar(64), "noise"), forecast(crossbar(64), "ac")
    assert whole.processes == 33  # 64 * 65 / 2 spectra, 64 a process
    assert whole.simulator > one.simulator


def test_a_large_mesh_that_stays_sparse_is_neither_long_nor_large():
    """Catches a bound on cells that refuses what takes seconds."""
    n = 3000
    A = scipy.sparse.diags_array([-np.ones(n - 1), 3 * np.ones(n), -np.ones(n - 1)], offsets=[-1, 0, 1])
    found = forecast(sparse_mesh(DESIGN, A, np.ones(n)), "tran")
    assert found.text is None
    found.check(timeout=1.0)


def test_noisy_records_count_the_values_that_their_sources_hold():
    """Catches a record that is taken for one waveform, however long it is and however many there are."""
    short, long = (forecast_of_noise(crossbar(8), holds, 4) for holds in (1e4, 1e6))
    assert long.simulator == pytest.approx(100 * short.simulator)
    assert long.processes == 4
    # Measured: 5.4 s of a core for 1.6e4 to 1.8e4 values in 8 cells; a forecast is good to a factor of three.
    assert 5.4 / 3 < forecast_of_noise(crossbar(8), 1.7e4, 1).simulator < 5.4 * 3


def test_what_is_long_or_large_is_said_with_numbers():
    assert Forecast(10.0, 1.0, 5e8).text is None
    assert Forecast(50.0, 13.0, 5e8).text == "this takes about 63 s and 0.5 GB of memory"
    assert Forecast(1.0, 1.0, 2e9).text == "this takes about 2 s and 2 GB of memory"
    assert Forecast(92.0, 0.0, 0.0).text == "this takes about 92 s"
    assert "2 h" in str(Forecast(7200.0, 1.0, 1e8).text)


def test_what_does_not_fit_is_refused_with_the_number():
    with pytest.raises(NetlistError, match=r"size: this takes about 1e\+06 GB of memory, and .* GB are free"):
        Forecast(1.0, 1.0, 1e15).check()
    with pytest.raises(NetlistError, match="timeout: the simulator takes about 10 min, and its limit is 60 s"):
        Forecast(600.0, 1.0, 1e6).check(timeout=60.0)
    Forecast(100.0, 1.0, 1e6).check(timeout=60.0)  # it may be three times as quick


def test_an_array_beyond_all_memory_is_refused_before_it_is_built(monkeypatch):
    topology = Crossbar(64)
    instance, program = DESIGN.nominal(topology), random_program(topology, np.random.default_rng(0))
    check_size(instance, program)
    monkeypatch.setattr("thermospice.netlists.runs._forecast.free_memory", lambda: 2.6e8)
    with pytest.raises(NetlistError, match="take fewer cells"):
        check_size(instance, program)


def test_a_long_run_is_granted_more_time():
    assert Forecast(1.0, 0.0, 0.0).timeout == 300.0
    assert Forecast(1000.0, 0.0, 0.0).timeout == 3000.0
