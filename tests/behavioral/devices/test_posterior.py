"""The law of a chip's unknowns in its file."""

import base64
import json
from dataclasses import replace

import numpy as np
import pytest
from thermospice.behavioral import DeviceModel, DeviceModelError
from thermospice.behavioral.devices import Posterior
from thermospice.circuits import Crossbar, Design


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


@pytest.mark.parametrize(
    ("text", "what"),
    {
        "": "expected 10 numbers, got 0",
        "AAAA": "8 bytes each, got 3 bytes",
        "no base 64": "expected the Base64 text",
        "AAAAAAAA8H8=": "expected 10 numbers, got 1",
        "ä": "expected the Base64 text",
        base64.b64encode(np.full(10, np.nan).tobytes()).decode(): "expected finite numbers",
    }.items(),
)
def test_bytes_that_are_no_correlations_are_refused(law, text, what):
    with pytest.raises(ValueError, match=rf"^posterior\.correlations: .*{what}"):
        Posterior.from_dict({**law.to_dict(), "correlations": text})


def test_only_a_file_that_older_readers_cannot_read_has_the_newer_schema(law, monkeypatch):
    # Catches text that an older version takes for a list of numbers, and one that refuses the files it can read.
    model = DeviceModel.nominal(Design.preset("board-1k-1n").nominal(Crossbar(n=2)))
    with_law = replace(model, posterior=law)
    assert [one.to_dict()["schema"] for one in (model, with_law)] == [1, 1]
    monkeypatch.setattr("thermospice.behavioral.devices._posterior._MANY", 3)
    packed = with_law.to_dict()
    assert packed["schema"] == 2
    for schema in (1, 2):
        again = DeviceModel.from_dict({**packed, "schema": schema})
        np.testing.assert_array_equal(again.posterior.values, law.values)
    with pytest.raises(DeviceModelError, match="schema 1 or 2, got 3"):
        DeviceModel.from_dict({**packed, "schema": 3})
    damaged = {**packed, "posterior": {**packed["posterior"], "correlations": "AAAA"}}
    with pytest.raises(DeviceModelError, match=r"^device\.json: .*posterior\.correlations: expected"):
        DeviceModel.from_dict(damaged, "device.json")
