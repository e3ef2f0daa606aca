"""One list of what is measured, whoever is asked for it."""

import inspect
from dataclasses import fields

from thermospice.netlists import Job, second_opinion, simulate
from thermospice.netlists.decks import Settings

SETTINGS = {field.name: (str(field.type), field.default) for field in fields(Settings)}


def _of(function):
    return {name: p.default for name, p in inspect.signature(function).parameters.items()}


def test_a_job_is_a_chip_with_its_settings():
    # Catches a setting, or its default, that one of the two has and the other has not.
    job = {field.name: (str(field.type), field.default) for field in fields(Job)}
    assert {name: job[name] for name in SETTINGS} == SETTINGS
    assert set(job) - set(SETTINGS) == {"instance", "program", "scaling"}


def test_simulate_takes_what_a_job_holds():
    taken = _of(simulate)
    assert {name: taken[name] for name in SETTINGS} == {name: default for name, (_, default) in SETTINGS.items()}
    assert set(taken) - set(SETTINGS) == {"instance", "program", "scaling", "ngspice", "engine"}


def test_the_second_opinion_means_the_same_by_a_setting():
    taken = _of(second_opinion)
    shared = set(taken) & set(SETTINGS)
    assert {name: taken[name] for name in shared} == {name: SETTINGS[name][1] for name in shared}
    assert set(taken) - shared == {"instance", "program", "scaling", "vacask"}
