"""Two looks of every figure, light (also for print) and dark; colours that colour-blind readers tell apart."""

import base64
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import matplotlib.image
import numpy as np
from cycler import cycler
from jaxtyping import Float
from matplotlib.figure import Figure

# Okabe and Ito, https://jfly.uni-koeln.de/color/ (2008); without their yellow, which vanishes on white, and with
# their black or its dark-mode twin, the ink, kept for measured data.
_LIGHT = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F5539", "#6C6C6C")
_DARK = ("#56B4E9", "#FF8A3D", "#2BD4A4", "#F0A3CC", "#F5C04A", "#A9DDFF", "#D9AF8B", "#B0B0B0")

# Of a figure [in]: its text of 10 pt stays readable when a phone shows it 360 pixels wide.
WIDTH = 5.2


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of one look."""

    name: str
    ink: str
    muted: str
    paper: str
    colours: tuple[str, ...]

    @contextmanager
    def active(self) -> Iterator[None]:
        """Figures made inside have this look, whatever the settings of this machine are."""
        with mpl.rc_context():
            mpl.rcdefaults()
            mpl.rcParams.update(self._settings())
            yield

    def _settings(self) -> Any:
        return {
            "axes.edgecolor": self.muted,
            "axes.facecolor": self.paper,
            "axes.grid": True,
            "axes.labelcolor": self.ink,
            "axes.prop_cycle": cycler(color=self.colours),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlecolor": self.ink,
            "axes.titlelocation": "left",
            "axes.titlesize": 10,
            "figure.constrained_layout.use": True,
            "figure.facecolor": self.paper,
            "font.size": 10,
            "grid.alpha": 0.25,
            "grid.color": self.muted,
            "grid.linewidth": 0.6,
            "legend.fontsize": 9,
            "legend.frameon": False,
            "lines.linewidth": 1.6,
            "savefig.facecolor": self.paper,
            "svg.fonttype": "path",
            "svg.hashsalt": "thermospice",  # the same data give the same file
            "text.color": self.ink,
            "xtick.color": self.muted,
            "xtick.labelcolor": self.ink,
            "ytick.color": self.muted,
            "ytick.labelcolor": self.ink,
        }


LIGHT = Theme("light", ink="#1b1f24", muted="#6e7781", paper="#ffffff", colours=_LIGHT)
DARK = Theme("dark", ink="#e6edf3", muted="#8b949e", paper="#12161c", colours=_DARK)


def ink() -> str:
    """Text colour of the active look."""
    return str(mpl.rcParams["text.color"])


def colours() -> tuple[str, ...]:
    """Line colours of the active look."""
    return tuple(mpl.rcParams["axes.prop_cycle"].by_key()["color"])


def svg_uri(draw: Callable[[], Figure], theme: Theme) -> str:
    """A figure as a data URI that an `<img>` shows."""
    with theme.active():
        buffer = io.BytesIO()
        draw().savefig(buffer, format="svg", metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def png(draw: Callable[[], Figure], dpi: int = 160) -> bytes:
    """A figure as a PNG file, in the light look."""
    with LIGHT.active():
        buffer = io.BytesIO()
        draw().savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def png_uri(content: bytes) -> str:
    """A PNG file as a data URI."""
    return "data:image/png;base64," + base64.b64encode(content).decode("ascii")


# Luma and chroma of television, which leave hue where it is (ITU-R BT.601, in the form YIQ).
_TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])


def dark_png(content: bytes) -> bytes:
    """A light PNG file in the dark look: light and dark change places, from ink to paper, and hues stay.

    What cannot be read as a picture stays as it is.
    """
    if _pixels(content) > _MOST_PIXELS:
        return content
    try:
        pixels = matplotlib.image.imread(io.BytesIO(content), format="png")
    except (ValueError, OSError, SyntaxError):
        return content
    if pixels.dtype.kind != "f" or pixels.ndim != 3 or pixels.shape[2] not in (3, 4):
        return content
    ends = [float(_TO_YIQ[0] @ _rgb(colour)) for colour in (DARK.ink, DARK.paper)]
    yiq = pixels[..., :3] @ _TO_YIQ.T
    # What has colour is lifted: a bright orange line is none that should turn dark.
    chroma = np.linalg.norm(yiq[..., 1:], axis=-1, keepdims=True)
    luma = ends[0] + (ends[1] - ends[0]) * yiq[..., :1] + _LIFT * chroma
    # Paper and ink are not quite grey.
    tint = _rgb(DARK.paper) - ends[1]
    turned = np.concatenate([luma, yiq[..., 1:]], axis=-1) @ np.linalg.inv(_TO_YIQ).T
    rgb = np.clip(turned + tint * yiq[..., :1], 0, 1)
    buffer = io.BytesIO()
    shown = np.concatenate([rgb, pixels[..., 3:]], axis=-1)
    matplotlib.image.imsave(buffer, shown, format="png")
    return buffer.getvalue()


_LIFT = 0.6
"""Luma for chroma: the light look's orange, of luma 0.66, comes to 0.6 on dark paper."""

_MOST_PIXELS = 20_000_000
"""Of a picture that is taken apart; a small file can unfold into gigabytes."""


def _pixels(content: bytes) -> int:
    """As a PNG file's header says: width and height behind its signature and the name of the header."""
    return int.from_bytes(content[16:20], "big") * int.from_bytes(content[20:24], "big")


def _rgb(colour: str) -> Float[np.ndarray, "3"]:
    return np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
