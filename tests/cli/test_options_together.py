"""Options that need, exclude or mean nothing to each other: implied, or told in one line."""

import numpy as np
import pytest
import yaml
from thermospice.behavioral import DeviceModel
from thermospice.circuits import Crossbar, Design
from thermospice.circuits.trials import drifts, follows_temperature, without_effect

BOARD = Design.preset("board-1k-1n")


@pytest.fixture
def device(tmp_path):
    path = tmp_path / "device.json"
    DeviceModel.nominal(BOARD.sample(Crossbar(2), np.random.default_rng(0)), "macro").save(path)
    return path


@pytest.mark.parametrize("level", ["macro", "transistor"])
@pytest.mark.parametrize("command", ["simulate", "solve", "calibrate", "symbolic"])
def test_a_grid_has_no_level_with_amplifiers(run, tmp_path, command, level):
    # Catches the ideal netlist under the name of the level that was asked for.
    amplified = {"preset": "board-1k-1n", "L": "1m", "mismatch": {"inductor_sigma": "1 %"}}
    (tmp_path / "amplified.yaml").write_text(yaml.safe_dump(amplified))
    design = () if command == "symbolic" else ("--design", "amplified.yaml")
    outcome = run(command, "--topology", "rlc-grid", *design, "--level", level)
    outcome.refused("an rlc-grid has no amplifiers", "expected level ideal")


def test_a_grid_in_a_study_has_no_level_with_amplifiers(run, tmp_path):
    circuit = {"design": {"preset": "board-1k-1n", "L": "1m"}, "topology": "rlc-grid", "size": 2}
    (tmp_path / "s.yaml").write_text(yaml.safe_dump({"name": "s", "circuit": circuit}))
    run("sweep", "s.yaml").refused("level: an rlc-grid has no amplifiers; expected ideal, got macro")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("solve", "--device", "device.json", "--design", "ideal"), ("--device", "remove --design")),
        (
            ("solve", "--device", "device.json", "--corner", "slow", "--temperature", 350),
            ("remove --temperature, --corner",),
        ),
        (("verify", "--device", "device.json", "--size", 4), ("--device", "remove --size")),
        (("verify", "--instance", "device.json"), ("--instance", "--device FILE")),
        (("verify", "--resume", "x", "--size", 4), ("--resume", "remove --size")),
        (("calibrate", "m.nc", "--size", 4, "--design", "ideal"), ("MEASUREMENTS", "remove --design, --size")),
        (("calibrate", "--resume", "x", "--size", 4), ("--resume", "remove --size")),
        (("run", "--resume", "x", "--quick"), ("--resume", "remove --quick")),
        (("sweep", "--retry-failed"), ("--retry-failed", "--resume")),
        (("simulate", "--analysis", "op", "--duration", "1us"), ("--duration", "analysis tran")),
        (("simulate", "--rank", 2), ("--rank", "topology cascade")),
        (("simulate", "--supply", "-5,5"), ("--supply", "--amplifier FILE")),
        (("train", "regression", "--optimizer", "sgd", "--t", 5, "--kappa0", 1), ("t, kappa0: mean nothing to sgd",)),
        (
            ("train", "regression", "--solver", "device-spu", "--recalibrate-every", 5),
            ("recalibrate_every", "give step_time too"),
        ),
    ],
)
@pytest.mark.usefixtures("device")
def test_an_option_without_a_meaning_is_refused_in_one_line(run, tmp_path, arguments, words):
    (tmp_path / "x").mkdir(exist_ok=True)
    run(*arguments).refused(*words)


def test_a_calibrated_chip_brings_its_topology(run, device):
    outcome = run("solve", "--device", device, "--runs", 2, "--duration", 2, "--problem", "inverse", "--json")
    assert outcome.code == 0, outcome.err


def test_two_words_and_one_are_the_same_pair(run):
    for words in (("--supply", -5, 5), ("--supply", "-5,5"), ("--supply=-5,5",), ("--supply", "-5 V, 5 V")):
        run("simulate", *words).refused("--supply: belongs to --amplifier FILE")
    for words in (("--supply", -5), ("--supply", "-5,5,6"), ("--supply", "5;-5")):
        run("simulate", *words).refused("--supply")
    run("simulate", "--supply", "-4,9", "4,9").refused("unexpected extra argument")
    assert "VSS,VDD" in run("simulate", "--help").out


def with_(**parts):
    return Design.from_dict({"preset": "board-1k-1n", **parts})


def test_what_an_option_changes_is_known_from_the_design():
    # Catches the warning that an age changes nothing where there is 1/f noise of the conductances.
    flicker = with_(drift={"flicker": 1e-4})
    warm = with_(tempco={"offset_tc": "2 uV/K"})
    assert drifts(flicker)
    assert drifts(with_(drift={"ageing_exponent": 0.05}))
    assert drifts(with_(drift={"temperature_sigma": "1 K"}))
    assert not drifts(with_(drift={"temperature_time": 5}))
    assert follows_temperature(warm)
    assert not follows_temperature(with_(tempco={"reference": "25 degC"}))
    assert list(without_effect(flicker, "macro", age=10.0)) == []
    assert list(without_effect(warm, "macro", temperature=350.0)) == []
    assert list(without_effect(BOARD, "transistor", temperature=350.0)) == []
    told = list(without_effect(BOARD, "macro", 350.0, "slow", 10.0))
    assert len(told) == 3
    assert "temperature 350 changes thermal noise alone" in told[2]


def test_a_temperature_without_coefficients_is_told(run):
    for command in (("simulate", "--analysis", "op"), ("solve", "--runs", 2, "--duration", 2)):
        outcome = run(*command, "--size", 1, "--temperature", "77 degC")
        assert outcome.code == 0, outcome.err
        assert "warning: design board-1k-1n has no temperature coefficients" in outcome.err
        assert "temperature 350.15 changes thermal noise alone" in outcome.err


def test_a_study_of_temperature_without_coefficients_is_told():
    from thermospice.campaigns import parse_study
    from thermospice.cli.views import campaign

    def told(design, **changes):
        circuit = {"design": design, "analyses": ["op"]}
        parameters = {"design.temperature": ["-40 degC", "85 C"], **changes}
        return list(
            campaign.without_effect(parse_study({"name": "s", "circuit": circuit, "parameters": parameters}, "here"))
        )

    assert "design.temperature changes nothing that is measured" in told({"preset": "board-1k-1n"})[0]
    assert told({"preset": "board-1k-1n", "tempco": {"resistor_tc1": "25 ppm/K"}}) == []
    assert told({"preset": "board-1k-1n"}, **{"design.tempco.resistor_tc1": [0, "25 ppm/K"]}) == []
