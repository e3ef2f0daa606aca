"""Seeded transient noise: reproducible, independent between sources, and of the variance that it must have."""

import json
import subprocess
import sys

import numpy as np
import pytest
import scipy.linalg
from thermospice.circuits import Crossbar, Design, Program, RCMesh, choose_scaling, random_program, state_space
from thermospice.circuits.networks import BOLTZMANN
from thermospice.netlists import find_ngspice, simulate
from thermospice.netlists.decks import ngspice_seed
from thermospice.netlists.simulators import read_raw, run_deck
from thermospice.netlists.timing import held_noise_covariance

IDEAL, BOARD = Design.preset("ideal"), Design.preset("board-1k-1n")
ONE = Program(np.array([[1.0]]), np.zeros(1))

DIGEST = """
import hashlib, json
import numpy as np
from thermospice.circuits import Crossbar, Design, Program
from thermospice.netlists import simulate

program = Program(np.array([[1.0, -0.5], [0.25, 1.0]]), np.array([0.5, -0.25]))
instance = Design.preset("board-1k-1n").sample(Crossbar(2), np.random.default_rng(0))
digest = []
for seed in (5, 5, 6):
    m = simulate(instance, program, duration=2e-6, noise=True, seed=seed, noise_step=4e-9)
    digest.append(hashlib.sha256(m.time.values.tobytes() + m.v.values.tobytes()).hexdigest())
print(json.dumps(digest))
"""


