"""Designs from YAML: what is read, and each way that it can be wrong as one line with file and field."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from thermospice.circuits import Crossbar, Design, DesignError, Program, RLCGrid

MINIMAL = "name: mine\nR0: 10k\nC: 100pF\n"


def _load(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return Design.load(path)


def test_prefixes_and_units_are_read(tmp_path):
    design = _load(tmp_path, MINIMAL + "temperature: 77K\nmismatch: {resistor_sigma: 2 %}\n")
    assert (design.R0, design.C, design.temperature) == (1e4, 1e-10, 77.0)
    assert design.mismatch.resistor_sigma == 0.02
    assert design.tau == pytest.approx(1e-6, rel=1e-15)


@pytest.mark.parametrize("name", Design.presets())
def test_presets_survive_a_round_trip_and_cite_their_numbers(name, tmp_path):
    design = Design.preset(name)
    assert _load(tmp_path, design.to_yaml()) == design
    assert {"R0", "C"} <= design.sources.keys() or name == "ideal"
    if design.amplifier:
        cited = {f"amplifier.{field}" for field in design.to_dict()["amplifier"]}
        assert cited <= design.sources.keys()


@pytest.mark.parametrize(
    ("text", "field", "reason"),
    [
        (MINIMAL + "R1: 1k\n", "R1", "unknown key"),
        (MINIMAL.replace("10k", "-1k"), "R0", "greater than 0"),
        (MINIMAL.replace("10k", ".inf"), "R0", "finite"),
        (MINIMAL.replace("10k", ".nan"), "R0", "finite"),
        (MINIMAL.replace("10k", "10kV"), "R0", "unit 'V'"),
        (MINIMAL.replace("10k", "ten"), "R0", "expected a number in ohm"),
        (MINIMAL.replace("10k", "[1, 2]"), "R0", "expected a number in ohm"),
        (MINIMAL.replace("10k", "true"), "R0", "expected a number in ohm"),
        (MINIMAL + "temperature: -1\n", "temperature", "greater than 0"),
        (MINIMAL + "converters: {dac_bits: 0}\n", "converters.dac_bits", "greater than or equal to 1"),
        (MINIMAL + "amplifier: {gain: 1k}\n", "amplifier.gain_bandwidth", "missing"),
        ("R0: 1k\nC: 1n\n", "name", "missing"),
        ("- 1\n", "expected fields", "list"),
        ("", "expected fields", "NoneType"),
        ("name: [\n", "line 2", "not valid YAML"),
        (MINIMAL + "sources: {a: &x b, c: *x}\n", "line 4", "aliases such as *x"),
        (MINIMAL + "temperature: 1" + 400 * "0" + "\n", "temperature", "beyond 1e308"),
        (MINIMAL + "R0: 1k\n", "line 4", "'R0' is given twice"),
        (MINIMAL + "mismatch: {resistor_sigma: 0.1, resistor_sigma: 0}\n", "line 4", "given twice"),
        (MINIMAL + "amplifier: {gian: 1e5}\n", "amplifier.gian", "unknown key"),
        ("name: !!python/object/apply:os.system [echo]\n", "line 1", "not valid YAML"),
    ],
)
def test_bad_files_are_one_line_with_file_and_field(tmp_path, text, field, reason):
    with pytest.raises(DesignError) as caught:
        _load(tmp_path, text)
    message = str(caught.value)
    assert "mine.yaml" in message
    assert field in message
    assert reason in message
    assert "\n" not in message


def test_endless_file_is_refused():
    with pytest.raises(DesignError, match="at most 100,000 bytes, got a device"):
        Design.load("/dev/zero")


def test_unreadable_file_and_unknown_preset(tmp_path):
    with pytest.raises(DesignError, match="cannot read the design"):
        Design.load(tmp_path / "absent.yaml")
    with pytest.raises(DesignError, match="expected one of board-1k-1n, "):
        Design.preset("bord")


@given(st.text(max_size=200))
def test_no_text_gives_another_error(text):
    message = ""
    try:
        Design._from_text(text, "file")
    except DesignError as error:
        message = str(error)
    assert "\n" not in message


def test_designs_are_frozen():
    with pytest.raises(ValidationError):
        Design.preset("ideal").R0 = 1.0


def test_level_without_amplifier_is_refused():
    instance = Design.preset("ideal").nominal(Crossbar(1))
    with pytest.raises(DesignError, match="no amplifier"):
        instance.network(Program([[1.0]], [1.0]), "macro")


def test_topologies_are_frozen_and_check_their_size():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Crossbar(3).n = 4
    for n in (0, -1, 2.0, True):
        with pytest.raises((DesignError, TypeError)) as caught:
            Crossbar(n)
        assert "2.0" not in str(caught.value) or n == 2.0


@pytest.mark.parametrize(
    ("preset", "topology", "digest"),
    [
        ("board-1k-1n", Crossbar(2), "e7d2c330fa3abdcf"),
        ("rlc-board-8", RLCGrid(2), "0826f7cea34d475f"),
    ],
)
def test_fields_that_came_later_leave_old_chips_as_they_were(preset, topology, digest):
    # Digests from before there were 1/f noise and non-linear converters: temperature paths are drawn from them.
    assert Design.preset(preset).sample(topology, np.random.default_rng(1)).digest.startswith(digest)


def test_fields_that_came_later_are_kept_where_they_matter():
    design = Design.preset("board-1k-1n")
    amplifier = design.amplifier.model_copy(update={"noise_corner": 1e3})
    converters = design.converters.model_copy(update={"inl": 0.5, "hold_capacitance": 1e-12})
    changed = design.model_copy(update={"amplifier": amplifier, "converters": converters})
    assert Design.from_dict(changed.to_dict()) == changed
    assert Design.from_dict(design.to_dict()) == design
