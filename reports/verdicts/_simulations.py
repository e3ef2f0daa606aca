"""The verdict on a simulation."""

from collections.abc import Iterator, Mapping
from typing import Any

from ..results import Folder, NetlistSummary, SimulationSummary, SimulationVerdict
from ..wording import amount, listed, percent
from ._verdict import Verdict

_ASKED = {
    "op": "Where does it settle",
    "tran": "How does it settle",
    "ac": "How does it respond to its drive",
    "noise": "How much noise does it have",
}
_CAUSES = 3
"""Elements that a sentence names."""


def simulated(folder: Folder) -> Verdict:
    """One analysis of one chip, or of a circuit of one's own."""
    found = folder.summary_as(SimulationVerdict)
    if found.get("trusted"):
        return Verdict(
            "What does ngspice make of a netlist as it is?",
            notes=("No model and no verdict stand beside it: the netlist was run as it is.",),
            next=("Leave `--trust` out: the circuit is read then, and its equations judge the simulator.",),
        )
    about = _of_netlist(folder) if "netlist" in folder.summary else _of_chip(folder)
    return about + Verdict("", *_judged(found), notes=tuple(_noise(folder)))


def _of_chip(folder: Folder) -> Verdict:
    summary = folder.summary_as(SimulationSummary)
    analysis = str(summary.get("analysis"))
    asked = (
        f"{_ASKED.get(analysis, 'What comes of it')}: a chip of {_cells(summary['n'])}, topology"
        f" {summary['topology']}, design {summary['design']}, level {summary['level']}?"
    )
    return Verdict(asked, notes=tuple(_error(summary)), next=tuple(_advice(summary)))


def _of_netlist(folder: Folder) -> Verdict:
    summary = folder.summary_as(NetlistSummary)
    asked = f"{_ASKED.get(summary['analysis'], 'What comes of it')}: {summary['netlist']}, outputs"
    asked = f"{asked} {listed(summary['outputs'])}?"
    if summary["analysis"] == "noise" and "rms" not in summary:
        told = "Noise over all frequencies has no limit here."
        return Verdict(asked, notes=(told,), next=("Give a band: `thermospice simulate --band LOW,HIGH`.",))
    return Verdict(asked)


def _judged(found: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Passed and failed."""
    if found.get("passed") is None:
        return (), ()
    if found["passed"]:
        return ("SPICE says what the circuit's own equations say, within the amplifiers' limits.",), ()
    faults = found.get("faults") or found.get("warnings", ())[-1:]
    why = tuple(f"{text[:1].upper()}{text[1:]}." for text in faults)
    return (), why or ("SPICE's numbers are not those of the circuit's equations.",)


def _error(summary: Mapping[str, Any]) -> Iterator[str]:
    if "relative_error" not in summary:
        return
    foreseen = summary.get("predicted_relative_error")
    told = f"; its own equations foresee {percent(foreseen, 2)}" if foreseen is not None else ""
    what = "The inverse of A, as the noise tells it," if "inverse" in summary else "The answer"
    early = "" if summary.get("settled", True) else ", before it has settled,"
    yield f"{what}{early} is {percent(summary['relative_error'], 2)} off the exact one{told}."


def _advice(summary: Mapping[str, Any]) -> Iterator[str]:
    if not summary.get("settled", True):
        yield _LONGER
    if summary.get("clipped"):
        yield (
            f"{len(summary['clipped'])} entries of the program are beyond the range of the conductances: scale A, or"
            " widen `programming` of the design."
        )
    if summary.get("relative_error", 0.0) > _LARGE:
        yield "Fit the chip and correct for it: thermospice calibrate (with the same design, topology and size)."


_LARGE = 1e-2
_LONGER = "It has not settled: simulate it for longer, `thermospice simulate --duration SECONDS`."


def _cells(n: int) -> str:
    return "1 cell" if n == 1 else f"{n} cells"


def _noise(folder: Folder) -> Iterator[str]:
    """How much, and where it comes from."""
    of_netlist = "netlist" in folder.summary
    summary = folder.summary_as(NetlistSummary if of_netlist else SimulationSummary)
    if summary.get("analysis") != "noise":
        return
    rms = [value for value in summary.get("rms", ()) if value is not None]
    if rms:
        names = summary["outputs"] if of_netlist else [f"cell {k}" for k in range(len(rms))]
        shown = ", ".join(f"{name} {amount(value, 'V')}" for name, value in zip(names, rms, strict=False))
        across = f"{amount(min(rms), 'V')} to {amount(max(rms), 'V')} over {len(rms)} outputs"
        yield f"Noise, rms: {shown if len(rms) <= _MOST_NAMED else across}."
    yield from _kinds(summary) if "noise_kinds" in summary else _elements(summary.get("contributors") or {})


def _kinds(summary: Mapping[str, Any]) -> Iterator[str]:
    kinds = [(name, share) for name, share in summary["noise_kinds"].items() if share > 0]
    if kinds:
        told = listed(f"{name} ({percent(share)})" for name, share in kinds[:_CAUSES])
        yield f"Its power comes from {told}, mean over the cells."


def _elements(parts: Mapping[str, Any]) -> Iterator[str]:
    sums = {name: sum(values) for name, values in parts.items()}
    whole = sum(sums.values())
    if whole > 0:
        loudest = sorted(sums, key=lambda name: -sums[name])[:_CAUSES]
        told = listed(f"{name} ({percent(sums[name] / whole)})" for name in loudest)
        yield f"Most of its power comes from {told}."


_MOST_NAMED = 8
