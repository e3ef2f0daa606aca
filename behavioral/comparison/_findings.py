"""."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...circuits import Instance
from ..devices import DeviceModel, Verdict


def parameters(device: DeviceModel, instance: Instance | None) -> list[dict[str, Any]]:
    """Every fitted deviation with its standard error; what was drawn beside it, where the chip is known.

    Of what is not `identified` the estimate and its error are the design's, and no measurement.
    """
    rows: list[dict[str, Any]] = []
    left = set(device.not_identified)
    for name, values in device.errors.items():
        for index in np.ndindex(values.shape):
            known = {} if instance is None else {"true": float(instance.errors[name][index])}
            row = {"name": name, "index": index, "unit": "V" if "offset" in name else ""}
            error = float(device.standard_errors[name][index])
            told = {"identified": _label(device, name, index) not in left}
            rows.append({**row, "estimate": float(values[index]), "standard_error": error, **told, **known})
    return [row for row in rows if row["standard_error"] > 0]


def _label(device: DeviceModel, name: str, index: tuple[int, ...]) -> str:
    """As calibrations call it: a component that serves both directions has one name."""
    if name in device.instance.topology.mirrored:
        index = (*index[:-2], max(index[-2:]), min(index[-2:]))
    return f"{name}[{','.join(map(str, index))}]"


def rms_z(rows: Sequence[dict[str, Any]]) -> float | None:
    """Root mean square of (fitted - drawn)/standard error; None where nothing drawn is known."""
    z = [(row["estimate"] - row["true"]) / row["standard_error"] for row in rows if "true" in row]
    return float(np.sqrt(np.mean(np.square(z)))) if z else None


_SHOWN = 6
"""Contradictions in a sentence; the files have all of them."""


def short(verdict: Verdict) -> str:
    """A verdict in one line, with the checks that fail most clearly."""
    failed = verdict.contradictions
    if not failed:
        return verdict.status
    more = f"; and {len(failed) - _SHOWN} more" if len(failed) > _SHOWN else ""
    return f"contradicted by {'; '.join(str(check) for check in failed[:_SHOWN])}{more}"
