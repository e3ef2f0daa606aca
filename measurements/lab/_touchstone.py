"""Network analysers: from scattering parameters to voltage responses of open outputs."""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Complex

from ...files.opening import NUMBERS, UnreadableFile, check_plain
from .._exceptions import MeasurementError
from ._columns import Column
from ._description import RecordFacts


def read_touchstone(path: Path, facts: RecordFacts) -> tuple[tuple[Column, ...], Complex[np.ndarray, "rows columns"]]:
    """Frequency [Hz] and the voltage at each cell's port for a volt at the drive's port, outputs open: `Z_kd/Z_dd`.

    Raises:
        MeasurementError: scikit-rf is not installed, ports that nobody says, or a file that it cannot read.
    """
    if facts.drive_port is None or not facts.ports:
        raise MeasurementError(
            f"{path}: drive_port and ports: say which port of the file drives, and which cell each other port shows,"
            " such as `drive_port: 1` and `ports: {2: 0}`"
        )
    network = _network(path)
    count = network.nports
    drive = facts.drive_port - 1
    try:
        ports = {int(port) - 1: cell for port, cell in facts.ports.items()}
    except ValueError:
        raise MeasurementError(f"{path}: ports: expected numbers of ports, got {', '.join(facts.ports)}") from None
    if not all(0 <= port < count and port != drive for port in ports) or not 0 <= drive < count:
        raise MeasurementError(f"{path}: ports: expected ports 1 to {count}, each once, got {dict(facts.ports)}")
    Z = np.asarray(network.z)
    f = np.asarray(network.f, dtype=float)
    columns = (
        Column("frequency", "frequency", 1.0),
        *(Column(f"out{cell}", "voltage", 1.0) for cell in ports.values()),
    )
    H = [Z[:, port, drive] / Z[:, drive, drive] for port in ports]
    values = np.column_stack([f, *H]).astype(complex)
    if not np.isfinite(values).all():
        raise MeasurementError(f"{path}: expected finite impedances; the scattering parameters have none")
    return columns, values


def _network(path: Path) -> Any:
    try:
        check_plain(path, NUMBERS)
    except UnreadableFile as error:
        raise MeasurementError(f"{path}: cannot read the record: {error.reason}") from None
    try:
        import skrf
    except ImportError:
        raise MeasurementError(
            f"{path}: Touchstone files are read by scikit-rf, which is not installed: pip install 'thermospice[lab]'"
        ) from None
    try:
        return skrf.Network(str(path))
    except Exception as error:
        raise MeasurementError(f"{path}: not a Touchstone file: {type(error).__name__}: {error}") from None
