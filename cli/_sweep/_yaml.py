"""YAML files as plain data, with one-line errors."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from .._errors import InputError

_MOST_BYTES = 4_000_000
_DEEPEST = 20
_ALTERNATIVES = ("literal[", "constrained-", "function-", "float", "StopAfter")


def read_yaml(path: Path) -> Any:
    """The content of a YAML file.

    Raises:
        InputError: unreadable, too large, not YAML, or with aliases (a small file could become a huge one).
    """
    try:
        content = path.read_bytes()
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path}: expected UTF-8 text") from None
    except OSError as error:
        raise InputError(f"{path}: cannot read the study: {error.strerror}") from None
    if len(content) > _MOST_BYTES:
        raise InputError(f"{path}: expected a study of at most {_MOST_BYTES} bytes, got {len(content)}")
    try:
        depth = 0
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                raise InputError(f"{path}: not valid YAML for a study: nested more than {_DEEPEST} deep")
            if isinstance(event, yaml.AliasEvent):
                line = event.start_mark.line + 1 if event.start_mark else 1
                raise InputError(f"{path}, line {line}: aliases are not supported; write it out")
        return yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}, line {mark.line + 1}" if mark else str(path)
        raise InputError(f"{place}: not valid YAML: {getattr(error, 'problem', None) or 'too deep'}") from None


class _Loader(yaml.SafeLoader):
    """A key that stands twice is an error, not a silent choice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(
                    None, None, f"expected a name, got {key!r}", key_node.start_mark
                )
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key} stands twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def first_reason(error: ValidationError) -> str:
    """Field, what was expected and what came, of the first thing that is wrong."""
    first = error.errors()[0]
    # Names of the alternatives of a union are pydantic's, not the user's.
    parts = [str(part) for part in first["loc"]]
    field = ".".join(part for part in parts if not part.startswith(_ALTERNATIVES))
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    lead = f"{field}: " if field else ""
    if first["type"] == "extra_forbidden":
        return f"{lead}unknown key; remove it or check its spelling{more}"
    if first["type"] == "missing":
        return f"{lead}missing; add it{more}"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error" and "got" in message:
        return f"{lead}{message}{more}"
    shown = repr(first["input"])
    came = "" if first["type"] == "value_error" else f", got {shown if len(shown) < 60 else shown[:57] + '...'}"
    return f"{lead}{message}{came}{more}"
