"""Figures that zoom, tell their values and hide a line at a click: drawn once, and moved by plotly in the page."""

from ._page import Moving as Moving
from ._page import check_installed as check_installed
from ._page import moving as moving
from ._page import policy as policy
