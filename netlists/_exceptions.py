"""Errors of this room: each message is one line; the end of the simulator's log rides along."""


class SimulatorError(RuntimeError):
    """Something about the circuit simulator went wrong; `log` is the end of what it printed."""

    def __init__(self, message: str, log: str = "") -> None:
        super().__init__(message)
        self.log = log

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (str(self), self.log)


class SimulatorMissing(SimulatorError):
    """No usable ngspice was found."""


class SimulationFailed(SimulatorError):
    """A run gave no result that can be trusted."""


class NoPlaceToRun(SimulationFailed):
    """The folder for temporary files cannot be used; the simulator is not to blame."""


class NetlistError(ValueError):
    """A network cannot be written as a SPICE circuit."""
