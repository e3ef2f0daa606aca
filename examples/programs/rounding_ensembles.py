"""Error mitigation: many programs, each rounded at random, against one program with more bits.

To the nearest step the answer errs by O(q), q the step; the mean of N stochastically rounded programs errs by O(q^2)
and scatters by O(q)/sqrt(N). Each program is loaded: N of them cost N loads, a bit more costs none.
"""

import numpy as np
from thermospice.circuits import Crossbar, Design, random_program
from thermospice.circuits.topologies import load

PROGRAMS = 200
program = random_program(Crossbar(3), np.random.default_rng(3), condition=4.0)
board = Design.preset("board-1k-1n")
print("bits  nearest   mean of 200   scatter of the mean")
rows = []
for bits in (4, 5, 6, 7, 8):
    programming = board.programming.model_copy(update={"bits": bits})
    rng = np.random.default_rng(bits)

    def answer(source=None, programming=programming):
        held = load(programming, Crossbar(3), program, rng=source).weights["A"]
        return np.linalg.solve(held, program.b) - program.solution

    nearest = np.linalg.norm(answer())
    drawn = np.array([answer(rng) for _ in range(PROGRAMS)])
    scatter = np.linalg.norm(drawn.std(axis=0, ddof=1)) / np.sqrt(PROGRAMS)
    rows.append((bits, nearest, np.linalg.norm(drawn.mean(axis=0)), scatter))
    print(f"{bits:4}  {rows[-1][1]:.2e}  {rows[-1][2]:.2e}      {scatter:.2e}")
nearest, mean = (np.array([row[k] for row in rows]) for k in (1, 2))
# Two hundred programs at b bits are as good as one with three to four bits more, for two hundred times the loading.
assert np.median(nearest / mean) > 4
