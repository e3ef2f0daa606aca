"""The parts of a report: from a folder on disk to titles, text, pictures and tables."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from . import _figures as figures
from ._data import MODELS, Folder
from ._figures._units import quantity
from ._section import Picture, Section, Table, picture
from ._simulation_section import simulation
from ._study_section import study
from ._training_section import training


def sections(folder: Folder) -> tuple[list[Section], list[str]]:
    """What the folder has data for, and the names of what it does not."""
    found = {name: make(folder) for name, make in _PARTS.items()}
    there = [section for section in found.values() if section is not None]
    own = [part for part in (simulation(folder), study(folder)) if part is not None]
    if own:
        # These have parts of their own; none of the others is missed.
        return [*own, *there], []
    return there, [name for name, section in found.items() if section is None]


def _circuit(folder: Folder) -> Section | None:
    topology = folder.instance.get("topology") or folder.summary.get("topology")
    if not topology:
        return None
    name, n = (
        (topology["name"], topology["n"]) if isinstance(topology, Mapping) else (topology, folder.summary.get("n", 8))
    )
    captions = {
        "crossbar": "Above: one cell with its row. A resistor R0/|A_ij| runs from the output of cell j to the virtual"
        " ground of cell i; the capacitor integrates. Below: the inverted rail, which serves the entries below zero.",
        "rc-mesh": "One cell: capacitor, resistor to ground, the drive as a current, a coupling to a neighbour.",
    }
    if name not in captions:
        return None
    return Section(
        "Circuit",
        (f"A chip of topology {name} with {n} cells. It settles at the solution of A x = b.",),
        (picture(lambda: figures.schematic(name, n), captions[name]),),
    )


_UNITS = {
    "R0": "Ω", "C": "F", "L": "H", "temperature": "K", "injected_noise": "A²/Hz",
    "amplifier.gain": "V/V", "amplifier.gain_bandwidth": "Hz", "amplifier.offset_sigma": "V",
    "amplifier.bias_current": "A", "amplifier.noise_voltage": "V/√Hz", "amplifier.noise_current": "A/√Hz",
    "amplifier.rail_low": "V", "amplifier.rail_high": "V", "amplifier.slew": "V/s",
    "amplifier.output_resistance": "Ω", "amplifier.load_capacitance": "F", "amplifier.supply_current": "A",
    "converters.full_scale": "V", "programming.switch_resistance": "Ω", "tempco.reference": "K",
    "drift.temperature_sigma": "K", "drift.temperature_time": "s", "drift.ageing_time": "s",
}  # fmt: skip
_UNPREFIXED = ("V/√Hz", "A/√Hz", "A²/Hz", "K", "V/V")


def _design(folder: Folder) -> Section | None:
    if not folder.design:
        return None
    sources = folder.design.get("sources") or {}
    shown = {k: v for k, v in folder.design.items() if k not in ("name", "description", "sources")}
    fields = [(path, value, _source(path, sources)) for path, value in _flat(shown)]
    used = [field for field in fields if field[1] or field[2]]
    unused = [path for path, value, source in fields if not (value or source)]
    rows = tuple((path, _value(path, value), source) for path, value, source in used)
    text = [f"{folder.design.get('name', '')}: {folder.design.get('description', '')}".strip(": ")]
    text += [f"Zero or not used: {', '.join(unused)}."] if unused else []
    return Section(
        "Design", tuple(text), (), (Table("Values and where they come from", ("field", "value", "source"), rows),)
    )


def _flat(data: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in data.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _value(path: str, value: Any) -> str:
    if value is None:
        return "ideal"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if path.startswith("mismatch."):
        return f"{100 * value:.3g} %"
    unit = _UNITS.get(path, "")
    if unit in _UNPREFIXED:
        return f"{value:.5g} {unit}"
    return quantity(float(value), unit, 4) if unit else f"{value:g}"


def _source(path: str, sources: Mapping[str, Any]) -> str:
    return str(sources.get(path) or sources.get(path.rsplit(".", 1)[-1]) or sources.get(path.split(".", 1)[0]) or "")


def _waveforms(folder: Folder) -> Section | None:
    data = folder.waveforms
    if data is None:
        return None
    time, spice = data["time"].values, data["spice"].values
    calibrated, sd = data["calibrated"].values, data["sd"].values
    models = {name: data[name].values for name in MODELS}
    caption = (
        "A program that the calibration did not see. Wide lines: SPICE. Thin lines: the calibrated model, with the"
        " band of two standard deviations of the noise that it expects"
        f" (at most {quantity(2 * float(sd.max()), 'V')}, which may be thinner than the line)."
    )
    return Section(
        "Waveforms: SPICE against the model",
        (),
        (
            picture(lambda: figures.waveforms(time, spice, calibrated, sd), caption),
            picture(
                lambda: figures.residuals(time, spice, models),
                "The same transient, model minus SPICE, each on its own scale. The first model knows the design alone,"
                " the second what was measured of the chip, the third all that was drawn.",
            ),
        ),
    )


def _covariance(folder: Folder) -> Section | None:
    if not folder.covariance:
        return None
    spice, model = (folder.covariance[key] for key in ("spice", "model"))
    whole, difference = float(np.linalg.norm(spice)), float(np.linalg.norm(model - spice))
    error = f"{difference / whole:.2e} of SPICE's" if whole > 0 else f"{difference:.2e} V², and SPICE has none"
    return Section(
        "Stationary covariance",
        (f"Frobenius norm of the difference: {error}.",),
        (
            picture(
                lambda: figures.covariance_maps(spice, model),
                "Covariance of the readouts from SPICE noise analyses and from the Lyapunov equation of the same chip;"
                " the difference has a scale of its own.",
            ),
        ),
    )


def _calibration(folder: Folder) -> Section | None:
    rows = folder.parameters
    if not rows:
        return None
    z = np.array([row.z for row in rows if row.z is not None])
    pictures = []
    text = [f"{len(rows)} parameters were fitted."]
    if len(z):
        text.append(
            f"Against what was drawn: root mean square z-score {np.sqrt(np.mean(z**2)):.2f} (1 expected),"
            f" {np.mean(np.abs(z) < 2):.0%} within two standard errors (95 % expected), largest {np.abs(z).max():.1f}."
        )
        text.append(
            "What the data cannot tell, such as a common factor of a row's conductances and its capacitor, is settled"
            " by the tolerances alone: the scores of such a group move together."
        )
        pictures = [
            picture(
                lambda: figures.parameters(rows),
                "Fitted against drawn, bars of one standard error (often smaller than the dot). On the line: exact.",
            ),
            picture(lambda: figures.z_scores(rows), "Distance from what was drawn, in standard errors."),
        ]
    return Section("Calibration", tuple(text), tuple(pictures))


def _fidelity(folder: Folder) -> Section | None:
    rows = folder.fidelity
    if not rows:
        return None
    shown = rows if len(rows) <= _MOST_CHECKS else _closest(rows)
    table = Table(
        "Every comparison with its limit"
        if len(shown) == len(rows)
        else "For each circuit and analysis the comparison closest to its limit, and all that failed; fidelity.json has"
        " every one",
        ("comparison", "circuit", "value", "limit", "verdict"),
        tuple(
            (
                f"{row.get('metric', '')} ({row.get('analysis', '')})",
                f"{row.get('topology', '')}, {row.get('level', '')}, {row.get('size', '')} cells",
                f"{row['value']:.2e}" if "value" in row else "not computed",
                f"{row['limit']:.2e}" if "limit" in row else "",
                "✓ passed" if row.get("passed") else "✗ failed",
            )
            for row in shown
        ),
        tuple(bool(row.get("passed")) for row in shown),
    )
    caption = (
        "Each comparison of the table by circuit: its value as a part of its limit (logarithmic). Left of the line it"
        " passed; a cross failed. Smaller parts than 1e-9 are drawn there."
    )
    pictures: tuple[Picture, ...] = (picture(lambda: figures.checks(rows), caption),) if len(rows) > 1 else ()
    if folder.heldout:
        caption = (
            f"Settled readouts of {len(folder.heldout)} programs that the calibration did not see:"
            " distance of each model from SPICE (logarithmic). The design model knows no deviations, the calibrated one"
            " those that were measured, the nominal one all that were drawn."
        )
        pictures += (picture(lambda: figures.heldout_errors(folder.heldout), caption),)
    passed = sum(bool(row.get("passed")) for row in rows)
    return Section("Fidelity", (f"{passed} of {len(rows)} checks passed.",), pictures, (table,))


_MOST_CHECKS = 60
"""Rows of a table that a person still reads."""


def _closest(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What failed, and of what passed the row that came closest to its limit, for each circuit and analysis."""
    worst: dict[tuple[str, ...], Mapping[str, Any]] = {}
    for row in rows:
        key = tuple(str(row.get(name, "")) for name in ("topology", "level", "analysis"))
        if row.get("passed") and (key not in worst or _part(row) > _part(worst[key])):
            worst[key] = row
    kept = {id(row) for row in worst.values()}
    return [row for row in rows if not row.get("passed") or id(row) in kept]


