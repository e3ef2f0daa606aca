"""Numbers and names as people say them."""

import pytest
from thermospice.reports.wording import amount, counted, metric_words, parameter_words, percent, plus_minus, value_words


@pytest.mark.parametrize(
    ("value", "unit", "name", "said"),
    [
        (-0.2203, "V", "", "-220.3 mV"),
        (0.99996, "V", "", "1 V"),  # never 1000 mV
        (999.96, "Hz", "", "1 kHz"),
        (0.0, "V", "", "0 V"),
        (-0.0, "V", "", "0 V"),
        (1e-21, "J", "", "0.001 aJ"),
        (0.03, "1", "relative_error", "3 %"),
        (0.03, "1", "rho(v1,v2)", "0.03"),
        (300.15, "K", "", "300.1 K"),
        (None, "V", "", "–"),
    ],
)
def test_amounts(value, unit, name, said):
    assert amount(value, unit, name) == said


def test_a_share_never_rounds_to_all_or_nothing():
    # Catches a yield of 99.99 % that a page calls 100 %.
    shares = (0.0, 1.0, 0.9999, 0.0001, 0.56)
    assert [percent(share) for share in shares] == ["0 %", "100 %", ">99.9 %", "<0.1 %", "56.0 %"]


def test_names_are_words():
    assert metric_words("rms(v1)") == "noise, rms of v1"
    assert metric_words("rho(v1,v2)") == "correlation of v1 and v2"
    assert parameter_words("training.design.mismatch.resistor_sigma") == "resistor mismatch (standard deviation)"
    assert parameter_words("circuit.some.other_field") == "some other field"
    assert value_words("design.mismatch.resistor_sigma", 0.005) == "0.5 %"
    assert value_words("design.programming.bits", None) == "exact"
    assert value_words("design.temperature", 398.15, "K") == "398.15 K"


@pytest.mark.parametrize(
    ("value", "error", "unit", "said"),
    [
        (246.6e-6, 182e-6, "V", "247 ± 182 µV"),
        (1.7e-19, 4e-4, "V", "0 ± 400 µV"),
        (6.5e7, 814.0, "Hz", "65.00000 ± 0.00081 MHz"),
        (1.0, 0.0, "", "1 ± 0"),
    ],
)
def test_a_number_has_the_digits_of_its_error(value, error, unit, said):
    assert plus_minus(value, error, unit) == said
    assert plus_minus(0.0123, 0.0021, relative=True) == "1.23 ± 0.21 %"


def test_one_is_no_plural():
    assert [counted(count, "run") for count in (0, 1, 2, "?")] == ["0 runs", "1 run", "2 runs", "? runs"]
