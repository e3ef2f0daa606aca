"""Maximum posterior by Levenberg-Marquardt, with runs that do not belong left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import scipy
from jaxtyping import Bool, Float

from ...measurements import MeasurementError
from ._robust_start import fit_alone, robust_start
from ._terms import Term
from ._waveform_terms import Normal
from .derivatives import inverse, solved
from .unknowns import Parameters

_STEPS = 40
_MANY_STEPS = 150
"""Along a narrow valley, such as that of a capacitance which is hundreds of times what was expected."""

_SMALL = 0.1
"""Length, in posterior standard deviations, of a last step: the next one would be of the order of its square."""

_ROUNDING = _SMALL**2
"""Distance from the optimum, in the same units, that a last step may leave anyway; the cost need not fall further."""

_MANY = 200
"""Unknowns from which on a step keeps the last curvature while the gradient is fresh: for more of them the curvature
is far dearer than the gradient."""

_NEAR = 1.0
"""Standard deviations from the optimum within which the curvature is taken anew: it is wanted there anyway."""

_SLOW = 0.3
"""Part of the way to the optimum that such a step may leave; else the curvature is taken anew."""

_LARGE = (1.5, 2.0, 2.5, 3.0)
"""Prior standard deviations, of a decade each. Half a decade apart: an amplifier with a large stray capacitance at its
virtual ground resonates, and a spectrum has an optimum of its own for each frequency that the peak can be at."""

_OUTLIER = 3.0
"""A run whose rms residual is this many times that of the median run of its kind (or of its own noise) does not
belong."""

_REWEIGHTED = 8
_SETTLED = 0.1
"""Relative change of a kind's rms residual below which its weight stays."""

_SIGNIFICANT = 3.0
"""Standard deviations by which a kind's rms residual must exceed one to count."""


@dataclass(frozen=True, eq=False)
class Fit:
    """z with the normal equations there, and which runs were used."""

    z: Float[np.ndarray, " p"]
    normal: Normal
    used: tuple[bool, ...]
    excess: Mapping[str, float]
    """By kind of run: the rms residual where it is above one. The model or the stated noise is that much too
    optimistic there."""
    prior_sd: Float[np.ndarray, " p"]
    """Of z a priori."""
    mirror: Float[np.ndarray, " p"] | None = None
    """From z to the chip that no measurement tells from it, where there is one."""
    settled: bool = True
    """Whether z is an optimum; else it is where most of the runs are least contradicted."""

    @cached_property
    def covariance(self) -> Float[np.ndarray, "p p"]:
        """Of z, posterior."""
        covariance = inverse(self.normal.curvature)
        # Rounding must not leave a parameter without data above its prior.
        least = np.minimum(1, self.prior_sd / np.sqrt(np.diag(covariance)))
        return np.asarray(covariance * np.outer(least, least))

    @cached_property
    def folded(self) -> Float[np.ndarray, "p p"]:
        """Of z, as the truth is at z or at its mirror image, one as likely as the other."""
        if self.mirror is None:
            return self.covariance
        return np.asarray(self.covariance + np.outer(self.mirror, self.mirror) / 2)

    @property
    def sd(self) -> Float[np.ndarray, " p"]:
        """Posterior standard deviations in units of the prior's."""
        return np.asarray(np.sqrt(np.diag(self.folded)))

    def with_wider_prior(self, sd: Float[np.ndarray, " p"]) -> "Fit":
        """The same z with the covariance that it has when z is N(0, sd^2) a priori."""
        change = np.diag(sd**-2.0 - self.prior_sd**-2.0)
        return replace(self, normal=replace(self.normal, curvature=self.normal.curvature + change), prior_sd=sd)


