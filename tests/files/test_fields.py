"""Every number in a design, a study or an experiment has its unit in its type, and is read by the one reader."""

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from thermospice.campaigns import Study, parse_study, plan
from thermospice.campaigns.studies import CircuitSettings, Limit, Parameter, Specification, unit_of
from thermospice.circuits import Design, DesignError
from thermospice.files.quantities import UNITS, fields_of
from thermospice.files.quantities import unit_of as unit_of_field
from thermospice.training import Experiment, ExperimentError, experiment, load_experiment

# Bounds are read in the unit of the metric that they are for, and what a parameter has in that of its field.
ELSEWHERE = {"at_most", "at_least", "low", "high", "mean", "sigma", "values", "failures", "typical", "failed_as"}


def is_number(annotation: Any) -> bool:
    return annotation in (int, float) or any(is_number(part) for part in get_args(annotation))


def pattern(reason: str) -> str:
    """A text in which `.*` alone is not literal."""
    return ".*".join(map(re.escape, reason.split(".*")))


@pytest.mark.parametrize("model", [Design, CircuitSettings, Study, Experiment, Limit, Specification, Parameter])
def test_every_number_has_a_unit(model: type[BaseModel]) -> None:
    # Catches a field that pydantic reads by itself: it takes True for 1 and 1_000 for 1000.
    for path, field in fields_of(model):
        if is_number(field.annotation) and not ELSEWHERE & set(path):
            assert unit_of_field(model, path) in UNITS, ".".join(path)


@pytest.mark.parametrize(
    ("parameter", "unit"),
    [
        ("design.R0", "ohm"),
        ("circuit.design.R0", "ohm"),
        ("design.temperature", "K"),
        ("design.drift.temperature_sigma", "K"),
        ("design.amplifier.slew", "V/s"),
        ("design.amplifier.gain", "V/V"),
        ("design.amplifier.noise_voltage", "V/sqrt(Hz)"),
        ("design.amplifier.noise_corner", "Hz"),
        ("design.converters.full_scale", "V"),
        ("design.programming.full_scale", "1"),
        ("design.programming.bits", "bits"),
        ("design.converters.hold_capacitance", "F"),
        ("design.converters.droop", "V/s"),
        ("design.tempco.gain_tc2", "1/K^2"),
        ("design.tempco.offset_tc", "V/K"),
        ("design.drift.flicker_highest", "Hz"),
        ("size", "cells"),
        ("duration", "s"),
        ("program.condition", "1"),
        ("corner", "1"),
        ("training.t", "time constants"),
        ("training.kappa0", "V^2"),
        ("training.step_time", "s"),
        ("training.steps", "steps"),
        ("training.design.amplifier.gain_bandwidth", "Hz"),
        ("training.solver.t", "time constants"),
        ("training.method", "1"),
    ],
)
def test_figures_and_tables_take_units_from_the_fields(parameter: str, unit: str) -> None:
    assert unit_of(parameter) == unit


def study(**changes: Any) -> dict[str, Any]:
    circuit = {"design": {"preset": "board-1k-1n"}, "size": 2, **changes.pop("circuit", {})}
    return {"name": "s", "circuit": circuit, **changes}


