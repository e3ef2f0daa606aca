"""Every figure has axes with units, in both looks, at its edge cases too."""

import io

import matplotlib.image
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from thermospice.reports import FittedParameter, HeldOut, figures, png
from thermospice.reports.figures import DARK, LIGHT, prefix, quantity, svg_uri
from thermospice.reports.results import curves, loop_courses

TIME = np.linspace(0, 1e-5, 20)
WAVES = np.outer(TIME / 1e-5, [1.0, -0.5])
PARAMETERS = [
    FittedParameter("conductance", (0, 0), 0.011, 0.001, 0.01),
    FittedParameter("offset", (0,), 1e-4, 1e-5, 1.1e-4, "V"),
]
ENTRIES = [
    {
        "run": f"adam-s{s}",
        "seed": s,
        "step": k,
        "train_loss": 1.0 / (k + 1),
        "test_accuracy": 0.9,
        "modelled_time_s": k + 1.0,
    }
    for s in (0, 1)
    for k in range(5)
]

LOOPS = [
    {"run": "tngd-s0", "seed": 0, "step": k, "damping": 0.1, "growth": -0.05, "loop_margin": 0.3, "policy_acted": acted}
    for k, acted in ((5, 0.0), (10, 2.0))
]

FIGURES = {
    "waveforms": lambda: figures.waveforms(TIME, WAVES, WAVES * 1.01, np.array([1e-3, 1e-3])),
    "transient": lambda: figures.transient(TIME, WAVES),
    "transient at zero": lambda: figures.transient(TIME, 0 * WAVES),
    "transient of many": lambda: figures.transient(TIME, np.outer(TIME, np.arange(9.0))),
    "residuals": lambda: figures.residuals(TIME, WAVES, {"nominal": WAVES * 1.01}),
    "residuals of zero": lambda: figures.residuals(TIME, WAVES, {"nominal": WAVES}),
    "covariance": lambda: figures.covariance_maps(np.eye(3) * 1e-12, np.eye(3) * 1.1e-12),
    "covariance of one cell, equal": lambda: figures.covariance_maps(np.eye(1) * 1e-12, np.eye(1) * 1e-12),
    "parameters": lambda: figures.parameters(PARAMETERS),
    "z-scores": lambda: figures.z_scores(PARAMETERS),
    "held out": lambda: figures.heldout_errors([HeldOut(*(np.array([0.1, 0.2]) * k for k in (1, 1.1, 1.01, 1.001)))]),
    "in the loop": lambda: figures.in_the_loop(
        {name: np.geomspace(1, 0.1, 9) for name in ("spice", "calibrated", "design")},
        {"spice": np.ones(4), "calibrated": np.ones(4) + 1e-4, "design": np.ones(4) - 0.05},
        np.full(4, 1e-4),
    ),
    "operating point": lambda: figures.operating_point(np.array([0.1]), np.array([0.1])),
    "operating point at zero": lambda: figures.operating_point(np.zeros(2), np.zeros(2)),
    "operating point without an answer": lambda: figures.operating_point(np.zeros(2)),
    "ac": lambda: figures.ac_response(np.geomspace(1, 1e6, 9), np.ones((9, 2)) * (1 + 1j)),
    "noise": lambda: figures.noise_density(np.geomspace(1, 1e6, 9), np.ones((9, 2)) * 1e-17),
    "loss": lambda: figures.loss_curves(curves(ENTRIES, "train_loss"), "steps"),
    "loss in time": lambda: figures.loss_curves(curves(ENTRIES, "train_loss"), "time"),
    "accuracy": lambda: figures.accuracy_curves(curves(ENTRIES, "test_accuracy"), "steps"),
    "loops": lambda: figures.loop_courses(loop_courses(LOOPS)),
    "parts": lambda: figures.time_parts({"tngd": {"loading": 1e-3, "relaxation": 1e-6}, "adam": {"digital": 1e-3}}),
}


@pytest.mark.parametrize("name", FIGURES)
def test_axes_are_named(name):
    with LIGHT.active():
        figure = FIGURES[name]()
    axes = [a for a in figure.axes if a.get_label() != "<colorbar>"]
    assert axes
    assert any(a.get_xlabel() for a in axes)
    if name != "z-scores":  # its rows have names
        assert any(a.get_ylabel() or a.get_yticklabels()[0].get_text() for a in axes)


@pytest.mark.parametrize("name", FIGURES)
def test_looks_differ_and_repeat(name):
    light = svg_uri(FIGURES[name], LIGHT)
    assert svg_uri(FIGURES[name], LIGHT) == light
    assert svg_uri(FIGURES[name], DARK) != light


