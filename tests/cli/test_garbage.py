"""How often Python looks for lost cycles: seldom within a command, as usual before and after it."""

import gc

import pytest
import thermospice.cli.commands.designs as designs
from thermospice.cli import main
from thermospice.cli.frame import garbage_as_usual


@pytest.fixture
def within(monkeypatch):
    """Thresholds of the collector while a command runs, after it has said something about them."""
    seen = []

    def look(say=lambda: None):
        monkeypatch.setattr(designs, "job", lambda *_: (say(), seen.append(gc.get_threshold()), 1 / 0))
        assert main(["designs"]) != 0
        return seen[-1]

    return look


def test_a_command_leaves_its_garbage_longer_and_others_do_not(within):
    # Catches a collector that walks through all elements of a large circuit a hundred times, and one that is left so.
    before = gc.get_threshold()
    assert within()[0] >= 100 * before[0]
    assert gc.get_threshold() == before


def test_long_training_collects_as_python_does(within):
    before = gc.get_threshold()
    assert within(garbage_as_usual) == before
    assert gc.get_threshold() == before
