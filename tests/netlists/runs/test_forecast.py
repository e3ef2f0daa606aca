"""What a simulation is said to take before it begins."""

from math import ceil

import numpy as np
import pytest
import scipy.sparse
from thermospice.circuits import Crossbar, Design, Network, random_program
from thermospice.circuits.loaded_chips import sparse_mesh
from thermospice.files.forecasts import Forecast
from thermospice.files.opening import available_cores
from thermospice.netlists import NetlistError
from thermospice.netlists.runs import check_forecast, check_size, forecast, forecast_of_noise, granted

DESIGN = Design.preset("board-1k-1n")


def crossbar(n: int) -> Network:
    topology = Crossbar(n)
    return DESIGN.nominal(topology).network(random_program(topology, np.random.default_rng(0)), "macro")


def test_an_array_takes_at_least_the_cube_of_its_cells():
    """Catches a forecast that counts nodes once, as for circuits that stay sparse."""
    small, large = (forecast(crossbar(n), "op") for n in (64, 128))
    assert 7 <= large.longest / small.longest <= 9
    assert large.text() is None  # a second


def test_spectra_of_every_pair_count_by_their_processes():
    whole, one = (forecast(crossbar(64), analysis, cores=1) for analysis in ("noise", "op"))
    shared = forecast(crossbar(64), "noise", cores=2)
    own = one.seconds - one.longest
    assert whole.seconds - own == pytest.approx(33 * whole.longest)  # 64 * 65 / 2 spectra, 64 a process
    assert shared.seconds - own == pytest.approx(17 * whole.longest)
    assert whole.longest > forecast(crossbar(64), "ac").longest


def test_a_large_mesh_that_stays_sparse_is_neither_long_nor_large():
    """Catches a bound on cells that refuses what takes seconds."""
    n = 3000
    A = scipy.sparse.diags_array([-np.ones(n - 1), 3 * np.ones(n), -np.ones(n - 1)], offsets=[-1, 0, 1])
    found = forecast(sparse_mesh(DESIGN, A, np.ones(n)), "tran")
    assert found.text() is None
    check_forecast(found, timeout=1.0)


def test_noisy_records_count_the_values_that_their_sources_hold():
    """Catches a record that is taken for one waveform, however long it is and however many there are."""
    short, long = (forecast_of_noise(crossbar(8), holds, 4) for holds in (1e4, 1e6))
    assert long.longest == pytest.approx(100 * short.longest)
    assert long.seconds == pytest.approx(ceil(4 / available_cores()) * long.longest)
    # Measured: 5.4 s of a core for 1.6e4 to 1.8e4 values in 8 cells; a forecast is good to a factor of three.
    assert 5.4 / 3 < forecast_of_noise(crossbar(8), 1.7e4, 1).longest < 5.4 * 3


def test_what_does_not_fit_is_refused_with_the_number():
    with pytest.raises(NetlistError, match=r"size: this takes about 1e\+06 GB of memory, and .* GB are free"):
        check_forecast(Forecast(1.0, 1e15))
    with pytest.raises(NetlistError, match="timeout: the simulator takes about 10 min, and its limit is 60 s"):
        check_forecast(Forecast(600.0, 1e6, 600.0), timeout=60.0)
    check_forecast(Forecast(9e9, 1e6, 100.0), timeout=60.0)  # it may be three times as quick


def test_an_array_beyond_all_memory_is_refused_before_it_is_built(monkeypatch):
    topology = Crossbar(64)
    instance, program = DESIGN.nominal(topology), random_program(topology, np.random.default_rng(0))
    check_size(instance, program)
    monkeypatch.setattr("thermospice.netlists.runs._forecast.free_memory", lambda: 2.6e8)
    with pytest.raises(NetlistError, match="take fewer cells"):
        check_size(instance, program)


def test_a_long_run_is_granted_more_time():
    assert granted(Forecast(1.0)) == 300.0
    assert granted(Forecast(9e9, 0.0, 1000.0)) == 3000.0
