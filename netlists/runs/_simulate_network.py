"""Run any network in ngspice: typed elements, with or without a chip behind them."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from jaxtyping import Float

from ...circuits import Network, state_space
from ...measurements import Analysis, network_dataset
from ..decks import Settings, plan
from ..simulators import Cancellation, Ngspice, proven_ngspice
from ..timing import Linear
from ._carry_out import run


def simulate_network(
    network: Network,
    analysis: Analysis = "op",
    duration: float | None = None,
    x0: Sequence[float] | Float[np.ndarray, " n"] | None = None,
    max_step: float | None = None,
    frequencies: tuple[float, float] | None = None,
    points_per_decade: int | None = None,
    timeout: float = 300.0,
    ngspice: Ngspice | None = None,
    band: tuple[float, float] | None = None,
    noise: bool = False,
    seed: int | None = None,
) -> xr.Dataset:
    """Measure a network of typed elements in ngspice, such as a `sparse_mesh` of thousands of cells.

    Data variables as those of `simulate`, without `A` and `b`; its arguments too. Networks of resistors, capacitors to
    ground and current sources alone are handled sparse: 10,000 cells take seconds. Others are analysed dense, up to
    4,000 capacitors, inductors and amplifier poles.

    Raises:
        NetlistError: a value out of range, a circuit that cannot be written, or one that is too large.
        SimulatorMissing: there is no ngspice.
        SimulationFailed: unstable circuit, killed, timed out, or no result that can be trusted.
    """
    simulator = ngspice or proven_ngspice()
    settings = Settings(
        analysis,
        duration=duration,
        x0=x0,
        max_step=max_step,
        frequencies=frequencies,
        points_per_decade=points_per_decade,
        timeout=timeout,
        band=band,
        noise=noise,
        seed=seed,
    )
    linear = Linear(network, lambda: state_space(network))
    outcome = run(plan(settings, network, linear, simulator), simulator, Cancellation())
    return network_dataset(network, outcome.variables, outcome.attributes)