def test_same_seed_same_waveform_in_two_processes():
    """Bit for bit; another seed gives another one."""
    answers = [
        json.loads(subprocess.run([sys.executable, "-c", DIGEST], capture_output=True, check=True).stdout)
        for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert answers[0][0] == answers[0][1] != answers[0][2]


def test_a_drawn_seed_is_recorded_and_repeats():
    instance = IDEAL.nominal(RCMesh(1))
    first = simulate(instance, ONE, "tran", "ideal", noise=True, duration=2e-5)
    again = simulate(instance, ONE, "tran", "ideal", noise=True, duration=2e-5, seed=first.noise_seed)
    np.testing.assert_array_equal(first.v, again.v)


def test_points_are_the_whole_multiples_of_the_step():
    instance = IDEAL.nominal(RCMesh(1))
    measured = simulate(instance, ONE, "tran", "ideal", noise=True, seed=0, duration=1e-5, noise_step=3e-8)
    np.testing.assert_allclose(measured.time, 3e-8 * np.arange(1, 335), rtol=1e-12)
    assert measured.noise_step == 3e-8


def test_sources_are_independent_and_normal():
    """Correlations between 24 sources, also at neighbouring steps: the largest of 24 (24 + 1)/2 + 3 * 24^2 z-scores."""
    n, steps, hold = 24, 8000, 1e-8
    cards = [f"I{k} 0 a{k} trrandom(2 {hold!r} 0 1.0 0)\nR{k} a{k} 0 1.0" for k in range(n)]
    names = [f"v(a{k})" for k in range(n)]
    text = "\n".join(
        (
            ".title thermospice",
            f".options seed={ngspice_seed(1)}",
            *cards,
            f".save {' '.join(names)}",
            f".tran {hold!r} {steps * hold!r} 0 {hold!r}",
            ".end\n",
        )
    )
    (plot,) = read_raw(run_deck(text, find_ngspice()).raw)
    multiples = np.round(plot.scale / hold)
    at = (np.abs(plot.scale - multiples * hold) < 1e-6 * hold) & (multiples > 0)
    X = np.stack([plot[name][at] for name in names])
    assert X.shape == (n, steps)
    z = [(X @ X.T / steps - np.eye(n)) * np.sqrt(steps) / np.sqrt(1 + np.eye(n))]
    z += [X[:, lag:] @ X[:, :-lag].T / np.sqrt(steps - lag) for lag in (1, 2, 3)]
    # 2028 normal z-scores stay below 5 with probability 0.999.
    assert max(np.abs(part).max() for part in z) < 5
    fourth = (X**4).mean(axis=1) - 3
    assert np.abs(fourth).max() < 5 * np.sqrt(96 / steps)


def test_neighbouring_seeds_are_unrelated():
    seeds = [ngspice_seed(k) for k in range(1000)]
    assert len(set(seeds)) == 1000
    assert 1 <= min(seeds) <= max(seeds) <= 2**31 - 1


def z_scores(measured, space):
    """Variances of the readouts against the exact ones, in units of their own statistical error.

    The error comes from the exact autocovariance c of the samples: `Var = 2/N^2 sum_kl c(k - l)^2`.
    """
    step, v0 = measured.noise_step, measured.v0.values
    w, V = np.linalg.eig(space.F)
    c = np.linalg.solve(V, space.initial @ v0 - space.settled_states)
    decay = np.exp(-np.outer(measured.time.values, w))
    mean = ((V * decay[:, None, :]) @ c).real @ space.M.T + space.settled
    start = int(5 / w.real.min() / step)
    deviations = (measured.v.values - mean)[start:]
    N = len(deviations)
    Phi = scipy.linalg.expm(-space.F * step)
    Gamma = np.linalg.solve(space.F, np.eye(len(Phi)) - Phi) @ np.linalg.inv(space.C)
    P = scipy.linalg.solve_discrete_lyapunov(Phi, Gamma @ space.noise @ Gamma.T / step)
    left, right = space.M @ V, np.linalg.solve(V, P @ space.M.T)
    lags = np.arange(N)
    z = []
    for k, variance in enumerate((deviations**2).mean(axis=0)):
        autocovariance = (np.exp(-np.outer(lags * step, w)) @ (left[k] * right[:, k])).real
        error = np.sqrt(2 / N**2 * (2 * ((N - lags) * autocovariance**2).sum() - N * autocovariance[0] ** 2))
        z.append((variance - held_noise_covariance(space, step)[k, k]) / error)
    return np.array(z)


@pytest.mark.parametrize("r", [0.2, 2.0])
def test_variance_of_one_cell_includes_the_sampling_bias(r):
    """`kT/C (2/r) tanh(r/2)`: at r = 2 it is 24 % below kT/C, at 20,000 steps many standard errors."""
    instance = IDEAL.nominal(RCMesh(1))
    step = r * IDEAL.tau
    measured = simulate(instance, ONE, "tran", "ideal", noise=True, seed=3, duration=20_000 * step, noise_step=step)
    v = measured.v.values[int(5 / r) + 1 :, 0]
    expected = BOLTZMANN * IDEAL.temperature / IDEAL.C * 2 / r * np.tanh(r / 2)
    rho = np.exp(-r)
    error = np.sqrt(2 / len(v) * (1 + rho**2) / (1 - rho**2))
    assert abs(np.mean(v**2) / expected - 1) < 4 * error


@pytest.mark.parametrize(
    ("topology", "level", "duration"),
    [(Crossbar(3), "ideal", 2e-3), (RCMesh(3), "ideal", 2e-3), (Crossbar(1), "macro", 1.5e-5)],
)
def test_variance_is_within_its_statistical_error(topology, level, duration):
    """Thermal, amplifier and injected noise, all readouts."""
    injected = 1e-23 if level == "ideal" else 1e-21
    design = BOARD.model_copy(update={"injected_noise": injected})
    instance = design.sample(topology, np.random.default_rng(0))
    program = random_program(topology, np.random.default_rng(1), condition=3.0)
    scaling = choose_scaling(instance, program, level)
    space = state_space(instance.network(program, level, scaling))
    measured = simulate(instance, program, "tran", level, duration, scaling, noise=True, seed=2, x0=space.settled)
    assert np.abs(z_scores(measured, space)).max() < 4


@pytest.mark.slow
def test_variance_of_an_eight_cell_chip():
    instance = BOARD.sample(Crossbar(8), np.random.default_rng(0))
    program = random_program(Crossbar(8), np.random.default_rng(1), condition=3.0)
    scaling = choose_scaling(instance, program)
    space = state_space(instance.network(program, "macro", scaling))
    measured = simulate(instance, program, "tran", "macro", 6e-5, scaling, noise=True, seed=2, x0=space.settled)
    assert np.abs(z_scores(measured, space)).max() < 4
