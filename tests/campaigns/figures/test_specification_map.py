"""The map of a specification: colours that tell the values apart, and words that are true of them."""

import itertools

import pytest
from matplotlib.figure import Figure
from thermospice.campaigns import parse_study
from thermospice.campaigns.figures import draw_specification
from thermospice.campaigns.planning import plan

SIGMA = "design.mismatch.resistor_sigma"


def drawn(at_most: float, errors: list[float]) -> Figure:
    """Of four devices, by mismatch and bits, with an error each."""
    study = parse_study(
        {
            "name": "loosest",
            "circuit": {"design": {"preset": "board-1k-1n"}, "size": 1, "analyses": ["op"]},
            "specification": {"loosest": SIGMA, "metric": "relative_error", "at_most": at_most},
            "parameters": {SIGMA: ["1 %", "5 %"], "design.programming.bits": [4, 8]},
        },
        "here",
    )
    records = [{"status": "done", "metrics": {"relative_error": error}} for error in errors]
    assert study.specification is not None
    return draw_specification(study, study.specification, plan(study, "here"), records)


@pytest.mark.parametrize(("at_most", "errors"), [(0.06, [0.02, 0.2, 0.03, 0.7]), (1.05, [1.01, 1.1, 1.2, 30.0])])
def test_a_smaller_value_is_brighter_and_the_bound_is_on_the_scale(at_most, errors):
    """Catches a scale made for ratios above one: of errors it ran from 1 down to -3, all of one colour."""
    image = drawn(at_most, errors).axes[0].images[0]
    assert image.norm.vmin <= min(errors)
    assert image.norm.vmax >= max(errors)
    shades = sorted(float(image.norm(value)) for value in (at_most, *errors))
    assert shades == [float(image.norm(value)) for value in sorted((at_most, *errors))]
    assert min(b - a for a, b in itertools.pairwise(shades)) > 0.01


@pytest.mark.parametrize(
    ("at_most", "words"), [(0.01, "no device keeps"), (0.06, "the line is the edge of"), (2.0, "every device keeps")]
)
def test_the_title_says_whether_there_is_an_edge(at_most, words):
    title = drawn(at_most, [0.02, 0.2, 0.03, 0.7]).get_suptitle()
    assert title.startswith(f"loosest: {words} relative error at most {at_most:g}")
