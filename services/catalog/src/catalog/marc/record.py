"""One MARC 21 record in memory: a leader and fields in order, Unicode in NFC, whatever it was read from.

Fields read from a file keep their text as one string and take it apart only when asked: most readers of a
record want six of its thirty fields.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal, Self

LEADER_LENGTH: Final = 24
SUBFIELD: Final = "\x1f"

Subfields = tuple[tuple[str, str], ...]
_Parts = tuple[str, str, Subfields]
_Unmade = tuple[list[str], list[str], list[Literal[False] | None]]

DEFAULT_LEADER: Final = "00000nam a2200000 i 4500"
"""A new language-material monograph in UTF-8."""


class Field:
    """A variable field; a control field (00X) has a value, a data field indicators and subfields.

    Make one with `Field.control` or `Field.data`. Do not change one: records share them.
    """

    __slots__ = ("_parts", "_text", "tag")

    def __init__(self, tag: str, text: str | None, parts: _Parts | Literal[False] | None) -> None:
        """Internal: parts False marks a control field, None a data field whose text is still whole."""
        self.tag = tag
        self._text = text
        self._parts = parts

    @classmethod
    def control(cls, tag: str, value: str) -> Self:
        """A field that is only a value: 001, 005, 008."""
        return cls(tag, value, False)

    @classmethod
    def data(cls, tag: str, indicators: str, *subfields: tuple[str, str]) -> Self:
        """A field with two indicators (a string of both) and subfields in order."""
        if len(indicators) != 2:
            raise ValueError(f"A data field has two indicators, not {indicators!r}.")
        return cls(tag, None, (indicators[0], indicators[1], subfields))

    @classmethod
    def from_parts(cls, tag: str, ind1: str, ind2: str, subfields: Iterable[tuple[str, str]]) -> Self:
        """A data field from pieces that a stranger's file holds, however odd they are."""
        return cls(tag, None, (ind1, ind2, tuple(subfields)))

    @property
    def is_control(self) -> bool:
        """True for a field with a value and no subfields."""
        return self._parts is False

    @property
    def is_plain(self) -> bool:
        """Can `text` say this data field so that the same field can be read from it?"""
        if self._parts is None:
            return True
        ind1, ind2, subfields = self._taken_apart()
        return (
            len(ind1) == len(ind2) == 1
            and SUBFIELD not in ind1 + ind2
            and all(
                len(code) == 1 and code != SUBFIELD and SUBFIELD not in value for code, value in subfields
            )
            and bool(subfields)
        )

    @property
    def whole(self) -> str | None:
        """A data field's text (`text`) as long as it has not been taken apart; None for any other field."""
        return self._text if self._parts is None else None

    @property
    def value(self) -> str:
        """A control field's value; for a data field its subfields' text with blanks between."""
        if self._parts is False:
            return self._text or ""
        return " ".join(value for _, value in self.subfields)

    @property
    def ind1(self) -> str:
        """The first indicator; empty for a control field."""
        return self.indicators[:1] if self._parts is None else self._taken_apart()[0]

    @property
    def ind2(self) -> str:
        """The second indicator; empty for a control field."""
        return self.indicators[1:] if self._parts is None else self._taken_apart()[1]

    @property
    def indicators(self) -> str:
        """Both indicators."""
        if self._parts is None:
            return (self._text or "")[:2]
        ind1, ind2, _ = self._taken_apart()
        return ind1 + ind2

    @property
    def subfields(self) -> Subfields:
        """(code, value) in order, repeats and all; empty for a control field."""
        return self._taken_apart()[2]

    def get(self, code: str) -> str | None:
        """The first subfield with this code."""
        if self._parts is None and len(code) == 1:
            text = self._text or ""
            start = text.find(SUBFIELD + code)
            if start < 0:
                return None
            end = text.find(SUBFIELD, start + 1)
            return text[start + 2 :] if end < 0 else text[start + 2 : end]
        return next((value for found, value in self.subfields if found == code), None)

    def all(self, codes: str) -> list[str]:
        """Every value under one of these one-letter codes, in the field's order."""
        if self._parts is None:
            return [piece[1:] for piece in (self._text or "")[3:].split(SUBFIELD) if piece[0] in codes]
        return [value for code, value in self.subfields if code and code in codes]

    def text(self) -> str:
        """The field as ISO 2709 holds it, without its terminator."""
        if self._text is not None:
            return self._text
        ind1, ind2, subfields = self._taken_apart()
        return ind1 + ind2 + "".join([SUBFIELD + code + value for code, value in subfields])

    def _taken_apart(self) -> _Parts:
        if self._parts is None:
            self._parts = _apart(self._text or "")
            return self._parts
        return self._parts or ("", "", ())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Field):
            return NotImplemented
        if self.tag != other.tag or self.is_control != other.is_control:
            return False
        if self.is_control:
            return self._text == other._text
        return self._taken_apart() == other._taken_apart()

    def __hash__(self) -> int:
        return hash((self.tag, self._text if self._parts is False else self._taken_apart()))

    def __repr__(self) -> str:
        if self.is_control:
            return f"Field.control({self.tag!r}, {self._text!r})"
        ind1, ind2, subfields = self._taken_apart()
        return f"Field.data({', '.join(map(repr, (self.tag, ind1 + ind2, *subfields)))})"


