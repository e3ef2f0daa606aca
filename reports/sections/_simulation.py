"""The report's part on one simulation: settled voltages beside the solution, and the plots that were made of it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from .. import circuit_figures, figures
from ..figures import quantity
from ..results import Folder, NetlistSummary, SimulationSummary, check_pair
from ..section_parts import Picture, Section, Table, number, stored_picture
from ._noise import noise_tables, share_table

_PLOTS = {
    "op": "operating point",
    "tran": "transient",
    "ac": "response to the drive",
    "noise": "noise densities",
    "contributors": "noise densities by element",
}


def simulation(folder: Folder) -> Section | None:
    """What the folder of `thermospice simulate` says, or None."""
    if folder.summary.get("command") != "simulate":
        return None
    if "netlist" in folder.summary:
        return _of_netlist(folder)
    summary = folder.summary_as(SimulationSummary)
    where = str(folder.path / "summary.json")
    for other in ("x", "answer"):
        if "v" in summary and other in summary:
            check_pair(summary["v"], summary[other], f"v and {other}", where)
    title = f"Simulation: {_PLOTS.get(str(summary.get('analysis')), 'analysis')}"
    cells = [f"cell {k}" for k in range(summary["n"])]
    tables = (*_table(summary), *noise_tables(summary, cells))
    return Section(title, tuple(_text(summary)), tuple(_pictures(folder)), tables)


def _of_netlist(folder: Folder) -> Section:
    """A circuit of the user's own, beside its equations."""
    summary = folder.summary_as(NetlistSummary)
    title = f"Simulation: {_PLOTS.get(summary['analysis'], 'analysis')} of {summary['netlist']}"
    text = [f"Outputs {', '.join(summary['outputs'])}, in {summary['engine']} {summary['version']}."]
    if constants := summary.get("time_constants"):
        text.append(f"Time constants {', '.join(quantity(tau, 's', 4) for tau in constants[:8])}.")
    text += [str(warning) for warning in summary.get("warnings", ())]
    count = len(summary["outputs"])
    columns = {name: summary[name] for name in _OF_NETLIST if len(summary.get(name, ())) == count > 0}
    rows = tuple(
        (label, *(number(values[k], "V") for values in columns.values())) for k, label in enumerate(summary["outputs"])
    )
    names = ("output", *(_OF_NETLIST[name] for name in columns))
    tables = (Table("Outputs", names, rows), *share_table(summary.get("contributors") or {}, summary["outputs"]))
    return Section(title, tuple(text), tuple(_pictures(folder)), tables)


_OF_NETLIST = {"v": "SPICE", "predicted": "model", "rms": "noise, SPICE", "model_rms": "noise, model"}


def _text(summary: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"{summary['topology']} with {summary['n']} cells of the design {summary['design']} at level"
        f" {summary['level']}, {summary['temperature']:g} K, in {summary['engine']} {summary['version']}."
    )
    if "relative_error" in summary:
        predicted = summary.get("predicted_relative_error")
        foreseen = f"; the circuit's own equations foresee {predicted:.4g}" if predicted is not None else ""
        settled = "answer" if summary.get("settled", True) else "answer, before it has settled"
        answer = "inverse of A, which the covariance tells" if "inverse" in summary else settled
        yield f"Relative error of the {answer}: {summary['relative_error']:.4g}{foreseen}."
    yield from (str(warning) for warning in summary.get("warnings", ()))


def _table(summary: Mapping[str, Any]) -> Iterator[Table]:
    if "relative_error" in summary and "inverse" not in summary and "v" in summary and "x" in summary:
        # A summary without an answer has the voltages scaled back already.
        answers = summary.get("answer", summary["v"])
        rows = tuple(
            (str(k), number(v, "V"), number(a, "V"), number(x, "V"))
            for k, (v, a, x) in enumerate(zip(summary["v"], answers, summary["x"], strict=True))
        )
        yield Table("Node voltages, the answer that they stand for, and the solution", _COLUMNS, rows)


_COLUMNS = ("cell", "v", "answer", "A⁻¹ b")


def _pictures(folder: Folder) -> Iterator[Picture]:
    for name, caption in _PLOTS.items():
        if (content := folder.picture(f"{name}.png")) is not None:
            yield stored_picture(content, caption, _drawn(folder, name))


def _drawn(folder: Folder, name: str) -> Callable[[], Figure] | None:
    """The same picture from the measurement, for a page whose figures move; None where that does not tell it."""
    if "netlist" in folder.summary:
        return _drawn_of_netlist(folder, name)
    data = folder.measurement if name in ("tran", "ac", "noise") else None
    if data is None:
        return None
    if name == "tran" and "v" in data:
        draw = figures.noisy_transient if folder.summary.get("noise") is True else figures.transient
        return lambda: draw(data["time"].values, data["v"].values)
    if name == "ac" and "v_re" in data:
        response = data["v_re"].values + 1j * data["v_im"].values
        return lambda: figures.ac_response(data["frequency"].values, response)
    if name == "noise" and "psd" in data:
        return lambda: figures.noise_density(data["frequency"].values, data["psd"].values)
    return None


def _drawn_of_netlist(folder: Folder, name: str) -> Callable[[], Figure] | None:
    """From the tables, in which simulator and equations stand beside each other."""
    labels = list(folder.summary_as(NetlistSummary)["outputs"])
    columns = _numbers(folder.columns(f"{name}.csv")) if name in ("tran", "noise") else None
    if columns is None or not labels:
        return None
    x = columns[0]
    n = len(labels)
    if name == "tran" and len(columns) == 1 + n:
        return lambda: circuit_figures.transients(labels, x, columns[1:].T)
    if name == "noise" and len(columns) == 1 + 2 * n:
        return lambda: circuit_figures.densities(labels, x, columns[1 : 1 + n].T, columns[1 + n :].T)
    return None


def _numbers(columns: Mapping[str, list[str]]) -> Float[np.ndarray, "columns rows"] | None:
    """Finite numbers; None where there is anything else."""
    try:
        found = np.array(list(columns.values()), dtype=float)
    except ValueError:
        return None
    return found if found.ndim == 2 and found.size and bool(np.isfinite(found).all()) else None