def test_a_study_reads_units() -> None:
    # Catches `timeout: 5 min` for 5 milli: 0.005 s.
    found = parse_study(
        study(
            timeout="5 min",
            memory="4 GiB",
            instances="1e1",
            circuit={"duration": "20 us", "settle_tolerance": "0.5 %", "analyses": ["op", "tran", "ac"]},
            limits=[
                {"metric": "settle_time", "at_most": "20 us"},
                {"metric": "bandwidth", "at_least": "25 kHz"},
                {"metric": "relative_error", "at_most": "3 %", "required_yield": "90 %"},
                {"metric": "worst_error", "at_most": "5 mV"},
            ],
        ),
        "here",
    )
    assert (found.timeout, found.memory, found.instances) == (300.0, 4294967296.0, 10)
    assert found.circuit is not None
    assert (found.circuit.duration, found.circuit.settle_tolerance) == (2e-5, 0.005)
    limits = [limit.at_least if limit.at_most is None else limit.at_most for limit in found.limits]
    assert limits == [2e-5, 25e3, 0.03, 5e-3]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"timeout": "5m"}, "timeout: '5m' may be milliseconds (ms) or minutes (min)"),
        ({"timeout": "1:30"}, "timeout: .*such as 90 s"),
        ({"timeout": "5 GB"}, "timeout: .*unit 'B'"),
        ({"timeout": True}, "timeout: expected a number in s"),
        ({"memory": "4 s"}, "memory: .*unit 's'"),
        ({"memory": "1KB"}, "memory: .*1024 bytes"),
        ({"instances": "yes"}, "instances: expected a number"),
        ({"instances": True}, "instances: expected a number"),
        ({"instances": "010"}, "instances: '010' begins with a zero"),
        ({"seed": 1.5}, "seed: expected a whole number"),
        ({"circuit": {"duration": "20 uF"}}, "circuit.duration: .*unit 'F'"),
        ({"circuit": {"size": True}}, "circuit.size: expected a number"),
        ({"circuit": {"settle_tolerance": "1,5 %"}}, "settle_tolerance: .*decimal point"),
        ({"circuit": {"drive_scale": "1M"}}, "mega by SI and milli in SPICE"),
        ({"limits": [{"metric": "relative_error", "at_most": "3 V"}]}, "limits.0: at_most: .*unit 'V'"),
        ({"parameters": {"design.R0": ["4,7k"]}}, "design.R0 = 4,7k: design.R0: .*decimal point"),
        ({"parameters": {"design.temperature": [25, 85]}}, "25 may be kelvin or degrees Celsius"),
        ({"parameters": {"design.temperature": {"low": "0 C", "high": 85, "count": 2}}}, "85 may be kelvin or"),
        ({"parameters": {"design.amplifier.gain_bandwidth": ["1M"]}}, "1M is mega by SI and milli in SPICE"),
        ({"parameters": {"design.R0": {"low": True, "high": "1k", "count": 2}}}, "design.R0"),
        (
            {"timeout": "x", "instances": "y", "circuit": {"size": "z"}},
            "circuit.size: .*'z'.*instances: .*'y'.*timeout: .*'x'",
        ),
        (
            {"samples": 3, "limits": [{"metric": "no", "at_most": 1}]},
            "samples: a grid has as many.*; limits.0.metric: expected",
        ),
    ],
)
def test_a_study_refuses_what_can_be_meant_in_two_ways(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(Exception, match=r"^here: ") as caught:
        plan(parse_study(study(**changes), "here"), "here")
    assert re.search(pattern(reason), str(caught.value)), str(caught.value)
    assert "\n" not in str(caught.value)


def test_temperatures_of_a_study_are_kelvin_whatever_they_are_written_in() -> None:
    # Catches points below 200 K, which are asked for their unit once they are numbers.
    axis = ["-196 degC", "100 K", "27 C", 350]
    what = plan(parse_study(study(parameters={"design.temperature": axis}), "here"), "here")
    assert [point["design.temperature"] for point in what.points] == [77.15, 100.0, 300.15, 350.0]
    assert [Design.from_dict(run.task["design"]).temperature for run in what.runs] == [77.15, 100.0, 300.15, 350.0]
    low = {"low": "10 K", "high": "210 K", "count": 3}
    what = plan(parse_study(study(parameters={"design.temperature": low}), "here"), "here")
    assert [point["design.temperature"] for point in what.points] == [10.0, 110.0, 210.0]
    cold = parse_study(study(circuit={"design": {"preset": "ideal", "temperature": "4 K"}, "level": "ideal"}), "here")
    assert parse_study(json.loads(json.dumps(cold.model_dump(mode="json"))), "again") == cold


def test_a_standard_deviation_has_the_unit_of_its_field() -> None:
    # Catches 5 degrees of spread that become 278 K.
    def spread(sigma: Any) -> float:
        parameter = {"design.temperature": {"mean": "27 C", "sigma": sigma}}
        asked = study(parameters=parameter, method="monte-carlo", samples=400)
        points = plan(parse_study(asked, "here"), "here").points
        mean = sum(point["design.temperature"] for point in points) / 400
        return float(sum((point["design.temperature"] - mean) ** 2 for point in points) / 400) ** 0.5

    # A standard deviation of 400 draws scatters by 1/sqrt(800) = 3.5 %: four of those.
    assert spread("5 K") == spread(5) == spread("5 degC") == pytest.approx(5.0, rel=0.15)


def test_an_experiment_reads_units(tmp_path: Path) -> None:
    (tmp_path / "e.yaml").write_text(
        "task: regression\nsolver: device-spu\nstep_time: 5 min\nlr: 1 %\nt: 5 tau\nsteps: 1e3\nseeds: [0, '1']\n"
    )
    found = load_experiment(tmp_path / "e.yaml")
    assert (found.step_time, found.lr, found.t, found.steps, found.seeds) == (300.0, 0.01, 5.0, 1000, (0, 1))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"t": "5 us"}, "t: .*unit 's'"),
        ({"lr": "0,1"}, "lr: .*decimal point"),
        ({"steps": True}, "steps: expected a number"),
        ({"steps": "yes"}, "steps: expected a number"),
        ({"optimizer": "kfac", "bits": True}, "bits: expected a number"),
        ({"solver": "device-spu", "step_time": "1m"}, "milliseconds (ms) or minutes (min)"),
        ({"kappa0": "1 mV"}, "kappa0: .*unit 'V'"),
        ({"seeds": [True]}, "seeds.0: expected a number"),
        ({"device_seed": True}, "device_seed: expected the number of a chip"),
        ({"solver": "device-spu", "design": {"preset": "board-1k-1n", "temperature": 25}}, "25 K or 25 degC"),
        ({"lr": "x", "t": "y", "colour": 1}, "colour: unknown field.*lr: .*'x'.*t: .*'y'"),
        ({"task": "x", "solver": "y"}, "task: expected one of .*; solver: expected one of"),
        (
            {"curvature": "layers", "delay": 1, "autocast": "float16", "precision": "float64"},
            "goes with neither accumulate nor autocast.*; autocast: needs",
        ),
    ],
)
def test_an_experiment_refuses_what_can_be_meant_in_two_ways(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises((ExperimentError, DesignError)) as caught:
        experiment(fields)
    assert re.search(pattern(reason), str(caught.value)), str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("R0: 4,7k", "R0: .*decimal point"),
        ("R0: 0300", "0300 can be read in more than one way"),
        ("R0: '0300'", "R0: '0300' begins with a zero, which may mean octal; write 300"),
        ("R0: 1M", "1M is mega by SI and milli in SPICE"),
        ("temperature: 25", "25 may be kelvin or degrees Celsius"),
        ("temperature: -40", "greater than 0, got -40"),
        ("programming: {bits: yes}", "programming.bits: expected a number"),
        ("programming: {bits: true}", "programming.bits: expected a number"),
        ("converters: {dac_bits: 4.5}", "converters.dac_bits: expected a whole number in bits"),
        ("tempco: {reference: 27}", "tempco.reference: 27 may be kelvin"),
        ("drift: {ageing_time: 1:30}", "1:30 can be read in more than one way"),
        ("drift: {temperature_time: 5m}", "drift.temperature_time: '5m' may be milliseconds"),
        ("amplifier: {gain: 113 dBm}", "amplifier.gain: .*unit 'dBm'"),
        ("C: 1_000p", "C: .*nothing in between"),
        ("C: 2026-01-31", "2026-01-31 can be read in more than one way"),
        ("R0: 4,7k\nC: 1 V\nfoo: 1", "foo: unknown key.*R0: .*decimal.*C: .*unit 'V'"),
    ],
)
def test_a_design_refuses_what_can_be_meant_in_two_ways(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "d.yaml").write_text(f"preset: board-1k-1n\n{text}\n")
    with pytest.raises(DesignError) as caught:
        Design.load(tmp_path / "d.yaml")
    assert re.search(pattern(reason), str(caught.value)), str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_design_reads_what_data_sheets_say(tmp_path: Path) -> None:
    (tmp_path / "d.yaml").write_text(
        "preset: board-1k-1n\nR0: 4k7\nC: 2n2\ntemperature: 27 C\n"
        "amplifier: {gain: 113 dB, gain_bandwidth: 65Meg, slew: 155 V/us, noise_voltage: 7 nV/rtHz}\n"
        "tempco: {resistor_tc1: 25 ppm/K, offset_tc: 2 uV/degC, reference: 25 degC}\n"
        "drift: {temperature_sigma: 5 degC, temperature_time: 2 h}\nmismatch: {resistor_sigma: 0.5 %}\n"
    )
    design = Design.load(tmp_path / "d.yaml")
    assert (design.R0, design.C, design.temperature) == (4700.0, 2.2e-9, 300.15)
    amplifier, tempco, drift = design.amplifier, design.tempco, design.drift
    assert amplifier is not None
    assert amplifier.gain == pytest.approx(446683.592150963, rel=1e-12)  # 10^5.65
    assert (amplifier.gain_bandwidth, amplifier.slew, amplifier.noise_voltage) == (65e6, 155e6, 7e-9)
    assert (tempco.resistor_tc1, tempco.offset_tc, tempco.reference) == (25e-6, 2e-6, 298.15)
    assert (drift.temperature_sigma, drift.temperature_time) == (5.0, 7200.0)
    assert design.mismatch.resistor_sigma == 0.005
