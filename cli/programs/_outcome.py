"""What a program came to, as the folder, the summary and the terminal have it."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.linalg
from jaxtyping import Float
from matplotlib.figure import Figure

from ...behavioral.programs.systems import Bill

REPEATS = 5
"""Of the digital solver; the shortest counts."""

WINDOW = 10.0
"""Time constants that a device settles in, or is averaged over, unless `--duration` says."""

SHARE_95 = 1.959963984540054
"""Standard deviations of an interval of 95 %."""

DIGITAL = "the same systems by LAPACK"


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of one program on one device.

    Attributes:
        summary: what `--json` prints beside what every program says.
        bill: of the device.
        digital_s: of the same systems, solved on this machine.
        files: arrays for CSV files, by name.
        rows: of the table on the terminal: name, device, error bar, digital.
        pictures: figures by name.
        failure: why the answer is none that counts, and so the exit code is 1; None for a good one.
    """

    summary: Mapping[str, Any]
    bill: Bill
    digital_s: float
    files: Mapping[str, Float[np.ndarray, "..."]]
    rows: Sequence[tuple[str, str, str, str]]
    pictures: Mapping[str, Callable[[], Figure]] = field(default_factory=dict)
    failure: str | None = None

    @property
    def seconds(self) -> float:
        """Time of the device [s]: to load all matrices, and to settle and be read."""
        return self.bill.analog_s + self.bill.loading_s

    @property
    def worth(self) -> str:
        """Whether the device is quicker than this machine, in words."""
        if self.seconds == 0 or self.digital_s == 0:
            return "no device was asked"
        ratio = self.seconds / self.digital_s
        told = f"{1 / ratio:.3g} times as fast as" if ratio < 1 else f"{ratio:.3g} times as slow as"
        return (
            f"the device takes {self.seconds:.3g} s, {told} {DIGITAL} on this machine ({self.digital_s:.3g} s);"
            " digital work between its readouts is not counted"
        )


def by_lapack(A: Float[np.ndarray, "n n"], right: Float[np.ndarray, "n k"], systems: int = 1) -> float:
    """Time [s] of a factorisation and its solutions on this machine, for so many systems of that size.

    What lies between them, residuals and steps, is digital with a device as well: neither side has it.
    """
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        scipy.linalg.cho_solve(scipy.linalg.cho_factor(A, check_finite=False), right, check_finite=False)
        times.append(time.perf_counter() - start)
    return min(times) * systems


def by_lapack_with_inverse(A: Float[np.ndarray, "n n"], systems: int = 1) -> float:
    """Time [s] of a solution and an inverse by LAPACK, for so many systems of that size."""
    return by_lapack(A, np.eye(len(A), len(A) + 1), systems)


def beside_exact(
    names: Sequence[str],
    value: Float[np.ndarray, " n"],
    spread: Float[np.ndarray, " n"],
    error: Float[np.ndarray, " n"],
    exact: Float[np.ndarray, " n"],
    exact_spread: Float[np.ndarray, " n"],
) -> list[tuple[str, str, str, str]]:
    """Rows of the table on the terminal, one a name: value and standard deviation, error bar, and what is exact."""
    return [
        (name, f"{value[k]:.5g} ± {spread[k]:.2g}", f"{error[k]:.2g}", f"{exact[k]:.5g} ± {exact_spread[k]:.2g}")
        for k, name in enumerate(names)
    ]


def cost(bill: Bill) -> dict[str, Any]:
    """Entries of a summary; what was not computed is absent."""
    found: dict[str, Any] = {
        "loads": bill.loads,
        "drives": bill.drives,
        "analog_time_s": bill.analog_s,
        "energy_J": bill.energy_J,
    }
    if bill.loading_s > 0:
        found["loading_time_s"] = bill.loading_s
    if bill.lifted:
        found["loads_with_a_larger_diagonal"] = bill.lifted
    if bill.least_J > 0:
        found["least_energy_J"] = bill.least_J
        found["energy_over_least"] = bill.energy_J / bill.least_J
    return found


def relative(error: Float[np.ndarray, "..."], exact: Float[np.ndarray, "..."]) -> float:
    """Norm of an error over that of what is right."""
    size = float(np.linalg.norm(exact))
    return float(np.linalg.norm(error)) / size if size > 0 else float(np.linalg.norm(error))
