"""A chip's converters: ideal codes, and codes off their places."""

import numpy as np
import pytest
from thermospice.circuits import Crossbar, Design, DesignError, RCMesh
from thermospice.circuits.chips import converter

BOARD = Design.preset("board-1k-1n")


def board(bits=8, **changes):
    plain = BOARD.to_dict()
    plain["converters"] |= {"dac_bits": bits, "adc_bits": bits, "full_scale": 1.0, **changes}
    return Design.from_dict(plain)


def chip(seed=1, **changes):
    return board(**changes).sample(Crossbar(2), np.random.default_rng(seed), seed)


def test_ideal_codes_are_the_nearest_ones():
    v = np.linspace(-1, 0.99, 401)
    for kind, read in (("adc", lambda c: c.to_codes(v)), ("dac", lambda c: c.to_volts(v))):
        found = read(converter(chip(), kind))
        assert np.abs(found - v).max() <= 1 / 256 + 1e-12
        steps = found * 128
        np.testing.assert_allclose(steps, np.rint(steps), atol=1e-9)


@pytest.mark.parametrize("kind", ["dac", "adc"])
def test_values_beyond_the_range_read_as_its_ends(kind):
    found = converter(chip(), kind)
    read = found.to_codes if kind == "adc" else found.to_volts
    np.testing.assert_allclose(read(np.array([-3.0, 3.0])), [-1.0, 1.0 - 1 / 128])
    none = converter(chip(bits=None), kind)
    read = none.to_codes if kind == "adc" else none.to_volts
    np.testing.assert_allclose(read(np.array([-3.0, 0.123, 3.0])), [-1.0, 0.123, 1.0])


def test_codes_scatter_as_stated():
    # 2^14 codes: a standard deviation is known to 0.6 %; the bow is scaled to its rms, up to the ends.
    found = converter(chip(bits=14, inl=0.8, dnl=0.3), "dac")
    error = (found.levels - (found.step * np.arange(2**14) - 1.0)) / found.step
    assert np.std(np.diff(error)) == pytest.approx(0.3, rel=0.03)
    smooth = error.reshape(-1, 64).mean(axis=1)
    assert np.sqrt(np.mean(smooth**2)) == pytest.approx(0.8, rel=0.05)
    assert abs(smooth[0]) < 0.15
    assert abs(smooth[-1]) < 0.15


def test_dac_after_adc_gives_back_the_code():
    # A level of the ADC's own curve reads as its nominal code, where codes are in order.
    one = chip(bits=8, inl=1.0, dnl=0.2)
    adc = converter(one, "adc")
    np.testing.assert_allclose(adc.to_codes(adc.levels), adc.step * np.arange(256) - 1.0, atol=1e-12)


def test_missing_codes_do_not_turn_round():
    adc = converter(chip(bits=6, dnl=3.0), "adc")
    codes = adc.to_codes(np.linspace(-1.1, 1.1, 5000))
    assert (np.diff(codes) >= 0).all()


@pytest.mark.parametrize("topology", [Crossbar(2), RCMesh(2)], ids=lambda t: t.name)
def test_one_chip_has_one_converter_through_its_life(topology):
    plain = board(inl=0.5, dnl=0.3).to_dict()
    plain["drift"] |= {"ageing_exponent": 0.05, "temperature_sigma": 1.0}
    for seed in (None, 7):
        one = Design.from_dict(plain).sample(topology, np.random.default_rng(3), seed)
        levels = converter(one, "adc").levels
        np.testing.assert_array_equal(converter(one.at(1e3), "adc").levels, levels)
        assert np.abs(converter(one, "dac").levels - levels).max() > 0
    other = Design.from_dict(plain).sample(topology, np.random.default_rng(4))
    assert np.abs(converter(other, "adc").levels - levels).max() > 0


def test_the_nominal_chip_has_straight_converters():
    straight = converter(board(inl=2.0, dnl=1.0).nominal(Crossbar(2)), "adc")
    np.testing.assert_allclose(np.diff(straight.levels), straight.step, rtol=1e-9)


def test_codes_that_cannot_be_drawn_are_refused():
    with pytest.raises(DesignError, match="at most 16 bits"):
        board(bits=20, inl=1.0)
