"""What the calibration of a device said of itself, for the commands that use the device."""

from pathlib import Path
from typing import Any

from ...behavioral import DeviceModel, load_device
from ...behavioral.comparison import short
from ..frame import Job


def notes(device: Path | None) -> dict[str, Any]:
    """Entries of a summary: the verdict on the device's calibration, and what contradicts it; none without a device.

    Raises:
        DeviceModelError: unreadable, or not a model.
    """
    model = None if device is None else load_device(device)
    if not isinstance(model, DeviceModel):
        return {}
    found: dict[str, Any] = {"device_verdict": model.verdict.status}
    if model.verdict.contradicted:
        found["device_contradictions"] = [str(check) for check in model.verdict.contradictions]
    return found


def tell(this: Job, device: Path | None) -> None:
    """Say it when the measurements contradict the device; numbers that follow from it are no better."""
    model = None if device is None else load_device(device)
    if isinstance(model, DeviceModel) and model.verdict.contradicted:
        this.say(f"{device}: its calibration is {short(model.verdict)}")
