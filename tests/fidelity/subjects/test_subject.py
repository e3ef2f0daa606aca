"""A chip under test: each measurement is made once, alone or beside others."""

import numpy as np
import pytest
from thermospice.fidelity import cases
from thermospice.fidelity.subjects import Asked

ASKED = [Asked("op"), Asked("tran", options={"duration": 1e-6}), Asked("ac", options={"points_per_decade": 2})]


def subject():
    return cases(["crossbar"], ["ideal"], [1])[0].subject()


def test_side_by_side_gives_the_same_numbers_and_measures_nothing_twice(monkeypatch):
    alone, together = subject(), subject()
    together.measure_side_by_side(ASKED)
    expected = [alone.measure(one.analysis, **one.options) for one in ASKED]
    # Catches a measurement that is kept under another name than the one it is asked for by.
    monkeypatch.delattr(type(together), "_simulate")
    for one, data in zip(ASKED, expected, strict=True):
        found = together.measure(one.analysis, **one.options)
        for name in data.data_vars:
            np.testing.assert_array_equal(found[name], data[name])
    together.measure_side_by_side(ASKED)
    assert together.failures == []


def test_a_failed_simulation_is_a_reason_and_leaves_the_others(dying_ngspice):
    found = subject()
    found.measure_side_by_side(ASKED[:2])
    assert found.measure("op") is None
    assert found.measure("tran", duration=1e-6) is None
    assert all("killed" in reason for reason in found.failures)
    assert len(found.failures) == 2


def test_what_cannot_be_asked_is_no_failed_row():
    with pytest.raises(ValueError, match="duration"):
        subject().measure_side_by_side([Asked("tran", options={"duration": -1.0})])
