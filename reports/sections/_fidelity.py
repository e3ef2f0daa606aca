"""SPICE against models."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import figures
from ..figures import quantity
from ..results import MODELS, Folder
from ..section_parts import Cell, Picture, Section, Table, picture
from ..wording import counted


def waveforms_section(folder: Folder) -> Section | None:
    data = folder.waveforms
    if data is None:
        return None
    time = data["time"].values
    spice = data["spice"].values
    calibrated = data["calibrated"].values
    sd = data["sd"].values
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


def covariance_section(folder: Folder) -> Section | None:
    if not folder.covariance:
        return None
    spice, model = (folder.covariance[key] for key in ("spice", "model"))
    whole = float(np.linalg.norm(spice))
    difference = float(np.linalg.norm(model - spice))
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


def fidelity_section(folder: Folder) -> Section | None:
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
                Cell(f"{row['value']:.2e}", row["value"]) if "value" in row else "not computed",
                Cell(f"{row['limit']:.2e}", row["limit"]) if "limit" in row else "",
                "✓ passed" if row.get("passed") else "✗ failed",
            )
            for row in shown
        ),
        tuple(bool(row.get("passed")) for row in shown),
    )
    caption = (
        "Each comparison of the table by circuit: its value as a part of its limit (logarithmic). Left of the line it"
        " passed; a cross failed. Parts below a billionth are drawn there."
    )
    pictures: tuple[Picture, ...] = (picture(lambda: figures.checks(rows), caption),) if len(rows) > 1 else ()
    if folder.heldout:
        caption = (
            f"Settled readouts of {counted(len(folder.heldout), 'program')} that the calibration did not see:"
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


def loop_section(folder: Folder) -> Section | None:
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
