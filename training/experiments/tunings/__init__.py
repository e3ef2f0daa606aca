"""What `tune` leaves, and what is shipped: chosen settings by method, for a number of steps."""

from ._document import TunedSettings as TunedSettings
from ._document import budgets as budgets
from ._document import in_document as in_document
from ._document import is_tuning as is_tuning
from ._document import methods_of as methods_of
from ._document import nearest as nearest
