"""What a simulation will take: time and memory, by the sizes that its circuit has."""

from collections import Counter
from math import ceil

import numpy as np

from ...circuits import Instance, Network, Program
from ...circuits.networks import GROUND, Capacitor, Inductor, OpAmp, Resistor
from ...files.forecasts import MARGIN, Forecast, free_memory
from ...files.opening import available_cores
from ...measurements import Analysis
from .._exceptions import NetlistError
from ..decks import NOISE_RUNS_PER_PROCESS

TIMEOUT = 300.0
"""Of a simulator's process, where no longer time is expected [s]."""

# Of a core of the kind that `benchmarks/bench_growth.py` prints; ngspice with SPARSE 1.3.
_ORDERING, _BEYOND_CACHE, _LARGE_CORE = 2e-8, 10.0, 420
_POINT, _POINTS = 3e-10, {"op": 0, "ac": 1000, "tran": 5000, "noise": 250}
_NOISY_POINT = 4e-7
"""Time of a point for each element with its random source [s]."""

_POINTS_PER_HOLD = 5
"""Points for each value that such a source holds."""
_OWN = 6e-9
_DEGREE = 16
"""Resistors at a node from which on elimination fills its row."""

_ELEMENT, _STATE, _PYTHON = 4e3, 170.0, 2.5e8
"""Bytes of an element, of each pair of states, of the program itself."""


def forecast(network: Network, analysis: Analysis, cores: int | None = None) -> Forecast:
    """What an analysis of a circuit takes; a circuit that stays sparse takes next to nothing.

    Its longest part is one process of the simulator; with others of its kind it shares so many cores, those of this
    machine unless given. Before them comes the linear analysis.
    """
    core, states = _core(network), _states(network)
    beyond = _BEYOND_CACHE if core > _LARGE_CORE else 1.0
    simulator = beyond * core**3 * (_ORDERING + _POINT * _POINTS[analysis])
    processes = 1
    if analysis == "noise":
        # A spectrum for each two readouts, many in each process.
        n = len(network.outputs)
        spectra = n * (n + 1) // 2
        processes = ceil(spectra / NOISE_RUNS_PER_PROCESS)
        simulator *= spectra / processes
    own = _OWN * states**3 if core else 0.0
    memory = _PYTHON + _ELEMENT * len(network.elements) + (_STATE * states**2 if core else 0.0)
    return _shared(simulator, processes, memory, cores).after(own)


def forecast_of_noise(network: Network, holds: float, runs: int) -> Forecast:
    """What transients with random sources take, each of which holds so many values; the linear analysis aside."""
    each = _NOISY_POINT * len(network.elements) + _POINT * _core(network) ** 3
    memory = _PYTHON + _ELEMENT * len(network.elements) + 8.0 * holds * _POINTS_PER_HOLD * (len(network.outputs) + 1)
    return _shared(_POINTS_PER_HOLD * holds * each, runs, memory, None)


def _shared(simulator: float, processes: int, memory: float, cores: int | None) -> Forecast:
    """Of processes that take so long each [s], on cores that they share."""
    return Forecast(simulator * ceil(processes / (cores or available_cores())), memory, simulator)


def granted(expected: Forecast) -> float:
    """Time to grant to each of the simulator's processes [s]."""
    return max(TIMEOUT, MARGIN * expected.longest)


def check_forecast(expected: Forecast, timeout: float | None = None) -> None:
    """Refuse with the number what does not fit.

    Raises:
        NetlistError: into the free memory, or into the time limit of a process [s].
    """
    if lack := expected.lack_of_memory(free_memory()):
        raise NetlistError(f"size: {lack}: take fewer cells")
    if lack := expected.lack_of_time(timeout, "the simulator"):
        raise NetlistError(f"{lack}: give it more time, or take fewer cells")


def check_size(instance: Instance, program: Program) -> None:
    """Raise `NetlistError` where the circuit of a program has more elements than memory is free for."""
    arrays = instance.topology.weights(program).values()
    elements = sum(np.count_nonzero(np.asarray(values, dtype=float)) for values in arrays)
    check_forecast(Forecast(0.0, _PYTHON + _ELEMENT * elements))


def _core(network: Network) -> int:
    """Nodes whose rows an elimination fills: those of an array."""
    degree = Counter(node for e in network.elements if isinstance(e, Resistor) for node in (e.a, e.b))
    degree.pop(GROUND, None)
    return sum(count > _DEGREE for count in degree.values())


def _states(network: Network) -> int:
    amplifiers = sum(isinstance(e, OpAmp) and e.model is not None for e in network.elements)
    return sum(isinstance(e, Capacitor | Inductor) for e in network.elements) + 2 * amplifiers
