"""Figures of programs on a device."""

from ._figures import band as band
from ._figures import interior_point as interior_point
