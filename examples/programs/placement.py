"""Analytic placement: where the cells of a small netlist go so that its wires are short, on a drawn chip.

The netlist is made here: a chain of twelve cells between two pads with a few long wires. The sum of the squared wire
lengths is a quadratic program in each direction; the cells stay within the die, and their centre of mass in its
middle keeps them apart from one corner (Kleinhans et al., IEEE Trans. CAD 10, 1991).
"""

import numpy as np
from thermospice.behavioral import DeviceModel
from thermospice.behavioral.linear_algebra import ModelDevice
from thermospice.behavioral.programs.quadratic import QuadraticProgram, Settings, minimise
from thermospice.circuits import Crossbar, Design

CELLS, DIE = 12, 100.0
WIRES = [(k, k + 1) for k in range(CELLS - 1)] + [(0, 6), (2, 9), (4, 11)]
PADS = {0: (0.0, 20.0), CELLS - 1: (DIE, 80.0)}  # cell: (x, y) of the pad that it is wired to

rng = np.random.default_rng(0)
chip = Design.preset("board-1k-1n").sample(Crossbar(CELLS), rng)
device = ModelDevice(DeviceModel.nominal(chip, "ideal"), converters=True)


def placed(axis: int):
    Q, c = np.zeros((CELLS, CELLS)), np.zeros(CELLS)
    for i, j in WIRES:
        Q[i, i] += 2
        Q[j, j] += 2
        Q[i, j] -= 2
        Q[j, i] -= 2
    for cell, pad in PADS.items():
        Q[cell, cell] += 2
        c[cell] -= 2 * pad[axis]
    centre = np.full((1, CELLS), 1 / CELLS)
    problem = QuadraticProgram(Q, c, centre, [DIE / 2], 0.0, DIE)
    return problem, minimise(problem, device, rng, Settings(tolerance=1e-7))


for axis, name in enumerate("xy"):
    problem, answer = placed(axis)
    bill = answer.bill
    print(f"{name}: {answer.status} in {answer.iterations} steps, {bill.drives} drives, {bill.analog_s:.3g} s")
    print("  ", np.round(answer.x, 1))
    # With no bound in the way the optimum is a linear system, which numpy solves.
    border = np.block([[problem.Q, problem.A.T], [problem.A, np.zeros((1, 1))]])
    right = np.linalg.solve(border, np.append(-problem.c, problem.b))[:CELLS]
    assert ((right > 0) & (right < DIE)).all()
    assert np.abs(answer.x - right).max() < 0.05
