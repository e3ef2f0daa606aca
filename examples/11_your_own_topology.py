"""
A topology of your own
======================

A topology says which components hold a program. This one is a chain: cells with a resistor to each
neighbour, for tridiagonal matrices. Two dozen lines give it SPICE, model, noise and Monte Carlo.
"""

from dataclasses import dataclass
from typing import ClassVar

import matplotlib.pyplot as plt
import numpy as np
from thermospice.behavioral import DeviceModel
from thermospice.circuits import Design, Network, Program, ProgramError
from thermospice.circuits.networks import Resistor
from thermospice.circuits.topologies import cell_elements
from thermospice.netlists import simulate


# %%
# ``check`` refuses what the circuit cannot hold. ``weights`` splits the matrix into the arrays that
# are loaded; ``network`` wires them. The deviations that a chip has are named once, with their
# shapes and standard deviations.
@dataclass(frozen=True)
class Chain:
    """n RC cells in a row, each coupled to its neighbours."""

    n: int
    name: ClassVar[str] = "chain"
    programmed: ClassVar[frozenset[str]] = frozenset({"link", "ground"})
    mirrored: ClassVar[frozenset[str]] = frozenset()
    answer: ClassVar[str] = "mean"

    def check(self, program):
        A = program.A
        far = np.abs(np.subtract.outer(np.arange(self.n), np.arange(self.n))) > 1
        if A.shape != (self.n, self.n) or (A != A.T).any() or A[far].any() or (np.diag(A, 1) > 0).any():
            raise ProgramError(
                f"chain: expected a symmetric tridiagonal {self.n} x {self.n} matrix, off-diagonals at most 0"
            )
        if (A.sum(axis=1) < 0).any():
            raise ProgramError("chain: a row sums to less than zero: its resistor to ground would be negative")

    def error_shapes(self):
        n = self.n
        return {
            "link": (n - 1,),
            "ground": (n,),
            "drive": (n,),
            "capacitance": (n,),
            "offset": (n,),
        }

    def error_sigmas(self, tolerances):
        resistor = dict.fromkeys(("link", "ground", "drive"), tolerances.resistor_sigma)
        return {
            **resistor,
            "capacitance": tolerances.capacitor_sigma,
            "offset": tolerances.offset_sigma,
        }

    def weights(self, program, conductance=1.0):
        return {
            "link": -conductance * np.diag(program.A, 1),
            "ground": conductance * program.A.sum(axis=1),
        }

    def network(self, values, errors, weights, b):
        elements = []
        for i in range(self.n):
            elements += cell_elements(values, errors, i, weights["ground"][i], b[i])
        for i in range(self.n - 1):
            if weights["link"][i] != 0:
                elements.append(
                    Resistor(
                        f"r{i}",
                        f"x{i}",
                        f"x{i + 1}",
                        values.resistance(weights["link"][i], errors["link"][i]),
                    )
                )
        prefix = "x" if values.amplifier is None else "out"
        return Network(
            f"chain{self.n}",
            tuple(elements),
            tuple(f"{prefix}{i}" for i in range(self.n)),
            values.temperature,
        )


# %%
# A heat equation on a rod: what goes in at the left end leaks away along it.
A = 2.2 * np.eye(6) - np.eye(6, k=1) - np.eye(6, k=-1)
program = Program(A, b=np.array([1.0, 0, 0, 0, 0, 0]))
chip = Design.preset("board-1k-1n").sample(Chain(6), np.random.default_rng(0))
measurement = simulate(chip, program, "tran", scaling=DeviceModel.nominal(chip).scaling(program))
predicted = DeviceModel.nominal(chip).response(program).mean_at(measurement["time"].values)
difference = np.abs(predicted - measurement["v"].values).max()
print(f"model against ngspice, largest difference: {difference:.1e} V")
assert difference < 1e-3

# %%
figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
for cell in range(6):
    axes.plot(measurement["time"] * 1e6, measurement["v"][:, cell], label=f"cell {cell}")
axes.set(xlabel="time (µs)", ylabel="voltage (V)")
axes.legend(frameon=False, ncols=2)
plt.show()
settled = measurement["v"].values[-1]
assert np.abs(settled - program.solution).max() < 0.05 * np.abs(program.solution).max()

# %%
# A matrix that a chain cannot hold is refused.
try:
    simulate(chip, Program(np.eye(6) + 0.1 * np.eye(6, k=1) + 0.1 * np.eye(6, k=-1), program.b))
except ProgramError as error:
    print(error)
else:
    raise AssertionError("expected a refusal")

# %%
# To have it on the command line and in studies, add a row to ``circuits/topologies/_by_name.py``.
