"""The report's part on one simulation: settled voltages beside the solution, and the plots that were made of it."""

from collections.abc import Iterator, Mapping
from typing import Any

from ..figures import quantity
from ..results import Folder, NetlistSummary, SimulationSummary, check_pair
from ._section import Picture, Section, Table, stored_picture

_PLOTS = {"op": "operating point", "tran": "transient", "ac": "response to the drive", "noise": "noise densities"}


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
    return Section(title, tuple(_text(summary)), tuple(_pictures(folder)), tuple(_table(summary)))


def _of_netlist(folder: Folder) -> Section:
    """A circuit of the user's own, beside its equations."""
    summary = folder.summary_as(NetlistSummary)
    title = f"Simulation: {_PLOTS.get(summary['analysis'], 'analysis')} of {summary['netlist']}"
    text = [f"Outputs {', '.join(summary['outputs'])}, in {summary['engine']} {summary['version']}."]
    if constants := summary.get("time_constants"):
        text.append(f"Time constants {', '.join(quantity(tau, 's', 4) for tau in constants[:8])}.")
    text += [str(warning) for warning in summary.get("warnings", ())]
    columns = {name: summary[name] for name in _OF_NETLIST if len(summary.get(name, ())) == len(summary["outputs"])}
    rows = tuple(
        (label, *("none" if values[k] is None else quantity(values[k], "V", 4) for values in columns.values()))
        for k, label in enumerate(summary["outputs"])
    )
    names = ("output", *(_OF_NETLIST[name] for name in columns))
    return Section(title, tuple(text), tuple(_pictures(folder)), (Table("Outputs", names, rows),))


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
            (str(k), _voltage(v), _voltage(a), _voltage(x))
            for k, (v, a, x) in enumerate(zip(summary["v"], answers, summary["x"], strict=True))
        )
        yield Table("Node voltages, the answer that they stand for, and the solution", _COLUMNS, rows)


_COLUMNS = ("cell", "v", "answer", "A⁻¹ b")


def _voltage(value: float | None) -> str:
    return "–" if value is None else quantity(value, "V", 4)


def _pictures(folder: Folder) -> Iterator[Picture]:
    for name, caption in _PLOTS.items():
        if (content := folder.picture(f"{name}.png")) is not None:
            yield stored_picture(content, caption)
