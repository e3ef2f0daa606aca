"""Faults in the deck that the model does not know of: the fidelity table sees each of them."""

import json

import pytest
from thermospice.fidelity import _cases as _cases
from thermospice.fidelity.checks import _waveforms as _waves
from thermospice.fidelity.faults import _mutations as _mutations

KINDS = [
    ("rc-mesh", "macro"),
    ("differential-rc-mesh", "ideal"),
    ("crossbar", "ideal"),
    ("cascade", "macro"),
    ("rlc-grid", "ideal"),
]


def subject(topology, level):
    (case,) = _cases.cases((topology,), (level,), (3,), None, 0)
    return case.subject()


@pytest.mark.parametrize(("topology", "level"), KINDS)
def test_every_fault_in_the_deck_fails_a_row(topology, level):
    chip = subject(topology, level)
    limit = _waves.limits(chip)["ac"]
    assert _mutations.response_error(chip, chip.circuit()) <= limit  # without a fault
    for name, mutate in _mutations.MUTATIONS.items():
        lines = mutate(chip.circuit())
        assert lines is not None, name
        assert sum(a != b for a, b in zip(lines, chip.circuit(), strict=True)) >= 1, name
        assert _mutations.response_error(chip, lines) > limit, name


def test_a_fault_that_changes_nothing_fails_the_row(monkeypatch):
    monkeypatch.setitem(_mutations.MUTATIONS, "nothing", lambda lines: lines)
    (row,) = _mutations.rows(subject("rc-mesh", "ideal"))
    assert not row["passed"]
    assert row["value"] > 1


@pytest.mark.parametrize("mutate", list(_mutations.MUTATIONS))
def test_a_faulty_network_fails_the_table(run, monkeypatch, mutate):
    # The same fault in every deck that is written, from the network upwards, fails rows of several analyses.
    from thermospice.netlists.decks import _plan as _plans

    real = _plans.to_text

    def faulty(*arguments, **options):
        lines = _mutations.MUTATIONS[mutate](real(*arguments, **options).splitlines())
        return "\n".join([*lines, ""])

    monkeypatch.setattr(_plans, "to_text", faulty)
    options = ("--topology", "crossbar", "--level", "ideal", "--size", 2, "--quick", "--no-second-opinion")
    outcome = run("verify", *options, "--json")
    assert outcome.code == 1
    failed = {row["analysis"] for row in json.loads(outcome.out)["rows"] if not row["passed"]}
    assert {"op", "ac", "tran"} <= failed
