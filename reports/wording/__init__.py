"""Names and numbers as people say them: no field paths, units, percent where one thinks in percent."""

from ._names import metric_words as metric_words
from ._names import parameter_words as parameter_words
from ._names import value_words as value_words
from ._numbers import amount as amount
from ._numbers import between as between
from ._numbers import counted as counted
from ._numbers import in_percent as in_percent
from ._numbers import listed as listed
from ._numbers import median_text as median_text
from ._numbers import percent as percent
from ._numbers import plus_minus as plus_minus
