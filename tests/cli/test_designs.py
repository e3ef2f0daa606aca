"""`thermospice designs`: every key that a design can have, and a text that is the design."""

import json

import pytest
import yaml
from thermospice.circuits import Design
from thermospice.cli.views import commented, keys_of
from thermospice.files.quantities import fields_of


@pytest.mark.parametrize("name", Design.presets())
def test_what_is_printed_is_the_design(run, tmp_path, name):
    (tmp_path / "mine.yaml").write_text(run("designs", name).out)
    assert Design.load(tmp_path / "mine.yaml") == Design.preset(name)


@pytest.mark.parametrize("name", ["board-1k-1n", "ideal"])
def test_no_legal_key_is_hidden(run, name):
    # Catches keys that are left out where they have their default: 1/f noise, droop, the amplifiers' coefficients.
    text = run("designs", name).out
    missing = [".".join(path) for path, _ in fields_of(Design) if f"{path[-1]}:" not in text]
    assert missing == []


def test_each_key_has_its_unit_and_default(run):
    keys = {key["path"]: key for key in json.loads(run("designs", "ideal", "--json").out)["keys"]}
    assert keys["amplifier.slew"] == {
        "path": "amplifier.slew",
        "required": True,
        "unit": "V/s",
        "meaning": "Largest output slope [V/s].",
    }
    assert keys["drift.flicker_lowest"]["value"] == keys["drift.flicker_lowest"]["default"] == 1e-6
    assert keys["tempco.resistor_tc1"]["unit"] == "1/K"
    assert keys["drift.temperature_sigma"]["unit"] == "K"
    assert "temperature path, an Ornstein" in commented(Design.preset("ideal"))  # no unit, and no blank where it stood
    assert keys["programming.bits"]["unit"] == "bits"


def test_keys_of_a_part_that_is_not_there_are_comments():
    text = commented(Design.preset("ideal"))
    assert yaml.safe_load(text).get("amplifier") is None
    assert "#   slew:  # [V/s] required; Largest output slope" in text


def test_a_cold_design_keeps_its_unit(tmp_path):
    # Catches 77 K that are written as 77, and asked for their unit when they are read.
    cold = Design.preset("ideal").model_copy(update={"temperature": 77.0})
    (tmp_path / "cold.yaml").write_text(commented(cold))
    assert Design.load(tmp_path / "cold.yaml").temperature == 77.0
    assert Design.from_dict(json.loads(json.dumps(cold.to_dict()))) == cold
    (tmp_path / "cold.yaml").write_text(cold.to_yaml())
    assert Design.load(tmp_path / "cold.yaml") == cold
    assert {key.name: key.value for key in keys_of(cold)}["temperature"] == "77.0 K"


def test_every_key_says_what_it_means(run):
    # Catches fields of a base class, whose texts stand in another class body.
    keys = {key["path"]: key for key in json.loads(run("designs", "board-1k-1n", "--json").out)["keys"]}
    assert keys["R0"]["meaning"].startswith("Unit resistor")
    assert keys["injected_noise"]["meaning"].startswith("Two-sided density")
