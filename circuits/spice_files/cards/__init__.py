"""What the words of one line mean: its elements."""

from ._elements import elements as elements
from ._site import CELSIUS as CELSIUS
from ._site import Conditions as Conditions
from ._site import Site as Site
