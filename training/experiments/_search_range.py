"""A range that tuning searches."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """Searched uniformly in the logarithm; with `from_one`, in the logarithm of the distance to one."""

    low: float
    high: float
    from_one: bool = False

    def at(self, u: float) -> float:
        """The value at the fraction `u` of the range, rounded to three digits."""
        low, high = (1 - self.low, 1 - self.high) if self.from_one else (self.low, self.high)
        value = low * (high / low) ** u
        return float(f"{1 - value if self.from_one else value:.3g}")
