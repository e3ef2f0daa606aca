"""Circuits as others write them, against the formulas of the literature and against ngspice on the file itself.

Filters after Zverev, Handbook of Filter Synthesis (1967), and Franco, Design with Operational Amplifiers (2015); noise
of resistors after Nyquist (1928): the two-terminal noise of a passive circuit at one temperature is 4kT Re Z.
"""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from math import pi, sqrt
from pathlib import Path

import numpy as np
import pytest
from thermospice.behavioral import CircuitProcess
from thermospice.circuits import read_netlist, state_space
from thermospice.circuits.circuit_formulas import formula_checks
from thermospice.circuits.linear_circuits import LinearCircuit
from thermospice.circuits.networks import BOLTZMANN
from thermospice.netlists import find_ngspice, simulate_network
from thermospice.netlists.simulators import read_raw

DESIGNS = Path(__file__).parent / "designs"
T = 300.15
kT = BOLTZMANN * T


@dataclass(frozen=True)
class Design:
    """Output, a frequency in the middle [Hz], transfer function of s; the file is named as the design."""

    output: str
    middle: float
    transfer: Callable[[np.ndarray], np.ndarray]
    source: str = "Vin"


def biquad(numerator, w0, Q):
    return lambda s: np.polyval(numerator, s / w0) / ((s / w0) ** 2 + s / w0 / Q + 1)


def par(*admittances):
    return 1 / sum(admittances)


def _double_tuned(s):
    L, C, R, k = 100e-6, 1e-9, 1e4, 0.1
    D = L * L * (1 - k * k)
    yb = 1 / R + s * C + L / (s * D)
    coupled = k * L / (s * D)
    return 1 / R / (yb**2 / coupled - coupled)


def _wien_amplifier(s):
    R, C, K = 15e3, 10e-9, 2.9
    return K / R / (1 / R + s * C - (K - 1) / (R + 1 / (s * C)))


def _instrumentation(s):
    return -(1 + 2 * 10e3 / 1e3) * 2 / (1 + s * 1e3 * 100e-9) * -1


def _coupled(s):
    """Cramer's rule on three nodes."""
    rows = []
    for x in np.atleast_1d(s):
        Y = np.array(
            [
                [1e-4 + x * 3e-9, -x * 2e-9, 0],
                [-x * 2e-9, 1 / 20e3 + x * 6e-9, -x * 1e-9],
                [0, -x * 1e-9, 1 / 5e3 + x * 2e-9],
            ]
        )
        rows.append(np.linalg.solve(Y, [1e-4, 0, 0])[2])
    return np.array(rows)


def _ladder(s):
    x = s * 1e-6
    return 1 / (x**4 + 7 * x**3 + 15 * x**2 + 10 * x + 1)


def _common_source(s):
    Rs, Cgs, Cgd, gm, Rd, Cl = 10e3, 5e-12, 1e-12, 4e-3, 5e3, 2e-12
    a = 1 / Rs + s * (Cgs + Cgd)
    d = 1 / Rd + s * (Cl + Cgd)
    return (s * Cgd - gm) / Rs / (a * d + s * Cgd * (gm - s * Cgd))


def _howland(s):
    return par(1 / 2e3, s * 10e-9) / 10e3


def _transformer(s):
    L1, L2, k, R1, R2 = 1e-3, 4e-3, 0.98, 50.0, 1e3
    M = k * sqrt(L1 * L2)
    return s * M * R2 / ((R1 + s * L1) * (R2 + s * L2) - s**2 * M**2)


R, C = 10e3, 10e-9
f = 1 / (2 * pi * R * C)
BUTTERWORTH_3 = np.polymul([1, 1], [1, 1, 1])
BUTTERWORTH_5 = np.polymul([1, 1], np.polymul([1, 0.6180339887498949, 1], [1, 1.618033988749895, 1]))
ZIN = 1e3 * 3e3 * 4e3 / 2e3 * 10e-9

