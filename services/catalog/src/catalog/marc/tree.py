"""A small piece of XML in memory that remembers what was taken from it, so that the rest can be told as lost."""

from collections.abc import Iterator
from typing import Final

from catalog.marc.text import fit

_XML: Final = "http://www.w3.org/XML/1998/namespace"
_XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
_OF_THE_DOCUMENT: Final = frozenset(("ID", "version"))
"""Attributes that say something of the document and nothing of what it describes; `xsi:` is all of that kind."""


class Node:
    """An element. Whoever takes its text or an attribute has put it somewhere."""

    __slots__ = ("_attributes", "_parts", "_taken", "children", "name", "namespace")

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        """`name` and the attributes' names as `NAMESPACE local`, or `local` without one."""
        self.namespace, _, self.name = name.rpartition(" ")
        self.children: list[Node] = []
        self._attributes = attributes
        self._parts: list[str] = []
        self._taken: set[str] = set()

    def add(self, text: str) -> None:
        """More of its text."""
        self._parts.append(text)

    def peek(self, attribute: str) -> str:
        """An attribute's value, looked at only; empty for none."""
        return fit(" ".join(self._attributes.get(attribute, "").split()))

    def attribute(self, name: str) -> str:
        """An attribute's value, which is put somewhere; empty for none."""
        self._taken.add(name)
        return self.peek(name)

    @property
    def text(self) -> str:
        """What stands between its tags, on one line, looked at only."""
        return fit(" ".join("".join(self._parts).split()))

    def said(self) -> str:
        """The same, put somewhere."""
        self._taken.add("")
        return self.text

    def all(self, *names: str) -> list["Node"]:
        """The children of these names, in order."""
        return [child for child in self.children if child.name in names]

    def first(self, *names: str) -> "Node | None":
        """The first of them."""
        return next((child for child in self.children if child.name in names), None)

    def saying(self, *names: str) -> list[str]:
        """The texts of these children, all put somewhere; none that are empty."""
        return [told for child in self.all(*names) if (told := child.said())]

    def lost(self, path: str = "") -> Iterator[tuple[str, str]]:
        """What nobody has taken: its path below this element, and its value."""
        if self.text and "" not in self._taken:
            yield path or ".", self.text
        for name in self._attributes:
            namespace, _, local = name.rpartition(" ")
            if name in self._taken or namespace == _XSI or name in _OF_THE_DOCUMENT or not self.peek(name):
                continue
            yield f"{path}/@{'xml:' if namespace == _XML else ''}{local}".lstrip("/"), self.peek(name)
        for child in self.children:
            yield from child.lost(f"{path}/{child.name}".lstrip("/"))
