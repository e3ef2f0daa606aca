"""The verdict box: a verdict, how it was made, and what lies beside it."""

import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ..results import Folder, HowMade
from ._calibrations import calibrated
from ._fidelity import compared, verified
from ._programs import exported, formulas, solved
from ._simulations import simulated
from ._studies import studied
from ._trainings import Settings, outcome, settings, trained
from ._verdict import Verdict


@dataclass(frozen=True, slots=True)
class Box:
    """What stands at the head of a chapter."""

    verdict: Verdict
    command: str
    """As it was typed; empty where the folder does not say."""
    facts: tuple[tuple[str, str], ...]
    """Seeds, versions and times: name and value."""
    settings: Settings
    """Of trainings."""


def box(folder: Folder) -> Box:
    """The verdict's box of a result folder.

    Raises:
        ReportError: a file in it is damaged.
    """
    made = folder.summary_as(HowMade)
    verdict = _verdict(folder, made)
    return Box(verdict, _command(folder, made), tuple(_facts(folder, made)), settings(folder))


def _verdict(folder: Folder, made: Mapping[str, object]) -> Verdict:
    found = _BY_COMMAND.get(str(made.get("command", "")))
    verdict = found(folder) if found is not None else _by_content(folder)
    quick = "A quick run: fewer seeds and steps than the full one. Take differences with care."
    links = tuple(f"{name} is a link to somewhere else, and is left out." for name in folder.foreign)
    if not verdict.next:
        verdict += Verdict("", next=_DEFAULTS.get(str(made.get("command", "")), ()))
    return verdict + Verdict("", notes=(*((quick,) if made.get("quick") else ()), *links))


def _main_job(folder: Folder) -> Verdict:
    asked = "Does a drawn chip compute what its circuit says, do its models agree, and does a network train with it?"
    return Verdict(asked) + compared(folder) + outcome(folder.runs)


def _by_content(folder: Folder) -> Verdict:
    """Of a folder without a summary, or one that says nothing of a command."""
    if "study" in folder.summary:
        return studied(folder)
    if folder.runs and not folder.fidelity:
        return trained(folder)
    return Verdict("What do these results say?") + compared(folder) + outcome(folder.runs)


_BY_COMMAND: Mapping[str, Callable[[Folder], Verdict]] = {
    "simulate": simulated,
    "symbolic": formulas,
    "verify": verified,
    "calibrate": calibrated,
    "sweep": studied,
    "train": trained,
    "solve": solved,
    "export": exported,
    "run": _main_job,
}


_DEFAULTS: Mapping[str, tuple[str, ...]] = {
    "simulate": ("Compare every analysis with the equations: `thermospice verify` with the same circuit.",),
    "symbolic": ("Put numbers in: `thermospice simulate` with the same circuit.",),
    "verify": (
        "Use the model: `thermospice calibrate` fits it to a chip, `thermospice train --device` trains with it.",
    ),
    "calibrate": ("Use it: `thermospice export DIR/device.json --to spice`, `thermospice train --device`.",),
    "sweep": ("The tables below say where there is room; `--seed` draws other chips.",),
    "solve": ("Compare devices: `--on ideal` or `model`, `--design` another one, `--device` a calibrated chip.",),
    "export": ("Run the bench beside the chip in your simulator, and compare with `thermospice simulate`.",),
    "run": ("Calibrate a chip of your own: `thermospice calibrate`; ask what it needs: `thermospice sweep`.",),
}


def _command(folder: Folder, made: Mapping[str, object]) -> str:
    arguments = made.get("arguments")
    if made.get("command") == "sweep" and (folder.path / "study.yaml").is_file():
        return "thermospice sweep study.yaml"  # as it was read; it makes the same numbers again
    return f"thermospice {shlex.join(map(str, arguments))}" if isinstance(arguments, list) else ""


def _facts(folder: Folder, made: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for key, name in (("seed", "seed"), ("instance_seed", "seed of the chip"), ("started", "started")):
        if made.get(key) is not None:
            yield name, str(made[key])
    if "instance_seed" not in made and folder.instance.get("seed") is not None:
        yield "seed of the chip", str(folder.instance["seed"])
    elapsed = made.get("elapsed_s")
    if isinstance(elapsed, float | int):
        yield "computed in", f"{elapsed:.1f} s"
    if made.get("engine"):
        yield "simulator", " ".join(str(made[key]) for key in ("engine", "version") if key in made)
    versions = made.get("versions")
    if isinstance(versions, dict):
        yield from ((str(name), str(version)) for name, version in versions.items())
