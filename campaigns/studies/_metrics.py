"""Numbers that a run gives, with their units."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of a run: unit, what it is, the analysis that gives it (None: none is needed)."""

    unit: str
    meaning: str
    analysis: str | None = None

    @property
    def quantity(self) -> str:
        """Its unit as limits on it are read."""
        return {"1": "", "entries": "count"}.get(self.unit, self.unit)


CIRCUIT: Mapping[str, Metric] = MappingProxyType(
    {
        "relative_error": Metric("1", "relative error |x - A^-1 b| / |A^-1 b|", "op"),
        "worst_error": Metric("V", "largest deviation of a cell from A^-1 b", "op"),
        "cells_at_rails": Metric("cells", "cells within 10 % of a supply rail", "op"),
        "amplifiers_at_rails": Metric("1", "amplifiers beyond their rails, with stages and inverted rails"),
        "settle_time": Metric("s", "settling time", "tran"),
        "overshoot": Metric("1", "largest |v| of a transient over |v| when settled, less one", "tran"),
        "noise_rms": Metric("V", "noise of the solution, rms over cells", "noise"),
        "bandwidth": Metric("Hz", "-3 dB frequency of the drive's response", "ac"),
        "clipped": Metric("entries", "program entries beyond the conductance range"),
        "supply_power": Metric("W", "quiescent power of the amplifiers"),
        "used_conductance_scale": Metric("1", "scale of the loaded matrix"),
        "used_drive_scale": Metric("1", "scale of the loaded drive"),
    }
)

TRAINING: Mapping[str, Metric] = MappingProxyType(
    {
        "test_loss": Metric("1", "loss on test data"),
        "train_loss": Metric("1", "loss on training data"),
        "test_accuracy": Metric("1", "accuracy on test data"),
        "train_accuracy": Metric("1", "accuracy on training data"),
        "validation_loss": Metric("1", "loss on validation data"),
        "validation_accuracy": Metric("1", "accuracy on validation data"),
        "steps_done": Metric("steps", "steps of the optimiser"),
        "policy_acted": Metric("steps", "steps whose loop would have rung up, in which damping was raised or t cut"),
    }
)
"""Modelled times and energies hold what was measured on the machine at that moment: they stand in the runs' entries,
not among the numbers that a study gives again."""

ARRAYS: Mapping[str, Metric] = MappingProxyType(
    {
        "x": Metric("V", "exact solution A^-1 b"),
        "v": Metric("V", "settled voltages of the nodes"),
        "answer": Metric("V", "the same without the drive's scale: what the chip says that x is"),
        "noise_sd": Metric("V", "standard deviation of each cell's solution"),
    }
)
"""Numbers of a run for each cell."""

RATIOS: Mapping[str, Metric] = MappingProxyType(
    {
        "train_loss_ratio": Metric("1", "training loss over that of the reference"),
        "test_loss_ratio": Metric("1", "test loss over that of the reference"),
    }
)
"""Of a study with a reference: each run over the reference run of the same seed."""

EVERY_METRIC: Mapping[str, Metric] = MappingProxyType({**CIRCUIT, **TRAINING, **RATIOS})

OF_AN_OUTPUT: Mapping[str, Metric] = MappingProxyType(
    {
        "dc": Metric("V", "operating point", "op"),
        "gain": Metric("1", "largest response", "ac"),
        "peak_frequency": Metric("Hz", "frequency of the largest response", "ac"),
        "bandwidth": Metric("Hz", "frequency above the peak at which the response is 3 dB less", "ac"),
        "rms": Metric("V", "noise", "noise"),
        "settle_time": Metric("s", "time from which on it stays within settle_tolerance", "tran"),
        "overshoot": Metric("1", "largest excursion beyond the settled value over that", "tran"),
    }
)
"""Of each output of a netlist, such as `dc(v1)`."""


def netlist_quantity(name: str) -> str | None:
    """The unit that limits on a metric of a netlist are read in; None for another metric."""
    if name == "tau":
        return "s"
    kind, bracket, label = name.partition("(")
    if not bracket or not name.endswith(")"):
        return None
    if kind == "rho":
        return ""
    metric = OF_AN_OUTPUT.get(kind)
    if metric is None:
        return None
    unit = "A" if label.lower().startswith("i(") and metric.unit == "V" else metric.unit
    return "" if unit == "1" else unit
