"""A sample of the tables of hostile inputs: `make fuzz` tries all of them, and a hundred thousand cases beside."""

import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import environments
from folders import FILES, good, report_on, report_on_replaced
from inputs import CASES, INPUTS, STATES, check_refused, try_node
from nodes import NODES
from sizes import OPTIONS, STUDY_FIELDS, study_file

SURROUNDINGS = {
    "no standard output": ("designs", "same"),
    "no standard error": ("refused", "refused"),
    "plain C": ("designs", "same"),
    "optimised": ("designs", "same"),
    "warnings as errors": ("designs", "same"),
    "no folder to work in": ("designs", "is gone"),
    "a simulator that swaps its outputs": ("simulate", "gives wrong answers to a known circuit"),
}
"""A few rows with the quicker commands, and what comes of them: each is a process of its own."""

FEW = 2
"""Damaged folders of each kind; a few of them draw figures."""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def spread() -> list[tuple[str, str]]:
    """A case for each input, so that every node has its turn."""
    nodes = list(NODES)
    chosen = [(name, nodes[k % len(nodes)]) for k, name in enumerate(INPUTS)]
    return chosen + [case for k, case in enumerate(case for case in CASES if case[0] in STATES) if k % 23 == 0]


def test_every_node_and_every_input_has_its_turn():
    assert {node for _, node in spread()} == set(NODES)
    assert {name for name, _ in spread()} >= set(INPUTS)


@pytest.mark.filterwarnings("ignore:squad.* has no weights")  # a folder without them is no fault
@pytest.mark.parametrize(("name", "node"), spread())
def test_what_is_no_file_of_its_kind_is_refused_in_one_line(name, node):
    # Catches a reader that waits for a pipe, reads a device, unpacks without end, or calls it a bug.
    try_node(name, node)


@pytest.mark.parametrize("name", OPTIONS)
def test_a_number_that_no_machine_holds_is_refused_at_once(name):
    # Catches work that is begun before it is counted, and seeds that no file keeps.
    command, option, values = OPTIONS[name]
    check_refused([*command, option, values[0], "--out", "out"])


@pytest.mark.parametrize("name", STUDY_FIELDS)
def test_a_study_that_no_machine_holds_is_refused_at_once(name, tmp_path):
    # Catches points that are made before they are counted.
    check_refused(["sweep", str(study_file(name, tmp_path)), "--out", "out"])


@pytest.mark.parametrize("name", FILES)
def test_a_folder_with_a_damaged_file_is_reported_or_refused_in_one_line(name):
    # Catches a number, a text or a missing key that a section or a figure stumbles over.
    assert report_on(name, good(name))
    for number in range(FEW):
        report_on_replaced(name, random.Random(f"{name} {number}").randrange)


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_surroundings_change_no_number_and_end_in_no_traceback(name):
    # Catches numbers that follow the locale, messages in the answer's place, and crashes before the error boundary.
    command, came = SURROUNDINGS[name]
    assert came in environments.try_environment(name, command)
