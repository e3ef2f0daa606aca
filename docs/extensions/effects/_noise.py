"""Effects on how a device fluctuates."""

import numpy as np
from thermospice.circuits import Design, Instance, Program, RCMesh
from thermospice.circuits.networks import BOLTZMANN
from thermospice.netlists import Job

from ._chips import PROGRAM, board, chip, response, runs
from ._panels import Panel


def _spectra(
    instance: Instance,
    program: Program,
    level: str,
    band: tuple[float, float],
    there: bool,
    by_hand: object,
    **looks: object,
) -> Panel:
    """Density of cell 0 by the model and by SPICE."""
    law = response(instance, program, level=level)
    line = np.geomspace(*band, 201)
    points = None
    if there:
        (data,) = runs(
            [
                Job(
                    instance,
                    program,
                    "noise",
                    level=level,
                    scaling=law.scaling,
                    frequencies=band,
                    points_per_decade=4,
                )
            ]
        )
        at = data["frequency"].values
        points = (at, data["psd"].values[:, 0], law.psd(at)[:, 0])
    formula = None if by_hand is None else (line, by_hand(line, law))  # type: ignore[operator]
    return Panel(
        "frequency (Hz)",
        "noise of cell 0 (V²/Hz)",
        (line, law.psd(line)[:, 0]),
        points,
        formula,
        log_x=True,
        log_y=True,
        **looks,
    )  # type: ignore[arg-type]


def thermal_noise(there: bool) -> tuple[Panel, ...]:
    """One RC cell: its spectrum, and its variance at several temperatures."""
    design = Design.preset("ideal")
    one = Program([[1.0]], [0.1])

    def by_hand(f: np.ndarray, law: object) -> np.ndarray:
        kT = BOLTZMANN * design.temperature
        return 4 * kT * design.R0 / (1 + (2 * np.pi * f * design.tau) ** 2)

    first = _spectra(design.nominal(RCMesh(1)), one, "ideal", (1e3, 1e7), there, by_hand)
    at = np.array([100.0, 200.0, 300.0, 400.0, 500.0])
    chips = [design.model_copy(update={"temperature": float(T)}).nominal(RCMesh(1)) for T in at]
    model = np.array([response(c, one, level="ideal").stationary_covariance()[0, 0] for c in chips])
    points = None
    if there:
        found = runs([Job(c, one, "noise", level="ideal") for c in chips])
        points = (at, np.array([d["covariance"].values[0, 0] for d in found]), model)
    second = Panel(
        "temperature (K)",
        "variance of the cell (V²)",
        (at, model),
        points,
        (at, BOLTZMANN * at / design.C),
    )
    return (first, second)


def amplifier_noise(there: bool) -> tuple[Panel, ...]:
    """Input noise with a corner, through the noise gain of the row."""
    corner, lowest = 1e4, 10.0
    amplifier = {"noise_corner": corner, "noise_lowest": lowest, "noise_voltage": 50e-9}
    instance = chip({"amplifier": amplifier})

    def by_hand(f: np.ndarray, law: object) -> np.ndarray:
        e = amplifier["noise_voltage"] ** 2 * (1 + corner / f)
        A, c = PROGRAM.A, law.scaling.conductance  # type: ignore[attr-defined]
        R0, kT = board().R0, BOLTZMANN * board().temperature
        rows = c * np.abs(A).sum(axis=1) + c
        found = np.empty(len(f))
        for k, one in enumerate(f):
            H = np.linalg.inv(c * A + 2j * np.pi * one * board().tau * np.eye(2))
            # Resistors and the amplifier of each cell; the inverter of column 0 comes in through A[1, 0].
            source = 4 * kT * R0 * rows + e[k] * np.abs(rows + 2j * np.pi * one * board().tau) ** 2
            inverter = (4 * e[k] + 8 * kT * R0) * (c * A[1, 0]) ** 2
            found[k] = np.abs(H[0]) ** 2 @ (source + np.array([0.0, inverter]))
        return found

    return (_spectra(instance, PROGRAM, "macro", (100.0, 1e6), there, by_hand),)