def fit(runs: Sequence[Term], parameters: Parameters) -> Fit:
    """Fit all runs; while one stands out, leave it out and fit again; then weigh each kind by its own residuals.

    Runs that no chip explains may have no optimum within reach: the fit then says that it has not settled.

    Weights by kind are variance components (Foerstner, 1979): what the model leaves unexplained of spectra says
    nothing about waveforms.

    Raises:
        MeasurementError: half of the runs or more contradict the others.
    """
    z, everything = np.zeros(parameters.size), (True,) * len(runs)
    normal = Normal.of(runs, everything, parameters, z)
    kinds = np.array([run.kind for run in runs])
    used = tuple(not far or _plausible(run, parameters) for run, far in zip(runs, _far(normal.rms, kinds), strict=True))
    while True:
        if 2 * sum(used) <= len(runs):
            raise MeasurementError(
                f"calibrate: {len(runs) - sum(used)} of {len(runs)} runs contradict the others or the design;"
                " expected most of them to be of one chip and to be well measured"
            )
        if used != everything:
            normal = Normal.of(runs, used, parameters, z)
        settled = True
        try:
            z, normal = _levenberg(runs, used, parameters, z, normal, {})
        except MeasurementError:
            # One run alone can pull the fit to where no chip is: the runs that agree are asked first.
            z, normal, settled = _from_afar(runs, used, parameters)
        mine = np.array(used)
        far = _far(normal.rms[mine], kinds[mine])
        if not far.any():
            break
        # Only the worst: it may have pulled others away.
        worst = int(np.flatnonzero(used)[np.argmax(np.where(far, normal.rms[mine], 0.0))])
        used = tuple(use and k != worst for k, use in enumerate(used))
    if not settled:
        return Fit(z, normal, used, _kind_rms(runs, used, normal), _prior_sd(parameters), settled=False)
    return _reweighted(runs, used, parameters, z, normal)


def from_larger_elements(runs: Sequence[Term], found: Fit, parameters: Parameters) -> Fit:
    """The fit, or the best one from leaks and stray capacitances that are far larger than expected.

    Of an element far below what the data resolve the logarithm has no slope: from there no step leads to a large one.
    """
    elements = parameters.bench.elements
    if not len(elements):
        return found
    best, z, cost = None, found.z, Normal.of(runs, found.used, parameters, found.z).cost
    for large in _LARGE:
        start = found.z.copy()
        start[elements] = np.maximum(start[elements], large)
        normal = Normal.of(runs, found.used, parameters, start)
        try:
            trial, normal = _levenberg(runs, found.used, parameters, start, normal, {}, _MANY_STEPS)
        except MeasurementError:
            continue
        if normal.cost < cost:
            best, z, cost = normal, trial, normal.cost
    return found if best is None else _reweighted(runs, found.used, parameters, z, best)


def _from_afar(
    runs: Sequence[Term], used: Sequence[bool], parameters: Parameters
) -> tuple[Float[np.ndarray, " p"], Normal, bool]:
    """The optimum that is reached from where most of the runs agree, and whether there is one."""
    z, _ = robust_start(runs, used, parameters, np.zeros(parameters.size))
    normal = Normal.of(runs, used, parameters, z)
    try:
        return *_levenberg(runs, used, parameters, z, normal, {}, _MANY_STEPS), True
    except MeasurementError:
        return z, normal, False


def refit(runs: Sequence[Term], found: Fit, parameters: Parameters) -> Fit:
    """The same runs and weights with other priors, from where the fit is; the fit itself where that does not settle."""
    z, normal = found.z, found.normal.with_prior(found.prior_sd**-2.0, parameters.precision, found.z)
    step = solved(normal.curvature, normal.gradient)
    try:
        if step @ normal.curvature @ step < _SMALL**2 and parameters.possible(z + step):
            # So short a step changes the curvature by less than it is known.
            z, normal = z + step, replace(normal, gradient=np.zeros(len(z)))
        else:
            z, normal = _levenberg(runs, found.used, parameters, z, normal, found.excess)
    except MeasurementError:
        return replace(found, settled=False)
    return replace(found, z=z, normal=normal, prior_sd=_prior_sd(parameters), mirror=_mirror_distance(parameters, z))


def _reweighted(
    runs: Sequence[Term], used: tuple[bool, ...], parameters: Parameters, z: Float[np.ndarray, " p"], normal: Normal
) -> Fit:
    excess: dict[str, float] = {}
    found: dict[str, float] = {}
    for _ in range(_REWEIGHTED):
        found = _kind_rms(runs, used, normal)
        if all(abs(rms / excess.get(kind, 1.0) - 1) <= _SETTLED for kind, rms in found.items()):
            break
        excess = found
        normal = Normal.of(runs, used, parameters, z, excess)
        try:
            z, normal = _levenberg(runs, used, parameters, z, normal, excess)
        except MeasurementError:
            return Fit(z, normal, used, found, _prior_sd(parameters), _mirror_distance(parameters, z), settled=False)
    return Fit(z, normal, used, found, _prior_sd(parameters), _mirror_distance(parameters, z))


def _prior_sd(parameters: Parameters) -> Float[np.ndarray, " p"]:
    return np.asarray(1 / np.sqrt(parameters.precision))


def _mirror_distance(parameters: Parameters, z: Float[np.ndarray, " p"]) -> Float[np.ndarray, " p"] | None:
    other = parameters.mirrored(z)
    return None if other is None else other - z


