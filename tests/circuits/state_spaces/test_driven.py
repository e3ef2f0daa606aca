"""Circuits under sources that change with time: closed forms, then a naive integration of the same sources."""

from math import exp, pi, sin

import numpy as np
import pytest
import scipy
from thermospice.circuits import state_space
from thermospice.circuits.spice_files import parse_netlist, with_outputs
from thermospice.circuits.state_spaces import driven

TAU = 1e-6
TIMES = np.linspace(0, 12e-6, 61)


def of(source, more=""):
    text = f"t\nV1 in 0 {source}\nR1 in out 1k\nC1 out 0 1n {more}\n"
    return state_space(with_outputs(parse_netlist(text).network, ["out", "v(in,out)"]))


def low_pass(u, start=0.0):
    """`tau v' = u - v` by quadrature of the convolution, corner by corner."""

    def at(t):
        points = sorted({min(t, edge) for edge in (1e-6, 1.01e-6, 3e-6, 5.01e-6, 5.02e-6, 6e-6, 11e-6)})
        kernel = lambda x: u(x) * exp(-(t - x) / TAU) / TAU  # noqa: E731
        inside = scipy.integrate.quad(kernel, 0, t, points=[p for p in points if 0 < p < t], epsabs=1e-12, limit=500)
        return start * exp(-t / TAU) + inside[0]

    return np.array([at(t) for t in TIMES])


def pulse(t):
    t = (t - 1e-6) % 10e-6 if t >= 1e-6 else -1.0
    return float(np.interp(t, [-1, 0, 1e-8, 4.01e-6, 4.02e-6], [0.5, 0.5, 2.0, 2.0, 0.5]))


def sine(t):
    since = t - 3e-6
    return 0.2 + sin(pi / 6) if since < 0 else 0.2 + exp(-5e4 * since) * sin(2 * pi * 3e5 * since + pi / 6)


def exponentials(t):
    up = (1 - exp(-(t - 1e-6) / 2e-6)) if t > 1e-6 else 0.0
    down = (1 - exp(-(t - 6e-6) / 3e-6)) if t > 6e-6 else 0.0
    return -1 + 3 * up - 3 * down


def straight(t):
    return float(np.interp(t, [1e-6, 3e-6, 6e-6], [2.0, -1.0, 0.5]))


@pytest.mark.parametrize(
    ("source", "u"),
    [
        ("PULSE(0.5 2 1u 10n 10n 4u 10u)", pulse),
        ("SIN(0.2 1 300k 3u 5e4 30)", sine),
        ("EXP(-1 2 1u 2u 6u 3u)", exponentials),
        ("PWL(1u 2 3u -1 6u 0.5)", straight),
        ("7 PWL(1u 2 3u -1 6u 0.5)", straight),
    ],
)
def test_a_low_pass_under_each_waveform_is_its_convolution(source, u):
    # Catches the dc value of a source in its waveform, a phase or a delay read in another way, an edge left out.
    found = driven(of(source, "ic=0.3"), TIMES)
    expected = low_pass(u, 0.3)
    np.testing.assert_allclose(found[:, 0], expected, atol=1e-8)
    inside = [k for k, t in enumerate(TIMES) if all(abs(t - edge) > 1e-9 for edge in (1e-6, 3e-6, 11e-6))]
    np.testing.assert_allclose(found[inside].sum(axis=1), [u(t) for t in TIMES[inside]], atol=1e-9)


def test_a_pulse_without_end_is_a_step():
    found = driven(of("PULSE(0 1 0 1f)"), TIMES)
    np.testing.assert_allclose(found[:, 0], 1 - np.exp(-TIMES / TAU), atol=1e-8)


def test_more_edges_than_can_be_followed_are_refused():
    space = of("PULSE(0 1 0 1n 1n 4n 10n)")
    with pytest.raises(ValueError, match="edges"):
        driven(space, np.array([0.0, 1.0]))
