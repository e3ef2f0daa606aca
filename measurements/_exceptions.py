"""What a caller of this room can catch."""


class MeasurementError(ValueError):
    """A measurement is not usable, or its file cannot be read or written: one line with what was expected and came."""
