"""YAML as designs and studies are written in it: names as keys, none twice, no aliases, not nested without end.

What YAML 1.1 reads otherwise than it looks is refused, or left as the text that it is.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from ._exceptions import FileError
from .opening import DESCRIPTION, UnreadableFile, read_text

_DEEPEST = 20

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_TRUTH = re.compile(r"true|True|TRUE|false|False|FALSE")


def parse_yaml(text: str, where: str) -> Any:
    """Plain data of a YAML text.

    A key that is given twice is refused, where YAML would silently take the last, and so are aliases, which can unfold
    a small file to any size, a key that is no name, and values nested more than 20 deep. Numbers are decimal: `0300`
    (octal), `0x10`, `1:30` (to base 60) and `1_000` are refused, and so are dates; `yes`, `no`, `on` and `off` are
    text, which a switch reads as what they say.

    Args:
        text: of the file.
        where: for the message, as `FILE`.

    Raises:
        ValueError: one line with `where`, the line of the file and what is wrong with it.
    """
    try:
        return yaml.load(text, Loader=_Strict)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "cannot be parsed"
        raise ValueError(f"{where}{line}: not valid YAML: {problem}") from None


class _Strict(yaml.SafeLoader):
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise self._refused(f"aliases such as *{self._next.anchor} are not read; write the value out")
        if self.depth == _DEEPEST and self.check_event(yaml.CollectionStartEvent):
            raise self._refused(f"nested more than {_DEEPEST} deep")
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    @property
    def _next(self) -> Any:
        return self.peek_event()  # type: ignore[no-untyped-call]  # not annotated in the stubs

    def _refused(self, problem: str) -> yaml.YAMLError:
        return yaml.composer.ComposerError(problem=problem, problem_mark=self._next.start_mark)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if not isinstance(name, str):
                problem = f"expected a name, got {name!r}"
            elif key.style is None and name.lower() in self.bool_values:
                problem = f"expected a name, got {self.bool_values[name.lower()]!r}"
            elif name in seen:
                problem = f"the key {name!r} is given twice"
            else:
                seen.add(name)
                continue
            raise yaml.constructor.ConstructorError(problem=problem, problem_mark=key.start_mark)
        return super().construct_mapping(node, deep)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        if _INTEGER.fullmatch(node.value):
            return int(node.value)
        raise self._unclear(node, "write a decimal number without leading zeros and separators, a time with its unit")

    def construct_yaml_float(self, node: yaml.ScalarNode) -> float:
        if _DECIMAL.fullmatch(node.value) or _NOT_FINITE.fullmatch(node.value):
            return float(super().construct_yaml_float(node))
        raise self._unclear(node, "write a decimal number without leading zeros and separators, a time with its unit")

    def construct_yaml_bool(self, node: yaml.ScalarNode) -> Any:
        # YAML 1.2 has only these: that `bits: yes` would be a one is nobody's intention.
        return super().construct_yaml_bool(node) if _TRUTH.fullmatch(node.value) else node.value

    def construct_yaml_timestamp(self, node: yaml.ScalarNode) -> Any:
        super().construct_yaml_timestamp(node)
        raise self._unclear(node, "YAML reads a date here")

    def _unclear(self, node: yaml.ScalarNode, advice: str) -> yaml.YAMLError:
        shown = node.value if len(node.value) <= 40 else f"{node.value[:37]}..."
        problem = f"{shown} can be read in more than one way; {advice}, or put it in quotes where it is text"
        return yaml.constructor.ConstructorError(problem=problem, problem_mark=node.start_mark)


for _kind in ("int", "float", "bool", "timestamp"):
    _Strict.add_constructor(f"tag:yaml.org,2002:{_kind}", getattr(_Strict, f"construct_yaml_{_kind}"))


def read_yaml(path: Path) -> Any:
    """The content of a YAML file.

    Raises:
        FileError: unreadable, too large, or not YAML as `parse_yaml` reads it.
    """
    try:
        return parse_yaml(read_text(path, DESCRIPTION), str(path))
    except UnreadableFile as error:
        raise FileError(f"{path}: cannot read the study: {error.reason}") from None
    except ValueError as error:
        raise FileError(str(error)) from None