def _apart(text: str) -> _Parts:
    """Indicators and subfields of a data field whose shape has been vouched for."""
    return text[0], text[1], tuple([(piece[0], piece[1:]) for piece in text[3:].split(SUBFIELD)])


def composed(text: str) -> str:
    """NFC within each subfield: a stray mark at a value's beginning must not melt into the code before it."""
    if unicodedata.is_normalized("NFC", text):
        return text
    head, *parts = text.split(SUBFIELD)
    values = [part[:1] + unicodedata.normalize("NFC", part[1:]) for part in parts]
    return SUBFIELD.join([head if parts else unicodedata.normalize("NFC", head), *values])


def _fields_of(tags: list[str], texts: list[str], kinds: list[Literal[False] | None]) -> tuple[Field, ...]:
    """Fields made past their constructor, which costs as much as the rest of it."""
    made = []
    for tag, text, kind in zip(tags, texts, kinds, strict=True):
        field = Field.__new__(Field)
        field.tag, field._text, field._parts = tag, text, kind
        made.append(field)
    return tuple(made)


class Record:
    """A leader of 24 characters and fields in the order of the file."""

    __slots__ = ("_fields", "_unmade", "leader")

    def __init__(self, leader: str, fields: Iterable[Field]) -> None:
        self.leader = leader
        self._fields: tuple[Field, ...] | None = tuple(fields)
        self._unmade: _Unmade | None = None

    @classmethod
    def from_texts(cls, leader: str, directory: str, texts: list[str], controls: int) -> "Record":
        """From fields as ISO 2709 holds them, of which the first so many are control fields.

        `directory` has a tag at every twelfth place. The caller vouches for every text's shape: no mark in a
        control field; two indicators, a mark and a code in a data field. NFC is seen to here.
        """
        tags = [directory[at : at + 3] for at in range(0, len(directory), 12)]
        told = [text if text.isascii() else composed(text) for text in texts]
        kinds: list[Literal[False] | None] = [False] * controls
        kinds += [None] * (len(tags) - controls)
        return cls.unmade(leader, tags, told, kinds)

    @classmethod
    def unmade(
        cls, leader: str, tags: list[str], texts: list[str], kinds: list[Literal[False] | None]
    ) -> "Record":
        """From tags and texts that were a record's before; a kind is False for a control field, None for another."""
        return _unmade(leader, (tags, texts, kinds))

    def texts(self) -> _Unmade | None:
        """Tags, texts and kinds of fields that nobody has made yet, which is quicker than to make them."""
        return self._unmade

    def _made(self) -> tuple[Field, ...]:
        if self._fields is None:
            tags, texts, kinds = self._unmade or ([], [], [])
            self._fields = _fields_of(tags, texts, kinds)
            self._unmade = None
        return self._fields

    def fields(self, *tags: str) -> list[Field]:
        """The fields with one of these tags, or all of them, in order."""
        if not tags:
            return list(self._made())
        if self._unmade is not None:
            return [
                Field(tag, text, kind) for tag, text, kind in zip(*self._unmade, strict=True) if tag in tags
            ]
        return [field for field in self._made() if field.tag in tags]

    def grouped(self, groups: Mapping[str, str]) -> dict[str, list[Field]]:
        """Fields by the group that their tag belongs to, in order; those of no group are not even made."""
        found: dict[str, list[Field]] = {}
        if self._unmade is None:
            for field in self._made():
                if group := groups.get(field.tag):
                    found.setdefault(group, []).append(field)
        else:
            for tag, text, kind in zip(*self._unmade, strict=True):
                if group := groups.get(tag):
                    found.setdefault(group, []).append(Field(tag, text, kind))
        return found

    def first(self, tag: str) -> Field | None:
        """The first field with this tag."""
        return next((field for field in self._made() if field.tag == tag), None)

    def control(self, tag: str) -> str | None:
        """The value of the first control field with this tag."""
        if self._unmade is not None:
            for found, text, kind in zip(*self._unmade, strict=True):
                if kind is False and found == tag:
                    return text
            return None
        return next((field.value for field in self._made() if field.tag == tag and field.is_control), None)

    def get(self, tag: str, code: str) -> str | None:
        """The first subfield with this code in a field with this tag."""
        for field in self._made():
            if field.tag == tag and (value := field.get(code)) is not None:
                return value
        return None

    def having(self, *fields: Field) -> "Record":
        """This record with fields added, each after the last one whose tag is not greater."""
        kept = list(self._made())
        for field in fields:
            after = [place for place, other in enumerate(kept) if other.tag <= field.tag]
            kept.insert(after[-1] + 1 if after else 0, field)
        return Record(self.leader, kept)

    def without(self, *tags: str) -> "Record":
        """This record with no field of these tags."""
        return Record(self.leader, [field for field in self._made() if field.tag not in tags])

    def __iter__(self) -> Iterator[Field]:
        return iter(self._made())

    def __len__(self) -> int:
        return len(self._made())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Record):
            return NotImplemented
        return self.leader == other.leader and self._made() == other._made()

    def __hash__(self) -> int:
        return hash((self.leader, self._made()))

    def __repr__(self) -> str:
        return f"Record({self.leader!r}, {list(self._made())!r})"


def _unmade(leader: str, told: _Unmade) -> Record:
    """A record past its constructor, which would want its fields."""
    record = Record.__new__(Record)
    record.leader, record._fields, record._unmade = leader, None, told
    return record
