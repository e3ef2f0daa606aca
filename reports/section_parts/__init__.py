"""What a section of the report is made of: text, pictures and tables."""

from ._csv import csv_text as csv_text
from ._section import Cell as Cell
from ._section import Picture as Picture
from ._section import Section as Section
from ._section import Table as Table
from ._section import number as number
from ._section import picture as picture
from ._section import stored_picture as stored_picture
