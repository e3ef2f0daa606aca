"""Which further record would tell what the records of a circuit leave open."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ...circuits.linear_circuits import LinearCircuit, Observed, observed, scaled
from ._equations import Equations
from ._fit import CircuitCalibration
from ._records import READOUT, SPECTRAL
from ._terms import SecondMoments, Waveform

MOST_NODES = 24
"""At which records are tried."""

MOST_OPEN = 40
"""Elements for which an experiment is looked for, the least known ones."""

WORTH = 0.8
"""Part of an error bar that is left by a record which is worth its while."""

_POINTS = 40
_STEP = 1e-4
_LONGER = 5.0
"""Time constants of a transient that has settled."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """The record that reduces an element's error bar most; none where no record of one node does."""

    element: str
    error: float
    """Relative standard error as it is."""
    tolerance: float
    record: str | None
    then: float
    """Relative standard error with the record."""

    def __str__(self) -> str:
        known = f"{self.element}: known to {self.error:.2g} of its value, by its tolerance {self.tolerance:.2g}"
        if self.record is None:
            return f"{known}; no further record of a single node would tell it"
        return f"{known}; {self.record} would bring that to {self.then:.2g}"


def further_experiments(found: CircuitCalibration, circuit: Observed) -> list[Experiment]:
    """For each element that is not identified, the further record that would tell most of it.

    Records are tried at every node, read as well as those that were fitted: operating points, steps within the fastest
    and beyond the slowest time constant, responses to each source, spectra, and cross-spectra of the outputs. Each adds
    its information `J' J` to the inverse of the fit's covariance; a gain of its own is as unknown as the fit's were.
    """
    left = [k for k in np.argsort(-found.errors / found.prior) if not found.identified[k]][:MOST_OPEN]
    if not left:
        return []
    precision = np.linalg.inv(found.covariance)
    best: dict[int, tuple[float, str]] = {}
    if (known := _with_known_gains(found)) is not None:
        best = {
            int(k): (float(known[k]), "a known voltage read by each channel, so that its gain is known,") for k in left
        }
    for what, J in _tried(found, circuit):
        errors = np.sqrt(np.diag(np.linalg.inv(precision + J.T @ J)))
        for k in left:
            if k not in best or errors[k] < 0.99 * best[k][0]:
                best[int(k)] = (float(errors[k]), what)
    return [_experiment(found, int(k), *best.get(int(k), (np.inf, ""))) for k in left]


def _with_known_gains(found: CircuitCalibration) -> Float[np.ndarray, " k"] | None:
    """Errors of the elements if nobody had to infer the gains of the readouts; None where nobody has."""
    readouts = found.readouts
    k = len(found.names)
    gains = [] if readouts is None else [k + j for j, place in enumerate(readouts.places) if place[0] == "readout-gain"]
    if not gains:
        return None
    across = found.everything[:k, gains]
    own = found.everything[np.ix_(gains, gains)]
    left = found.everything[:k, :k] - across @ np.linalg.solve(own, across.T)
    return np.sqrt(np.maximum(np.diag(left), 0.0))


def _experiment(found: CircuitCalibration, k: int, then: float, what: str) -> Experiment:
    error = float(found.errors[k])
    worth = then < WORTH * found.errors[k]
    record = what if worth else None
    return Experiment(found.names[k], error, float(found.prior[k]), record, then if worth else error)


@dataclass(frozen=True, eq=False)
class _Numbers:
    """What every node would show: of each record its size and its numbers, by node."""

    what: tuple[str, ...]
    values: tuple[Float[np.ndarray, "..."], ...]
    sigma: tuple[Float[np.ndarray, "..."], ...]


def _tried(found: CircuitCalibration, circuit: Observed) -> Iterator[tuple[str, Float[np.ndarray, "rows k"]]]:
    """Derivatives of each record that is tried by the elements, in its errors."""
    plan = _Plan.of(found, circuit)
    start = plan.numbers(found.x[: len(found.names)])
    slopes = []
    for k in range(len(found.names)):
        step = np.zeros(len(found.names))
        step[k] = _STEP
        after, before = (plan.numbers(found.x[: len(found.names)] + sign * step) for sign in (1, -1))
        slopes.append(
            [(a - b) / (2 * _STEP * s) for a, b, s in zip(after.values, before.values, start.sigma, strict=True)]
        )
    gain_unknown = any(name.startswith("readout_gain") for name in found.bench)
    for record, what in enumerate(start.what):
        J = np.column_stack([mine[record].ravel() for mine in slopes])
        if np.isfinite(J).all():
            gain = (start.values[record] / start.sigma[record]).ravel()
            yield what, (_without(J, 0.02 * gain) if gain_unknown else J)


def _without(J: Float[np.ndarray, "rows k"], nuisance: Float[np.ndarray, " rows"]) -> Float[np.ndarray, "rows k"]:
    """Rows whose information is that which an unknown of prior one with these derivatives leaves."""
    size = float(nuisance @ nuisance)
    if size == 0:
        return J
    # J'(1 - n n'/(1 + n'n)) J, as the square of J less a part of its projection.
    part = 1 - 1 / np.sqrt(1 + size)
    return np.asarray(J - part * np.outer(nuisance, nuisance @ J) / size)


