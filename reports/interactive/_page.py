"""Scripts of a page whose figures move: plotly's own, and the figures; a policy names each by what is in it."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from matplotlib.figure import Figure

from .._exceptions import ReportError
from ..figures import DARK, LIGHT, Theme
from ._traces import plotly_figure


@dataclass(frozen=True, slots=True)
class Moving:
    """Scripts in the order in which the page runs them."""

    scripts: tuple[str, ...]
    places: frozenset[str]
    """Those of figures that move; a schematic and a map stay pictures."""


def check_installed() -> None:
    """Raise `ReportError` where plotly is not installed."""
    if find_spec("plotly") is None:
        raise ReportError(
            "interactive: figures that move need plotly, which is not installed; install it by"
            " pip install 'thermospice[interactive]', or leave it out"
        )


def moving(draws: Mapping[str, Callable[[], Figure]]) -> Moving:
    """The scripts for figures by the identifier of their places in the page; none without figures.

    Raises:
        ReportError: plotly is not installed.
    """
    check_installed()
    looks = {theme.name: {place: _in(theme, draw) for place, draw in draws.items()} for theme in (LIGHT, DARK)}
    looks = {name: {place: one for place, one in look.items() if one is not None} for name, look in looks.items()}
    places = frozenset(looks[LIGHT.name])
    if not places:
        return Moving((), places)
    data = json.dumps(looks, allow_nan=False, separators=(",", ":"))
    return Moving((_library(), _START.replace("DATA", _harmless(data))), places)


def _in(theme: Theme, draw: Callable[[], Figure]) -> object:
    with theme.active():
        return plotly_figure(draw(), theme)


def _library() -> str:
    # What would end the element that holds it is none of JavaScript's business.
    return _harmless(str(import_module("plotly.offline").get_plotlyjs()))


def _harmless(text: str) -> str:
    return text.replace("</", "<\\/").replace("<!--", "<\\!--")


def policy(base: str, scripts: Sequence[str]) -> str:
    """A policy that lets these scripts run and no other; they may make styles and pictures, and load nothing."""
    if not scripts:
        return base
    allowed = " ".join(f"'sha256-{_digest(text)}'" for text in scripts)
    return f"{base}; script-src {allowed}"


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


_START = """(function () {
  var looks = DATA;
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  var options = {responsive: true, displaylogo: false, scrollZoom: false,
    modeBarButtons: [["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]]};
  function draw() {
    var look = looks[dark.matches ? "dark" : "light"];
    Object.keys(look).forEach(function (place) {
      Plotly.react(place, look[place].data, look[place].layout, options);
    });
  }
  document.documentElement.classList.add("moves");
  draw();
  dark.addEventListener("change", draw);
})();"""
