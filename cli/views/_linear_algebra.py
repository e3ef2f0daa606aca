"""Linear algebra on a device: the problem, the device, and what the folder and the summary say of the answer."""

from pathlib import Path
from typing import Any

import numpy as np
import typer
from jaxtyping import Float
from rich.table import Table

from ...behavioral.linear_algebra import Answer, Given
from ...behavioral.populations import get_device_model
from ...files import write_text
from ...netlists.simulators import versions
from ..frame import written
from ..inputs import Kind

SHOWN = 6
"""Entries of the answer that the terminal shows."""


def of_device(
    device: Path, context: typer.Context, size: int | None, topology: str, matrix: Path | None
) -> tuple[int | None, str]:
    """Size and topology as they are written, or those of the calibrated chip.

    Raises:
        DeviceModelError, InputError: the file is not the model of one chip.
    """
    model = get_device_model(device)
    return (
        model.n if size is None and matrix is None else size,
        topology if "topology" in written(context) else model.instance.topology.name,
    )


def write(given: Given, answer: Answer, folder: Path) -> None:
    """`answer.csv`, `standard_error.csv` and `matrix.csv`."""
    for name, values in (("answer", answer.value), ("standard_error", answer.standard_error), ("matrix", given.A)):
        rows = np.atleast_2d(values.T).T if values.ndim < 2 else values
        write_text(folder / f"{name}.csv", "".join(",".join(map(repr, map(float, row))) + "\n" for row in rows))


def summary(given: Given, kind: Kind, answer: Answer) -> dict[str, Any]:
    """What `--json` prints."""
    exact = given.exact
    known = answer.standard_error > 0
    z = np.abs(answer.value - exact)[known] / answer.standard_error[known]
    found = {
        "problem": given.problem,
        "on": kind,
        "n": len(given.A),
        "value": answer.value.tolist(),
        "standard_error": answer.standard_error.tolist(),
        "exact": exact.tolist(),
        "relative_error": _relative(answer.value - exact, exact),
        "relative_standard_error": _relative(answer.standard_error, exact),
        "relative_noise_error": _relative(answer.noise_error, exact),
        "relative_device_error": _relative(answer.device_error, exact),
        "runs": answer.runs,
        "analog_time_s": answer.time,
        "energy_J": answer.energy,
        "versions": versions(),
    }
    if answer.least_energy > 0:
        found["least_energy_J"] = answer.least_energy
        found["energy_over_least"] = answer.energy / answer.least_energy
    if answer.products:
        found["lanczos_products"] = answer.products
    return {**found, "largest_z": float(z.max())} if len(z) else found


def over_least(energy: float, least: float) -> str:
    """How far an energy [J] is from the least heat, to go on with behind it; nothing where that is not known."""
    if not least > 0:
        return ""
    return f", {energy / least:.3g} times the least heat that could move its cells there in that time"


def _relative(error: Float[np.ndarray, "..."], exact: Float[np.ndarray, "..."]) -> float:
    return float(np.linalg.norm(error) / np.linalg.norm(exact))


def table(given: Given, answer: Answer) -> Table:
    """The first entries with their error bars; only the solution of a system is a voltage."""
    unit = " (V)" if given.problem == "solve" else ""
    shown = Table("entry", *(f"{name}{unit}" for name in ("answer", "standard error", "exact")), box=None)
    for column in shown.columns:
        column.justify = "right"
    exact = given.exact
    for k, index in enumerate(np.ndindex(answer.value.shape)):
        if k == SHOWN:
            shown.add_row("...", "", "", "")
            break
        values = (answer.value[index], answer.standard_error[index], exact[index])
        shown.add_row(", ".join(map(str, index)) or "–", *(f"{value:.6g}" for value in values))
    return shown
