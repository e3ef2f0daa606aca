"""Where the noise of a chip comes from: elements and kinds, by the circuit's own equations."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from jaxtyping import Float
from rich.table import Table

from ...circuits.linear_circuits import LinearCircuit
from ...circuits.loaded_chips import loaded_chip
from ...circuits.networks import NoiseCurrent, Resistor
from ...netlists.runs import Request, Result
from ...reports.wording import percent

_MOST_CELLS = 32
"""Beyond, every element times every cell at every frequency takes longer than the simulation."""

_FINE = 16
"""Cells up to which every frequency of the measurement is taken, and of more each third one."""

_SHOWN = 12


@dataclass(frozen=True, eq=False)
class NoiseOrigins:
    """Parts of each cell's noise power, between two frequencies [Hz]; a row's sum is one, or zero without noise."""

    band: tuple[float, float]
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    """Of each element."""
    shares: Float[np.ndarray, "n k"]

    @property
    def by_kind(self) -> dict[str, float]:
        """Mean over the cells of what each kind of element brings, the largest first."""
        found: dict[str, float] = {}
        for kind, share in zip(self.kinds, self.shares.mean(axis=0), strict=True):
            found[kind] = found.get(kind, 0.0) + float(share)
        return dict(sorted(found.items(), key=lambda pair: -pair[1]))

    @property
    def loudest(self) -> list[int]:
        """Elements, the loudest in any cell first."""
        return [int(k) for k in np.argsort(-self.shares.max(axis=0, initial=0.0), kind="stable")]


def origins(request: Request, result: Result) -> NoiseOrigins | None:
    """Origins of the noise of a noise analysis; None of another one, of a large chip, and where there is no noise.

    Powers are integrals over the logarithm of the frequency, on the measurement's own frequencies or, with a band, on
    200 of it: parts of a whole, which the rule's error reaches alike.
    """
    if request.analysis != "noise" or request.program.n > _MOST_CELLS:
        return None
    chip = loaded_chip(request.instance, request.program, request.level, request.scaling)
    circuit = LinearCircuit.of(chip.network)
    if not circuit.contributors:
        return None
    f = _frequencies(request, result)
    densities = circuit.contributions(f)
    powers = scipy.integrate.trapezoid(densities * f[:, None, None], np.log(f), axis=0)
    whole = powers.sum(axis=1, keepdims=True)
    shares = np.divide(powers, whole, out=np.zeros_like(powers), where=whole > 0)
    kinds = _kinds(circuit)
    return NoiseOrigins((float(f[0]), float(f[-1])), circuit.contributors, kinds, shares)


def _frequencies(request: Request, result: Result) -> Float[np.ndarray, " f"]:
    if request.band is not None:
        return np.geomspace(*request.band, 200)
    f = np.asarray(result.measurement["frequency"].values, dtype=float)
    return f if request.program.n <= _FINE else f[::3]


def _kinds(circuit: LinearCircuit) -> tuple[str, ...]:
    elements = {element.name: element for element in circuit.network.elements}
    found = []
    for name in circuit.contributors:
        element = elements.get(name)
        if isinstance(element, Resistor):
            found.append("thermal noise of resistors")
        elif name.endswith("_en"):
            found.append("voltage noise of amplifiers")
        elif name.endswith(("_inm", "_inp")):
            found.append("current noise of amplifiers")
        elif isinstance(element, NoiseCurrent):
            found.append("injected noise")
        else:
            found.append("other elements")
    return tuple(found)


def summary(found: NoiseOrigins | None) -> dict[str, object]:
    """Entries of the summary: parts of the noise power, by element and cell, and by kind."""
    if found is None:
        return {}
    shares: Mapping[str, Sequence[float]] = {name: found.shares[:, k].tolist() for k, name in enumerate(found.names)}
    return {"noise_shares": shares, "noise_kinds": found.by_kind, "noise_band": list(found.band)}


def csv_text(found: NoiseOrigins) -> str:
    """A row for each element, the loudest first."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    cells = range(len(found.shares))
    writer.writerow(["element", "kind", *(f"share_of_cell_{cell}" for cell in cells)])
    for k in found.loudest:
        writer.writerow([found.names[k], found.kinds[k], *map(repr, found.shares[:, k].tolist())])
    return text.getvalue()


def table(found: NoiseOrigins) -> Table:
    """The loudest elements, by cell."""
    cells = range(min(len(found.shares), _MOST_COLUMNS))
    shown = Table("noise by element", *(f"cell {cell}" for cell in cells), box=None)
    for k in found.loudest[:_SHOWN]:
        shown.add_row(found.names[k], *(percent(float(found.shares[cell, k])) for cell in cells))
    return shown


_MOST_COLUMNS = 6
"""Cells whose columns fit into a terminal."""


def told(found: NoiseOrigins | None) -> list[str]:
    """A sentence on the kinds."""
    if found is None:
        return []
    kinds = ", ".join(f"{kind} {percent(share)}" for kind, share in list(found.by_kind.items())[:4] if share > 0)
    return [f"noise power between {found.band[0]:.3g} and {found.band[1]:.3g} Hz, mean over cells: {kinds}"]
