"""Files with amplifiers: dialects, names, pins, what is left out, and what is refused by name and line."""

import os
from pathlib import Path

import pytest
from thermospice.netlists import NetlistError
from thermospice.netlists.amplifier_files import parse_amplifier, read_amplifier

EXAMPLES = Path(__file__).parents[3] / "examples" / "own-amplifier"
BODY = "e1 6 0 3 2 1e5\nr1 7 4 1k\n"
PINS = {"plus": 3, "minus": 2, "vdd": 7, "vss": 4, "out": 6}
SIMPLE = f".subckt 741 3 2 7 4 6\n{BODY}.ends\n"


def read(tmp_path, text, name=None, pins=PINS, encoding="utf-8"):
    path = tmp_path / "op.lib"
    path.write_text(text, encoding=encoding)
    return read_amplifier(path, name, pins)


def test_pins_of_a_data_sheet_are_nodes_where_all_are_nodes_and_else_positions(tmp_path):
    # Catches a position taken for the node of that number: 3 is the first node here, and the third one is 7.
    by_node = read(tmp_path, SIMPLE)
    by_position = read(tmp_path, SIMPLE, pins={"plus": 1, "minus": 2, "vdd": 3, "vss": 4, "out": 5})
    assert by_node.text == by_position.text
    assert by_node.text.splitlines()[0] == ".subckt x741 3 2 6 7 4"
    assert by_node.nodes == {"plus": "3", "minus": "2", "vdd": "7", "vss": "4", "out": "6"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"plus": None}, ("pins: plus missing", "3 2 7 4 6")),
        ({"minus": 3}, ("node 3 for plus and minus", "nothing is said of 2")),
        ({"out": 9}, ("9 is neither a node nor a position", "3 2 7 4 6")),
        ({"outt": 6}, ("expected plus, minus, out, vdd, vss", "outt")),
        ({"out": "' .control"}, ("neither",)),
    ],
)
def test_pins_that_do_not_fit_are_refused_with_the_nodes_of_the_subcircuit(tmp_path, change, words):
    pins = {name: node for name, node in {**PINS, **change}.items() if node is not None}
    with pytest.raises(NetlistError) as caught:
        read(tmp_path, SIMPLE, "741", pins)
    assert all(word in str(caught.value) for word in (*words, "subcircuit 741", "op.lib")), caught.value
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["741", "AD8065/AD", "opx-2", "LM358_NS", "uA741.ti", "µ".replace("µ", "u")])
def test_names_of_makers_are_found_and_written_as_names_that_are_safe(tmp_path, name):
    found = read(tmp_path, SIMPLE.replace("741", name), name.lower())
    assert found.subcircuit == name
    assert found.name.isidentifier()
    assert found.name.islower()


def test_dialects_come_to_the_same(tmp_path):
    plain = ".subckt a 3 2 7 4 6 params: g=1e5\ne1 6 0 3 2 {g}\nx1 6 b params: r=2k\nr1 7 4 1k\n.ends\n"
    helper = ".subckt b n params: r=1k\nr1 n 0 {r}\nd1 n 0 dx\n.ends\n"
    model = ".model dx d(is=1e-15 rs=1)\n"
    expected = read(tmp_path, plain + helper + model, "a").text
    spaced = plain.replace("g=1e5", "g = 1e5").replace("\ne1", " ; the nodes\n* comment\n+\n$ another\ne1")
    behind = model + helper.replace("r=1k\n", "r =1k $ default\n") + spaced.replace("params: r=2k", "r = 2k // lower")
    assert read(tmp_path, "\ufeff" + behind, "a").text == expected
    split = plain.replace(" 7 4 6 params:", " 7\n* between \u00e9\n+ 4 6\n+ PARAMS:").replace("\n", "\r\n")
    assert (
        read(tmp_path, split + helper + model.replace("(", "\n+ ("), "A", encoding="latin-1")
        .text.lower()
        .replace(" (", "(")
        == expected.replace("dx d(", "dx d(").lower()
    )
    # What was written is read back as the same circuit.
    assert parse_amplifier(expected, "a").text.count(".subckt") == 2


def test_cards_of_a_whole_circuit_have_no_effect_and_are_told_by_line(tmp_path):
    # Catches a leak: any of these in a deck changes the chip's temperature, accuracy, analyses or nodes.
    cards = (
        *(".temp 100", ".options reltol=0.1 gmin=1 temp=90", ".tran 1 2", ".ic v(vg0)=5", "v1 vg0 0 5"),
        *(".param unused=3", ".global vg0", ".end"),
    )
    clean, dirty = read(tmp_path, SIMPLE), read(tmp_path, SIMPLE + "\n".join(cards) + "\n")
    assert dirty.text == clean.text
    told = " ".join(dirty.notices)
    for k, word in enumerate((".temp", "option reltol", ".tran", ".ic", "v1", ".end"), 5):
        assert word in told, k
    assert "op.lib, line 5: .temp left out" in told
    assert (clean.tnom, read(tmp_path, SIMPLE + ".options tnom=25\n").tnom) == (27.0, 25.0)


def test_shared_models_and_parameters_go_inside(tmp_path):
    # Catches a name of the file that meets one of the chip: nothing but subcircuits stands at the top.
    text = f".param big=1e5 other=2\n.model dx d(is={{big*1e-20}})\n{SIMPLE}".replace("1e5\nr1", "{big}\nd1 6 0 dx\nr1")
    depth = 0
    for line in read(tmp_path, text).text.splitlines():
        depth += line.startswith(".subckt")
        assert depth == 1, line
        depth -= line.startswith(".ends")


