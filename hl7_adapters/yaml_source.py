"""A YAML file whose every value knows its line and column.

Scalars stay the text that was written: ``NO`` is no truth value, and ``010`` keeps its
zero. What a value means is left to the model that validates it; only an empty scalar
is nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

Value: TypeAlias = "str | list[Value] | dict[str, Value] | None"

_NULLS = frozenset({"", "~", "null"})
_DEEPEST = 20


class SourceError(Exception):
    """The text is not YAML that can be accepted.

    Parameters
    ----------
    line, column
        Counted from 1.
    """

    def __init__(self, line: int, column: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class YamlSource:
    """One parsed file.

    Parameters
    ----------
    value
        Dictionaries, lists, text and ``None``.
    text
        As it was written.
    """

    root: Node | None
    value: Value
    text: str = ""

    def position(self, location: Sequence[int | str]) -> tuple[int, int]:
        """Return line and column, from 1, of a value; the parent's if it is absent.

        Parameters
        ----------
        location
            Keys and list positions from the top, as in pydantic's ``loc``. The marker
            ``[key]`` means the key itself rather than its value.
        """
        node = self.root
        mark = (1, 1)
        for at, step in enumerate(location):
            key, child = (None, None) if node is None else _child(node, step)
            if child is None:
                break
            of_key = location[at + 1 :] == ("[key]",)
            # A map begins nowhere in particular: its key is where a person looks.
            inside = not isinstance(child, ScalarNode) or not child.value
            mark = _mark(key if key is not None and (of_key or inside) else child)
            node = child
        return mark


def read_yaml(path: Path) -> YamlSource:
    """Read one file.

    Raises
    ------
    SourceError
        It is no YAML, holds a key twice, or uses anchors or tags.
    OSError
        It cannot be read.
    """
    return parse_yaml(path.read_text(encoding="utf-8"))


def parse_yaml(text: str) -> YamlSource:
    """Read a text; raises `SourceError` as `read_yaml`."""
    try:
        root: Node | None = YAML(typ="rt").compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise SourceError(line, column, error.problem or "not valid YAML") from error
    except YAMLError as error:
        raise SourceError(1, 1, "not valid YAML") from error
    return YamlSource(root, {} if root is None else _value(root, 0), text)


def _mark(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _child(node: Node, step: int | str) -> tuple[Node | None, Node | None]:
    """Return the key (of a mapping) and the value that `step` leads to."""
    if isinstance(node, MappingNode):
        for key, child in node.value:
            if key.value.strip().casefold() == str(step).casefold():
                return key, child
    elif isinstance(node, SequenceNode) and isinstance(step, int):
        return None, node.value[step]
    return None, None


def _value(node: Node, depth: int) -> Value:
    line, column = _mark(node)
    if node.anchor is not None:
        raise SourceError(
            line, column, "anchors and aliases are not used; write the value out"
        )
    if depth > _DEEPEST:
        raise SourceError(line, column, "nested too deeply")
    if isinstance(node, ScalarNode):
        text: str = node.value
        return None if node.style is None and text.lower() in _NULLS else text
    if isinstance(node, SequenceNode):
        return [_value(item, depth + 1) for item in node.value]
    return _mapping(node, depth)


def _mapping(node: Any, depth: int) -> dict[str, Value]:
    found: dict[str, Value] = {}
    lines: dict[str, int] = {}
    for key, child in node.value:
        line, column = _mark(key)
        if not isinstance(key, ScalarNode):
            raise SourceError(line, column, "a key must be plain text")
        name: str = key.value
        if name in found:
            raise SourceError(
                line,
                column,
                f"key {name!r} is given twice, first on line {lines[name]};"
                " keep one of them",
            )
        lines[name] = line
        found[name] = _value(child, depth + 1)
    return found
