"""YAML that is read as it looks, or refused with the line."""

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


def test_the_first_of_several_faults_is_named_and_the_others_are_counted():
    board = Design.preset("board-1k-1n").to_dict()
    for change, message in (
        ({"C": -1.0}, "design: C: Input should be greater than 0, got -1.0"),
        ({"C": -1.0, "nonsense": 1}, "design: nonsense: unknown key; remove it or check its spelling (and 1 more)"),
        ({"R0": [0] * 100}, f"design: R0: expected a number in ohm, got {[0] * 100}"),
        ({"mismatch": list(range(100))}, f"design: mismatch: {{}}, got {str(list(range(100)))[:57]}..."),
    ):
        with pytest.raises(DesignError) as caught:
            Design.from_dict({**board, **change})
        assert str(caught.value) == message.format("Input should be a valid dictionary or instance of Mismatch")
    del board["R0"]
    with pytest.raises(DesignError, match=r"^design: R0: missing; add it$"):
        Design.from_dict(board)
