"""Run a chip in ngspice: from a job to a measurement."""

import os
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, get_args

import numpy as np
import xarray as xr
from jaxtyping import Float

from ..circuits import (
    Capacitor,
    CurrentSource,
    Instance,
    Level,
    Network,
    Program,
    Scaling,
    StateSpace,
    VoltageSource,
    state_space,
)
from . import _analyses, _timing
from ._amplifier_cards import chosen_amplifier, preamble, release_time
from ._amplifier_circuit import AmplifierSubcircuit
from ._analyses import DEFAULT_TOLERANCE, Deck, Tolerance
from ._build import UNSCALED, initial_voltages, network_cards, to_text
from ._cards import NoiseForm
from ._engine import Cancellation, Limits, Ngspice, find_ngspice, run_deck
from ._errors import NetlistError, SimulatorError
from ._measurement import Variables, dataset, provenance
from ._raw import Plot
from ._verdict import judge

Analysis = Literal["op", "ac", "noise", "tran"]
ANALYSES: tuple[Analysis, ...] = get_args(Analysis)

_NOISE_RUNS_PER_PROCESS = 64
_DEFAULT_CHARGE = 1e-14
_NEGLIGIBLE = 1e-2
_NOISE_RELATIVE = 1e-6
"""Between the points where its sources change, a noisy transient needs no more."""


@dataclass(frozen=True, eq=False)
class Job:
    """One run: what `simulate` takes, as a value for `simulate_many` and `deck`."""

    instance: Instance
    program: Program
    analysis: Analysis = "tran"
    level: Level = "macro"
    duration: float | None = None
    scaling: Scaling = UNSCALED
    noise: bool = False
    seed: int | None = None
    x0: Sequence[float] | Float[np.ndarray, " n"] | None = None
    max_step: float | None = None
    noise_step: float | None = None
    frequencies: tuple[float, float] | None = None
    points_per_decade: int | None = None
    timeout: float = 300.0
    amplifier: AmplifierSubcircuit | None = None


@dataclass(frozen=True, eq=False)
class _Plan:
    """What a job comes to: the decks to run, one for each process, and the whole as one deck."""

    job: Job
    network: Network
    space: StateSpace
    decks: tuple[Deck, ...]
    whole: str
    seed: int | None = None
    hold: float | None = None
    grid: _timing.Grid | None = None


def simulate(
    instance: Instance,
    program: Program,
    analysis: Analysis = "tran",
    level: Level = "macro",
    duration: float | None = None,
    scaling: Scaling = UNSCALED,
    noise: bool = False,
    seed: int | None = None,
    x0: Sequence[float] | Float[np.ndarray, " n"] | None = None,
    max_step: float | None = None,
    noise_step: float | None = None,
    frequencies: tuple[float, float] | None = None,
    points_per_decade: int | None = None,
    timeout: float = 300.0,
    ngspice: Ngspice | None = None,
    amplifier: AmplifierSubcircuit | None = None,
) -> xr.Dataset:
    """Measure a chip in ngspice.

    Data variables: `A`, `b` as given, and by analysis

    - `op`: `v` (cell) [V], settled voltages;
    - `tran`: `v` (time, cell) [V] from the initial voltages `v0` (cell) [V], after the drive steps on at time 0;
    - `ac`: `v_re`, `v_im` (frequency, cell) [V], response to the whole drive vector;
    - `noise`: `psd` (frequency, cell) one-sided [V^2/Hz], and `covariance` (cell, cell_in) [V^2] over all
      frequencies (left out where `frequencies` limits them, or where the readout has white noise without limit).

    Voltages are those of the circuit: the solution is `v / drive_scale`.

    Args:
        instance: the chip.
        program: A and b.
        analysis: `op`, `ac`, `noise` or `tran`.
        level: `ideal`, `macro` or `transistor`. There the noise of a transient is that of the resistors and the
            macro-model's, and durations, steps and frequencies follow from the macro-model.
        duration: of a transient [s]; until the slowest mode has decayed to 1e-6 unless given.
        scaling: how the program is fitted to the device.
        noise: a transient with a random source for each origin of noise. Its points are at the whole multiples of
            `noise_step`; `held_noise_covariance` is the exact covariance there.
        seed: of these sources; the same seed gives the same waveform in every process. Drawn and recorded if None.
        x0: initial cell voltages [V], zero unless given.
        max_step: largest step of a transient [s].
        noise_step: time that a random source holds a value [s]; such that variances are at most 5 % off unless given.
        frequencies: lowest and highest [Hz]; from the circuit's poles unless given.
        points_per_decade: of frequencies; 100 for `ac`, as many as the integral needs for `noise` unless given.
        timeout: for each ngspice process [s].
        ngspice: the simulator, found unless given.
        amplifier: subcircuit at level `transistor`; the project's two-stage amplifier unless given.

    Raises:
        ProgramError, DesignError: the program or the level does not fit the chip.
        NetlistError: a value out of range, or a circuit that cannot be written.
        SimulatorMissing: there is no ngspice.
        SimulationFailed: unstable circuit, killed, timed out, or no result that can be trusted.
    """
    job = Job(
        instance,
        program,
        analysis,
        level,
        duration,
        scaling,
        noise,
        seed,
        x0,
        max_step,
        noise_step,
        frequencies,
        points_per_decade,
        timeout,
        amplifier,
    )
    return _run(job, ngspice or find_ngspice(), Cancellation())


