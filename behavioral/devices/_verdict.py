"""The verdict on a calibration: what was judged, and by how much it fell short."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["consistent", "contradicted", "unjudged"]


@dataclass(frozen=True, slots=True)
class Check:
    """One row of a verdict.

    Attributes:
        family: "residual", "bench", "tolerance", "held out".
        row: what was judged: a record, a kind of measurement, a kind of parameter, a nuisance.
        statistic: mean square by its expectation: one when the model is right.
        probability: of as much or more when the model is right; None where the errors have a size and no law.
        passed: whether that is above the row's part of `FALSE_ALARMS`.
        meaning: of a failure, in words.
        limit: of the statistic, where it is known.
    """

    family: str
    row: str
    statistic: float
    probability: float | None
    passed: bool
    meaning: str
    limit: float | None = None

    def __str__(self) -> str:
        chance = "" if self.probability is None else f" (by chance once in {_once_in(self.probability)})"
        return f"{self.row}: {self.meaning.format(self.statistic)}{chance}"


@dataclass(frozen=True)
class Verdict:
    """What the checks say together: "contradicted" when one fails, "unjudged" for a model that nobody fitted."""

    checks: tuple[Check, ...] = ()

    @property
    def status(self) -> Status:
        """In one word."""
        if not self.checks:
            return "unjudged"
        return "consistent" if all(check.passed for check in self.checks) else "contradicted"

    @property
    def contradicted(self) -> bool:
        """Whether a check fails."""
        return self.status == "contradicted"

    @property
    def misfit(self) -> bool:
        """Whether something else fails than a tolerance: the equations or the bench are not those of the fit."""
        return any(check.family != "tolerance" for check in self.contradictions)

    @property
    def contradictions(self) -> tuple[Check, ...]:
        """The checks that fail, the least likely one first."""
        failed = [check for check in self.checks if not check.passed]
        return tuple(sorted(failed, key=lambda check: (check.probability or 0.0, -check.statistic)))

    def __str__(self) -> str:
        if not self.contradicted:
            return self.status
        return f"contradicted by {'; '.join(str(check) for check in self.contradictions)}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data that `from_dict` reads back without loss."""
        return {
            "status": self.status,
            "checks": [{name: getattr(c, name) for name in c.__slots__} for c in self.checks],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Verdict":
        """Validate plain data.

        Raises:
            KeyError, TypeError, ValueError: values that do not fit.
        """
        verdict = cls(tuple(_check(row) for row in data["checks"]))
        if data["status"] != verdict.status:
            raise ValueError(f"verdict: its checks say {verdict.status}, its status {data['status']!r}")
        return verdict


def _check(row: Mapping[str, Any]) -> Check:
    texts = {name: row[name] for name in ("family", "row", "meaning")}
    if not all(isinstance(text, str) for text in texts.values()) or not isinstance(row["passed"], bool):
        raise ValueError(f"verdict: expected a check with its texts and whether it passed, got {dict(row)}")
    chance, limit = row["probability"], row.get("limit")
    return Check(
        **texts,
        limit=None if limit is None else float(limit),
        statistic=float(row["statistic"]),
        probability=None if chance is None else float(chance),
        passed=row["passed"],
    )


def _once_in(probability: float) -> str:
    return f"{1 / probability:.2g}" if probability > 1e-12 else "1e12 or more"
