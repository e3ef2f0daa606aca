"""The search for the cheapest design, on metrics whose answer is known, and its verdict on new chips."""

import math

import numpy as np
import pytest
from scipy import optimize, stats
from thermospice.campaigns import StudyError, parse_study
from thermospice.campaigns.optimisation import Cost, Search, Space, room, tolerance_factor, tried_of, verified
from thermospice.campaigns.planning import Plan
from thermospice.campaigns.studies import Limit
from thermospice.circuits import Design

DESIGN = Design.preset("board-1k-1n").to_dict()
SIGMA = "design.mismatch.resistor_sigma"
BITS = "design.programming.bits"
CHIPS = 12


def made(**changes):
    return parse_study(
        {
            "name": "s",
            "circuit": {"design": DESIGN, "size": 2},
            "parameters": {SIGMA: {"low": "0.1 %", "high": "10 %", "scale": "log"}, BITS: {"low": 4, "high": 14}},
            "limits": [{"metric": "relative_error", "at_most": "5 %", "required_yield": "90 %"}],
            "optimise": {
                "cost": {
                    SIGMA: {"coefficient": 4, "at": "1 %", "exponent": -1},
                    BITS: [{"coefficient": 1, "at": 8, "doubles_every": 1}, {"coefficient": 2, "at": 8, "exponent": 1}],
                },
                "runs": 40 * CHIPS,
            },
            "instances": CHIPS,
            **changes,
        },
        "s",
    )


def read(name, value):
    return int(value) if name == BITS else float(str(value).removesuffix(" %")) / (100 if "%" in str(value) else 1)


