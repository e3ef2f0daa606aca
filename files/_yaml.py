"""YAML as designs and studies are written in it: names as keys, none twice, no aliases, not nested without end."""

from typing import Any

import yaml

_DEEPEST = 20


def parse_yaml(text: str, where: str) -> Any:
    """Plain data of a YAML text.

    A key that is given twice is refused, where YAML would silently take the last, and so are aliases, which can unfold
    a small file to any size, a key that is no name, and values nested more than 20 deep.

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
            elif name in seen:
                problem = f"the key {name!r} is given twice"
            else:
                seen.add(name)
                continue
            raise yaml.constructor.ConstructorError(problem=problem, problem_mark=key.start_mark)
        return super().construct_mapping(node, deep)