def _part(row: Mapping[str, Any]) -> float:
    """Of its limit."""
    return abs(float(row.get("value", 0.0))) / (float(row.get("limit", 0.0)) or 1.0)


def _training(folder: Folder) -> Section | None:
    found = training(folder)
    if found is None:
        return None
    pictures = tuple(picture(draw, caption) for draw, caption in found.pictures)
    tables = tuple(Table(caption, head, rows) for caption, head, rows in found.tables)
    return Section("Training", found.text, pictures, tables)


def _in_the_loop(folder: Folder) -> Section | None:
    found = folder.in_the_loop
    if not found:
        return None
    names = ("spice", "calibrated", "design")
    losses = {name: np.array(found[name]["losses"]) for name in names}
    final = {name: np.array(found[name]["parameters"]) for name in names}
    sd = np.array(found["sd"])
    z = (final["calibrated"] - final["spice"]) / sd
    largest = {name: float(np.abs(final[name] - final["spice"]).max()) for name in names[1:]}
    text = (
        f"A logistic regression with {len(sd)} parameters, trained for {len(losses['spice'])} steps with a chip of as"
        " many cells in ngspice, with the calibrated model of that chip, and with the design alone. The largest"
        f" difference of a final parameter to ngspice is {largest['calibrated']:.1e} with the calibrated model and"
        f" {largest['design']:.1e} with the design. In standard errors of the calibration (from {found['draws']} models"
        f" drawn within them, each trained as well): rms {np.sqrt(np.mean(z**2)):.2f}, largest {np.abs(z).max():.1f}.",
    )
    caption = (
        "Above: losses. Below: final parameters less those trained in ngspice; bars are one standard error of the"
        " calibration. The axis is linear near zero and logarithmic outside."
    )
    drawn = picture(lambda: figures.in_the_loop(losses, final, sd), caption)
    return Section("Training with ngspice in the loop", text, (drawn,))


def _provenance(folder: Folder) -> Section | None:
    summary, instance = folder.summary, folder.instance
    rows = [("command", str(summary["command"]))] if "command" in summary else []
    rows += [(key, str(summary[key])) for key in ("seed", "instance_seed", "quick", "started") if key in summary]
    rows += [("seed of the chip", str(instance["seed"]))] if instance.get("seed") is not None else []
    rows += [("computed in", f"{summary['elapsed_s']:.1f} s")] if "elapsed_s" in summary else []
    rows += [("simulator", str(summary["engine"]))] if summary.get("engine") and "version" not in summary else []
    rows += [(name, str(version)) for name, version in (summary.get("versions") or {}).items()]
    return Section("Seeds and versions", (), (), (Table("", ("what", "value"), tuple(rows)),)) if rows else None


_PARTS: Mapping[str, Callable[[Folder], Section | None]] = {
    "circuit": _circuit,
    "design values": _design,
    "waveforms": _waveforms,
    "covariance": _covariance,
    "calibration": _calibration,
    "fidelity": _fidelity,
    "training": _training,
    "training in the loop": _in_the_loop,
    "seeds and versions": _provenance,
}
