"""A file as lines, words, numbers and expressions."""

from ._expressions import evaluate as evaluate
from ._expressions import evaluate_linear as evaluate_linear
from ._includes import with_parts as with_parts
from ._linear import Linear as Linear
from ._lines import Line as Line
from ._lines import Lines as Lines
from ._lines import logical_lines as logical_lines
from ._numbers import read_number as read_number
from ._problems import Place as Place
from ._problems import Problems as Problems
from ._words import Given as Given
from ._words import assignments as assignments
from ._words import check_separators as check_separators
from ._words import check_values as check_values
from ._words import given as given
from ._words import unbraced as unbraced
from ._words import words as words
