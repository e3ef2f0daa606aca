"""The circuit of a study of a netlist without deviations, under each of its conditions."""

from collections.abc import Iterable, Mapping
from typing import Any

MOST = 60
"""Conditions up to which it is simulated; each takes a part of a second, on this machine."""


def nominal_metrics(tasks: Mapping[int, Mapping[str, Any]], timeout: float) -> dict[int, dict[str, float]]:
    """Metrics by condition; without those whose simulation fails, and of none where there are too many.

    Args:
        tasks: one of each condition, with any chip.
        timeout: of each [s].
    """
    if len(tasks) > MOST:
        return {}
    return dict(_performed(tasks.items(), timeout))


def _performed(
    tasks: Iterable[tuple[int, Mapping[str, Any]]], timeout: float
) -> Iterable[tuple[int, dict[str, float]]]:
    # The simulators take a second to load, which a study that only shows its plan need not wait for.
    from ...netlists import SimulatorError
    from ._netlist_run import perform

    for point, task in tasks:
        try:
            yield point, perform({**task, "instance": None}, timeout)["metrics"]
        except (SimulatorError, ValueError):
            continue
