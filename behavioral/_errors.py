"""Errors of this room that more than one module raises."""


class MeasurementError(ValueError):
    """A measurement is not usable: one line with what, what was expected and what came."""
