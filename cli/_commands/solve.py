"""`thermospice solve`: linear algebra by the relaxation of a noisy device."""

from pathlib import Path
from typing import Annotated

import typer

from .._job import job
from .._options import (
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
    TopologyName,
)

EXAMPLE = "Example: thermospice solve --problem inverse --size 4 --on model --no-mismatch --runs 32"


def add_to(app: typer.Typer) -> None:
    app.command(epilog=EXAMPLE)(solve)


def solve(
    problem: Annotated[str, typer.Option("--problem", help="solve, inverse, lyapunov, determinant or expm.")] = "solve",
    on: Annotated[
        str, typer.Option("--on", help="ideal, model (of a chip), or spice: the chip in ngspice, run by run.")
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
        float, typer.Option("--duration", help="Of each run, in slowest time constants of the program.")
    ] = 100.0,
    runs: Annotated[int, typer.Option("--runs", help="Independent runs; their scatter tells of the noise.")] = 16,
    programs: Annotated[
        int, typer.Option("--programs", help="Stochastically rounded programs to average over; 1 rounds to nearest.")
    ] = 1,
    kappa: Annotated[
        float | None,
        typer.Option("--kappa", help="Injected noise [V^2]. \\[default: as the problem needs]", show_default=False),
    ] = None,
    temperature: Temperature = None,
    corner: Corner = "typical",
    instance_seed: InstanceSeed = None,
    no_mismatch: NoMismatch = False,
    out: Out = None,
    seed: Seed = 0,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Solve, invert, take determinants and exponentials on a noisy device, with time, energy and error bar."""
    with job("solve", out, quiet, as_json) as this:
        import numpy as np

        from ...behavioral import Budget
        from .. import _inputs as inputs
        from .. import _linear_algebra as algebra

        kind, the_problem = algebra.get_kind(on), algebra.get_problem(problem)
        budget = Budget(duration, runs, programs, kappa)
        if kind == "model" and device is not None and size is None and matrix is None:
            size = inputs.get_device_model(device).n
        chip, given = algebra.get_given(the_problem, topology, size, matrix, drive, noise_matrix, seed)
        the_design = inputs.get_chip_design(topology, design, temperature, corner, level)
        the_level = inputs.get_chip_level(level, the_design)
        instance = inputs.get_instance(
            the_design, chip, seed if instance_seed is None else instance_seed, not no_mismatch
        )
        the_device = algebra.get_device(kind, instance, the_level, device)
        if kind != "ideal":
            algebra.check(given, chip)
        with this.step(f"{problem} on {on}: {runs * programs} runs, {chip.name} with {chip.n} cells"):
            answer = given.on(the_device, np.random.default_rng([seed, 2]), budget)
        algebra.write(given, answer, this.folder)
        this.finish(algebra.summary(given, kind, answer))
        this.show(algebra.table(given, answer))
        this.say(
            f"relative error {this.summary['relative_error']:.3g}, error bar"
            f" {this.summary['relative_standard_error']:.3g}: {this.summary['relative_noise_error']:.3g} by noise and"
            f" {this.summary['relative_device_error']:.3g} by the device; {answer.time:.3g} s of analog time,"
            f" {answer.energy:.3g} J"
        )
