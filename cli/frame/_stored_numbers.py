"""Numbers of a stored request: what an option would take, and no more."""

from typing import Annotated

from pydantic import ConfigDict, Field

StoredSeed = Annotated[int, Field(ge=0, lt=2**63)]
StoredCount = Annotated[int, Field(ge=1, le=1_000_000)]
StoredSeconds = Annotated[float, Field(ge=0.0)]

STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
"""Every field there and of its type, none that nobody knows, every number finite."""