def deck(job: Job, ngspice: Ngspice | None = None) -> str:
    """The whole circuit with its analyses: runs as it is with `ngspice -b` and prints its results.

    Raises:
        as `simulate`, but nothing is run.
    """
    return _plan(job, ngspice or find_ngspice()).whole


def simulate_many(
    jobs: Sequence[Job],
    workers: int | None = None,
    ngspice: Ngspice | None = None,
    done: Callable[[int], None] | None = None,
) -> list[xr.Dataset | SimulatorError | ValueError]:
    """Run jobs side by side; results in the order of the jobs, a failed job's error in its place.

    Args:
        jobs: what to run.
        workers: processes at a time; as many as there are processors unless given.
        ngspice: the simulator, found unless given.
        done: called with a job's number when it has ended.

    Raises:
        SimulatorMissing: there is no ngspice.
    """
    simulator = ngspice or find_ngspice()
    cancellation = Cancellation()

    def attempt(job: Job) -> xr.Dataset | SimulatorError | ValueError:
        try:
            return _run(job, simulator, cancellation)
        except (SimulatorError, ValueError) as error:
            return error

    return _side_by_side([partial(attempt, job) for job in jobs], workers, cancellation, done)


def _side_by_side(
    tasks: Sequence[Callable[[], Any]],
    workers: int | None,
    cancellation: Cancellation,
    done: Callable[[int], None] | None = None,
) -> list[Any]:
    """Results of the tasks in order. An error or Ctrl-C ends the others: the threads only wait for processes."""
    with ThreadPoolExecutor(max_workers=workers or os.cpu_count() or 1) as pool:
        futures: dict[Future[Any], int] = {pool.submit(task): k for k, task in enumerate(tasks)}
        try:
            for future in as_completed(futures):
                future.result()
                if done is not None:
                    done(futures[future])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            cancellation.cancel()
            raise
    return [future.result() for future in futures]


def _run(job: Job, ngspice: Ngspice, cancellation: Cancellation) -> xr.Dataset:
    plan = _plan(job, ngspice)
    limits = Limits(timeout=_timing.positive(job.timeout, "timeout"))

    def one(deck: Deck) -> tuple[tuple[Plot, ...], tuple[str, ...], float]:
        run = run_deck(deck.text, ngspice, limits, cancellation)
        return *judge(run, deck.expected), run.elapsed

    if len(plan.decks) == 1:
        results = [one(plan.decks[0])]
    else:
        results = _side_by_side([partial(one, part) for part in plan.decks], None, cancellation)
    plots = [plot for found, _, _ in results for plot in found]
    warnings = list(dict.fromkeys(line for _, lines, _ in results for line in lines))
    variables = _VARIABLES[job.analysis](plan, plots)
    attributes = provenance(job.analysis, job.level, job.scaling, ngspice, plan.whole, warnings)
    attributes |= {
        "noise_seed": plan.seed,
        "noise_step": plan.hold,
        "elapsed_s": sum(elapsed for _, _, elapsed in results),
    }
    return dataset(job.instance, job.program, variables, attributes)


