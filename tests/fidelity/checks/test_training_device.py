"""Training's device in the fidelity table: it is the circuit, and a device that is another one fails."""

from dataclasses import replace

import numpy as np
import pytest
from thermospice.fidelity import cases
from thermospice.fidelity.checks import _training_device as _trained
from thermospice.fidelity.training_devices import Batch
from thermospice.training.devices import _loaded_arrays as chip_module
from thermospice.training.devices.chips import ArrayGrid, ChipAmplifiers


def rows(level: str, size: int = 4) -> dict[str, dict]:
    subject = cases(["cascade"], [level], [size], None, 0)[0].subject()
    found = list(_trained.rows(subject))
    assert not subject.failures
    return {row["metric"].removeprefix("training's device against SPICE, "): row for row in found}


@pytest.mark.parametrize("level", ["ideal", "macro"])
def test_the_device_is_the_circuit_of_its_chip(level):
    found = rows(level)
    assert len(found) == 15
    assert all(row["passed"] for row in found.values())
    assert {row["analysis"] for row in found.values()} == {"op", "tran", "noise"}
    # the limits are worth having: half a step of seven bits at rest and in the noise of the loaded arrays
    assert max(row["limit"] for name, row in found.items() if "rest," in name and "covariance" not in name) < 4e-3
    assert found["density far below the poles"]["limit"] < 1e-3


def coarser(monkeypatch):
    def of(population, effects, rounding):
        right = ArrayGrid.of(population, effects, rounding)
        return replace(right, bits=None if right.bits is None else right.bits - 1)

    monkeypatch.setattr(chip_module, "ArrayGrid", type("Coarser", (), {"of": staticmethod(of)}))


def of_empty_arrays(monkeypatch):
    right = chip_module.strength
    monkeypatch.setattr(chip_module, "strength", lambda sources, gain, *rest: right(sources, 0 * gain + 2.0, *rest))


def without_range(monkeypatch):
    right = ArrayGrid.of
    unlimited = type("Wide", (), {"of": staticmethod(lambda *given: replace(right(*given), range=None))})
    monkeypatch.setattr(chip_module, "ArrayGrid", unlimited)


def without_load(monkeypatch):
    monkeypatch.setattr(ChipAmplifiers, "readout_variance", lambda self, around: 0.0 * around)


@pytest.mark.parametrize(
    ("level", "fault", "caught"),
    [
        ("ideal", coarser, "mean at rest, 5 bits"),
        ("ideal", without_range, "entries that clip, difference"),
        ("macro", without_range, "mean at rest, clipped"),
        ("ideal", of_empty_arrays, "covariance at rest, Frobenius"),
        ("macro", of_empty_arrays, "density far below the poles"),
        ("macro", without_load, "covariance at rest, Frobenius"),
    ],
)
def test_a_device_that_is_another_one_is_caught(monkeypatch, level, fault, caught):
    fault(monkeypatch)
    assert not rows(level)[caught]["passed"]


def test_a_drawn_batch_is_a_real_one():
    subject = cases(["cascade"], ["macro"], [64], None, 0)[0].subject()
    batch = Batch.of(subject.instance.topology, 0)
    assert (batch.factors.N, batch.factors.r, batch.factors.batch) == (64, 32, 8)
    assert np.linalg.matrix_rank(batch.factors.J.numpy()) > 16
    again = Batch.of(subject.instance.topology, 0)
    assert np.array_equal(batch.drive, again.drive)
