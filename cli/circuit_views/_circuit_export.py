"""A circuit of one's own for other people's simulators: the files, and what is in them."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from rich.table import Table

from ...behavioral.exports import numpy_circuit
from ...circuits.linear_circuits import LinearCircuit, Observed
from ...files import plain_comment, write_bytes, write_text
from ...netlists import NetlistError
from ...netlists.exports import OwnExport, own_export, spice_bench, subcircuit, vacask_bench, verilog_a
from ...netlists.simulators import own_version, versions
from .._exceptions import InputError
from ..views import export as of_a_device

_POINTS = 41
_STATIC = (1.0, 1e6)
"""Band of a circuit without capacitors and inductors [Hz]."""


@dataclass(frozen=True, eq=False)
class LoadedCircuit:
    """A circuit ready to be written."""

    name: str
    observed: Observed
    model: LinearCircuit
    made: OwnExport
    lines: tuple[str, ...]

    @classmethod
    def of(cls, observed: Observed, text: str, name: str | None) -> "LoadedCircuit":
        """The circuit of a netlist's text.

        Raises:
            InputError: it does not settle.
            NetlistError: a name that is none.
        """
        model = LinearCircuit.of(observed.network, observed.labels)
        if model.stability.verdict != "stable":
            raise InputError(
                f"{observed.network.name}: expected a circuit that settles; it is {model.stability.sentence}"
            )
        own = _named(observed, name)
        lines = tuple(map(plain_comment, _comments(observed, own, text)))
        made = own_export(observed.network, own.made.name, lines)
        return cls(made.made.name, observed, model, made, lines)

    @property
    def frequencies(self) -> Float[np.ndarray, " f"]:
        """Frequencies from a tenth of the slowest to ten times the fastest pole [Hz]."""
        rates = np.abs(self.model.poles) / (2 * np.pi)
        low, high = (0.1 * rates.min(), 10 * rates.max()) if len(rates) else _STATIC
        return np.geomspace(low, max(high, 10 * low), _POINTS)


def _named(observed: Observed, name: str | None) -> OwnExport:
    """Called after the netlist, unless a name is given; where that is a word of some language, as its circuit."""
    if name is not None:
        return own_export(observed.network, name)
    plain = re.sub("[^a-z0-9]+", "_", observed.network.name.lower()).strip("_")[:50] or "own"
    plain = plain if plain[0].isalpha() else f"n{plain}"
    try:
        of_a_device.check_module_name(plain)
        return own_export(observed.network, plain)
    except (InputError, NetlistError):
        return own_export(observed.network, f"{plain}_circuit")


def _comments(observed: Observed, own: OwnExport, text: str) -> list[str]:
    digest = hashlib.sha256(text.encode()).hexdigest()
    outputs = zip(own.made.outputs, observed.labels, observed.units, strict=True)
    return [
        f"{own.made.name}: circuit {observed.network.name}, written by thermospice {own_version()}",
        f"netlist: sha256 {digest}",
        *(f"output {pin}: {label}, in {unit}" for pin, label, unit in outputs),
        *(f"input {pin}: source {source}" for pin, source in zip(own.made.inputs, own.sources, strict=False)),
    ]


def write(kind: str, circuit: LoadedCircuit, folder: Path) -> dict[str, str]:
    """The files, by what they are."""
    name = circuit.name
    made = circuit.made
    f = circuit.frequencies
    if kind == "numpy":
        of_a_device.check_module_name(name)
        found = numpy_circuit(circuit.observed.network, circuit.lines)
        write_text(folder / f"{name}.py", found.script)
        write_bytes(folder / f"{name}.npz", found.arrays)
        return {"script": f"{name}.py", "arrays": f"{name}.npz"}
    if kind == "spice":
        file = f"{name}.cir"
        bench = "testbench.cir"
        texts = {file: subcircuit(made.made)}
        texts[bench] = spice_bench(made.made, file, made.dc, (float(f[0]), float(f[-1])), made.ac)
        what = "subcircuit"
    else:
        file = f"{name}.va"
        bench = "testbench.sim"
        texts = {file: verilog_a(made.made), bench: vacask_bench(made.made, file, made.dc, f, made.ac)}
        what = "module"
    for path, text in texts.items():
        write_text(folder / path, text)
    return {what: file, "testbench": bench}


def summary(kind: str, circuit: LoadedCircuit, netlist: Path, written: Mapping[str, str]) -> dict[str, Any]:
    """What was written, its pins, and what others should find with it."""
    budget = circuit.model.noise_budget()
    found: dict[str, Any] = {
        "to": kind,
        "name": circuit.name,
        "netlist": str(netlist),
        "files": dict(written),
        "outputs": dict(zip(circuit.made.made.outputs, circuit.observed.labels, strict=True)),
        "inputs": dict(zip(circuit.made.made.inputs, circuit.made.sources, strict=False)),
        "drive": circuit.made.dc.tolist(),
        "temperature": float(circuit.observed.network.temperature),
        "settled": circuit.model.settled,
        "versions": versions(),
    }
    return found if budget.covariance is None else {**found, "covariance": budget.covariance}


def table(circuit: LoadedCircuit, written: Mapping[str, str]) -> Table:
    """Files and pins."""
    shown = Table("file or pin", "what", box=None)
    for what, file in written.items():
        shown.add_row(file, what)
    for pin, label in zip(circuit.made.made.outputs, circuit.observed.labels, strict=True):
        shown.add_row(pin, f"output {label}")
    for pin, source in zip(circuit.made.made.inputs, circuit.made.sources, strict=False):
        shown.add_row(pin, f"input: value of {source}")
    return shown