def _plan(job: Job, ngspice: Ngspice) -> _Plan:
    if job.analysis not in ANALYSES:
        raise NetlistError(f"unknown analysis {job.analysis!r}: expected one of {', '.join(ANALYSES)}")
    network = job.instance.network(job.program, job.level, job.scaling)
    space = state_space(network)
    rates = _timing.rates(network, space)
    match job.analysis:
        case "op":
            return _plan_op(job, network, space, ngspice)
        case "ac":
            return _plan_ac(job, network, space, rates, ngspice)
        case "noise":
            return _plan_noise(job, network, space, rates, ngspice)
        case _ if job.noise:
            return _plan_seeded(job, network, space, rates, ngspice)
        case _:
            return _plan_tran(job, network, space, rates, ngspice)


def _plan_op(job: Job, network: Network, space: StateSpace, ngspice: Ngspice) -> _Plan:
    circuit = _circuit(job, network, space, "none")
    found = _analyses.op_deck(circuit + _options(network, ngspice), network.outputs)
    return _Plan(job, network, space, (found,), found.text)


def _plan_ac(job: Job, network: Network, space: StateSpace, rates: _timing.Rates, ngspice: Ngspice) -> _Plan:
    grid = _timing.response_grid(rates, job.frequencies, job.points_per_decade)
    circuit = _circuit(job, network, space, "none")
    found = _analyses.ac_deck(circuit + _options(network, ngspice), network.outputs, grid)
    return _Plan(job, network, space, (found,), found.text, grid=grid)


def _plan_noise(job: Job, network: Network, space: StateSpace, rates: _timing.Rates, ngspice: Ngspice) -> _Plan:
    grid = _timing.noise_grid(rates, job.frequencies, job.points_per_decade)
    circuit = _circuit(job, network, space, "spectral") + _options(network, ngspice)
    source, pairs = _input_source(network), _analyses.noise_pairs(network.outputs)
    if job.frequencies is not None:
        pairs = pairs[: len(network.outputs)]
    parts = [pairs[k : k + _NOISE_RUNS_PER_PROCESS] for k in range(0, len(pairs), _NOISE_RUNS_PER_PROCESS)]
    decks = tuple(_analyses.noise_deck(circuit, part, source, grid) for part in parts)
    whole = _analyses.noise_deck(circuit, pairs, source, grid).text
    return _Plan(job, network, space, decks, whole, grid=grid)


def _plan_tran(job: Job, network: Network, space: StateSpace, rates: _timing.Rates, ngspice: Ngspice) -> _Plan:
    steps = _timing.transient_steps(rates, job.program.n, job.duration, job.max_step)
    circuit = _circuit(job, network, space, "none", rates=rates)
    options = _options(network, ngspice, _tolerance(network, _swing(job, space)))
    found = _analyses.tran_deck(circuit + options, network.outputs, steps, from_rest=job.level != "transistor")
    return _Plan(job, network, space, (found,), found.text)


def _plan_seeded(job: Job, network: Network, space: StateSpace, rates: _timing.Rates, ngspice: Ngspice) -> _Plan:
    seed = _seed(job.seed)
    steps = _timing.transient_steps(rates, job.program.n, job.duration, job.max_step)
    if job.noise_step is None:
        hold = _timing.default_hold(rates, space)
    else:
        hold = _timing.positive(job.noise_step, "noise_step")
    steps = _timing.held_steps(steps, hold, job.program.n)
    circuit = _circuit(job, network, space, "seeded", hold, rates)
    noise = float(np.sqrt(np.diag(_timing.stationary_covariance(space)).max()))
    tolerance = replace(_tolerance(network, max(_swing(job, space), noise)), relative=_NOISE_RELATIVE)
    options = _options(network, ngspice, tolerance, _ngspice_seed(seed))
    found = _analyses.tran_deck(circuit + options, network.outputs, steps, from_rest=job.level != "transistor")
    return _Plan(job, network, space, (found,), found.text, seed=seed, hold=hold)


