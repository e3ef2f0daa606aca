"""What a simulator left, read; what cannot be read is a simulation that failed."""

from ...files import FileError
from ...files.waveforms import Plot as Plot
from ...files.waveforms import read_raw as _read_raw
from .._exceptions import SimulationFailed


def read_raw(data: bytes) -> tuple[Plot, ...]:
    """Read a raw file, as `files.waveforms.read_raw`.

    Raises:
        SimulationFailed: the file is malformed or ends early.
    """
    try:
        return _read_raw(data)
    except FileError as error:
        raise SimulationFailed(str(error)) from None