TABLE = {
    "rc-lowpass": Design("out", 159.0, lambda s: 1 / (1 + s * 1e-3), "V1"),
    "sallen-key-lowpass": Design("out", f, lambda s: 1 / (1 + 2 * s * R * C + 2 * (s * R * C) ** 2)),
    "sallen-key-highpass": Design(
        "4", f, lambda s: 2e8 * (s * C) ** 2 / (1 + s * R * 2 * C + 2e8 * (s * C) ** 2)
    ),
    "rauch-lowpass": Design(
        "out", 5e3,
        lambda s: -1 / (1e4 * 5e3 * 1e-17)
        / (s**2 + s / 1e-8 * (1 / 1e4 + 1 / 2e4 + 1 / 5e3) + 1 / (2e4 * 5e3 * 1e-17)),
    ),
    "rauch-bandpass": Design(
        "out", 1.6e3,
        lambda s: -s / 1e-4
        / (s**2 + s * 32e-9 / (47e3 * 220e-18) + (1 / 47e3) * (1 / 1e4 + 1 / 1e3) / 220e-18),
    ),
    "tow-thomas": Design("lp", 1e3, biquad([1], 2 * pi * 1e3, 5)),
    "khn": Design("hp", 15.9e3, lambda s: -((s * 1e-5) ** 2) / ((s * 1e-5) ** 2 + 0.5 * s * 1e-5 + 1)),
    "twin-t": Design(
        "out", 1e3, lambda s: ((s * 159e-6) ** 2 + 1) / ((s * 159e-6) ** 2 + 4 * s * 159e-6 + 1), "V1"
    ),
    "bridged-t": Design(
        "out", 1.6e3,
        lambda s: (1 + 2e-5 * s + s**2 * 1e6 * 1e-14) / (1 + s * 1e3 * (2e-8 + 1e-6) + s**2 * 1e6 * 1e-14), "V1",
    ),
    "wien-network": Design("out", 1e3, lambda s: s * 15e-5 / (1 + 3 * s * 15e-5 + (s * 15e-5) ** 2), "V1"),
    "wien-amplifier": Design("out", 1e3, _wien_amplifier, "V1"),
    "butterworth-3": Design("2", 1e6, lambda s: 0.5 / np.polyval(BUTTERWORTH_3, s / (2e6 * pi)), "V1"),
    "butterworth-5": Design("3", 0.16, lambda s: 0.5 / np.polyval(BUTTERWORTH_5, s), "V1"),
    "wheatstone": Design("v(b,a)", 1e3, lambda s: 1.002 / 2.002 - 0.5 + 0 * s, "Vex"),
    "instrumentation-amplifier": Design("f", 1.6e3, _instrumentation, "V1"),
    "gyrator-tank": Design("a", 1.6e3, lambda s: 1e-3 * par(1e-3, s * 1e-7, 1 / (s * 1e-2)), "Iin"),
    "antoniou": Design("1", 25e3, lambda s: s * ZIN / (1e4 + s * ZIN)),
    "lossy-integrator": Design("out", 159.0, lambda s: -100 / (1 + s * 1e-3)),
    "lead": Design("2", 500.0, lambda s: 1e3 * (1 + s * 9e-4) / (1e4 + s * 9e-4 * 1e3), "V1"),
    "lag-lead": Design(
        "2", 500.0, lambda s: (1 + s * 1e-4) * (1 + s * 1e-3) / ((1 + s * 1e-4) * (1 + s * 1e-3) + s * 1e-2), "V1"
    ),
    "transformer": Design("q", 50e3, _transformer, "V1"),
    "double-tuned": Design("b", 500e3, _double_tuned, "V1"),
    "current-mirror-f": Design("out", 80e3, lambda s: 5e-3 * 2e3 / (1 + s * 2e-6), "I1"),
    "transimpedance-h": Design("out", 16e3, lambda s: 5 / (1 + s * 1e-5), "V1"),
    "summing-poly": Design("out", 159.0, lambda s: 2 / (1 + s * 1e-3), "VA"),
    "two-temperatures": Design("out", 200e3, lambda s: 0.75 / (1 + s * 0.75e-6), "V1"),
    "coupled-capacitors": Design("c", 10e3, _coupled, "V1"),
    "rc-ladder": Design("n4", 100e3, _ladder, "V1"),
    "all-pass": Design("out", 1.6e3, lambda s: (1 - s * 1e-4) / (1 + s * 1e-4), "V1"),
    "common-source": Design("d", 1e6, _common_source, "V1"),
    "linkwitz-riley": Design("out", 2e3, lambda s: biquad([1], 2 * pi * 2e3, sqrt(0.5))(s) ** 2, "V1"),
    "howland": Design("p", 8e3, _howland, "V1"),
    "charge-amplifier": Design("out", 159.0, lambda s: -1e8 * s * 1e-10 / (1 + s * 1e-3), "V1"),
    # At c: (3 in + out - c)/1k = c (1/10k + g/2 + s 10n), and out = (1/2 + 50/10k) c.
    "expressions": Design("out", 17.4e3, lambda s: 0.505 * 3 / (1.095 + s * 1e-5)),
    "q-enhanced": Design(
        "a", 159e3, lambda s: 1e-4 * par(1e-4 - 1 / 20e3, s * 1e-9, 1 / (s * 1e-3)), "V1"
    ),
}  # fmt: skip


def test_every_file_has_a_formula():
    assert {path.stem for path in DESIGNS.glob("*.cir")} == set(TABLE)
    assert len(TABLE) >= 30


