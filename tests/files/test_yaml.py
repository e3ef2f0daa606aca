"""YAML that is read as it looks, or refused with the line."""

import contextlib
import time

import pytest
from thermospice.circuits import Design, DesignError
from thermospice.files import parse_yaml


def nested(depth):
    return "a: " + "[" * (depth - 1) + "1" + "]" * (depth - 1)


def test_plain_data_is_read():
    assert parse_yaml("a: 1k\nb: {c: [1, 2.5, null]}\n", "f") == {"a": "1k", "b": {"c": [1, 2.5, None]}}
    assert list(parse_yaml(nested(20), "f")) == ["a"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "f, line 3: not valid YAML: the key 'a' is given twice"),
        ('x:\n  a: 1\n  "a": 3\n', "f, line 3: not valid YAML: the key 'a' is given twice"),
        ("a: &x [1]\nb: *x\n", "f, line 2: not valid YAML: aliases such as *x are not read; write the value out"),
        ("a: 1\n1: 2\n", "f, line 2: not valid YAML: expected a name, got 1"),
        ("a: 1\non: 2\n", "f, line 2: not valid YAML: expected a name, got True"),
        ("a: 1\n[b, c]: 2\n", "f, line 2: not valid YAML: expected a name, got ['b', 'c']"),
        (nested(21), "f, line 1: not valid YAML: nested more than 20 deep"),
        (nested(100_000), "f, line 1: not valid YAML: nested more than 20 deep"),
        ("a: [1\n", "f, line 2: not valid YAML: expected ',' or ']', but got '<stream end>'"),
        ("a: 2024-99-99\n", "f: not valid YAML: cannot be parsed"),
        ("a: !!python/object:os.system {}\n", "f, line 1: not valid YAML: could not determine a constructor"),
    ],
)
def test_anything_else_is_refused_in_one_line(text, message):
    with pytest.raises(ValueError, match="not valid YAML") as caught:
        parse_yaml(text, "f")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_design_says_where_its_file_is_wrong(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("preset: ideal\nR0: 1k\nR0: 2k\n")
    with pytest.raises(DesignError, match=r"mine\.yaml, line 3: not valid YAML: the key 'R0' is given twice"):
        Design.load(path)


def test_every_fault_of_a_file_is_told_in_one_line():
    # Catches a message that names one fault of several, and is as long as what came.
    board = Design.preset("board-1k-1n").to_dict()
    unknown = "unknown key; remove it or check its spelling"
    for changes, message in (
        ({"C": -1.0}, "design: C: expected a value greater than 0, got -1.0"),
        ({"C": -1.0, "nonsense": 1}, f"design: nonsense: {unknown}; C: expected a value greater than 0, got -1.0"),
        ({"R0": [0] * 100}, f"design: R0: expected a number in ohm, got {[0] * 100}"),
        ({"mismatch": list(range(100))}, f"design: mismatch: {{}}, got {str(list(range(100)))[:57]}..."),
        (
            {"C": "1x", "amplifier": {"gain": 2, "slew": "-1"}},
            "design: C: expected a number in F, such as 100p, 2n2, 100 pF or 1e-10; got the unit 'x' in '1x';"
            " amplifier.gain_bandwidth: missing; add it;",
        ),
    ):
        with pytest.raises(DesignError) as caught:
            Design.from_dict({**board, **changes})
        text = message.format("Input should be a valid dictionary or instance of Mismatch")
        assert str(caught.value).startswith(text)
        assert text.endswith(";") or str(caught.value) == text
    del board["R0"]
    with pytest.raises(DesignError, match=r"^design: R0: missing; add it$"):
        Design.from_dict(board)
    many = {f"nonsense{k}": k for k in range(1000)}
    with pytest.raises(DesignError, match=r"nonsense7: .* \(and 992 more\)$") as caught:
        Design.from_dict({**Design.preset("ideal").to_dict(), **many})
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    "text", ["0300", "-010", "00.5", "0x1F", "0b11", "1:30", "1:30.5", "1_000", "1_0.5", "2026-01-31", "!!int yes"]
)
def test_what_yaml_reads_otherwise_than_it_looks_is_refused(text):
    # Catches an octal resistor, a time to base 60, a date: YAML 1.1 makes 192 of 0300 and 90 of 1:30.
    with pytest.raises(ValueError, match=r"f, line 2: not valid YAML: .* can be read in more than one way"):
        parse_yaml(f"b: 1\na: {text}\n", "f")
    assert parse_yaml(f"a: '{text}'", "f") == {"a": text}


@pytest.mark.parametrize("text", ["yes", "no", "on", "off", "Y", "1e5", "NaN", "0o17", "12e03", "1.2.3"])
def test_words_stay_words(text):
    # Catches `bits: yes` for one bit.
    assert parse_yaml(f"a: {text}", "f") == {"a": text}


@pytest.mark.parametrize(
    ("text", "value"), [("300", 300), ("-4", -4), ("0", 0), ("0.5", 0.5), (".5", 0.5), ("5.", 5.0), ("1.5e+3", 1500.0)]
)
def test_decimal_numbers_are_read(text, value):
    found = parse_yaml(f"a: {text}", "f")["a"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("text", ["9" * 50_000, "9" * 50_000 + ".x", "9" * 50_000 + "._", "1:" + "5" * 50_000])
def test_long_numbers_take_no_time(text):
    start = time.perf_counter()
    with contextlib.suppress(ValueError):
        parse_yaml(f"a: {text}", "f")
    assert time.perf_counter() - start < 1.0
