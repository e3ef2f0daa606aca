"""A file in the forms that designers write becomes the elements that it says."""

import pytest
from thermospice.circuits import CircuitError, read_netlist
from thermospice.circuits.networks import Capacitor, Resistor
from thermospice.circuits.spice_files import parse_netlist


def elements(text):
    return {e.name: e for e in parse_netlist("title\n" + text).network.elements}


def test_a_file_is_read(tmp_path):
    path = tmp_path / "board.cir"
    path.write_text("a board\nV1 in 0 dc 1\nR1 in out 1k\nC1 out 0 1u\n.end\nR2 out 0 1\n")
    network = read_netlist(path)
    assert network.elements[1:] == (Resistor("r1", "in", "out", 1e3), Capacitor("c1", "out", "0", 1e-6))
    assert network.outputs == ("in", "out")
    assert network.temperature == 300.15


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1k", 1e3), ("1M", 1e-3), ("1Meg", 1e6), ("1MEGohm", 1e6), ("1mil", 25.4e-6), ("4.7uF", 4.7e-6),
        ("1e3k", 1e6), ("1d3", 1e3), (".5", 0.5), ("5.", 5.0), ("10ohm", 10.0), ("1F", 1e-15), ("1µ", 1e-6),
        ("{1k*2}", 2e3), ("'1k + 1'", 1001.0), ("10R", 10.0), ("+5", 5.0), ("1T", 1e12), ("1G", 1e9),
    ],
)  # fmt: skip
def test_numbers_are_those_of_spice(text, value):
    # Measured with ngspice 39; catches M as mega, and a scale factor that is lost behind an exponent.
    assert elements(f"R1 a 0 {text}")["r1"].resistance == value


@pytest.mark.parametrize("text", ["4k7", "1a", "0x10", "1kk", "2e", "1e400", "1u5", "1k%"])
def test_numbers_that_simulators_read_in_different_ways_are_refused(text):
    # ngspice reads 4k7 as 4000.
    with pytest.raises(CircuitError, match="line 2: r1"):
        parse_netlist(f"title\nR1 a 0 {text}")
