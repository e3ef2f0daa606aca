"""The law of a chip's unknowns in its file."""

import json

import numpy as np
import pytest
from thermospice.behavioral.devices import Posterior


@pytest.fixture
def law():
    rng = np.random.default_rng(0)
    root = rng.standard_normal((5, 5))
    return Posterior(tuple("abcde"), np.full(5, 0.01), 1e-3 * rng.standard_normal(5), 1e-6 * root @ root.T)


@pytest.mark.parametrize("many", [3, 1000], ids=["bytes", "digits"])
def test_every_digit_survives_the_file(law, monkeypatch, many):
    # Catches correlations of many unknowns that are rounded, transposed, or of another machine's byte order.
    monkeypatch.setattr("thermospice.behavioral.devices._posterior._MANY", many)
    data = json.loads(json.dumps(law.to_dict()))
    assert isinstance(data["correlations"], str) == (many == 3)
    again = Posterior.from_dict(data)
    sd = np.sqrt(np.diag(law.covariance))
    np.testing.assert_allclose(again.covariance, law.covariance, rtol=0, atol=4e-16 * sd.max() ** 2)
    np.testing.assert_array_equal(again.values, law.values)


@pytest.mark.parametrize("text", ["", "AAAA", "no base 64", "AAAAAAAA8H8=", "ä"])
def test_bytes_that_are_no_correlations_are_refused(law, text):
    with pytest.raises(ValueError, match=r"."):
        Posterior.from_dict({**law.to_dict(), "correlations": text})
