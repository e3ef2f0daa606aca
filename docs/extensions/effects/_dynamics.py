"""Effects on how a device moves."""

import numpy as np
from thermospice.circuits import (
    Cascade,
    Design,
    Instance,
    Program,
    RLCGrid,
    Scaling,
    stability_limit,
)
from thermospice.circuits.networks import BOLTZMANN
from thermospice.netlists import Job

from ._chips import PROGRAM, answer, board, chip, response, runs, settled
from ._noise import _spectra
from ._panels import Panel, panel

A = PROGRAM.A


def gain_and_bandwidth(there: bool) -> tuple[Panel, ...]:
    """Error at rest by gain, and phase of a cell by gain-bandwidth."""
    gains = np.geomspace(1e2, 1e6, 9)
    slow = np.geomspace(3e6, 1e9, 9)
    tau = board().tau
    f = 1 / (2 * np.pi * tau)

    def finite(gain: float) -> Instance:
        return chip({"amplifier": {"gain": gain, "bias_current": 0.0}})

    def lagging(gbw: float) -> Instance:
        return chip({"amplifier": {"gain_bandwidth": gbw}})

    def of_error(v: float) -> float:
        return abs(v / PROGRAM.solution[0] - 1)

    def phase(gbw: float) -> float:
        H = response(lagging(gbw), scaling=Scaling()).transfer(np.array([f]))[0, 0]
        return float(np.degrees(np.angle(H)))

    def measured_phase() -> np.ndarray:
        jobs = [
            Job(
                lagging(g),
                PROGRAM,
                "ac",
                frequencies=(f, 10 * f),
                points_per_decade=10,
                scaling=Scaling(),
            )
            for g in slow
        ]
        return np.array([np.degrees(np.angle(d["v_re"].values + 1j * d["v_im"].values)[0, 0]) for d in runs(jobs)])

    def first_order(gain: float) -> float:
        # Minus input at -v/A0: the row's noise gain pushes on, and the inverter of column 0 is short by 2/A0.
        rows = np.diag(1 + np.abs(A).sum(axis=1)) / gain
        short = np.array([[0.0, 0.0], [-2 * A[1, 0] / gain, 0.0]])
        return of_error(float(np.linalg.solve(A + rows + short, PROGRAM.b)[0]))

    def slower(gbw: float) -> float:
        omega = 2 * np.pi * gbw
        m = np.diag(1 + np.abs(A).sum(axis=1)) / (omega * tau)
        s = 2j * np.pi * f * tau
        inverter = np.array([[0.0, 0.0], [-2 * A[1, 0] * s / (omega * tau), 0.0]])
        H = np.linalg.solve(s * (np.eye(2) + m + np.eye(2) * s / (omega * tau)) + A + inverter, PROGRAM.b)
        return float(np.degrees(np.angle(H[0])))

    at_rest = panel(
        "gain A₀", "relative error at rest", np.geomspace(1e2, 1e6, 33), lambda g: of_error(answer(finite(g))),
        (lambda: np.array([of_error(v) for v in settled([finite(g) for g in gains])])) if there else None,
        gains, first_order, log_x=True, log_y=True,
    )  # fmt: skip
    lag = panel(
        "gain-bandwidth (Hz)", "phase of cell 0 at 1/(2πτ) (degrees)", np.geomspace(3e6, 1e9, 33), phase,
        measured_phase if there else None, slow, slower, unit="degrees", log_x=True,
    )  # fmt: skip
    return (at_rest, lag)


