"""No chip has less than nothing of anything: what would take a component or a temperature below zero is refused."""

import json

import numpy as np
import pytest
from thermospice.circuits import Crossbar, Design, DesignError, Instance, RCMesh
from thermospice.circuits.chips import temperature_offset

BOARD = Design.preset("board-1k-1n")


def with_(**parts):
    plain = BOARD.to_dict()
    for name, change in parts.items():
        plain[name] = {**plain.get(name, {}), **change} if isinstance(change, dict) else change
    return Design.from_dict(plain)


@pytest.mark.parametrize(
    ("tempco", "name", "factor"),
    [
        ({"resistor_tc1": -0.02}, "resistor", "-0.997"),  # 1 - 0.02 * 99.85
        ({"capacitor_tc1": -0.02}, "capacitor", "-0.997"),
        ({"resistor_tc1": -0.009, "resistor_tc2": -3e-5}, "resistor", "-0.198"),  # 1 - 0.89865 - 0.2991
        # both below zero: the time constant is positive, and nothing else is right
        ({"resistor_tc1": -0.02, "capacitor_tc1": -0.02}, "resistor", "-0.997"),
    ],
)
def test_coefficients_that_do_not_reach_the_temperature(tempco, name, factor):
    # Catches a chip of negative resistors, blamed on its program or simulated as it is.
    hot = with_(temperature=400.0, tempco=tempco)
    with pytest.raises(DesignError, match=f"tempco.{name}_tc1 .* above zero at 400 K, got {factor} times"):
        hot.values("macro")
    assert with_(temperature=310.0, tempco=tempco).values("macro").R0 > 0


@pytest.mark.parametrize(
    ("name", "value"),
    [("resistor_tc1", 25), ("capacitor_tc1", -30), ("gain_tc1", 100), ("resistor_tc2", 2), ("offset_tc", 2)],
)
def test_a_coefficient_that_has_lost_its_unit(name, value):
    # Catches 25, meant in ppm/K, as 25 per kelvin: 50 K make a resistor of 1 kOhm one of 1.25 MOhm.
    with pytest.raises(DesignError, match=rf"tempco.{name}: expected a value (less|greater) than -?\d"):
        with_(tempco={name: value})


def test_a_temperature_path_below_absolute_zero():
    # Catches negative thermal noise. A path of 1000 K about 300 K is below zero four times in ten.
    chip = with_(drift={"temperature_sigma": 1000.0, "temperature_time": 1.0}).nominal(RCMesh(1))
    seed = int(chip.digest[:16], 16)
    path = {t: 300.15 + temperature_offset(chip.design.drift, seed, t) for t in map(float, range(20))}
    assert min(path.values()) < 0 < max(path.values())
    for time, temperature in path.items():
        if temperature > 0:
            assert chip.at(time).design.temperature == temperature
            continue
        with pytest.raises(DesignError, match=r"drift.temperature_sigma: expected a path above 0 K, got -"):
            chip.at(time)


def test_flicker_that_takes_conductances_below_zero():
    # Catches a negative resistor: over 12 decades 10 % a root of a decade is 0.0999 sqrt(ln 1e12) = 53 % rms, so of
    # 64 conductances the lowest is about 2.2 sigma down.
    drift = {"flicker": 0.0999, "flicker_lowest": 1e-12, "flicker_highest": 1.0}
    with pytest.raises(DesignError, match=r"drift.flicker: .* changed by -1\d\d%"):
        with_(drift=drift).sample(Crossbar(8), np.random.default_rng(4), 4).at(1000.0)


def test_a_time_that_is_too_long_for_the_path():
    # Catches hundreds of gigabytes of random numbers, and a message about --size. A year at the usual correlation time
    # of 100 s is 315,360 of them.
    chip = with_(drift={"temperature_sigma": 5.0, "temperature_time": 1.0}).nominal(RCMesh(1))
    for time in (1e6, 1e9, 1e300):
        with pytest.raises(DesignError, match="time: expected at most 468,750 correlation times"):
            chip.at(time)
    # without such a path any time will do
    assert with_(drift={"ageing_exponent": 0.01}).nominal(RCMesh(1)).at(1e300).design == with_(
        drift={"ageing_exponent": 0.01}
    )


@pytest.mark.parametrize("name", ["conductance", "drive", "capacitance"])
def test_a_file_of_a_chip_with_a_negative_component(name, tmp_path):
    chip = BOARD.sample(Crossbar(2), np.random.default_rng(0))
    plain = chip.to_dict()
    plain["errors"][name] = (np.asarray(plain["errors"][name]) - 1.2).tolist()
    (tmp_path / "chip.json").write_text(json.dumps(plain))
    with pytest.raises(DesignError, match=f"chip.json: {name}: expected relative deviations above -1"):
        Instance.load(tmp_path / "chip.json")
    plain["errors"] = chip.to_dict()["errors"] | {"offset": [-1.5, 1.5]}
    assert Instance.from_dict(plain).errors["offset"][0] == -1.5
