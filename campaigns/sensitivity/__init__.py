"""Which parameters move a metric."""

from ._indices import bootstrapped as bootstrapped
from ._indices import sobol_indices as sobol_indices
from ._ranking import ranking as ranking
from ._table import write_ranking as write_ranking
