"""What stands at the head of a report: what was asked, what passed, what failed and why, and what to do next."""

from ._box import Box as Box
from ._box import box as box
from ._links import Link as Link
from ._links import href as href
from ._links import links as links
from ._verdict import Verdict as Verdict
