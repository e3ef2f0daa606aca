"""What tuning searches."""

from ._ranges import RHO as RHO
from ._ranges import Choice as Choice
from ._ranges import Range as Range
from ._ranges import Space as Space
from ._ranges import rate_of as rate_of
from ._ranges import settings_at as settings_at
