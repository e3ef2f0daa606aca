"""A chip under test, and a row of the table."""

from ._bands import DECADES as DECADES
from ._bands import amplifier_band as amplifier_band
from ._bands import limit as limit
from ._row import Z_SCORE as Z_SCORE
from ._row import Row as Row
from ._row import decibels as decibels
from ._row import make_row as make_row
from ._row import relative as relative
from ._subject import Asked as Asked
from ._subject import Subject as Subject
