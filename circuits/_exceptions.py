"""Errors of this room: each message is one line that says what was expected, what came and what to do."""


class DesignError(ValueError):
    """A design file or value is not usable."""


class ProgramError(ValueError):
    """A program (A, b) cannot be loaded into the device."""


class CircuitError(ValueError):
    """A circuit, or the file that describes it, is not usable."""
