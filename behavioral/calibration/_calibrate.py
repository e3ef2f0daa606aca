"""Calibration: from measurements of one chip to its behavioural model, with error bars."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
import xarray as xr
from jaxtyping import Float

from ...circuits import Design
from ...measurements import Measurement, MeasurementError, read_measurement
from ..devices import OFFSETS, DeviceModel, Estimate, Posterior, Provenance, Verdict
from ._fit import Fit, fit, from_larger_elements, refit
from ._identifiability import Combination, open_combinations
from ._judgement import judge
from ._terms import Term
from ._tolerance_scales import ToleranceScales
from ._waveform_terms import Record, Run, term_of
from .unknowns import Parameters, check_nuisances

OPEN = 0.9
"""A standard error above this part of the tolerance, as the chip shows it: the data do not identify the parameter."""

_MISFIT = 0.2
"""Residuals above this part of the signal: no fault of a bench, but other units, scales or programs."""

_NOISE_MISFIT = 6.0
"""The same of noise: densities come as logarithms, so that it is a factor of 400."""


SYSTEMATIC_OFFSET = 2e-5
"""Input offset [V] of an amplifier of transistors without mismatch: its second stage takes a current that the first
supplies by an input voltage. 15 to 20 uV on a crossbar and on a mesh; no measurement tells it from mismatch."""

_EXCHANGE = "the p and m rails of all cells exchanged, and the signs of their offsets"


@dataclass(frozen=True, eq=False)
class Calibration:
    """A fitted model with everything that the fit knows.

    Attributes:
        model: of the chip.
        names: of the unknowns, such as `conductance[0,3]` or `gain`; p of them.
        prior: their standard deviations by the design's tolerances: relative, V for offsets, of the logarithm for
            amplifier values and `noise_scale`.
        values: the unknowns as fitted (p,), same units.
        covariance: of the unknowns (p, p) by the posterior's curvature, same units; with tolerances so much wider that
            +-1.96 standard deviations hold 95 % although the tolerances themselves are inferred.
        combinations: what the measurements cannot separate; see `Combination`.
        excess: by kind of measurement, how much larger than stated its residuals are; one where they are not.
        verdict: whether a chip of the design explains the measurements; see `judge`. Where it is contradicted by more
            than a tolerance, `covariance` holds nothing smaller than the design's tolerances and the estimates
            themselves, and nothing between unknowns.
        ambiguity: another chip that gives the same measurements, in words; the covariance counts it in. None if there
            is no such chip.
        thinned: noisy records that are longer than the fit can use, with how many of their samples it has; standard
            errors are those of the samples that were used.
    """

    model: DeviceModel
    names: tuple[str, ...]
    prior: Float[np.ndarray, " p"]
    values: Float[np.ndarray, " p"]
    covariance: Float[np.ndarray, "p p"]
    combinations: tuple[Combination, ...]
    excess: Mapping[str, float]
    verdict: Verdict = field(default_factory=Verdict)
    ambiguity: str | None = None
    thinned: tuple[str, ...] = ()

    @classmethod
    def of(cls, measurements: Sequence[xr.Dataset], nuisances: Sequence[str] = ()) -> "Calibration":
        """As `calibrate`, with the whole covariance and the verdict.

        Raises:
            MeasurementError: as `calibrate`.
        """
        data = _read(measurements)
        first = data[0]
        runs = [term_of(m) for m in data]
        switched_on = check_nuisances(nuisances)
        parameters = Parameters.of(first.design, first.topology, first.level, switched_on, runs)
        nominal = parameters.instance(np.zeros(parameters.size))
        clipped = {run.name: names for run in runs if (names := run.clipped(nominal, parameters))}
        runs = [run for run in runs if run.name not in clipped]
        if not runs:
            raise MeasurementError("calibrate: an amplifier is at its rails in every run; use a smaller drive scale")
        found = fit(runs, parameters)
        _check_misfit(runs, found)
        found = from_larger_elements(runs, found, parameters)
        verdict = judge(runs, found, parameters, switched_on, {m.digest: k for k, m in enumerate(data)})
        believed = found
        if found.settled and not verdict.misfit:
            parameters, found, believed = _with_scales(runs, found, parameters)
        systematic = _systematic(parameters)
        covariance = (_withheld(found) if verdict.misfit else believed.folded) + systematic
        discarded = {name: f"amplifier {', '.join(names)} beyond rails or slew rate" for name, names in clipped.items()}
        for run, used, rms in zip(runs, found.used, found.normal.rms, strict=True):
            if not used:
                discarded[run.name] = f"residual {rms:.3g} times its noise, unlike the other runs"
        kept = [m for m in data if m.digest not in discarded]
        scale = np.outer(parameters.sigma, parameters.sigma)
        posterior = Posterior(
            parameters.names,
            parameters.sigma * found.prior_sd,
            parameters.sigma * found.z,
            (found.covariance + systematic) * scale,
        )
        model = _model(parameters, found, covariance, runs, kept, discarded)
        return cls(
            replace(model, verdict=verdict, posterior=None if verdict.misfit else posterior),
            parameters.names,
            parameters.sigma,
            parameters.sigma * found.z,
            covariance * scale,
            open_combinations(found.covariance / np.outer(found.prior_sd, found.prior_sd), parameters.names, OPEN),
            found.excess,
            verdict,
            _EXCHANGE if found.mirror is not None else None,
            tuple(text for run in runs if (text := _thinned(run))),
        )


def _with_scales(runs: Sequence[Term], found: Fit, parameters: Parameters) -> tuple[Parameters, Fit, Fit]:
    """With tolerances as large as the chip shows them: the unknowns, their fit, and the fit whose error bars hold
    though the tolerances are not known."""
    scales = ToleranceScales.of(parameters, found)
    sd = found.prior_sd
    if (scales.likely > 1).any():
        wider = replace(parameters, precision=parameters.precision / scales.likely**2)
        if (again := refit(runs, found, wider)).settled:
            parameters, found = wider, again
    return parameters, found, found.with_wider_prior(sd * scales.upper)


def _systematic(parameters: Parameters) -> Float[np.ndarray, "p p"]:
    """Covariance of z by what a circuit of transistors adds to every offset alike."""
    offsets = np.array([name.split("[")[0] in OFFSETS for name in parameters.names])
    common = np.where(offsets & (parameters.level == "transistor"), SYSTEMATIC_OFFSET / parameters.sigma, 0.0)
    return np.outer(common, common)


def _withheld(found: Fit) -> Float[np.ndarray, "p p"]:
    """Of z where a wrong model was fitted: the tolerances are all that is known, or what the estimates are beyond."""
    sd = np.maximum(np.maximum(found.sd, 1.0), np.abs(found.z))
    return np.diag(sd**2)


def calibrate(measurements: Sequence[xr.Dataset], nuisances: Sequence[str] = ()) -> DeviceModel:
    """Infer one chip from measurements of it: operating points, transients, responses, noise, noisy transients.

    Maximum posterior, all kinds of measurement in one likelihood. The design's tolerances are Gaussian priors of
    every deviation (which settles what no measurement can, such as a common factor of a row's conductances and its
    capacitor). The amplifiers' log gain and log gain-bandwidth have priors of 0.5 and 0.2, the log of the factor on
    every noise density 0.5; at level transistor also the log output resistance (0.5), the log noise voltage (0.3) and
    a capacitance that the transistors add to every cell (2 %). Temperature coefficients are the design's.

    Readouts have independent Gaussian errors `readout_sigma` [V]; without it, 1e-5 of the converters' full scale
    stands for the simulator's own error. Responses and noise have relative errors `relative_sigma`, 1e-4 where none is
    stated; densities enter by their logarithm. A noisy transient enters by its exact transition density. All
    derivatives are analytic. Standard errors come from the posterior's curvature; the residuals of each kind of
    measurement are weighed by their own rms where that is above one. What is known of the chip is only its design:
    its drawn deviations are not in a measurement.

    Of three or more runs of a kind, one whose residual is three times that of the others is left out and named in the
    provenance, and so is one where an amplifier is at its rails.

    The model's `verdict` says whether a chip of the design explains all this: residuals, estimates by their tolerances,
    and what a fault of the bench would explain, each judged by the law that it has when the model is right. When they
    contradict it, error bars fall back to the tolerances. Otherwise how far components of a tolerance scatter is
    inferred, too, and a standard error is 1/1.96 of half a 95 % interval with that integrated out; see
    `ToleranceScales`. What no measurement tells is in `not_identified`: the design's value and tolerance.

    Args:
        measurements: analyses op, tran (also noisy ones), ac and noise, digitised or not, of one chip at one level.
        nuisances: kinds of unknowns of the bench to infer beside the chip; see `NUISANCES`.

    Raises:
        MeasurementError: no measurement, one that is not usable (missing program, values that are not finite,
            wrong unit, another schema), measurements of different chips, one given twice, runs that contradict
            each other, or residuals that the design cannot explain. One line; never a fitted number.
    """
    return Calibration.of(measurements, nuisances).model


def _read(measurements: Sequence[xr.Dataset]) -> list[Measurement]:
    if isinstance(measurements, xr.Dataset):
        measurements = [measurements]
    data = [read_measurement(dataset, f"measurement {k}") for k, dataset in enumerate(measurements)]
    if not data:
        raise MeasurementError("calibrate: expected at least one measurement, got none")
    for k, m in enumerate(data):
        for what, mine, expected in (
            ("instance_digest", m.instance_digest, data[0].instance_digest),
            ("topology", m.topology, data[0].topology),
            ("level", m.level, data[0].level),
            ("design", m.design, data[0].design),
        ):
            if mine != expected:
                got = f": {_short(mine)}, and measurement 0 has {_short(expected)}"
                raise MeasurementError(f"measurement {k}: expected one chip, but its {what} differs{got}")
        if m.digest in [other.digest for other in data[:k]]:
            raise MeasurementError(f"measurement {k}: given twice; a copy holds no more than its original")
    return data


def _short(value: object) -> str:
    text = value.name if isinstance(value, Design) else str(value)
    return text if len(text) <= 24 else f"{text[:12]}..."


def _thinned(run: Term) -> str | None:
    if not isinstance(run, Record) or len(run.times) >= run.recorded - 1:  # the start at time zero holds no noise
        return None
    return f"record {run.name[:12]}: {len(run.times):,} of {run.recorded:,} samples are used"


def _check_misfit(runs: Sequence[Term], found: Fit) -> None:
    """Residuals far above both the noise and a part of the signal are no measurement of this design."""
    used = [(run, rms) for run, use, rms in zip(runs, found.used, found.normal.rms, strict=True) if use]
    volts = [(run, rms) for run, rms in used if isinstance(run, Run)]
    if volts:
        residual = float(np.sqrt(np.mean([(rms * run.sigma) ** 2 for run, rms in volts])))
        noise = float(np.sqrt(np.mean([run.sigma**2 for run, _ in volts])))
        signal = float(np.sqrt(np.mean([np.mean(run.v**2) for run, _ in volts])))
        if residual > max(_MISFIT * signal, 5 * noise):
            raise MeasurementError(
                f"calibrate: the best fit leaves {residual:.3g} V of {signal:.3g} V unexplained; the measurements are"
                " not of this design, or their units or scales are wrong"
            )
    for run, rms in used:
        limit = _NOISE_MISFIT if run.kind == "noise" else _MISFIT
        if not isinstance(run, Run) and rms > 5 and rms * run.relative_sigma > limit:
            raise MeasurementError(
                f"calibrate: the best fit leaves {100 * rms * run.relative_sigma:.3g} % of the {run.kind} unexplained;"
                " the measurements are not of this design, or their units or scales are wrong"
            )


def _model(
    parameters: Parameters,
    found: Fit,
    covariance: Float[np.ndarray, "p p"],
    runs: Sequence[Term],
    kept: Sequence[Measurement],
    discarded: dict[str, str],
) -> DeviceModel:
    instance = parameters.instance(found.z)
    amplifier = instance.design.amplifier if parameters.level != "ideal" else None
    sd = np.sqrt(np.diag(covariance))
    logs = dict(zip(parameters.names, parameters.sigma * sd, strict=True))
    bench = parameters.bench.estimates(found.z, sd, parameters.first_of_bench)
    scale = parameters.factor("noise_scale", found.z)
    used = np.array(found.used)
    counts = np.array([run.values for run in runs])[used]
    return DeviceModel(
        instance=instance,
        level=parameters.level,
        standard_errors=parameters.standard_errors(covariance),
        gain=Estimate(amplifier.gain, float(amplifier.gain * logs["gain"])) if amplifier else None,
        gain_bandwidth=Estimate(amplifier.gain_bandwidth, float(amplifier.gain_bandwidth * logs["gain_bandwidth"]))
        if amplifier
        else None,
        noise_scale=Estimate(scale, float(scale * logs["noise_scale"])),
        not_identified=tuple(
            name for name, sd in zip(parameters.names, found.sd / found.prior_sd, strict=True) if sd > OPEN
        ),
        provenance=Provenance(
            source="measurements",
            instance_digest=kept[0].instance_digest,
            measurements=tuple(m.digest for m in kept),
            discarded=discarded,
            simulators=tuple(sorted({m.simulator for m in kept})),
            residual=float(np.sqrt(counts @ found.normal.rms[used] ** 2 / counts.sum())),
            parameters=parameters.size,
            samples=int(counts.sum()),
        ),
        bench=MappingProxyType({name: Estimate(*pair) for name, pair in bench.items()}),
    )
