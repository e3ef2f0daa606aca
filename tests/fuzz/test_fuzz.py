"""Damaged files of every kind that a user may hand in: read, or refused in one line."""

import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from places import ODD, replaced
from targets import targets

TARGETS = targets()
QUICK = [name for name, target in TARGETS.items() if not target.slow]
SLOW = [name for name, target in TARGETS.items() if target.slow]
STRUCTURED = [name for name, target in TARGETS.items() if target.dump is not None]


@pytest.mark.parametrize("name", TARGETS)
def test_the_good_file_is_read(name):
    assert TARGETS[name].try_bytes(TARGETS[name].seed)


def damaged(target, data):
    """A good file with some bytes replaced, and perhaps cut off."""
    found = bytearray(target.seed)
    for _ in range(data.draw(st.integers(1, 6))):
        found[data.draw(st.integers(0, len(found) - 1))] = data.draw(st.integers(0, 255))
    return bytes(found[: data.draw(st.integers(0, len(found)))])


@pytest.mark.parametrize("name", QUICK)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_bytes(name, data):
    TARGETS[name].try_bytes(damaged(TARGETS[name], data))


@pytest.mark.parametrize("name", QUICK)
@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=300))
def test_arbitrary_bytes(name, content):
    TARGETS[name].try_bytes(content)


@pytest.mark.parametrize("name", SLOW)
@settings(max_examples=8, deadline=None)
@given(st.data())
def test_damaged_bytes_of_a_slow_reader(name, data):
    TARGETS[name].try_bytes(damaged(TARGETS[name], data))
    TARGETS[name].try_bytes(data.draw(st.binary(max_size=300)))


@pytest.mark.parametrize("name", STRUCTURED)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_replaced_values(name, data):
    TARGETS[name].try_plain(lambda below: data.draw(st.integers(0, below - 1)))


@pytest.mark.parametrize("name", STRUCTURED)
def test_each_place_replaced_by_something_else_is_mostly_refused(name):
    # A check of the test itself: replacements reach the reader, and it does not take everything.
    target, count = TARGETS[name], len(ODD)
    assert replaced(target.plain, lambda below: 0) != target.plain
    refused = [not target.try_plain(lambda below, k=k: k % below) for k in range(3, 3 + 2 * count)]
    assert sum(refused) > count