def rails_and_slew(there: bool) -> tuple[Panel, ...]:
    """A cell that is driven beyond its rails, and one whose amplifier is slow."""
    one = Program([[1.0]], [1.0])
    drives = np.linspace(1, 9, 9)
    rail = board().amplifier.rail_high  # type: ignore[union-attr]
    design = board()
    cell = design.nominal(type(chip().topology)(1))
    end = 10 * design.tau

    def clipped(drive: float) -> float:
        law = response(cell, one, scaling=Scaling(1.0, drive), allow_clipping=True)
        return float(law.integrate(np.array([end]))[0, 0, 0])

    def at_end() -> np.ndarray:
        jobs = [Job(cell, one, "tran", scaling=Scaling(1.0, d), duration=end) for d in drives]
        return np.array([d["v"].values[-1, 0] for d in runs(jobs)])

    slew = 1e6
    lame = board({"amplifier": {"slew": slew}}).nominal(type(chip().topology)(1))
    swing = Scaling(1.0, 4.0)
    times = np.linspace(0, 10e-6, 101)
    law = response(lame, one, scaling=swing, allow_clipping=True)
    line = law.integrate(times)[0, :, 0]
    points = None
    if there:
        (data,) = runs([Job(lame, one, "tran", scaling=swing, duration=float(times[-1]))])
        at = times[5::10]
        seen = np.interp(at, data["time"].values, data["v"].values[:, 0])
        points = (at * 1e6, seen, law.integrate(at)[0, :, 0])
    # It falls behind at the slew rate until what is left wants less: 4 V - v = slew tau.
    tau = design.tau
    turn = (4.0 - slew * tau) / slew
    by_hand = np.where(times < turn, slew * times, 4.0 - slew * tau * np.exp(-np.maximum(times - turn, 0) / tau))
    rails = panel(
        "drive (V)", "cell at the end (V)", drives, clipped, at_end if there else None, drives,
        lambda d: min(d, rail), unit="V",
    )  # fmt: skip
    step = Panel("time (µs)", "cell (V)", (times * 1e6, line), points, (times * 1e6, by_hand), unit="V")
    return (rails, step)


def stage_lag(there: bool) -> tuple[Panel, ...]:
    """How much a cascade's response peaks as its amplifiers get slower."""
    J, H, damping = np.array([[1.0, 0.5], [-0.4, 0.8]]), np.eye(2) * 4.0, 0.4
    program = Program.from_factors(J, H, damping, [0.05, 0.03])
    topology = Cascade(2, r=2)
    limit = stability_limit(board().nominal(topology), program, Scaling())
    assert limit is not None
    f = np.geomspace(1e4, 1e8, 401)

    def made(gbw: float) -> Instance:
        return board({"amplifier": {"gain_bandwidth": gbw}}).nominal(topology)

    def peak(response_of: np.ndarray) -> float:
        return float(np.abs(response_of[:, 0]).max() / np.abs(response_of[0, 0]))

    def by_model(gbw: float) -> float:
        law = response(made(gbw), program, scaling=Scaling())
        return peak(law.transfer(f))

    def measured() -> np.ndarray:
        jobs = [
            Job(
                made(g),
                program,
                "ac",
                scaling=Scaling(),
                frequencies=(1e4, 1e8),
                points_per_decade=100,
            )
            for g in at
        ]
        return np.array([peak(d["v_re"].values + 1j * d["v_im"].values) for d in runs(jobs)])

    at = limit * np.geomspace(1.15, 30, 9)
    found = panel(
        "gain-bandwidth (Hz)", "peak of |H| by its value at rest", limit * np.geomspace(1.1, 30, 60), by_model,
        measured if there else None, at, log_x=True, log_y=True, limit=limit,
    )  # fmt: skip
    return (found,)


def rlc_grid(there: bool) -> tuple[Panel, ...]:
    """Two coupled resonators: spectrum, and variance by coupling."""
    design = Design.preset("rlc-board-8")
    # The covariance at rest, kT and injected noise together: (kT + S R0/2) (C A)^-1.
    level = BOLTZMANN * design.temperature + design.injected_noise * design.R0 / 2

    def program(g: float) -> Program:
        return Program([[1 + g, -g], [-g, 1 + g]], [0.0, 0.0])

    spectrum = _spectra(design.nominal(RLCGrid(2)), program(0.5), "ideal", (3e4, 1e6), there, None)
    places, at = np.linspace(0, 2, 41), np.linspace(0, 2, 6)

    def by_model(g: float) -> float:
        return float(response(design.nominal(RLCGrid(2)), program(g), level="ideal").stationary_covariance()[0, 0])

    def measured() -> np.ndarray:
        found = runs([Job(design.nominal(RLCGrid(2)), program(g), "noise", level="ideal") for g in at])
        return np.array([d["covariance"].values[0, 0] for d in found])

    def by_hand(g: float) -> float:
        return float(level * np.linalg.inv(design.C * program(g).A)[0, 0])

    variance = panel(
        "coupling capacitor / C",
        "variance of cell 0 (V²)",
        places,
        by_model,
        measured if there else None,
        at,
        by_hand,
    )
    return (spectrum, variance)
