"""What the words of one line mean: its elements."""

from ._elements import elements as elements
from ._expressions import from_expression as from_expression
from ._expressions import has_expression as has_expression
from ._site import CELSIUS as CELSIUS
from ._site import Conditions as Conditions
from ._site import Site as Site