def _kind_rms(runs: Sequence[Term], used: Sequence[bool], normal: Normal) -> dict[str, float]:
    """By kind, the rms residual; one where it is not above that by more than its own scatter."""
    found = {}
    for kind in dict.fromkeys(run.kind for run, use in zip(runs, used, strict=True) if use):
        mine = [(run, rms) for run, use, rms in zip(runs, used, normal.rms, strict=True) if use and run.kind == kind]
        values = sum(run.values for run, _ in mine)
        rms = float(np.sqrt(sum(run.values * rms**2 for run, rms in mine) / values))
        # The rms of k unit normal values scatters by 1/sqrt(2 k).
        found[kind] = rms if rms > 1 + _SIGNIFICANT / np.sqrt(2 * values) else 1.0
    return found


def _far(rms: Float[np.ndarray, " runs"], kinds: np.ndarray) -> Bool[np.ndarray, " runs"]:
    """Of two runs that contradict each other nobody can say which one is wrong."""
    far = np.zeros(len(rms), dtype=bool)
    for kind in set(kinds):
        mine = kinds == kind
        far[mine] = (rms[mine] > _OUTLIER * max(1.0, float(np.median(rms[mine])))) & (mine.sum() >= 3)
    return far


def _plausible(run: Term, parameters: Parameters) -> bool:
    """Whether some chip of the design gives this run: far from the nominal chip is also what is measured well."""
    found = fit_alone(run, parameters) if parameters.size >= _MANY else None
    if found is None:
        z = np.zeros(parameters.size)
        try:
            z, normal = _levenberg([run], [True], parameters, z, Normal.of([run], [True], parameters, z), {})
        except MeasurementError:
            return False
        found = z, float(normal.rms[0])
    z, rms = found
    # With the prior's part the sum of squares is chi-square with as many degrees of freedom as there are values.
    return bool(run.values * rms**2 + z @ z <= _OUTLIER**2 * run.values)


def _levenberg(
    runs: Sequence[Term],
    used: Sequence[bool],
    parameters: Parameters,
    z: Float[np.ndarray, " p"],
    normal: Normal,
    excess: Mapping[str, float],
    steps: int = _STEPS,
) -> tuple[Float[np.ndarray, " p"], Normal]:
    damping, fresh = 0.0, True
    many = parameters.size >= _MANY
    factored, undamped = normal.curvature, scipy.linalg.cho_factor(normal.curvature)
    for k in range(steps):
        if normal.curvature is not factored:
            factored, undamped = normal.curvature, scipy.linalg.cho_factor(normal.curvature)
        factor = undamped
        left = _left(factor, normal)
        # Likelihoods of noisy records cancel: that a cost of -10 falls no more may be the rounding of its parts.
        if fresh and left < _ROUNDING**2:
            return z, normal
        if damping > 0:
            factor = scipy.linalg.cho_factor(normal.curvature + damping * np.eye(len(z)))
        step = scipy.linalg.cho_solve(factor, normal.gradient)
        if many and fresh and damping == 0 and left < _SMALL**2 and parameters.possible(z + step):
            # So short a step changes the curvature by less than it is known.
            return z + step, replace(normal, cost=normal.cost - left, gradient=np.zeros(len(z)))
        # After a first step from afar, near the optimum, and where a step fails, the curvature is taken anew.
        from_afar = k == 0 and left > parameters.size
        exact = not many or damping > 0 or from_afar or (fresh and left < _NEAR**2)
        trial = None
        if parameters.possible(z + step):
            ask = partial(Normal.of, runs, used, parameters) if exact else partial(normal.moved, runs, used, parameters)
            trial = ask(z + step, excess)
        # Rounding of the sum of squares must not refuse the last step.
        if trial is None or not trial.cost <= normal.cost + 1e-9 * abs(normal.cost):
            damping = max(10 * damping, 1.0)
            continue
        last, z, normal, damping = normal, z + step, trial, damping / 10 if damping > 1e-3 else 0.0
        fresh = exact
        # |step| in the metric of the curvature bounds every step by its posterior standard deviation.
        if exact and damping == 0 and step @ last.curvature @ step < _SMALL**2:
            return z, normal
        if not exact and not _SLOW**2 * left > _left(factor, normal) > _NEAR**2:
            normal, fresh = Normal.of(runs, used, parameters, z, excess), True
    raise MeasurementError(
        "calibrate: the fit does not settle; the measurements contradict the design (check units, scales and programs)"
    )


def _left(factor: tuple[np.ndarray, bool], normal: Normal) -> float:
    """Square of the distance from the optimum, in posterior standard deviations."""
    return float(normal.gradient @ scipy.linalg.cho_solve(factor, normal.gradient))
