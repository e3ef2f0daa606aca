"""Run a chip in ngspice: from a job to a measurement."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from jaxtyping import Float

from ...circuits import Instance, Level, Program, Scaling
from ...measurements import Analysis
from ..amplifiers import AmplifierSubcircuit
from ..decks import UNSCALED, Job, Plan, hierarchical_deck, plan_job
from ..simulators import Cancellation, Ngspice, Sheet, Vacask, find_ngspice, proven_ngspice
from ..vacask import Engine, opinion, vacask_for
from ._agreement import Judge, judged
from ._carry_out import run
from ._many import measured


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
    band: tuple[float, float] | None = None,
    engine: Engine = "ngspice",
) -> xr.Dataset:
    """Measure a chip in a circuit simulator; the attribute `simulator` says in which.

    Data variables: `A`, `b` as given, and by analysis

    - `op`: `v` (cell) [V], settled voltages;
    - `tran`: `v` (time, cell) [V] from the initial voltages `v0` (cell) [V], after the drive steps on at time 0;
    - `ac`: `v_re`, `v_im` (frequency, cell) [V], response to the whole drive vector;
    - `noise`: `psd` (frequency, cell) one-sided [V^2/Hz], and `covariance` (cell, cell_in) [V^2] over all
      frequencies (left out where `frequencies` or `band` limits them, or where the readout has white noise without
      limit); with `band` also `band_covariance` (cell, cell_in) [V^2], within that band.

    The circuit's own linear equations judge what was measured: the attribute `warnings` (a JSON list) also says where
    an amplifier leaves its range, and the attribute `faults`, absent in a good measurement, why the numbers are not
    this circuit's.

    Voltages are those of the circuit: the solution is `v / drive_scale`. Circuits of more than 50 nodes are solved with
    KLU where the ngspice has it (42 and newer may), but not for `noise`, which refuses it; the attribute `solver` says
    which it was.

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
        band: lowest and highest frequency of a covariance [Hz], for `noise`; instead of `frequencies`.
        engine: "ngspice", "vacask", or "auto": the faster of the two for this circuit, as far as it is installed. What
            differs in VACASK's measurements is said at `second_opinion`.

    Raises:
        ProgramError, DesignError: the program or the level does not fit the chip.
        NetlistError: a value out of range, or a circuit that cannot be written.
        SimulatorMissing: there is no ngspice.
        SimulationFailed: unstable circuit, killed, timed out, or no result that can be trusted.
    """
    job = Job(
        instance,
        program,
        scaling=scaling,
        analysis=analysis,
        level=level,
        duration=duration,
        noise=noise,
        seed=seed,
        x0=x0,
        max_step=max_step,
        noise_step=noise_step,
        frequencies=frequencies,
        points_per_decade=points_per_decade,
        timeout=timeout,
        amplifier=amplifier,
        band=band,
    )
    vacask = None if ngspice is not None and engine == "auto" else vacask_for(engine, job)
    if vacask is not None:
        return measured_by_vacask(job, vacask)[0]
    simulator = ngspice or proven_ngspice()
    plan = plan_job(job, simulator)
    return measured(job, plan, run(plan, simulator, Cancellation()))


def measured_by_vacask(job: Job, vacask: Vacask) -> tuple[xr.Dataset, Sheet]:
    """The measurement of a job, what its circuit's equations have to say of it, and the netlist that was run.

    Raises:
        as `second_opinion`.
    """
    found, sheet = opinion(job, vacask)
    return judged(found, Judge.of(job.instance, job.program, job.level, job.scaling)), sheet


def designers_deck(job: Job, ngspice: Ngspice | None = None) -> str:
    """As `deck`, for a designer's hands: one subcircuit per amplifier and cell, parameters, units.

    It gives the same results to rounding, and `read_netlist` reads it back as the same circuit.

    Raises:
        as `simulate`, but nothing is run.
    """
    return designed(job, plan_job(job, ngspice or find_ngspice()))


def designed(job: Job, plan: Plan) -> str:
    """`designers_deck` of a job whose plan is known."""
    chip = job.instance
    origin = (
        f"a {chip.topology.name} of {chip.topology.n} cells at level {job.level}, chip {chip.digest[:12]}, seed"
        f" {chip.seed}, with its own deviations, conductances scaled by {job.scaling.conductance!r}, drives by"
        f" {job.scaling.drive!r}"
    )
    return hierarchical_deck(plan, origin)


def deck(job: Job, ngspice: Ngspice | None = None) -> str:
    """The whole circuit with its analyses: runs as it is with `ngspice -b` and prints its results.

    Raises:
        as `simulate`, but nothing is run.
    """
    return plan_job(job, ngspice or find_ngspice()).whole
