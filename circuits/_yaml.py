"""YAML as designs are written in it: no key twice, no aliases."""

from typing import Any

import yaml


class UniqueKeys(yaml.SafeLoader):
    """Refuses a key that is given twice, where YAML would silently take the last, and aliases, which can unfold
    a small file to any size."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]  # not annotated in the stubs
            raise yaml.composer.ComposerError(
                problem=f"aliases such as *{event.anchor} are not read; write the value out",
                problem_mark=event.start_mark,
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen and isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(
                    problem=f"the key {key.value!r} is given twice", problem_mark=key.start_mark
                )
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)
