"""One section of the page a file."""

from ._all import sections as sections
from ._section import Section as Section
from ._training import verdicts as verdicts
