"""A user's own amplifier in a design: its macro-model against its file, and SPICE against a deck by hand."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from thermospice.circuits import Crossbar, Design, DesignError, Program
from thermospice.netlists import SimulationFailed, simulate
from thermospice.netlists.amplifiers import Load, amplifier_of, measure_user_amplifier, user_amplifier

EXAMPLES = Path(__file__).parents[3] / "examples" / "own-amplifier"
BEHAVIOURAL = {"plus": "IN+", "minus": "IN-", "vdd": "V+", "vss": "V-", "out": "OUT"}
BIPOLAR = {"plus": 3, "minus": 2, "vdd": 7, "vss": 4, "out": 6}


def test_macro_model_is_what_the_file_was_built_of():
    # Catches a value that is taken at a loaded output, or of the other input: the file states each of these.
    own = user_amplifier(EXAMPLES / "behavioural.lib", True, 5.0, -5.0, "opx-2", BEHAVIOURAL)
    found = measure_user_amplifier(own, Load(1e3, 10e-12)).values
    stated = {"gain": 200e3, "gain_bandwidth": 20e6, "second_pole": 80e6, "output_resistance": 40.0}
    for name, value in (stated | {"input_capacitance": 4e-12, "bias_current": 5e-9, "supply_current": 2e-3}).items():
        # A crossing between 40 points a decade is known to about 0.1 %.
        assert found[name] == pytest.approx(value, rel=2e-3), name
    # 1.6 kOhm at 27 degrees Celsius.
    assert found["noise_voltage"] == pytest.approx(np.sqrt(4 * 1.380649e-23 * 300.15 * 1600), rel=1e-3)
    assert found["slew"] == pytest.approx(15e6 * 1000 / 1040, rel=2e-3)
    assert found["noise_current"] == 0


@pytest.mark.parametrize("exchanged", [("plus", "minus"), ("vdd", "vss")])
def test_reversed_pins_are_named(exchanged):
    one, other = exchanged
    pins = {**BIPOLAR, one: BIPOLAR[other], other: BIPOLAR[one]}
    own = user_amplifier(EXAMPLES / "bipolar.lib", True, 15.0, -15.0, "741", pins)
    with pytest.raises(SimulationFailed, match=f"subcircuit 741: {one} and {other} are reversed"):
        measure_user_amplifier(own, Load(1e4, 10e-12))


def test_model_parameters_that_ngspice_would_ignore_are_refused(tmp_path):
    # LTspice's ideal diode: ngspice drops its parameters with a warning and takes another diode.
    (tmp_path / "op.lib").write_text(
        ".subckt a plus minus out vdd vss\n.model dx d(ron=1 roff=1meg vfwd=0.5)\ng1 0 p plus minus 1m\nr1 p 0 1e8\n"
        "c1 p 0 10p\nd1 p vdd dx\ne1 out 0 p 0 1\n.ends\n"
    )
    with pytest.raises(SimulationFailed, match=r"parameter (ron|roff|vfwd), which ngspice does not know"):
        measure_user_amplifier(user_amplifier(tmp_path / "op.lib", True, 5.0, -5.0), Load())


BY_HAND = """\
title
.include {library}
.options temp={celsius!r} reltol=1e-6 abstol=1e-14 vntol=1e-9
vdd vdd 0 15
vss vss 0 -15
x1 0 vg vdd vss out 741
vb drv 0 dc -0.2 ac -0.2
rb drv vg 10k
ra vg out 10k
c1 vg out 1u
cl out 0 10p
.control
op
print v(out)
ac lin 1 15.915494309189533 16
print vm(out)
.endc
.end
"""


@pytest.mark.parametrize("temperature", [300.15, 350.0])
def test_a_chip_with_it_is_the_circuit_by_hand(tmp_path, temperature):
    (tmp_path / "op.lib").write_text(
        (EXAMPLES / "bipolar.lib").read_text().replace("741     3  2  7  4  6", "741 3 2 7 4 6")
    )
    deck = BY_HAND.format(library=tmp_path / "op.lib", celsius=temperature - 273.15)
    (tmp_path / "deck.cir").write_text(deck)
    done = subprocess.run(["ngspice", "-n", "-b", "deck.cir"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    v, response = (float(line.split("=")[1].split()[0]) for line in done.stdout.splitlines() if line.startswith("v"))
    design = Design.load(EXAMPLES / "bipolar.yaml").model_copy(update={"temperature": temperature})
    chip, program = design.nominal(Crossbar(1)), Program([[1.0]], [0.2])
    found = simulate(chip, program, "op", "transistor")
    # Both solve to reltol 1e-6 of the node voltages.
    assert found["v"].values[0] == pytest.approx(v, rel=1e-5)
    assert "faults" not in found.attrs
    ac = simulate(chip, program, "ac", "transistor", frequencies=(15.915494309189533, 159.15494309189533))
    assert np.hypot(ac["v_re"], ac["v_im"]).values[0, 0] == pytest.approx(response, rel=1e-4)
    # The macro-model's bias current, 80 nA through 10 kOhm, is most of the error.
    macro = simulate(chip, program, "op", "macro")["v"].values[0]
    assert macro - 0.2 == pytest.approx(v - 0.2, rel=0.05)
    assert abs(v - 0.2) > 5e-4


def test_temperature_acts_on_a_model_as_in_ngspice(tmp_path):
    # Catches `tnom` at the chip's temperature, with which no model ever sees a change.
    text = ".subckt a plus minus out vdd vss\nr1 n 0 1k tc1=0.01\ni1 0 n 1u\ne2 s plus n 0 1\ng1 0 p s minus 1m\n"
    text += "r2 p 0 1e8\nc2 p 0 10p\ne1 out 0 p 0 1\nrl vdd vss 1meg\n.ends\n"
    for name, tnom in (("default", 27.0), ("stated", 25.0)):
        (tmp_path / f"{name}.lib").write_text(text + ("" if name == "default" else f".options tnom={tnom}\n"))
        fields = {"preset": "board-1k-1n", "temperature": "350 K", "amplifier": {"file": f"{name}.lib", "supply": 5}}
        design = Design.from_dict(fields, folder=tmp_path)
        v = simulate(design.nominal(Crossbar(1)), Program([[1.0]], [0.2]), "op", "transistor")["v"].values[0]
        offset = 1e-3 * (1 + 0.01 * (350 - 273.15 - tnom))
        # Two equal resistors at the virtual ground: a noise gain of 2, of which a gain of 1e5 leaves 2e-5 undone.
        assert v - 0.2 == pytest.approx(2 * offset - (0.2 + 2 * offset) * 2e-5, rel=1e-3)
        assert design.amplifier.offset == pytest.approx(1e-3 * (1 + 0.01 * (27 - tnom)), rel=1e-3)
        assert design.tempco.offset_tc == pytest.approx(1e-5, rel=1e-3)


def test_a_design_keeps_its_amplifier_and_cites_the_file(tmp_path):
    # Catches a data sheet cited for a value that is measured on a file, and a design that needs the file again.
    design = Design.load(EXAMPLES / "behavioural.yaml")
    cited = {path: text for path, text in design.sources.items() if "AD8065" in text}
    assert set(cited) <= {"amplifier.offset_sigma", "amplifier.load_capacitance"}
    assert design.sources["amplifier"].startswith("behavioural.lib, subcircuit opx-2, sha256 ")
    assert "AD8065" not in design.description
    (tmp_path / "copy.yaml").write_text(design.to_yaml())
    again = Design.load(tmp_path / "copy.yaml")
    assert again == design
    assert amplifier_of(again).definition().startswith(".subckt")


def test_a_design_with_an_attack_in_its_amplifier_does_not_get_to_a_deck():
    data = Design.load(EXAMPLES / "behavioural.yaml").to_dict()
    data["amplifier"]["circuit"]["text"] += ".control\nshell touch canary\n.endc\n"
    with pytest.raises(ValueError, match="runs commands"):
        simulate(Design.from_dict(data).nominal(Crossbar(1)), Program([[1.0]], [0.1]), "op", "transistor")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"supply": None}, "amplifier.supply: expected two voltages"),
        ({"supply": [15, -15]}, "vss < 0 < vdd"),
        ({"supply": [0, 5]}, "vss < 0 < vdd"),
        ({"file": "none.lib"}, "none.lib: cannot read the amplifier"),
        ({"gain": 1e5}, "amplifier.gain: an amplifier of a file has the fields"),
        ({"pins": [3, 2]}, "amplifier.pins: expected a node or position"),
        ({"subcircuit": "742"}, "one of 741, got '742'"),
    ],
)
def test_designs_with_amplifiers_that_are_none(change, words):
    amplifier = {"file": "bipolar.lib", "subcircuit": 741, "pins": BIPOLAR, "supply": 15} | change
    with pytest.raises(DesignError, match=words) as caught:
        Design.from_dict({"preset": "board-1k-1n", "amplifier": amplifier}, folder=EXAMPLES)
    assert "\n" not in str(caught.value)
