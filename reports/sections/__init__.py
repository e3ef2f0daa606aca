"""One section of the page a file."""

from ._all import sections as sections
