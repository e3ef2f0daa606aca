"""Which setting means something to which method."""

from collections.abc import Mapping

OPTIMIZERS = ("sgd", "momentum", "adam", "tngd", "kfac")
SOLVERS = ("ideal-spu", "device-spu", "model-spu", "spice-spu", "cholesky", "woodbury", "conjugate-gradient")
# Solvers by optimiser, the one that it takes by itself first; K-FAC asks for programs of any size, one after the other.
SOLVERS_OF: Mapping[str, tuple[str, ...]] = {"tngd": SOLVERS, "kfac": ("cholesky", "ideal-spu", "device-spu")}
_DIGITAL = ("lr", "weight_decay", "accumulate")
_NATURAL = (*_DIGITAL, "damping", "momentum", "curvature", "autocast")
_SPU = (*_NATURAL, "delay", "start", "t")
_DEVICE = ("device", "design", "rounding", "without", "correction")
_LAYERWISE = ("lr", "weight_decay", "damping", "momentum", "factor_decay", "bits")
# The settings that mean something to each method: an optimiser, a solver for TNGD, or K-FAC with a solver.
SETTINGS: Mapping[str, tuple[str, ...]] = {
    "sgd": _DIGITAL,
    "momentum": (*_DIGITAL, "momentum"),
    "adam": (*_DIGITAL, "beta1", "beta2"),
    "ideal-spu": (*_SPU, "kappa0"),
    "device-spu": (*_SPU, *_DEVICE, "chip", "step_time", "recalibrate_every"),
    "model-spu": (*_SPU, "device", "design"),
    "spice-spu": (*_SPU, "device", "design"),
    "cholesky": _NATURAL,
    "woodbury": _NATURAL,
    "conjugate-gradient": (*_NATURAL, "tolerance", "iterations"),
    "kfac-cholesky": _LAYERWISE,
    "kfac-ideal-spu": (*_LAYERWISE, "t", "kappa0"),
    "kfac-device-spu": (*_LAYERWISE, "t", *_DEVICE),
}
EVERY_SETTING = tuple(dict.fromkeys(name for names in SETTINGS.values() for name in names))


def applies(setting: str, optimizer: str, solver: str | None) -> bool:
    """Whether a field of an experiment means something to an optimiser, or to one of its solvers."""
    if setting == "solver":
        return optimizer in SOLVERS_OF
    return setting not in EVERY_SETTING or setting in SETTINGS.get(method_of(optimizer, solver), EVERY_SETTING)


def fields_of_method(name: str) -> dict[str, str | None]:
    """Optimiser and solver of a key of `SETTINGS`; any other name is taken for a solver of TNGD."""
    if name in OPTIMIZERS:
        return {"optimizer": name, "solver": None}
    optimizer, _, solver = name.partition("-")
    return {"optimizer": "kfac", "solver": solver} if optimizer == "kfac" else {"optimizer": "tngd", "solver": name}


def method_of(optimizer: str, solver: str | None) -> str:
    if optimizer not in SOLVERS_OF:
        return optimizer
    solver = solver or default_solver(optimizer)
    return solver if optimizer == "tngd" else f"{optimizer}-{solver}"


def default_solver(optimizer: str) -> str:
    """The solver that `tngd` or `kfac` takes when it is given none."""
    return SOLVERS_OF[optimizer][0]
