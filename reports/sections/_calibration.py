"""What was fitted."""

import numpy as np

from .. import figures
from ..results import Folder
from ._section import Section, Table, picture


def calibration_section(folder: Folder) -> Section | None:
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
    text += folder.experiments
    return Section("Calibration", tuple(text), tuple(pictures), _residuals(folder))


def _residuals(folder: Folder) -> tuple[Table, ...]:
    rows = folder.residuals
    if not rows:
        return ()
    cells = tuple((row["file"], row["analysis"], f"{row['rms']:.3g}", row.get("why", "used")) for row in rows)
    caption = "Residuals by record, rms in units of what noise and error bars explain together (1 expected)."
    return (Table(caption, ("record", "analysis", "residual", ""), cells, tuple(row["used"] for row in rows)),)