def of_the_file(name, design, folder):
    """Response and noise that ngspice finds for the file as it stands."""
    text = (DESIGNS / f"{name}.cir").read_text().rstrip()
    assert text.lower().endswith(".end")
    grid = f"dec 4 {design.middle / 100!r} {design.middle * 100!r}"
    probe = design.output if design.output.startswith("v(") else f"v({design.output})"
    lines = (f".ac {grid}", f".noise {probe} {design.source} {grid}", ".save all", ".end", "")
    kept = [line for line in text[: -len(".end")].split("\n") if not line.lower().startswith((".ac", ".backanno"))]
    (folder / "c.cir").write_text("\n".join([*kept, *lines]))
    command = [find_ngspice().path, "-n", "-b", "-r", "o.raw", "c.cir"]
    subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    plots = read_raw((folder / "o.raw").read_bytes())
    ac = next(plot for plot in plots if plot.name.startswith("AC"))
    noise = next(plot for plot in plots if plot.name.startswith("Noise Spectral"))
    nodes = design.output.removeprefix("v(").removesuffix(")").split(",")
    response = ac[f"v({nodes[0]})"] - (ac[f"v({nodes[1]})"] if len(nodes) > 1 else 0)
    return ac.scale.real, response, noise.scale.real, noise["onoise_spectrum"].real ** 2


@pytest.mark.parametrize("name", TABLE)
def test_formula_ngspice_state_space_and_whole_equations_agree(name, tmp_path):
    design = TABLE[name]
    network = read_netlist(DESIGNS / f"{name}.cir", outputs=[design.output])
    frequencies, response, noise_frequencies, spectrum = of_the_file(name, design, tmp_path)
    space = state_space(network)
    circuit = LinearCircuit.of(network)
    amplitudes = np.array([e.ac if e.ac is not None else e.dc * e.drive for e in circuit.pencil.sources])
    expected = design.transfer(2j * pi * frequencies)
    size = np.abs(expected).max()
    # Amplifiers of gain 1e8 and more leave 2e-7 of an ideal one; above, ngspice loses digits to their loops.
    np.testing.assert_allclose(space.response(frequencies)[:, 0], expected, rtol=1e-6, atol=3e-7 * size)
    np.testing.assert_allclose(response, space.response(frequencies)[:, 0], rtol=1e-6, atol=1e-9 * size)
    whole = circuit.transfer(frequencies)[:, 0] @ amplitudes
    # Two amplifiers of gain 1e8 inside each other cost eight of sixteen digits.
    rtol = 1e-6 if name == "antoniou" else 1e-8
    np.testing.assert_allclose(whole, space.response(frequencies)[:, 0], rtol=rtol, atol=1e-10 * size)
    # ngspice has another k, 3.5e-7 off.
    np.testing.assert_allclose(spectrum, circuit.psd(noise_frequencies)[:, 0], rtol=1e-5)


COVARIANCES = {
    "rc-lowpass": (["out"], [[kT / 1e-6]]),
    "two-temperatures": (["out"], [[BOLTZMANN / 1e-9 * (T * 3 + (T + 300)) / 4]]),
    # Equipartition: k T times the inverse of the capacitances between the nodes, whatever the resistors are.
    "coupled-capacitors": (
        ["a", "b", "c"],
        kT * np.linalg.inv(1e-9 * np.array([[3.0, -2, 0], [-2, 6, -1], [0, -1, 2]])),
    ),
    "rc-ladder": (["n1", "n2", "n3", "n4"], kT / 1e-9 * np.eye(4)),
    "butterworth-3": (["1", "2"], kT * 2e6 * pi * 50 * np.eye(2)),
}


@pytest.mark.parametrize("name", COVARIANCES)
def test_covariance_is_that_of_equipartition_in_process_and_ngspice(name):
    outputs, expected = COVARIANCES[name]
    network = read_netlist(DESIGNS / f"{name}.cir", outputs=outputs)
    size = np.abs(expected).max()
    process = CircuitProcess.of(network).stationary_covariance()
    np.testing.assert_allclose(process, expected, rtol=1e-9, atol=1e-9 * size)
    measured = simulate_network(network, "noise")
    np.testing.assert_allclose(measured["covariance"].values, expected, rtol=1e-3, atol=1e-3 * size)


# Circuits whose closed forms sympy finds in a second; of all others the state matrices are compared.
WRITTEN_OUT = (
    "rc-lowpass",
    "sallen-key-lowpass",
    "twin-t",
    "wien-network",
    "wien-amplifier",
    "transformer",
    "q-enhanced",
)
SLOW = ("antoniou", "instrumentation-amplifier")


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in TABLE])
def test_symbols_with_numbers_put_in_agree(name):
    # Catches an element that formulas and numbers are stamped by in different ways.
    circuit = LinearCircuit.of(read_netlist(DESIGNS / f"{name}.cir", outputs=[TABLE[name].output]))
    checks = formula_checks(circuit, closed_forms=name in WRITTEN_OUT)
    # One has a capacitor that a source holds, and numbers alone; one has no state.
    assert checks or name in ("charge-amplifier", "wheatstone")
    assert all(check["error"] < 1e-9 for check in checks.values()), checks
