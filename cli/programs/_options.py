"""Options of the programs of `solve`, and which program each belongs to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from .._exceptions import InputError
from ..frame import quantity, whole, written


def _file(name: str, text: str) -> Any:
    return typer.Option(name, help=text, show_default=False)


def _number(name: str, text: str) -> Any:
    return typer.Option(name, parser=quantity(name, ""), metavar="NUMBER", help=text, show_default=False)


Constraints = Annotated[Path | None, _file("--constraints", "qp: CSV file with A of A x = b, beside --right.")]
Right = Annotated[Path | None, _file("--right", "qp: CSV file with b of A x = b: one value per line.")]
Inequalities = Annotated[Path | None, _file("--inequalities", "qp: CSV file with G of G x <= h, beside --limits.")]
Limits = Annotated[Path | None, _file("--limits", "qp: CSV file with h of G x <= h: one value per line.")]
Lower = Annotated[str | None, _file("--lower", "qp: bounds from below: a number, none, or a CSV file. \\[default: 0]")]
Upper = Annotated[
    str | None, _file("--upper", "qp: bounds from above: a number, none, or a CSV file. \\[default: none]")
]
Symmetrise = Annotated[bool, typer.Option("--symmetrise", help="qp: take (Q + Q')/2 of a Q that is not symmetric.")]
Data = Annotated[
    Path | None,
    _file("--data", "svm, bayes, logistic: CSV file with a row for each point; kalman: one for each observation."),
]
Targets = Annotated[
    Path | None,
    _file("--targets", "svm, logistic: CSV file with labels of two kinds; bayes: with values. One per line."),
]
New = Annotated[Path | None, _file("--new", "bayes: CSV file with points to predict. \\[default: those of --data]")]
Penalty = Annotated[float | None, _number("--penalty", "svm: the most that a point may weigh, C. \\[default: 1]")]
Gamma = Annotated[
    float | None, _number("--gamma", "svm: of a kernel exp(-gamma |x - z|^2). \\[default: the linear kernel]")
]
Length = Annotated[
    float | None, _number("--length", "bayes: a Gaussian process that varies over such a length. \\[default: linear]")
]
PriorVariance = Annotated[
    float | None, _number("--prior-variance", "bayes, logistic: of each weight, or of the process. \\[default: 1]")
]
NoiseVariance = Annotated[float | None, _number("--noise-variance", "bayes: of the observed values. \\[default: 0.5]")]
Transition = Annotated[Path | None, _file("--transition", "kalman: CSV file with F; the state begins as N(0, 1).")]
ProcessNoise = Annotated[Path | None, _file("--process-noise", "kalman: CSV file with the covariance of that noise.")]
Observation = Annotated[Path | None, _file("--observation", "kalman: CSV file with H of y = H x + noise.")]
MeasurementNoise = Annotated[
    Path | None, _file("--measurement-noise", "kalman: CSV file with the covariance of that noise.")
]
Way = Annotated[
    str | None,
    _file("--way", "bayes: covariance by fluctuations or by drives. \\[default: fluctuations]"),
]
Tolerance = Annotated[
    float | None, _number("--tolerance", "qp, svm, logistic: of gap and residuals, relative. \\[default: 1e-6]")
]
Rounds = Annotated[
    int | None,
    typer.Option(
        "--rounds",
        parser=whole("--rounds", 1),
        metavar="INTEGER",
        help="qp, svm: answers of the device to one right-hand side at most; 1 takes it as it is. \\[default: 8]",
        show_default=False,
    ),
]

DEVICE = (
    "problem", "on", "device", "design", "topology", "level", "size", "temperature", "corner", "instance_seed",
    "no_mismatch", "duration",
)  # fmt: skip
"""What goes with every program."""

_QP = "matrix drive constraints right inequalities limits lower upper symmetrise tolerance rounds kappa"
_BAYES = "data targets new length prior_variance noise_variance way runs programs kappa"

BELONGS: Mapping[str, tuple[str, ...]] = {
    "qp": tuple(_QP.split()),
    "svm": ("data", "targets", "penalty", "gamma", "tolerance", "rounds", "kappa"),
    "bayes": tuple(_BAYES.split()),
    "kalman": ("data", "transition", "process_noise", "observation", "measurement_noise"),
    "logistic": ("data", "targets", "prior_variance", "tolerance"),
}
"""Options of each program beside those."""

OWN = tuple(dict.fromkeys(name for names in BELONGS.values() for name in names))
"""Of the programs, some of them of linear algebra too."""

_LINEAR_ALGEBRA = ("matrix", "drive", "kappa", "runs", "programs")


def device_or_kind(on: str, device: Path | None) -> tuple[str, Path | None]:
    """The kind of device and the file of a calibrated chip, where `--on` names one.

    Raises:
        InputError: two files.
    """
    if not on.endswith(".json") and "/" not in on:
        return on, device
    if device is not None:
        raise InputError(f"--on and --device: give one file of a calibrated chip, got {on} and {device}")
    return "model", Path(on)


def refuse_start(context: typer.Context, problem: str) -> None:
    """Raise `InputError` for a deflated start beside a program, whose drives begin at rest."""
    if context.params["deflated"]:
        raise InputError(f"--deflated: belongs to --problem solve, inverse or determinant, got {problem}")


def refuse_options_of_programs(context: typer.Context, problem: str) -> None:
    """Raise `InputError` for options of a program beside a problem of linear algebra."""
    names = {parameter.name: parameter.opts[-1] for parameter in context.command.params}
    for name in written(context):
        if name in OWN and name not in _LINEAR_ALGEBRA:
            homes = [home for home, options in BELONGS.items() if name in options]
            raise InputError(f"{names[name]}: belongs to --problem {' or '.join(homes)}, got {problem}")
