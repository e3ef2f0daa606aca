"""What is wrong with the fields of a design, a study or another checked description, in one line."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

Choice = TypeVar("Choice", bound=str)

_ALTERNATIVES = ("literal[", "constrained-", "function-", "float", "StopAfter", "chain[")
"""Names of the alternatives of a union are pydantic's, not the user's."""

_LONGEST = 60

MOST_REASONS = 8
"""So many are told in full; the rest are counted."""


@runtime_checkable
class Refusal(Protocol):
    """What pydantic's ValidationError offers; pydantic itself stays out of `thermospice --help`."""

    def errors(self) -> list[Any]: ...
    def error_count(self) -> int: ...


def reasons(error: Refusal, unknown: str = "unknown key; remove it or check its spelling") -> str:
    """Field, what was expected and what came, of everything that is wrong, with semicolons in between.

    Keys that nobody knows come first: they are likelier the cause than one that is missing.

    Args:
        error: of pydantic.
        unknown: what is said of a key that nobody knows.
    """
    found = sorted(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    return joined(list(dict.fromkeys(_reason(one, unknown) for one in found)))


def joined(told: list[str]) -> str:
    """Several reasons in one line, the first ones in full."""
    more = len(told) - MOST_REASONS
    return "; ".join(told[:MOST_REASONS]) + (f" (and {more} more)" if more > 0 else "")


def one_of(name: object, choices: Sequence[Choice], what: str, error: type[Exception]) -> Choice:
    """The one of the choices that the name is, of their type.

    Args:
        name: as somebody wrote it.
        choices: all that there are.
        what: the field or option that the name stands in, for the message.
        error: raised where the name is none of them.
    """
    for choice in choices:
        if choice == name:
            return choice
    raise error(f"{what}: expected one of {', '.join(choices)}, got {name!r}")


def _reason(found: Mapping[str, Any], unknown: str) -> str:
    parts = [str(part) for part in found["loc"]]
    field = ".".join(part for part in parts if not part.startswith(_ALTERNATIVES))
    lead = f"{field}: " if field else ""
    match found["type"]:
        case "extra_forbidden":
            return f"{lead}{unknown}"
        case "missing":
            return f"{lead}missing; add it"
        case "value_error":
            return f"{lead}{found['msg'].removeprefix('Value error, ')}"
        case "tuple_type" | "list_type":
            return f"{lead}expected a list, such as [{_shown(found['input'], str)}]"
        case "greater_than" | "greater_than_equal" | "less_than" | "less_than_equal":
            bound = found["msg"].removeprefix("Input should be ")
            return f"{lead}expected a value {bound}, got {_shown(found['input'], repr)}"
    return f"{lead}{found['msg']}, got {_shown(found['input'], repr)}"


def _shown(value: Any, spelled: Any) -> str:
    text = str(spelled(value))
    return text if len(text) < _LONGEST else text[: _LONGEST - 3] + "..."
