"""The search for the cheapest design: its cost is known, and whether its chips keep the limits has to be tried.

Each proposal is the one whose expected saving is the largest: what it would save over the cheapest design that keeps
the limits so far, times the probability that it keeps them (Schonlau, Welch and Jones, in New developments and
applications in experimental design, 11, 1998; Gardner et al., ICML 2014). Where none has kept them, it is the design
that most probably does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from jaxtyping import Float

from ..studies import Limit
from ._cost import Cost
from ._margin import is_logarithmic, room
from ._space import Design, Space

# Stream of the study's seed.
_STREAM = 5

_CANDIDATES = 1024
_NEAR = 256
"""Candidates all over the space, and about the best design."""

_REACHES = (0.02, 0.1)
"""How far about, on axes of length 1."""

_SAVING = 2e-3
"""Of the cost: when less is to be expected of any design, the search is over."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A design, and the limits' metrics of its chips: NaN of a chip that has none."""

    design: Design
    values: Mapping[str, Float[np.ndarray, " chips"]]

    @property
    def whole(self) -> bool:
        return all(bool(np.isfinite(one).all()) for one in self.values.values())

    def keeps(self, limit: Limit) -> int:
        """How many of its chips keep a limit."""
        return sum(limit.keeps(float(value)) for value in self.values[limit.metric])


@dataclass(frozen=True)
class Search:
    """Proposes designs, one after the other, from nothing but those that were tried: asked again it says the same."""

    space: Space
    cost: Cost
    limits: tuple[Limit, ...]
    confidence: float
    designs: int
    """That may be tried."""
    seed: int

    def proposals(self, history: Sequence[Tried]) -> list[dict[str, Any]]:
        """What to try next; nothing when the search is over."""
        if not history:
            return self._first()
        if len(history) >= self.designs:
            return []
        found = self._best_candidate(history)
        return [] if found is None else [found]

    def rooms(self, history: Sequence[Tried]) -> Float[np.ndarray, "limits designs"]:
        """Room of each design to each limit; minus infinity where a chip has no number, or too few keep the limit."""
        found = np.full((len(self.limits), len(history)), -np.inf)
        whole = [k for k, one in enumerate(history) if one.whole]
        for i, limit in enumerate(self.limits):
            log = is_logarithmic(limit, [history[k].values[limit.metric] for k in whole])
            for k in whole:
                found[i, k] = room(limit, history[k].values[limit.metric], self.confidence, log)
        return found

    def kept(self, history: Sequence[Tried]) -> list[bool]:
        """Whether each design keeps every limit, with the margin."""
        rooms = self.rooms(history)
        return [
            bool((rooms[:, k] >= 0).all())
            and all(one.keeps(limit) >= (limit.required_yield or 0.0) * _chips(one) for limit in self.limits)
            for k, one in enumerate(history)
        ]

    def best(self, history: Sequence[Tried]) -> int | None:
        """The cheapest design that keeps the limits; the first of equals."""
        there = [k for k, kept in enumerate(self.kept(history)) if kept]
        return min(there, key=lambda k: self.cost(history[k].design), default=None)

    def nearest(self, history: Sequence[Tried]) -> int:
        """The design that comes nearest to keeping all limits."""
        return int(np.argmax(self._scaled(self.rooms(history)).min(axis=0)))

    def _first(self) -> list[dict[str, Any]]:
        """The dearest corner, where limits are most likely kept, and a few all over the space."""
        count = min(self.designs, 2 * self.space.size + 2)
        rng = np.random.default_rng([self.seed, _STREAM])
        unit = scipy.stats.qmc.Sobol(self.space.size, seed=rng).random(1 << (count - 1).bit_length())
        return _different([self._dearest(), *self.space.designs(unit)])[:count]

    def _dearest(self) -> dict[str, Any]:
        """Each parameter at its dearest end, or the dearest of its values; one without a cost at the first."""
        (first,) = self.space.designs(np.zeros((1, self.space.size)))
        place = np.zeros(self.space.size)
        for k, name in enumerate(self.space.parameters):
            if name in self.cost.parts:
                every = self.space.ends[name]
                costs = [sum(part.of(float(value)) for part in self.cost.parts[name]) for value in every]
                place[k] = self.space.places([{**first, name: every[int(np.argmax(costs))]}])[0, k]
        (found,) = self.space.designs(place[None, :])
        return found

    def _best_candidate(self, history: Sequence[Tried]) -> dict[str, Any] | None:
        candidates = self._candidates(history)
        if not candidates:
            return None
        probability = self._probability(history, candidates)
        best = self.best(history)
        if best is None:
            return candidates[int(np.argmax(probability))]
        price = self.cost(history[best].design)
        saving = np.array([max(price - self.cost(one), 0.0) for one in candidates]) * probability
        enough = len(history) >= 2 * (2 * self.space.size + 2)
        if saving.max() <= (_SAVING * price if enough else 0.0):
            return None
        return candidates[int(np.argmax(saving))]

    def _candidates(self, history: Sequence[Tried]) -> list[dict[str, Any]]:
        """Designs that were not tried yet, all over the space and about the best one."""
        rng = np.random.default_rng([self.seed, _STREAM, len(history)])
        count = self.space.size
        unit = scipy.stats.qmc.Sobol(count, seed=rng).random(_CANDIDATES)
        best = self.best(history)
        about = self.space.places([history[self.nearest(history) if best is None else best].design])
        near = [np.clip(about + reach * rng.standard_normal((_NEAR, count)), 0.0, 1.0) for reach in _REACHES]
        # From a good design along one axis alone.
        along = np.repeat(about, _NEAR, axis=0)
        along[np.arange(_NEAR), rng.integers(0, count, _NEAR)] = rng.random(_NEAR)
        tried = {_key(one.design) for one in history}
        found = _different(self.space.designs(np.concatenate([unit, *near, along])))
        return [design for design in found if _key(design) not in tried]

    def _probability(self, history: Sequence[Tried], candidates: Sequence[Design]) -> Float[np.ndarray, " designs"]:
        """That candidates keep all limits."""
        from ._surrogate import probability_of_room  # scikit-learn

        rooms = self.rooms(history)
        tried = self.space.places([one.design for one in history])
        asked = self.space.places(candidates)
        found = np.ones(len(candidates))
        for one in rooms:
            seen = one[np.isfinite(one)]
            # A design whose chips fail is as bad as the worst that has a number, and bad.
            worst = min(float(seen.min()), -float(np.ptp(seen))) if len(seen) else -1.0
            filled = np.where(np.isfinite(one), one, worst)
            if np.ptp(filled) > 0:
                found *= probability_of_room(tried, filled, asked, self.seed)
        return found

    def _scaled(self, rooms: Float[np.ndarray, "limits designs"]) -> Float[np.ndarray, "limits designs"]:
        """Limits beside each other: each by how much its metric varies."""
        found = rooms.copy()
        for k, one in enumerate(rooms):
            seen = one[np.isfinite(one)]
            spread = float(seen.std()) if len(seen) > 1 else 0.0
            found[k] = one / spread if spread > 0 else one
        return found


def _chips(tried: Tried) -> int:
    return len(next(iter(tried.values.values())))


def _key(design: Design) -> str:
    return repr(dict(design))


def _different(designs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({_key(one): one for one in designs}.values())
