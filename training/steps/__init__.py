"""One face for every optimiser."""

from ._served import within_range as within_range
from ._stepper import make_stepper as make_stepper
