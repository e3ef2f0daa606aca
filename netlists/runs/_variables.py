"""From ngspice's plots to the data variables of a measurement."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ...measurements import Analysis, Variables
from ..decks import Plan, initial_voltages
from ..simulators import Plot
from ..simulators import analyses as _analyses


def variables(plan: Plan, plots: Sequence[Plot]) -> Variables:
    """What `simulate` says that an analysis measures.

    Raises:
        SimulationFailed: the plots are not those of the plan.
    """
    return _READERS[plan.settings.analysis](plan, plots)


def _op(plan: Plan, plots: Sequence[Plot]) -> Variables:
    return {"v": (("cell",), _analyses.voltages(plots[0], plan.network.outputs)[0], "V")}


def _ac(plan: Plan, plots: Sequence[Plot]) -> Variables:
    assert plan.grid is not None
    response = _analyses.responses(plots[0], plan.network.outputs, plan.grid)
    dims = ("frequency", "cell")
    return {
        "frequency": (("frequency",), plots[0].scale, "Hz"),
        "v_re": (dims, response.real.copy(), "V"),
        "v_im": (dims, response.imag.copy(), "V"),
    }


def _noise(plan: Plan, plots: Sequence[Plot]) -> Variables:
    assert plan.grid is not None
    densities = _analyses.spectra(plots, plan.grid)
    n = len(plan.network.outputs)
    found: Variables = {
        "frequency": (("frequency",), plots[-1].scale[: plan.grid.rows], "Hz"),
        "psd": (("frequency", "cell"), densities[:, :n], "V^2/Hz"),
    }
    if plan.settings.band is not None:
        within = _analyses.covariance(densities, n, plan.grid, plan.settings.band)
        return {**found, "band_covariance": (("cell", "cell_in"), within, "V^2")}
    if plan.settings.frequencies is not None or plan.linear.space.noise_feedthrough > 0:
        return found
    return {**found, "covariance": (("cell", "cell_in"), _analyses.covariance(densities, n, plan.grid), "V^2")}


def _tran(plan: Plan, plots: Sequence[Plot]) -> Variables:
    times, v = plots[0].scale, _analyses.voltages(plots[0], plan.network.outputs)
    if plan.hold is not None:
        times, v = _analyses.held_samples(times, v, plan.hold)
    return {
        "time": (("time",), times, "s"),
        "v": (("time", "cell"), v, "V"),
        "v0": (("cell",), np.asarray(initial_voltages(plan.settings.x0, len(plan.network.outputs))), "V"),
    }


_READERS: Mapping[Analysis, Callable[[Plan, Sequence[Plot]], Variables]] = {
    "op": _op,
    "ac": _ac,
    "noise": _noise,
    "tran": _tran,
}
