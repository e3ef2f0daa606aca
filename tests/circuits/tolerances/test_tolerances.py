"""Tolerances by element name: what is drawn, corners, temperature, and what is refused."""

import numpy as np
import pytest
from thermospice.circuits import DesignError
from thermospice.circuits.spice_files import parse_netlist
from thermospice.circuits.tolerances import parse_specification

NETWORK = parse_netlist("t\nR1 a 0 1k\nR2 a b 1k\nC1 a 0 1n\nC2 b 0 1n\n.end\n").network


def tolerances(**patterns):
    return parse_specification({"tolerances": patterns}, "tol.yaml").drawn_from


def test_one_seed_is_one_chip_whatever_else_has_a_tolerance():
    # Catches draws that are taken in the order of the elements.
    few = tolerances(R1="1 %").factors(NETWORK, 7)
    many = tolerances(**{"R*": "1 %", "C*": {"sigma": "5 %"}}).factors(NETWORK, 7)
    assert many["r1"] == few["r1"]
    assert many["r1"] != many["r2"]
    assert tolerances(R1="1 %").factors(NETWORK, 8) != few


def test_a_plain_number_is_a_bound_and_sigma_a_standard_deviation():
    # 2,000 draws: a standard deviation from N is known to 1/sqrt(2N) = 1.6 %; five times that.
    flat, normal = tolerances(R1="1 %"), tolerances(R1={"sigma": "1 %"})
    drawn = np.array([[t.factors(NETWORK, seed)["r1"] - 1 for seed in range(2000)] for t in (flat, normal)])
    assert np.abs(drawn[0]).max() <= 0.01
    assert drawn[0].std() == pytest.approx(0.01 / np.sqrt(3), rel=0.08)
    assert drawn[1].std() == pytest.approx(0.01, rel=0.08)


def test_the_last_pattern_that_matches_counts():
    found = tolerances(**{"R*": "1 %", "r2": "0 %"}).factors(NETWORK, 1)
    assert found["r2"] == 1.0
    assert found["r1"] != 1.0


def test_corners_and_temperature():
    found = tolerances(**{"R*": {"within": "10 %", "tc1": 1e-3}, "C1": {"sigma": "2 %"}})
    slow = {e.name: e for e in found.at(NETWORK, "slow", 310.15).elements}
    assert slow["r1"].resistance == pytest.approx(1000 * 1.1 * 1.01)
    assert slow["c1"].capacitance == pytest.approx(1e-9 * 1.06)
    assert slow["c2"].capacitance == 1e-9
    assert found.at(NETWORK, "slow", 310.15).temperature == 310.15


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"corners": []}, "corners: .*at least 1"),
        ({"tolerances": {"R1": {"sigma": "1 %", "within": "1 %"}}}, "within or sigma"),
        ({"tolerances": {"R1": "often"}}, "tolerances.R1"),
        ({"tolerances": {"R1": "100 %"}}, "tolerances.R1"),
        ({"limits": {"rms(a)": {"typ": 1}}}, "min or max"),
        ({"corners": ["sideways"]}, "corners"),
        ({"colour": 1}, "colour"),
        ([], "tolerances"),
    ],
)
def test_what_is_no_specification_is_refused_with_file_and_field(data, words):
    with pytest.raises(DesignError, match=words) as refusal:
        parse_specification(data, "tol.yaml")
    assert str(refusal.value).startswith("tol.yaml: ")
    assert "\n" not in str(refusal.value)


def test_a_pattern_that_matches_nothing_is_refused():
    with pytest.raises(DesignError, match=r"tolerances\.L\*: matches no element.*r1"):
        tolerances(**{"L*": "1 %"}).of(NETWORK)