def _circuit(
    job: Job,
    network: Network,
    space: StateSpace,
    noise: NoiseForm,
    hold: float | None = None,
    rates: _timing.Rates | None = None,
) -> str:
    """The circuit; with rates it is for a transient."""
    amplifier = chosen_amplifier(job.level, job.amplifier)
    release = None if rates is None else release_time(rates)
    near = space.settled if rates is None else initial_voltages(job.x0, job.program.n)
    lines = network_cards(network, job.x0, noise, hold, amplifier, release)
    return to_text(network, lines, preamble(network, amplifier, near))


def _options(
    network: Network, ngspice: Ngspice, tolerance: Tolerance = DEFAULT_TOLERANCE, seed: int | None = None
) -> str:
    return _analyses.options(ngspice.version, len(network.nodes), tolerance, seed)


def _tolerance(network: Network, swing: float) -> Tolerance:
    """ngspice holds the error of a charge to `reltol` times that charge, but at least times this one.

    It is a small part of what the smallest cell moves: less would chase the waveform through every zero, and
    ngspice's own 1e-14 C is more than an on-chip cell holds.
    """
    cells = [float(e.capacitance) for e in network.elements if isinstance(e, Capacitor) and e.cell is not None]
    charge = _NEGLIGIBLE * min(cells, default=0.0) * swing
    return Tolerance(charge=charge) if 0 < charge < _DEFAULT_CHARGE else Tolerance()


def _swing(job: Job, space: StateSpace) -> float:
    return float(np.abs([*space.settled, *initial_voltages(job.x0, job.program.n)]).max())


def _seed(seed: int | None) -> int:
    if seed is None:
        return secrets.randbits(31)
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise NetlistError(f"seed: expected a whole number of at least 0, got {seed!r}")
    return int(seed)


def _ngspice_seed(seed: int) -> int:
    """ngspice takes 1 to 2^31 - 1; neighbouring seeds are spread out, so that their streams have nothing in common."""
    return int(np.random.SeedSequence(seed).generate_state(1)[0]) % (2**31 - 1) + 1


def _input_source(network: Network) -> str:
    """A source that `.noise` refers its input noise to; which one has no effect on what is read."""
    for element in network.elements:
        if isinstance(element, VoltageSource | CurrentSource):
            return f"{'V' if isinstance(element, VoltageSource) else 'I'}{element.name}"
    raise NetlistError(f"network {network.name}: a noise analysis needs a source")


def _op_variables(plan: _Plan, plots: Sequence[Plot]) -> Variables:
    return {"v": (("cell",), _analyses.voltages(plots[0], plan.network.outputs)[0], "V")}


def _ac_variables(plan: _Plan, plots: Sequence[Plot]) -> Variables:
    assert plan.grid is not None
    response = _analyses.responses(plots[0], plan.network.outputs, plan.grid)
    dims = ("frequency", "cell")
    return {
        "frequency": (("frequency",), plots[0].scale, "Hz"),
        "v_re": (dims, response.real.copy(), "V"),
        "v_im": (dims, response.imag.copy(), "V"),
    }


def _noise_variables(plan: _Plan, plots: Sequence[Plot]) -> Variables:
    assert plan.grid is not None
    densities = _analyses.spectra(plots, plan.grid)
    n = plan.job.program.n
    found: Variables = {
        "frequency": (("frequency",), plots[-1].scale[: plan.grid.rows], "Hz"),
        "psd": (("frequency", "cell"), densities[:, :n], "V^2/Hz"),
    }
    if plan.job.frequencies is not None or plan.space.noise_feedthrough > 0:
        return found
    return {**found, "covariance": (("cell", "cell_in"), _analyses.covariance(densities, n, plan.grid), "V^2")}


def _tran_variables(plan: _Plan, plots: Sequence[Plot]) -> Variables:
    times, v = plots[0].scale, _analyses.voltages(plots[0], plan.network.outputs)
    if plan.hold is not None:
        times, v = _analyses.held_samples(times, v, plan.hold)
    return {
        "time": (("time",), times, "s"),
        "v": (("time", "cell"), v, "V"),
        "v0": (("cell",), initial_voltages(plan.job.x0, plan.job.program.n), "V"),
    }


_VARIABLES: dict[Analysis, Callable[[_Plan, Sequence[Plot]], Variables]] = {
    "op": _op_variables,
    "ac": _ac_variables,
    "noise": _noise_variables,
    "tran": _tran_variables,
}
