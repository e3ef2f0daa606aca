"""What calibrated chips say of the process that they come from: means, spreads, correlations."""

from collections.abc import Sequence

import numpy as np

from ...circuits import Design
from .._exceptions import DeviceModelError
from ..calibration import Calibration
from ..devices import DeviceModel, Estimate, Provenance
from ._mixed_model import MeasuredChip, Mixed
from ._population_file import Spread

_SIGNIFICANT = 3.0
"""Standard errors that a correlation between chips must have to be believed."""

_FEWEST = 3
"""Chips: of two there is one difference, and no spread worth the name."""


AMPLIFIER_KINDS = ("gain", "gain_bandwidth", "output_resistance", "noise_voltage", "noise_corner")
SHARED_KINDS = (*AMPLIFIER_KINDS, "parasitic", "noise_scale")


def evidence(chip: Calibration) -> MeasuredChip:
    """What its measurements say; of a contradicted chip, only that its tolerances are those of the design."""
    own = chip.model.posterior
    return (
        MeasuredChip.of(chip.values, chip.covariance, chip.prior)
        if own is None
        else MeasuredChip.of(own.values, own.covariance, own.prior)
    )


def check_chips(models: Sequence[DeviceModel]) -> None:
    """Raise `DeviceModelError` for fewer than three chips, one given twice, or chips of different kinds."""
    if len(models) < _FEWEST:
        raise DeviceModelError(f"population: expected at least {_FEWEST} chips, got {len(models)}")
    kinds = {(m.design.name, m.instance.topology, m.level) for m in models}
    if len(kinds) > 1:
        shown = sorted(f"{design} {topology} {level}" for design, topology, level in kinds)
        raise DeviceModelError(f"population: expected chips of one design, topology, size and level, got {shown}")
    digests = [m.provenance.instance_digest for m in models]
    if len(set(digests)) < len(digests):
        raise DeviceModelError("population: a chip is given twice; it holds no more than once")


def nominal_design(chip: Calibration) -> Design:
    """The chip's design with the amplifier as it was before the fit changed it."""
    amplifier = chip.model.design.amplifier
    if amplifier is None:
        return chip.model.design
    logs = dict(zip(chip.names, chip.values, strict=True))
    update = {name: getattr(amplifier, name) / float(np.exp(logs[name])) for name in AMPLIFIER_KINDS if name in logs}
    return chip.model.design.model_copy(update={"amplifier": amplifier.model_copy(update=update)})


def spreads_of(found: Mixed, kinds: Sequence[str], has_local: Sequence[bool]) -> dict[str, Spread]:
    """Mean, spread between chips and spread within a chip of each kind, with standard errors."""
    variance = np.diag(found.common)
    sd = np.sqrt(variance)
    # d sigma = d(sigma^2)/(2 sigma), but no more than the sigma whose square is the error.
    error = np.minimum(np.diag(found.common_error) / (2 * sd), np.sqrt(np.diag(found.common_error)))
    return {
        name: Spread(
            Estimate(float(found.mean[k]), float(found.mean_error[k])),
            Estimate(float(sd[k]), float(error[k])),
            Estimate(float(found.local[k]), float(found.local_error[k])) if has_local[k] else None,
        )
        for k, name in enumerate(kinds)
    }


def correlations_of(found: Mixed, kinds: Sequence[str]) -> dict[tuple[str, str], Estimate]:
    """Correlations between the common parts of two kinds that are three standard errors from none."""
    believed = {}
    for i, a in enumerate(kinds):
        for j, b in enumerate(kinds[:i]):
            scale = float(np.sqrt(found.common[i, i] * found.common[j, j]))
            if abs(found.common[i, j]) > _SIGNIFICANT * found.common_error[i, j]:
                believed[b, a] = Estimate(
                    float(np.clip(found.common[i, j] / scale, -1, 1)), float(found.common_error[i, j] / scale)
                )
    return believed


def provenance_of(models: Sequence[DeviceModel]) -> Provenance:
    """The measurements of all chips; the residual is the rms over chips."""
    every = [model.provenance for model in models]
    return Provenance(
        source="campaign",
        measurements=tuple(digest for one in every for digest in one.measurements),
        discarded={digest: reason for one in every for digest, reason in one.discarded.items()},
        simulators=tuple(sorted({name for one in every for name in one.simulators})),
        residual=float(np.sqrt(np.mean([(one.residual or 0.0) ** 2 for one in every]))),
        samples=sum(one.samples for one in every),
    )
