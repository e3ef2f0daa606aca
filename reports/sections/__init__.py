"""One section of the page a file."""

from ._all import sections as sections
from ._section import Cell as Cell
from ._section import Picture as Picture
from ._section import Section as Section
from ._section import Table as Table
from ._section import csv_text as csv_text
