"""Decks of chips that were written together are, to the letter, those of each."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from thermospice.circuits import Crossbar, Design, choose_scaling, random_program
from thermospice.circuits.chips import Instances
from thermospice.circuits.networks import Resistor
from thermospice.circuits.topologies import make_topology
from thermospice.netlists import Job, deck, find_ngspice
from thermospice.netlists.decks import Settings, settling_decks
from thermospice.netlists.simulators import Ngspice

BOARD = Design.preset("board-1k-1n")


def together(chips, program, level, scaling, ngspice):
    network = Instances.of(chips).network(program, level, scaling)
    return settling_decks(Settings("op", level), network, len(chips), ngspice)


@pytest.mark.parametrize("level", ["macro", "ideal"])
@pytest.mark.parametrize("kind", ["crossbar", "cascade", "rc-mesh", "differential-rc-mesh", "rlc-grid"])
def test_every_letter_is_that_of_the_chip_alone(kind, level):
    """Catches a number in another chip's or another element's place, a lost sign, and a digit too few."""
    topology = make_topology(kind, 3)
    amplified = kind in ("crossbar", "cascade")
    if level == "macro" and not amplified:
        pytest.skip("it has no amplifiers")
    program = random_program(topology, np.random.default_rng(1))
    design = Design.preset("rlc-board-8") if kind == "rlc-grid" else BOARD
    chips = [design.sample(topology, np.random.default_rng(seed), seed) for seed in range(4)]
    scaling = choose_scaling(chips[0], program, level)
    found = together(chips, program, level, scaling, find_ngspice())
    for chip, one in zip(chips, found, strict=True):
        assert one.text == deck(Job(chip, program, "op", level, scaling=scaling))


def test_a_number_that_is_worked_out_from_others_is_left_to_each_chip(monkeypatch):
    """Catches a card of which each chip would get what follows from the marks."""
    there = sys.modules[settling_decks.__module__]
    write = there.settling_deck

    def with_sum(settings, network, ngspice):
        deck = write(settings, network, ngspice)
        total = sum(element.resistance for element in network.elements if isinstance(element, Resistor))
        return replace(deck, text=f"{deck.text}* {total!r}\n")

    monkeypatch.setattr(there, "settling_deck", with_sum)
    topology = Crossbar(2)
    program = random_program(topology, np.random.default_rng(1))
    chips = [BOARD.sample(topology, np.random.default_rng(seed), seed) for seed in range(3)]
    assert together(chips, program, "macro", choose_scaling(chips[0], program), find_ngspice()) is None


def test_klu_is_asked_of_an_ngspice_that_has_it():
    """Catches decks of a batch that leave the faster solver out. Nothing is run: a newer ngspice need not be here."""
    topology = Crossbar(16)
    program = random_program(topology, np.random.default_rng(1))
    chips = [BOARD.sample(topology, np.random.default_rng(seed), seed) for seed in range(2)]
    newer = Ngspice("/nowhere/ngspice", 44, klu=True)
    scaling = choose_scaling(chips[0], program)
    found = together(chips, program, "macro", scaling, newer)
    assert " klu\n" in found[0].text
    assert found[1].text == deck(Job(chips[1], program, "op", scaling=scaling), newer)


def test_a_value_that_no_circuit_takes_is_left_to_its_chip():
    """Catches a resistance of zero or less that a stack writes and the chip by itself would be refused for."""
    topology = Crossbar(2)
    program = random_program(topology, np.random.default_rng(1))
    good, bad = (BOARD.nominal(topology) for _ in range(2))
    bad = bad.replace_errors(drive=np.array([-3.0, 0.0]))
    assert together([good, bad], program, "macro", choose_scaling(good, program), find_ngspice()) is None