@dataclass(frozen=True, eq=False)
class _Plan:
    """Which records are tried, with the errors of those that there are."""

    names: tuple[str, ...]
    everywhere: Observed
    """The netlist with every node as an output."""
    outputs: int
    """How many of the nodes are the outputs that are read anyway."""
    times: tuple[tuple[str, Float[np.ndarray, " t"]], ...]
    frequencies: Float[np.ndarray, " f"]
    readout: float | None
    """[V]; None for a part of what is seen."""
    relative: float

    @classmethod
    def of(cls, found: CircuitCalibration, circuit: Observed) -> "_Plan":
        waves = [term for term in found.terms if isinstance(term, Waveform)]
        # Driven as it was for the records, whatever levels the netlist has.
        circuit = waves[0].circuit if waves else circuit
        own = [label for label in circuit.labels if not label.lower().startswith("i(")]
        more = [node for node in circuit.network.nodes if node not in {label.lower() for label in own}]
        nodes = [*own, *more][:MOST_NODES] or list(circuit.labels)
        model = LinearCircuit.of(circuit.network, circuit.labels)
        rates = np.abs(model.poles.real[np.abs(model.poles.real) > 0])
        relative = [term.relative for term in found.terms if isinstance(term, SecondMoments) and term.relative > 0]
        return cls(
            found.names,
            observed(circuit.network, nodes),
            len(own),
            _windows(rates, model.settled),
            np.geomspace(rates.min() / 100, 10 * rates.max(), _POINTS) if len(rates) else np.array([1.0, 1e3]),
            min((float(wave.sigma.min()) for wave in waves), default=None),
            min(relative, default=SPECTRAL),
        )

    def numbers(self, x: Float[np.ndarray, " k"]) -> _Numbers:
        """What every node would show with the elements of x."""
        factors = dict(zip(self.names, np.exp(x).tolist(), strict=True))
        equations = Equations(LinearCircuit.of(scaled(self.everywhere.network, factors), self.everywhere.labels))
        records = [*self._waves(equations), *self._responses(equations), *self._spectra(equations)]
        return _Numbers(*(tuple(part) for part in zip(*records, strict=True)))

    def _volts(self, v: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        part = READOUT * max(float(np.abs(v).max(initial=0.0)), 1e-30)
        return np.full(v.shape, part if self.readout is None else self.readout)

    def _waves(self, equations: Equations) -> "_Records":
        labels = self.everywhere.labels
        settled = equations.circuit.settled
        for k, node in enumerate(labels):
            yield f"the settled voltage of {node}", settled[k : k + 1], self._volts(settled[k : k + 1])
        for what, times in self.times:
            v = equations.waveform(times)
            for k, node in enumerate(labels):
                yield f"a step seen at {node}, sampled {what}", v[:, k], self._volts(v[:, k])

    def _responses(self, equations: Equations) -> "_Records":
        if not len(equations.circuit.inputs):
            return
        H = equations.circuit.transfer(self.frequencies)
        for j, source in enumerate(equations.circuit.inputs):
            for k, node in enumerate(self.everywhere.labels):
                both = np.concatenate([H[:, k, j].real, H[:, k, j].imag])
                size = np.maximum(np.abs(H[:, k, j]), 1e-3 * max(float(np.abs(H[:, k, j]).max()), 1e-30))
                sigma = self.relative * np.concatenate([size, size])
                yield f"the response of {node} to {source}, {self._band}", both, sigma

    def _spectra(self, equations: Equations) -> "_Records":
        if not equations.circuit.contributors:
            return
        S = equations.circuit.cross_spectra(self.frequencies)
        labels = self.everywhere.labels
        power = np.real(np.einsum("fii->fi", S))
        for k, node in enumerate(labels):
            if (power[:, k] > 0).all():
                yield f"the noise spectrum of {node}, {self._band}", power[:, k], self.relative * power[:, k]
        for a in range(self.outputs):
            for b in range(a):
                product = np.sqrt(power[:, a] * power[:, b] / 2)
                if (product > 0).all():
                    both = np.concatenate([S[:, a, b].real, S[:, a, b].imag])
                    what = f"the cross-spectrum of {labels[b]} and {labels[a]}, {self._band}"
                    yield what, both, self.relative * np.concatenate([product, product])

    @property
    def _band(self) -> str:
        return f"{self.frequencies[0]:.2g} Hz to {self.frequencies[-1]:.2g} Hz"


_Records = Iterator[tuple[str, Float[np.ndarray, " rows"], Float[np.ndarray, " rows"]]]


def _windows(
    rates: Float[np.ndarray, " m"], settled: Float[np.ndarray, " n"]
) -> tuple[tuple[str, Float[np.ndarray, " t"]], ...]:
    """Times of transients: until it has settled, and within the fastest time constant; none where nothing drives."""
    if not len(rates) or not settled.any():
        return ()
    slow = 1 / float(rates.min())
    fast = 1 / float(rates.max())
    found = [(f"for {_LONGER * slow:.2g} s", np.linspace(0.0, _LONGER * slow, _POINTS + 1)[1:])]
    if slow > 3 * fast:
        found.append((f"within {2 * fast:.2g} s", np.linspace(0.0, 2 * fast, _POINTS + 1)[1:]))
    return tuple(found)
