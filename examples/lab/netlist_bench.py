"""A circuit of one's own on a bench; nothing of thermospice is in here, so that it can be held against it.

    python examples/lab/netlist_bench.py FOLDER [--seed 3] [--hum 0] [--factor 1]

A ladder `V1 - R1 - a - R2 - b - R3`, C1 and C2 to ground, 1 % resistors and 5 % capacitors. FOLDER gets `ladder.cir`,
`tolerances.yaml`, `lab.yaml`, steps `step-K.csv` of several levels, one of them to be kept back, a response
`response.csv`, cross-spectra of its thermal noise `cross.csv`, and `truth.json`. The trigger is late, each probe has a
gain of its own, each step a baseline that drifts; there is noise, and on request hum of the mains. `--factor` is a
fault: R2 is that much larger than the netlist says.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import scipy.linalg

BOLTZMANN, KELVIN = 1.380649e-23, 300.15
NOMINAL = {"r1": 1e3, "r2": 2e3, "r3": 5e3, "c1": 10e-9, "c2": 4.7e-9}
SIGMA = {"r": 0.01, "c": 0.05}
GAIN, DELAY, VOLTS, NOISE, RESPONSE, AVERAGES, MAINS = 0.01, 1.5e-6, 4e-3, 1e-3, 2e-3, 400, 60.0
NETLIST = """ladder of two nodes
V1 in 0 1
R1 in a 1k
R2 a b 2k
R3 b 0 5k noisy=0
C1 a 0 10n
C2 b 0 4.7n
.end
"""
DESCRIPTION = f"""netlist: ladder.cir
outputs: [a, b]
tolerances: tolerances.yaml
probe_gain: 1
readout_noise: {1e3 * NOISE:g} mV
mains: {MAINS:g} Hz
records:
"""


def draw(rng):
    """Values of a circuit."""
    return {name: value * (1 + SIGMA[name[0]] * rng.standard_normal()) for name, value in NOMINAL.items()}


def matrices(p):
    """Conductances and capacitances of the two nodes."""
    g1, g2, g3 = (1 / p[name] for name in ("r1", "r2", "r3"))
    return np.array([[g1 + g2, -g2], [-g2, g2 + g3]]), np.diag([p["c1"], p["c2"]])


def step(p, times, level):
    """Outputs [V] at times [s] after the source steps to a level [V]."""
    G, C = matrices(p)
    end = np.linalg.solve(G, [level / p["r1"], 0.0])
    F = np.linalg.solve(C, G)
    return np.array([end - scipy.linalg.expm(-F * t) @ end if t >= 0 else 0 * end for t in times])


def response(p, frequencies):
    """Outputs for a volt of the source."""
    G, C = matrices(p)
    return np.array([np.linalg.solve(G + 2j * np.pi * f * C, [1 / p["r1"], 0.0]) for f in frequencies])


def cross_spectra(p, frequencies):
    """One-sided <V_i V_j*> [V^2/Hz]: resistors' noise currents have the spectrum 4kT G; R3 is said to make none.

    (With all of them noisy the circuit would be in equilibrium, and no cross-spectrum had an imaginary part.)
    """
    G, C = matrices(p)
    noisy = G - np.diag([0.0, 1 / p["r3"]])
    Z = [np.linalg.inv(G + 2j * np.pi * f * C) for f in frequencies]
    return np.array([4 * BOLTZMANN * KELVIN * z @ noisy @ z.conj().T for z in Z])


def read_step(p, bench, level, rng, hum, samples):
    """Times [s] and what the oscilloscope shows [V]."""
    t = np.linspace(0, 100e-6, samples + 1)[1:]
    v = bench["gain"] * step(p, t - bench["delay"], level)
    v = v + VOLTS * rng.standard_normal(2) + VOLTS * rng.standard_normal(2) * (t / t[-1])[:, None]
    v = v + hum * np.sin(2 * np.pi * MAINS * (rng.uniform(0, 1) + t))[:, None]
    return t, v + NOISE * rng.standard_normal(v.shape)


def read_response(p, bench, rng, points):
    f = np.geomspace(100, 2e5, points)
    H = bench["gain"] * response(p, f)
    scatter = rng.standard_normal(H.shape) + 1j * rng.standard_normal(H.shape)
    return f, H + RESPONSE * np.abs(H) * scatter


def read_spectra(p, bench, rng, points):
    """Averages of so many periodograms."""
    f = np.geomspace(100, 2e5, points)
    found = []
    for S in cross_spectra(p, f) * np.outer(bench["gain"], bench["gain"]):
        parts = rng.standard_normal((2, 2, AVERAGES)) / np.sqrt(2)
        X = np.linalg.cholesky(S) @ (parts[0] + 1j * parts[1])
        found.append(X @ X.conj().T / AVERAGES)
    return f, np.array(found)


def write_csv(path, head, *columns):
    rows = [", ".join(f"{x:.9g}" for x in row) for row in np.column_stack(columns)]
    path.write_text("\n".join((head, *rows, "")))


UNKNOWN = ("trigger-delay", "readout-gain", "baseline", "drift")


def write_bench(folder, seed, steps=4, hum=0.0, factor=1.0, unknown=UNKNOWN, samples=120, points=40):
    """Everything of one circuit; the truth of it."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    p = draw(rng)
    p["r2"] *= factor
    bench = {"gain": 1 + GAIN * rng.standard_normal(2), "delay": DELAY * rng.standard_normal()}
    lines = []
    for k in range(steps):
        level = round(float(rng.uniform(0.3, 1.2)), 2)
        t, v = read_step(p, bench, level, rng, hum, samples)
        write_csv(folder / f"step-{k}.csv", "time [us], a [mV], b [mV]", 1e6 * t, 1e3 * v)
        kept = ", held_out: true" if k == steps - 1 else ""
        lines.append(f"  step-{k}.csv: {{sources: {{V1: {level} V}}{kept}}}")
    f, H = read_response(p, bench, rng, points)
    head = "frequency [Hz], a re [V/V], a im [V/V], b re [V/V], b im [V/V]"
    write_csv(folder / "response.csv", head, f, H[:, 0].real, H[:, 0].imag, H[:, 1].real, H[:, 1].imag)
    lines.append(f"  response.csv: {{relative_error: {RESPONSE}}}")
    f, S = read_spectra(p, bench, rng, points)
    head = "frequency [Hz], S(a,a) [V^2/Hz], S(b,b) [V^2/Hz], S(a,b) re [V^2/Hz], S(a,b) im [V^2/Hz]"
    write_csv(folder / "cross.csv", head, f, S[:, 0, 0].real, S[:, 1, 1].real, S[:, 0, 1].real, S[:, 0, 1].imag)
    lines.append(f"  cross.csv: {{relative_error: {AVERAGES**-0.5:g}}}")
    (folder / "ladder.cir").write_text(NETLIST)
    (folder / "tolerances.yaml").write_text("tolerances: {R*: {sigma: 1 %}, C*: {sigma: 5 %}}\n")
    told = f"unknown: [{', '.join(unknown)}]\n"
    (folder / "lab.yaml").write_text(told + DESCRIPTION + "\n".join((*lines, "")))
    truth = {name: value / NOMINAL[name] for name, value in p.items()}
    found = {"factors": truth, "readout_gain": (bench["gain"] - 1).tolist(), "trigger_delay": bench["delay"]}
    (folder / "truth.json").write_text(json.dumps(found))
    return truth


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    for option, kind, default in (("seed", int, 3), ("hum", float, 0.0), ("factor", float, 1.0)):
        parser.add_argument(f"--{option}", type=kind, default=default)
    given = parser.parse_args()
    write_bench(given.folder, given.seed, hum=given.hum, factor=given.factor)
