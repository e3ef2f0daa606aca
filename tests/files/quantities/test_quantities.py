"""Quantities as people write them: read in the one way that they can be meant, or refused with both readings.

Every right value is worked out by hand from the definition of its prefix and unit, not by the reader.
"""

import time
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from thermospice.files.quantities import UNITS, QuantityError, parse_quantity, parse_whole, quantity_text, unit_factor

READ = {
    "ohm": {
        "4k7": 4700.0, "4K7": 4700.0, "4R7": 4.7, "R47": 0.47, "0R1": 0.1, "2k2": 2200.0, "10k": 1e4, "10K": 1e4,
        "10kOhm": 1e4, "10 kOhm": 1e4, "10 kohm": 1e4, "10KOHM": 1e4, "4.7 kOhms": 4700.0, "4k7 Ohm": 4700.0,
        "100R": 100.0, "100 ohm": 100.0, "10kΩ": 1e4, "10k\N{OHM SIGN}": 1e4, "10 Ω": 10.0, "1Meg": 1e6, "1MEG": 1e6,
        "1meg": 1e6, "2.2Megohm": 2.2e6, "1MΩ": 1e6, "1 MOhm": 1e6, "5m": 5e-3, "5 mohm": 5e-3, "1G": 1e9, "1g": 1e9,
        "1e3": 1e3, "1E3": 1e3, "1.5e+3": 1500.0, "1e3k": 1e6, "1000": 1e3, "1000.": 1e3, ".5": 0.5, "+1k": 1e3,
        " 1k ": 1e3, "-1k": -1e3, "0": 0.0, "0.1k": 100.0, "1t": 1e12, "1000.0000": 1e3,
    },
    "F": {
        "2n2": 2.2e-9, "2u2": 2.2e-6, "4p7": 4.7e-12, "100p": 1e-10, "100pF": 1e-10, "100 pF": 1e-10, "100pf": 1e-10,
        "1n": 1e-9, "1N": 1e-9, "1nF": 1e-9, "1u": 1e-6, "1U": 1e-6, "1µ": 1e-6, "1μF": 1e-6, "0.1 µF": 1e-7,
        "5f": 5e-15, "5fF": 5e-15, "1 F": 1.0, "1 farad": 1.0, "1e-9": 1e-9, "3a": 3e-18, "2m2": 2.2e-3, "1mF": 1e-3,
    },
    "H": {"1m": 1e-3, "1mH": 1e-3, "4u7": 4.7e-6, "10 uH": 1e-5, "1 H": 1.0, "100n": 1e-7},
    "V": {
        "3V3": 3.3, "5": 5.0, "5V": 5.0, "5 v": 5.0, "5 volts": 5.0, "0.4m": 4e-4, "0.4mV": 4e-4, "400 uV": 4e-4,
        "-4.9": -4.9, "\N{MINUS SIGN}4.9 V": -4.9, "1kV": 1e3, "12 nV": 1.2e-8,
    },
    "A": {"2p": 2e-12, "2pA": 2e-12, "6.4 mA": 6.4e-3, "204.35uA": 2.0435e-4, "1 A": 1.0, "20 amps": 20.0},
    "Hz": {
        "65Meg": 6.5e7, "65MegHz": 6.5e7, "65MHz": 6.5e7, "65 MHz": 6.5e7, "10kHz": 1e4, "10khz": 1e4, "10 KHZ": 1e4,
        "1GHz": 1e9, "50": 50.0, "50 Hz": 50.0, "5mHz": 5e-3, "17.967MHz": 1.7967e7, "1uHz": 1e-6,
    },
    "s": {
        "20us": 2e-5, "20 us": 2e-5, "20µs": 2e-5, "20 μs": 2e-5, "1ms": 1e-3, "5 ns": 5e-9, "1.5 s": 1.5, "60": 60.0,
        "5 min": 300.0, "5min": 300.0, "1 minute": 60.0, "2h": 7200.0, "2 hours": 7200.0, "1 d": 86400.0,
        "30day": 2592000.0, "90 seconds": 90.0, "3 microseconds": 3e-6, "1e-6": 1e-6, "20u": 2e-5, "1 ks": 1e3,
    },
    "K": {
        "300.15": 300.15, "300K": 300.0, "300 K": 300.0, "77K": 77.0, "27 C": 300.15, "27C": 300.15, "27°C": 300.15,
        "27 °C": 300.15, "-40 degC": 233.15, "-40degC": 233.15, "85 Celsius": 358.15, "125℃": 398.15, "0 C": 273.15,
        "20 mK": 0.02, "0.3 kK": 300.0, "298.15 kelvin": 298.15, "25 deg C": 298.15, "0.5": 0.5, "400": 400.0,
    },
    "K of difference": {"5": 5.0, "5 K": 5.0, "5 degC": 5.0, "0.5 C": 0.5, "10 mK": 0.01, "-3": -3.0},
    "V/s": {
        "155 V/us": 1.55e8, "155V/us": 1.55e8, "155 V/µs": 1.55e8, "155 V / us": 1.55e8, "155e6": 1.55e8,
        "155Meg": 1.55e8, "0.5 V/ns": 5e8, "8 V/ms": 8e3, "3 mV/s": 3e-3, "155 MV/s": 1.55e8, "2 kV/s": 2e3,
    },
    "V/sqrt(Hz)": {
        "7n": 7e-9, "7 nV/rtHz": 7e-9, "7nV/rtHz": 7e-9, "100 nV/rtHz": 1e-7, "7 nV/sqrt(Hz)": 7e-9, "7 nV/√Hz": 7e-9,
        "7 nV/√(Hz)": 7e-9, "7 nV/Hz^0.5": 7e-9, "7e-9": 7e-9, "1 µV/rtHz": 1e-6, "7 nV/sqrtHz": 7e-9,
    },
    "A/sqrt(Hz)": {"0.6f": 6e-16, "0.6fA/rtHz": 6e-16, "0.6 fA/sqrt(Hz)": 6e-16, "2 pA/√Hz": 2e-12},
    "A^2/Hz": {"2e-17": 2e-17, "2e-17 A^2/Hz": 2e-17, "20 nA^2/Hz": 2e-17, "1 pA²/Hz": 1e-24, "0": 0.0},
    "V^2": {"1e-6": 1e-6, "1 mV^2": 1e-6, "2 uV²": 2e-12, "3 V^2": 3.0},
    "": {
        "1 %": 0.01, "1%": 0.01, "0.5 %": 0.005, "100 %": 1.0, "25 ppm": 2.5e-5, "5 ppb": 5e-9, "1m": 1e-3,
        "0.0122 %": 1.22e-4, "447k": 4.47e5, "1e-3": 1e-3, "2 percent": 0.02,
    },
    "V/V": {"120 dB": 1e6, "60dB": 1e3, "-20 dB": 0.1, "0 dB": 1.0, "447k": 4.47e5, "447 V/mV": 4.47e5, "1 V/uV": 1e6},
    "1/K": {
        "25 ppm/K": 2.5e-5, "25ppm/K": 2.5e-5, "25 ppm/degC": 2.5e-5, "25 ppm/°C": 2.5e-5, "25 ppm/C": 2.5e-5,
        "0.39 %/K": 3.9e-3, "3.1e-3": 3.1e-3, "3.1e-3 /K": 3.1e-3, "3.1e-3 1/K": 3.1e-3, "-2.939e-3": -2.939e-3,
        "25u": 2.5e-5, "25 ppm": 2.5e-5, "25 ppb/K": 2.5e-8,
    },
    "1/K^2": {"2 ppm/K^2": 2e-6, "2 ppm/K²": 2e-6, "2 ppm/K**2": 2e-6, "-3.7e-7": -3.7e-7},
    "V/K": {"2 uV/K": 2e-6, "2uV/degC": 2e-6, "2 µV/°C": 2e-6, "2u": 2e-6, "1 mV/K": 1e-3},
    "byte": {
        "4G": 4e9, "4 GB": 4e9, "4GiB": 4294967296.0, "4Gi": 4294967296.0, "500M": 5e8, "512 MiB": 536870912.0,
        "1 kB": 1e3, "1KiB": 1024.0, "4e9": 4e9, "100 bytes": 100.0, "1 TiB": 1099511627776.0,
    },
    "time constants": {"5": 5.0, "0.5": 0.5, "5 tau": 5.0, "1 time constant": 1.0, "20 time constants": 20.0},
    "W": {"50 mW": 0.05, "1": 1.0},
}  # fmt: skip