@pytest.mark.parametrize(
    ("topology", "n"), [*(("crossbar", n) for n in (1, 2, 3, 4, 32)), ("rc-mesh", 1), ("rc-mesh", 8)]
)
def test_schematic_draws_every_size(topology, n):
    with LIGHT.active():
        figure = figures.schematic(topology, n)
    texts = {text.get_text() for text in figure.axes[0].texts}
    assert "$C$" in texts
    if topology == "crossbar":
        assert rf"$R_0/|A_{{i{n}}}|$" in texts


def test_an_operating_point_has_a_bar_for_each_exact_value():
    # Catches one outline whose heights or places are those of other cells, or that fills the gaps between them.
    exact = np.array([0.5, -1.5, 0.25])
    with LIGHT.active():
        (axes,) = figures.operating_point(np.zeros(3), exact).axes
    (bars,) = axes.patches
    heights, edges, baseline = bars.get_data()
    assert baseline == 0
    assert heights[::2] * prefix(exact)[0] == pytest.approx(exact)
    assert np.isnan(heights[1::2]).all()
    assert (edges[::2] + edges[1::2]) / 2 == pytest.approx(np.arange(3), abs=1e-12)
    low, high = axes.get_ylim()
    assert low < -1.5 / prefix(exact)[0] < 0.5 / prefix(exact)[0] < high


def legend(figure):
    return [text.get_text() for box in figure.legends for text in box.get_texts()]


def test_each_cell_has_a_name_and_what_lies_together_shares_one():
    frequency = np.geomspace(1, 1e6, 9)
    psd = np.outer(1 / frequency, [1.0, 4.0, 1.0, 1.001, 1.0])
    with LIGHT.active():
        noise = figures.noise_density(frequency, psd)
        many = figures.noise_density(frequency, np.outer(1 / frequency, np.arange(1.0, 10.0)))
    assert legend(noise) == ["cells 0, 2–4", "cell 1"]
    assert [len(axes.lines) for axes in noise.axes] == [2]
    # Nine cells have a scale of colours, each with a line.
    assert legend(many) == []
    assert [axes.get_ylabel() for axes in many.axes[1:]] == ["cell"]
    assert len({line.get_color() for line in many.axes[0].lines}) == 9


def test_cells_are_together_only_where_magnitude_and_phase_are():
    response = np.ones((9, 3)) * np.array([1.0, -1.0, 1.0])
    with LIGHT.active():
        figure = figures.ac_response(np.geomspace(1, 1e6, 9), response + 0j)
    assert legend(figure) == ["cells 0, 2", "cell 1"]


def test_phases_begin_on_one_side():
    # The angle of a negative number is 180 or -180 degrees by the sign of a zero.
    response = np.array([[complex(-1.0, 0.0), complex(-1.0, -0.0)]] * 4)
    with LIGHT.active():
        figure = figures.ac_response(np.geomspace(1, 1e3, 4), response)
    assert legend(figure) == ["cells 0–1"]


def test_theme_does_not_leak():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    svg_uri(FIGURES["ac"], DARK)
    png(FIGURES["ac"])
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize(("value", "expected"), [(1500, (1e3, "k")), (1, (1, "")), (2e-6, (1e-6, "µ")), (0, (1, ""))])
def test_prefix(value, expected):
    assert prefix(value) == expected


def test_quantity():
    assert quantity(1e-9, "F") == "1 nF"
    assert quantity(-0.0125, "V") == "-12.5 mV"


def test_a_stored_picture_turns_dark_and_keeps_its_hues():
    # Catches pictures that shine white out of a dark page, and blue lines that turn orange.
    buffer = io.BytesIO()
    colours = [to_rgb(colour) for colour in (figures.LIGHT.paper, figures.LIGHT.colours[0], figures.LIGHT.ink)]
    matplotlib.image.imsave(buffer, np.array([[colours[0], colours[1]], [colours[2], colours[2]]]), format="png")
    light = buffer.getvalue()
    before, after = (_pixels(content) for content in (light, figures.dark_png(light)))
    assert before[0, 0] == pytest.approx(1.0)
    paper = [int(figures.DARK.paper[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    assert after[0, 0] == pytest.approx(paper, abs=0.02)
    assert after[-1, 0].min() > 0.8  # ink is light
    blue = after[0, -1]
    assert np.argmax(blue) == np.argmax(before[0, -1]) == 2
    assert blue.mean() > before[0, -1].mean()


def _pixels(content):
    return matplotlib.image.imread(io.BytesIO(content))[..., :3]


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"\x89PNG\r\n\x1a\n" + b"\x00" * 8 + b"\xff" * 8])
def test_what_is_no_picture_or_too_large_a_one_stays_as_it_is(content):
    assert figures.dark_png(content) == content
