"""`thermospice solve`: linear algebra and programs by the relaxation of a noisy device."""

from pathlib import Path
from typing import Annotated

import typer

from .._exceptions import InputError
from ..frame import (
    AsJson,
    ChipLevel,
    Corner,
    DesignName,
    DriveCsv,
    InstanceSeed,
    MatrixCsv,
    NoMismatch,
    Out,
    Quiet,
    Seed,
    Size,
    Temperature,
    Timeout,
    TopologyName,
    job,
    quantity,
    whole,
)
from ..programs import (
    PROGRAMS,
    Constraints,
    Data,
    Gamma,
    Inequalities,
    Length,
    Limits,
    Lower,
    MeasurementNoise,
    New,
    NoiseVariance,
    Observation,
    Penalty,
    PriorVariance,
    ProcessNoise,
    Right,
    Rounds,
    Symmetrise,
    Targets,
    Tolerance,
    Transition,
    Upper,
    Way,
    device_or_kind,
    refuse_options_of_programs,
)

EXAMPLE = "Example: thermospice solve --problem inverse --size 4 --on model --no-mismatch --runs 32"

_WITH_DEVICE = (
    "problem", "on", "device", "topology", "size", "matrix", "drive", "noise_matrix", "duration", "runs", "programs",
    "kappa", "no_mismatch", "deflated",
)  # fmt: skip
"""Options that mean something beside a calibrated chip."""


def add_to(app: typer.Typer) -> None:
    app.command(epilog=EXAMPLE)(solve)


def solve(
    context: typer.Context,
    problem: Annotated[
        str,
        typer.Option(
            "--problem", help="solve, inverse, lyapunov, determinant, expm, qp, svm, bayes, kalman or logistic."
        ),
    ] = "solve",
    on: Annotated[
        str,
        typer.Option(
            "--on", help="ideal, model (of a chip), spice: the chip in ngspice, run by run; or a device.json."
        ),
    ] = "model",
    device: Annotated[
        Path | None,
        typer.Option("--device", help="device.json of a calibrated chip, for --on model.", show_default=False),
    ] = None,
    design: DesignName = None,
    topology: TopologyName = "crossbar",
    level: ChipLevel = None,
    size: Size = None,
    matrix: MatrixCsv = None,
    drive: DriveCsv = None,
    noise_matrix: Annotated[
        Path | None,
        typer.Option(
            "--noise-matrix", help="CSV file with Q of A P + P A^T = Q. \\[default: identity]", show_default=False
        ),
    ] = None,
    duration: Annotated[
        float,
        typer.Option(
            "--duration",
            parser=quantity("--duration", "time constants"),
            metavar="NUMBER",
            help="Of each run, in slowest time constants of the program.",
        ),
    ] = 100.0,
    runs: Annotated[
        int,
        typer.Option(
            "--runs",
            parser=whole("--runs"),
            metavar="INTEGER",
            help="Independent runs; their scatter tells of the noise.",
        ),
    ] = 16,
    programs: Annotated[
        int,
        typer.Option(
            "--programs",
            parser=whole("--programs"),
            metavar="INTEGER",
            help="Stochastically rounded programs to average over; 1 rounds to nearest.",
        ),
    ] = 1,
    kappa: Annotated[
        float | None,
        typer.Option(
            "--kappa",
            parser=quantity("--kappa", "V^2"),
            metavar="NUMBER",
            help="Injected noise, such as 1e-6 or 1mV^2. \\[default: as the problem needs]",
            show_default=False,
        ),
    ] = None,
    deflated: Annotated[
        int,
        typer.Option(
            "--deflated",
            parser=whole("--deflated", 0),
            metavar="INTEGER",
            help="solve, inverse, determinant: slowest modes that each run starts settled in.",
        ),
    ] = 0,
    constraints: Constraints = None,
    right: Right = None,
    inequalities: Inequalities = None,
    limits: Limits = None,
    lower: Lower = None,
    upper: Upper = None,
    symmetrise: Symmetrise = False,
    data: Data = None,
    targets: Targets = None,
    new: New = None,
    penalty: Penalty = None,
    gamma: Gamma = None,
    length: Length = None,
    prior_variance: PriorVariance = None,
    noise_variance: NoiseVariance = None,
    transition: Transition = None,
    process_noise: ProcessNoise = None,
    observation: Observation = None,
    measurement_noise: MeasurementNoise = None,
    way: Way = None,
    tolerance: Tolerance = None,
    rounds: Rounds = None,
    temperature: Temperature = None,
    corner: Corner = "typical",
    instance_seed: InstanceSeed = None,
    no_mismatch: NoMismatch = False,
    timeout: Timeout = None,
    out: Out = None,
    seed: Seed = 0,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Linear algebra, quadratic programs and Bayesian inference on a noisy device, with time, energy and error bar."""
    with job("solve", out, quiet, as_json) as this:
        on, device = device_or_kind(on, device)
        if problem in PROGRAMS:
            from ..programs import run_program

            run_program(this, context, problem, on, device)
            return
        refuse_options_of_programs(context, problem)
        if deflated and problem not in ("solve", "inverse", "determinant"):
            raise InputError(f"--deflated: belongs to --problem solve, inverse or determinant, got {problem}")
        import numpy as np

        from ...behavioral.linear_algebra import Budget
        from ...circuits.trials import get_chip_design, get_chip_level, get_instance, without_effect
        from ...netlists.runs import granted
        from ...reports.wording import counted
        from ..forecasts import announce, linear_algebra_forecast
        from ..frame import refuse_beside
        from ..inputs import check, get_device, get_given, get_kind, get_problem
        from ..views import linear_algebra as algebra
        from ..views import verdicts

        kind, the_problem = get_kind(on), get_problem(problem, PROGRAMS)
        budget = Budget(duration, runs, programs, kappa, deflated)
        if kind == "model" and device is not None:
            refuse_beside(context, "--device", "a calibrated chip has its own design", _WITH_DEVICE)
            size, topology = algebra.of_device(device, context, size, topology, matrix)
        chip, given = get_given(the_problem, topology, size, matrix, drive, noise_matrix, seed)
        the_design = get_chip_design(topology, design, temperature, corner, level)
        the_level = get_chip_level(level, the_design, topology)
        instance = get_instance(the_design, chip, seed if instance_seed is None else instance_seed, not no_mismatch)
        the_device = get_device(kind, instance, the_level, device, timeout)
        if kind != "ideal":
            check(given, chip)
        expected = linear_algebra_forecast(kind, given, instance, the_level, budget)
        announce(this, expected, timeout)
        if kind == "spice" and timeout is None:
            the_device = get_device(kind, instance, the_level, device, granted(expected))
        with this.step(
            f"{problem} on {on}: {counted(runs * programs, 'run')}, {chip.name} with {counted(chip.n, 'cell')}"
        ):
            answer = given.on(the_device, np.random.default_rng([seed, 2]), budget)
        for line in without_effect(the_design, the_level, temperature, corner):
            this.say(f"warning: {line}")
        algebra.write(given, answer, this.folder)
        this.finish({**algebra.summary(given, kind, answer), **verdicts.notes(device)})
        this.show(algebra.table(given, answer))
        verdicts.tell(this, device)
        this.say(
            f"relative error {this.summary['relative_error']:.3g}, error bar"
            f" {this.summary['relative_standard_error']:.3g}: {this.summary['relative_noise_error']:.3g} by noise and"
            f" {this.summary['relative_device_error']:.3g} by the device; {answer.time:.3g} s of analog time,"
            f" {answer.energy:.3g} J" + algebra.over_least(answer.energy, answer.least_energy)
        )