def test_functions_that_ngspice_has_otherwise_are_replaced(tmp_path):
    # ngspice 39 takes PSpice's limit(x, low, high) for something else and gives 0 without a word.
    text = SIMPLE.replace("e1 6 0 3 2 1e5", "b1 6 0 v=limit(1e5*v(3,2),-5,5)\nr2 6 0 1k noiseless")
    written = read(tmp_path, text).text
    assert ".func limit(x,a,b) {min(max(x,min(a,b)),max(a,b))}" in written
    assert "noisy=0" in written


@pytest.mark.parametrize(
    ("card", "words"),
    [
        (".control\nshell touch canary\n.endc", (".control", "runs commands")),
        (".csparam a=1", (".csparam",)),
        ("r2 6 0 `touch canary`", ("backquote",)),
        (".include /etc/passwd", ("beside it", "/etc/passwd")),
        (".include ../other.lib", ("beside it",)),
        (".lib 'sub/x.lib' tt", ("beside it",)),
        (".include link.lib", ("beside it",)),
        (".include absent.lib", ("absent.lib", "cannot read")),
        (".include op.lib", ("circle",)),
        (".options scale=1u", ("option scale", "would change the chip")),
        (".hdl x.va", (".hdl",)),
        (".subckt 741 1 2\n.ends", ("a second subcircuit 741",)),
        (".subckt open 1 2", ("expected an .ends",)),
        ("+ 5", ()),
        ("r2 6 0 1\u2126", ("ASCII",)),
    ],
)
def test_what_is_no_part_of_an_amplifier_is_refused(tmp_path, card, words):
    (tmp_path / "secret.lib").write_text("secret")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link.lib").symlink_to("/etc/passwd")
    with pytest.raises(NetlistError) as caught:
        read(tmp_path / "folder", f"{SIMPLE}{card}\n" if card != "+ 5" else f"+ 5\n{SIMPLE}")
    assert all(word in str(caught.value) for word in ("op.lib", *words) if word != "absent.lib"), caught.value
    assert "root:" not in str(caught.value)


@pytest.mark.parametrize(
    ("element", "words"),
    [
        ("a1 6 0 shell", ("line 4", "element A can run code")),
        ("shell touch canary", ("line 4",)),
        ("system touch canary", ("line 4",)),
        (".model m filesource(file=x)", ("line 4", "names a file")),
        (".model m d_process(a=1)", ("line 4", "one of the kinds")),
        ("v1 6 0 dc 0 ac 1", ("line 4", "stimulus of its own")),
        ("v1 6 0 pwl(0 0 1 1)", ("line 4", "stimulus of its own")),
        ("e2 6 0 laplace {v(3)} = {1/(1+s)}", ("line 4", "function of frequency")),
        ("b2 6 0 v=v(3)**3", ("line 4", "power of a negative number")),
        ("x1 6 0 missing", ("line 4", "no subcircuit missing", "741")),
        ("x1 3 2 7 4 6 741", ("calls itself",)),
        ("r9 6 hidden 1k\n.global hidden", ("global node hidden",)),
    ],
)
def test_elements_that_run_code_or_drive_the_chip_are_refused(tmp_path, element, words):
    with pytest.raises(NetlistError) as caught:
        read(tmp_path, SIMPLE.replace(".ends", f"{element}\n.ends"))
    assert all(word in str(caught.value) for word in words), caught.value


def test_attacks_in_comments_are_comments(tmp_path):
    comments = "*#shell touch canary\n*ng_script\n* `touch canary`\n"
    text = f"{comments}{SIMPLE}".replace(".ends", f"{comments}r9 6 0 1k ; `touch canary`\n.ends")
    assert "canary" not in read(tmp_path, text).text


def test_of_several_subcircuits_one_has_to_be_named(tmp_path):
    with pytest.raises(NetlistError, match="several, 741, 358; name one"):
        read(tmp_path, SIMPLE + SIMPLE.replace("741", "358"))
    with pytest.raises(NetlistError, match="one of 741, 358, got '357'"):
        read(tmp_path, SIMPLE + SIMPLE.replace("741", "358"), "357")
    assert read(tmp_path, SIMPLE + SIMPLE.replace("741", "358"), "358").subcircuit == "358"


def test_files_beside_are_read_told_and_part_of_the_hash(tmp_path):
    (tmp_path / "models.inc").write_text(".model dx d(is=1e-15)\n")
    text = f".include 'models.inc'\n{SIMPLE}".replace("r1 7", "d1 6 0 dx\nr1 7")
    first = read(tmp_path, text)
    assert ".model dx d(is=1e-15)" in first.text
    assert "op.lib: read models.inc beside it" in first.notices
    (tmp_path / "models.inc").write_text(".model dx d(is=2e-15)\n")
    assert read(tmp_path, text).digest != first.digest


@pytest.mark.parametrize(
    "make", [os.mkfifo, lambda path: path.write_bytes(b"*" * (2 << 20)), lambda path: path.mkdir()]
)
def test_what_is_no_plain_file_of_usual_size_is_refused(tmp_path, make):
    make(tmp_path / "op.lib")
    with pytest.raises(NetlistError, match="cannot read the amplifier"):
        read_amplifier(tmp_path / "op.lib")


def test_examples_are_read():
    assert read_amplifier(EXAMPLES / "bipolar.lib", "741", PINS).name == "x741"
    assert read_amplifier(EXAMPLES / "behavioural.lib", "opx-2").name == "opx_2"
