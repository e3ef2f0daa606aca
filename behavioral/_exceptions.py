"""What a caller can catch."""


class DeviceModelError(ValueError):
    """A file or value is not a device model."""


class NotStationaryError(ValueError):
    """The process has no stationary law: an eigenvalue of the drift has a real part that is not positive."""


class ClippedError(ValueError):
    """A linear answer was asked for where an amplifier is at its rails."""


class LinearAlgebraError(ValueError):
    """A problem that a device cannot take, or a budget that gives no answer."""


class ProblemError(ValueError):
    """An optimisation or inference problem that is not one: wrong shapes, numbers that are none, not convex."""
