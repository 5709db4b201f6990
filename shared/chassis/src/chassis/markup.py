"""XML from strangers, read by the standard library's expat with everything dangerous refused, and XML written.

A document type (and with it every entity, external or exploding), processing instructions, depth and number of
elements are refused or bounded before they cost anything. 100 000 bytes take some milliseconds: call it in a thread.
"""

import re
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

DEPTH: Final = 20
ELEMENTS: Final = 5_000
_UNWRITABLE: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""XML 1.0 has no way to write these."""


class NotXml(ValueError):
    """Not well-formed, or more than is read here; the message says which."""


@dataclass(slots=True)
class Element:
    """An element: its namespace, name, text and children."""

    space: str
    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: "list[Element]" = field(default_factory=list)
    text: str = ""

    def child(self, name: str) -> "Element | None":
        """The first child of this name."""
        return next((child for child in self.children if child.name == name), None)


class _Reader:
    def __init__(self, elements: int, depth: int) -> None:
        self._most, self._depth = elements, depth
        self.root: Element | None = None
        self._open: list[Element] = []
        self._count = 0
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._refused_type
        parser.ProcessingInstructionHandler = self._refused_instruction
        self.parser = parser

    def _start(self, told: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > self._most or len(self._open) >= self._depth:
            raise NotXml(f"more than {self._most} elements, or {self._depth} within one another")
        space, _, name = told.rpartition(" ")
        element = Element(space, name, attributes)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def _end(self, _: str) -> None:
        element = self._open.pop()
        element.text = element.text.strip()

    def _text(self, told: str) -> None:
        self._open[-1].text += told

    @staticmethod
    def _refused_type(*_: object) -> None:
        raise NotXml("a document type, which is not read here")

    @staticmethod
    def _refused_instruction(*_: object) -> None:
        raise NotXml("a processing instruction, which is not read here")


def read(body: bytes, *, elements: int = ELEMENTS, depth: int = DEPTH) -> Element:
    """The root of a document; `NotXml` when it is none."""
    reader = _Reader(elements, depth)
    try:
        reader.parser.Parse(body, True)
    except expat.ExpatError as error:
        raise NotXml(f"not well-formed at line {error.lineno}: {expat.ErrorString(error.code)}") from None
    except (LookupError, ValueError) as error:
        if isinstance(error, NotXml):
            raise
        raise NotXml("an encoding that is not known here") from None
    assert reader.root is not None
    return reader.root


def text(told: str) -> str:
    """Text as it stands in a document."""
    return escape(_UNWRITABLE.sub("\ufffd", told))


def opened(name: str, **attributes: str) -> str:
    """A start tag."""
    told = "".join(f" {key.replace('__', ':')}={quoteattr(value)}" for key, value in attributes.items())
    return f"<{name}{told}>"
