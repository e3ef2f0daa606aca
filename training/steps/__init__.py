"""One face for every optimiser."""

from ._stepper import make_stepper as make_stepper
