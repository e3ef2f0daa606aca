"""JSON of unknown origin: plain finite data, or one line."""

import json
import math
import time

import pytest
from thermospice.files import FileError, parse_json, read_json_lines
from thermospice.files import _json as module


def test_plain_data_come_back():
    data = {"a": [1, -2.5, 1e-300, None, True, "é"], "b": {}}
    assert parse_json(json.dumps(data).encode(), "x") == data


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[1,]", "\ufeff1", b"\xff", "NaN", "[Infinity]", "[-Infinity]", "1e999", "-1e400", "1" * 309,
        "1" * 5000, "-" + "9" * 400, "[" * 100_000, '{"a":' * 100_000,
    ],
)  # fmt: skip
def test_what_is_not_plain_finite_data_is_refused_in_one_line(text):
    # Catches numbers that become infinite or that no float can hold, and nesting that ends the interpreter.
    started = time.perf_counter()
    with pytest.raises(FileError, match=r"^x: ") as caught:
        parse_json(text, "x")
    assert len(str(caught.value)) < 200
    assert time.perf_counter() - started < 2


def test_a_reader_that_names_its_fields_gets_what_is_not_finite():
    values = parse_json("[NaN, 1e999, -Infinity]", "x", finite=False)
    assert not any(math.isfinite(value) for value in values)


def test_values_are_counted_before_they_are_made(monkeypatch):
    monkeypatch.setattr(module, "MOST_VALUES", 10)
    assert parse_json("[1,2,3]", "x") == [1, 2, 3]
    with pytest.raises(FileError, match="at most 10 values"):
        parse_json("[[],[],[],[],[],[]]", "x")


def test_a_last_line_that_was_cut_is_left_out_and_a_damaged_one_is_named(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1}\n{"a": 2}\n{"a"')
    assert list(read_json_lines(path)) == [{"a": 1}, {"a": 2}]
    path.write_text('{"a": 1}\n{"a"\n')
    with pytest.raises(FileError, match=r"rows.jsonl, line 2: not valid JSON"):
        list(read_json_lines(path))
