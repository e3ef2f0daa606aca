"""The published timing model, and what is absent when it is not known."""

import pytest
from thermospice.training import CostModel


def test_published_example_is_dominated_by_loading():
    time = CostModel().time(640, 10_000, analog_time=50.0, digital=0.01)
    assert time.loading == pytest.approx(16 * 640 * (640 + 20_000) / 50e9)
    assert time.loading == pytest.approx(4.2e-3, rel=0.01)
    assert time.relaxation == pytest.approx(50e-6)
    assert time.drive == time.readout == pytest.approx(16 * 10_000 / 50e9)
    assert time.total == pytest.approx(sum(time.as_dict().values()))
    assert time.as_dict()["digital"] == 0.01


def test_repeated_runs_send_and_read_again_but_load_once():
    once, twice = (CostModel().time(64, 1000, analog_time=5.0, runs=runs) for runs in (1, 2))
    assert twice.loading == once.loading
    assert twice.readout == 2 * once.readout
    assert "digital" not in once.as_dict()


def test_energies_that_nothing_is_known_of_are_absent():
    assert CostModel().energy(64, 1000, 5.0, digital=0.1).as_dict() == {}
    energy = CostModel(cell_power=1e-3, digital_power=10.0).energy(64, 1000, 5.0, digital=0.1)
    assert energy.digital == pytest.approx(1.0)
    assert energy.relaxation == pytest.approx(1e-3 * (1000 + 128) * 5e-6)
    assert energy.drive is None
    burnt = CostModel(cell_power=1e-3).energy(64, 1000, 5.0, array_power=0.5)
    assert burnt.relaxation == pytest.approx((1e-3 * (1000 + 128) + 0.5) * 5e-6)
    assert CostModel().energy(64, 1000, 5.0, array_power=0.5).as_dict() == {"relaxation": pytest.approx(2.5e-6)}
    linked = CostModel(link_energy=1e-12).energy(64, 1000, 5.0)
    assert linked.loading == pytest.approx(16 * 64 * (64 + 2000) * 1e-12)
    assert CostModel(digital_power=10.0).digital_energy(2.0).total == 20.0


@pytest.mark.parametrize("name", ["tau", "bits", "link_rate"])
def test_settings_out_of_range_are_named(name):
    with pytest.raises(ValueError, match=name):
        CostModel(**{name: 0 if name == "bits" else 0.0})
