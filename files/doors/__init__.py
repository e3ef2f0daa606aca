"""Doors that hand on more than they have loaded."""

from ._doors import lazy_names as lazy_names
from ._doors import moved_names as moved_names