CASES = [(unit, text, value) for unit, texts in READ.items() for text, value in texts.items()]


def test_the_table_is_long_enough():
    assert len(CASES) >= 150


@pytest.mark.parametrize(("unit", "text", "value"), CASES)
def test_spellings_that_people_use(unit, text, value):
    # Decimal spellings round once, as Python's own literals do; 10^(x/20) is a power, good to some ulp.
    assert parse_quantity(text, unit) == pytest.approx(value, rel=1e-15 if "dB" in text else 0, abs=0)


REFUSED = {
    "ohm": {
        "4,7k": "decimal point", "1,000": "decimal point", "0300": "octal; write 300", "00.5": "octal", "-010": "octal",
        "1_000": "nothing in between", "1'000": "nothing in between", "1 000": "nothing in between",
        "1M": "mega by SI and milli in SPICE; write 1Meg or 1m", "1 M": "mega by SI and milli", "4M7": "mega by SI",
        "1MOHM": "mega by SI", "1P": "peta by SI and pico in SPICE", "10kV": "the unit 'V' in '10kV'",
        "10 F": "unit 'F'",
        "1mil": "unit 'mil'", "ten": "expected a number in ohm", "": "expected a number in ohm",
        "k": "expected a number", "1:30": "write a time in seconds", "0x10": "expected a number",
        "0b1": "expected a number", "1.2.3": "one number",
        "1-2": "more than one number", "1e": "unit 'e'", "1e5e5": "unit 'e5'", "nan": "finite", "NaN": "finite",
        "inf": "finite", "-Infinity": "finite", "1e400": "beyond 1e308", "1e99999999999": "beyond 1e308",
        "1e-400": "nearer to 0", "1d3": "expected a number in ohm", "\u0661k": "expected a number", "1\u00a0x": "unit",
        "yes": "expected a number", "1e3 kV": "unit 'V'", "4k7k": "unit", "k47": "expected a number", "1 k Ohm": "unit",
        "5 %": "unit '%'", "10 dB": "unit 'dB'", "1z": "unit 'z'",
    },
    "A": {"2a": "atto or ampere (A)"},
    "F": {"1F": "farad by SI and femto in SPICE; write 1 F or 1f", "100F": "farad by SI", "1MF": "mega by SI"},
    "H": {"1MH": "mega by SI and milli in SPICE"},
    "V": {"1MV": "mega by SI", "5 Vpp": "unit 'Vpp'", "4,9": "decimal point"},
    "Hz": {"65M": "65Meg or 65m", "65MHZ": "mega by SI", "65mhz": "write 65 MHz or 65 mHz", "5 rad/s": "unit 'rad/s'"},
    "s": {
        "5m": "milliseconds (ms) or minutes (min)", "5M": "mega by SI", "1h30": "such as 20us", "1h 30min": "unit",
        "1:30": "such as 90 s", "1:30:00": "such as 90 s", "5 S": "unit 'S'", "5 months": "unit 'months'",
        "5 Hz": "unit 'Hz'", "2 weeks": "unit",
    },
    "K": {
        "25": "25 may be kelvin or degrees Celsius; write 25 K or 25 degC", "85": "85 K or 85 degC",
        "150.5": "150.5 degC",
        "1e2": "degrees Celsius", "-40": "greater than 0, got -40; with its unit", "0": "greater than 0",
        "300k": "in K (kelvin)", "80 F": "expected kelvin or degrees Celsius", "80 degF": "expected kelvin",
        "1e400": "beyond 1e308",
    },
    "V/s": {"155M": "mega by SI", "155 V/min": "unit 'V/min'", "155 V": "unit 'V'", "155 us": "unit"},
    "V/sqrt(Hz)": {"7 nV/Hz": "unit", "7 nV": "unit 'V'", "7 nA/rtHz": "unit"},
    "A^2/Hz": {"20a": "unit 'a'", "1 pA/rtHz": "unit", "1 pA^2": "unit"},
    "V^2": {"1m": "unit 'm'", "1 mV": "unit 'V'"},
    "1/K": {"25 ppm/K^2": "unit", "25 V/K": "unit", "25 K": "kelvin or kilo", "25K": "kelvin or kilo"},
    "": {"5 V": "unit 'V'", "10 dB": "unit 'dB'", "1M": "mega by SI", "1/2": "unit"},
    "byte": {
        "4 Gb": "unit", "500m": "mega (M) or milli", "1KB": "1000 bytes (kB) or 1024 bytes (KiB)",
        "4 gigs": "unit",
    },
    "time constants": {"5 us": "unit 's'", "5u": "unit 'u'", "5 ms": "unit 's'"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("unit", "text", "reason"), [(unit, text, why) for unit, texts in REFUSED.items() for text, why in texts.items()]
)
def test_what_could_be_meant_in_two_ways_is_refused(unit, text, reason):
    with pytest.raises(QuantityError) as caught:
        parse_quantity(text, unit)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("unit", UNITS)
def test_the_examples_of_a_refusal_are_read(unit):
    # Catches a message that advises what is refused.
    texts = [text for part in UNITS[unit].examples.split(", ") for text in part.split(" or ")]
    for text in texts:
        assert np.isfinite(parse_quantity(text, unit)), text


@pytest.mark.parametrize("prefix", ["", "k", "m", "u", "n", "p", "f"])
@pytest.mark.parametrize("digits", ["0.1", "3", "7.77", "123.456", "0.0122", "1e-3"])
def test_a_prefix_costs_no_rounding(prefix, digits):
    power = {"": 0, "k": 3, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15}[prefix]
    assert parse_quantity(f"{digits}{prefix}", "F") == float(Fraction(Decimal(digits)) * Fraction(10) ** power)


@pytest.mark.parametrize("value", [4.7, 3, np.float64(2.5), np.float32(0.5), np.int64(7), 1e-300])
def test_numbers_are_taken_as_they_are(value):
    assert parse_quantity(value, "V") == float(value)


@pytest.mark.parametrize("value", [True, False, None, [1], {"a": 1}, 1j, b"1", np.True_, float("nan"), 10**400])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(QuantityError, match=r"expected a|Input should be a finite"):
        parse_quantity(value, "V")


@pytest.mark.parametrize(
    ("value", "number"), [("8", 8), (8, 8), (8.0, 8), ("1e3", 1000), ("1k", 1000), (2**60, 2**60), ("12 bits", 12)]
)
def test_whole_numbers(value, number):
    assert parse_whole(value, "bits" if value == "12 bits" else "count") == number


@pytest.mark.parametrize("value", ["8.5", 8.5, True, "yes", "0x8", "010", "1_0", "1e30", "8 V", None, float("inf")])
def test_what_is_no_whole_number_is_refused(value):
    with pytest.raises(QuantityError):
        parse_whole(value)


@pytest.mark.parametrize(
    "text",
    ["9" * 5_000, "1" * 50_000 + "k", "0." + "0" * 50_000 + "x", "1e" + "9" * 50_000],
)
def test_a_long_quantity_is_answered_at_once(text):
    # Catches a pattern that tries every way to part the digits: 5,000 took 10 s.
    start = time.perf_counter()
    with pytest.raises(QuantityError) as caught:
        parse_quantity(text, "ohm")
    assert time.perf_counter() - start < 0.2
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("value", [0.5, 1.0, 77.0, 199.9, 200.0, 300.15])
def test_a_temperature_is_written_so_that_it_is_read_back(value):
    assert parse_quantity(quantity_text(value, "K"), "K") == value
    assert quantity_text(value, "V") == value


@pytest.mark.parametrize(
    ("text", "unit", "factor"),
    [("V", "V", 1.0), ("mV", "V", 1e-3), ("seconds", "s", 1.0), ("us", "s", 1e-6), ("kHz", "Hz", 1e3), ("1", "", 1.0),
     ("V**2/Hz", "V^2/Hz", 1.0), ("uV^2/Hz", "V^2/Hz", 1e-12), ("A", "V", None), ("m", "V", None), ("degC", "K", None),
     ("MV", "V", None), ("", "V", None), ("dB", "V", None)],
)  # fmt: skip
def test_units_alone(text, unit, factor):
    found = unit_factor(text, unit)
    assert found == (None if factor is None else pytest.approx(factor, rel=1e-15))