def search(study):
    cost, space = Cost.of(study), Space.of(study, read)
    return Search(space, cost, study.limits, study.optimise.confidence, study.optimise.runs // CHIPS, study.seed)


# What a chip adds to the error, by its seed.
LUCK = np.random.default_rng(8).normal(0.0, 0.2, 1000)


def error(design, chip):
    """A closed form: mismatch and grid add in squares, times the luck of the chip."""
    return math.hypot(2 * design[SIGMA], 8 / 2 ** design[BITS]) * math.exp(LUCK[chip])


def records(design, chips, number=error):
    return [{"status": "done", "metrics": {"relative_error": number(design, chip)}} for chip in chips]


def searched(found, number=error):
    history = []
    while new := found.proposals(history):
        history += [tried_of(found.limits, one, records(one, range(CHIPS), number)) for one in new]
    return history


# Costs.


def test_a_cost_is_the_sum_of_its_terms():
    cost = Cost.of(made())
    # 4 (2 %/1 %)^-1 = 2, and 2^(10-8) + 2 (10/8) = 6.5.
    assert cost.by_parameter({SIGMA: 0.02, BITS: 10}) == pytest.approx({SIGMA: 2.0, BITS: 6.5})
    assert cost({SIGMA: 0.02, BITS: 10}) == pytest.approx(8.5)


@pytest.mark.parametrize(
    ("term", "words"),
    [
        ({"coefficient": -1, "at": "1 %", "exponent": -1}, ["coefficient", "greater than 0"]),
        ({"coefficient": 1, "at": "1 %"}, ["exponent or doubles_every"]),
        ({"coefficient": 1, "at": "1 %", "exponent": 1, "doubles_every": 1}, ["one of the two"]),
        ({"coefficient": 1, "at": "1 %", "exponent": 0}, ["zero"]),
        ("1/x", ["coefficient: 1", "1/x"]),
    ],
)
def test_a_cost_that_is_none_is_refused(term, words):
    with pytest.raises(StudyError) as refused:
        made(optimise={"cost": {SIGMA: term}})
    assert all(word in str(refused.value) for word in words)


# The margin.


def test_the_margin_is_the_tolerance_factor_of_the_tables():
    # One-sided factors of a normal distribution (Odeh and Owen, Tables for normal tolerance limits, 1980).
    known = {(10, 0.9, 0.95): 2.355, (20, 0.9, 0.95): 1.926, (10, 0.95, 0.95): 2.911}
    for (chips, part, confidence), factor in known.items():
        assert tolerance_factor(chips, part, confidence) == pytest.approx(factor, abs=1e-3)


def test_the_margin_holds_as_often_as_it_says():
    # Catches a margin by quantiles of a few chips, which holds in half of all cases.
    limit = Limit(metric="relative_error", at_most=1.0, required_yield=0.9)
    rng = np.random.default_rng(1)
    kept = []
    for values in rng.normal(0.0, 1.0, (2000, 8)):
        # Where the sample just keeps the limit, the limit lies at its tolerance limit.
        bound = limit.at_most - room(limit, values, 0.9, logarithmic=False)
        kept.append(stats.norm.cdf(bound) >= 0.9)
    # Binomial: sqrt(0.9 0.1/2000) = 0.0067; four of them.
    assert np.mean(kept) == pytest.approx(0.9, abs=0.027)


# The search.


def test_the_cheapest_design_is_that_of_a_dense_search():
    study = made()
    found = search(study)
    history = searched(found)
    best = history[found.best(history)].design
    factor = tolerance_factor(CHIPS, 0.9, study.optimise.confidence)
    luck = LUCK[:CHIPS]
    allowed = 0.05 * math.exp(-luck.mean() - factor * luck.std(ddof=1))
    # By bits, the loosest resistors that keep it in closed form; the cheapest of these.
    each = {b: math.sqrt(allowed**2 - (8 / 2**b) ** 2) / 2 for b in range(4, 15) if 8 / 2**b < allowed}
    dense = min(found.cost({SIGMA: sigma, BITS: bits}) for bits, sigma in each.items())
    # Three digits of a value, and the search ends where 0.2 % of the cost is to be expected: 2 % for both.
    assert dense * (1 - 1e-3) <= found.cost(best) <= 1.02 * dense
    assert len(history) < 40


def test_a_search_asked_again_says_the_same():
    # Catches proposals that hang on anything but the designs that were tried: a killed campaign would go another way.
    first = searched(search(made()))
    found = search(made())
    for k in (0, 6, 9, len(first)):
        again = found.proposals(first[:k])
        assert again == [one.design for one in first[k : k + len(again)]]


def test_a_limit_out_of_reach_gives_no_design():
    limits = [{"metric": "relative_error", "at_most": 1e-5, "required_yield": 0.9}]
    found = search(made(limits=limits, optimise={**plain(made()), "runs": 8 * CHIPS}))
    history = searched(found)
    assert len(history) == 8
    assert found.best(history) is None
    assert history[found.nearest(history)].design[SIGMA] == min(one.design[SIGMA] for one in history)


def plain(study):
    return study.optimise.model_dump(mode="json", exclude_none=True)


def test_a_design_whose_chips_fail_keeps_nothing():
    study = made()
    found = search(study)
    design = {SIGMA: 0.001, BITS: 14}
    lost = [*records(design, range(CHIPS - 1)), {"status": "failed", "metrics": {}, "reason": "no"}]
    assert found.kept([tried_of(study.limits, design, lost)]) == [False]
    assert found.kept([tried_of(study.limits, design, records(design, range(CHIPS)))]) == [True]


def test_a_search_goes_around_designs_that_fail():
    found = search(made(optimise={**plain(made()), "runs": 20 * CHIPS}))
    history = []
    while new := found.proposals(history):
        for one in new:
            bad = one[SIGMA] > 0.012
            there = [{"status": "failed", "metrics": {}, "reason": "no"}] * CHIPS if bad else records(one, range(CHIPS))
            history.append(tried_of(found.limits, one, there))
    best = history[found.best(history)].design
    assert 0.009 < best[SIGMA] <= 0.012


# The verdict.


@pytest.mark.parametrize("passed", [20, 19, 17])
def test_the_verdict_is_the_exact_binomial_one(passed):
    study = made()
    chips = range(CHIPS, CHIPS + 20)
    there = [{"status": "done", "metrics": {"relative_error": 0.01 if k < passed else 0.1}} for k in range(20)]
    found = verified(study, Plan(({},), tuple(chips), ()), there)
    row = found["limits"][0]
    # Clopper and Pearson by their definition: each end is where what was seen has a chance of 2.5 %.
    low = optimize.brentq(lambda p: stats.binom.sf(passed - 1, 20, p) - 0.025, 1e-9, 1 - 1e-9)
    assert row["yield_low"] == pytest.approx(low, abs=1e-6)
    assert found["met"] is (passed / 20 >= 0.9)
    assert found["surely"] is False
    assert found["chips_to_be_sure"] == 36
    assert found["seeds"] == {"first": CHIPS, "last": CHIPS + 19}


def test_a_failed_run_counts_against_the_design():
    study = made()
    there = [{"status": "failed", "metrics": {}, "reason": "no"}] * 5 + records({SIGMA: 0.001, BITS: 14}, range(15))
    found = verified(study, Plan(({},), tuple(range(20)), ()), there)
    assert (found["failed"], found["met"], found["limits"][0]["passed"]) == (5, False, 15)
