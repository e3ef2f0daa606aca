"""What is wrong with the fields of a design, a study or another checked description, in one line."""

from typing import Any, Protocol, runtime_checkable

_ALTERNATIVES = ("literal[", "constrained-", "function-", "float", "StopAfter")
"""Names of the alternatives of a union are pydantic's, not the user's."""

_LONGEST = 60


@runtime_checkable
class Refusal(Protocol):
    """What pydantic's ValidationError offers; pydantic itself stays out of `thermospice --help`."""

    def errors(self) -> list[Any]: ...
    def error_count(self) -> int: ...


def first_reason(error: Refusal) -> str:
    """Field, what was expected and what came, of the first thing that is wrong, and how many more there are.

    A key that nobody knows comes first: it is likelier the cause than one that is missing.
    """
    first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    parts = [str(part) for part in first["loc"]]
    field = ".".join(part for part in parts if not part.startswith(_ALTERNATIVES))
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    lead = f"{field}: " if field else ""
    match first["type"]:
        case "extra_forbidden":
            return f"{lead}unknown key; remove it or check its spelling{more}"
        case "missing":
            return f"{lead}missing; add it{more}"
        case "value_error":
            return f"{lead}{first['msg'].removeprefix('Value error, ')}{more}"
    shown = repr(first["input"])
    shown = shown if len(shown) < _LONGEST else shown[: _LONGEST - 3] + "..."
    return f"{lead}{first['msg']}, got {shown}{more}"
