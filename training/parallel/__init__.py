"""Data-parallel processes."""

from ._lead import Lead as Lead
from ._ranks import Ranks as Ranks
from ._ranks import started_among_others as started_among_others
