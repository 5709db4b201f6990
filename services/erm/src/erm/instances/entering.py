"""Titles of the knowledge base, as clients write them."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from chassis.problems import Invalid, Reason
from erm.identifiers.rules import read
from erm.wire import Note, Strict, Word

LongWord = Annotated[str, Field(min_length=1, max_length=2000, pattern=r"\S")]
MENDS = {
    "issn-check-digit": "Look it up again: its check digit is wrong.",
    "isbn-check-digit": "Look it up again: its check digit is wrong.",
    "issn-malformed": "An ISSN is eight digits, the last may be X.",
    "isbn-malformed": "An ISBN is ten or thirteen digits.",
    "doi-malformed": "A DOI begins with 10.",
    "identifier-malformed": "A namespace is a word in small letters; a value has up to 400 characters.",
}


class IdentifierIn(Strict):
    """What a title is known by."""

    namespace: Annotated[str, Field(max_length=90, examples=["issn"])]
    """`issn`, `isbn`, `doi`, `title-id:SOURCE` (a provider's own), or another word."""
    value: Annotated[str, Field(min_length=1, max_length=400)]
    approved: bool = False
    """Another title of the medium may have it, too."""


class IdentifierOut(BaseModel):
    """What a title is known by."""

    id: UUID
    namespace: str
    value: str
    approved: bool


class TitleIn(Strict):
    """A title in one medium."""

    name: LongWord
    kind: Literal["serial", "monograph"]
    publisher: LongWord | None = None
    first_author: LongWord | None = None
    first_editor: LongWord | None = None
    edition: Word | None = None
    volume: Word | None = None
    published_print: Word | None = None
    published_online: Word | None = None
    preceded_by: UUID | None = None
    """The title that it continues."""
    identifiers: list[IdentifierIn] = Field(default_factory=list, max_length=200)


class NewTitleIn(TitleIn):
    """A title that no list has brought."""

    medium: Literal["electronic", "print"] = "electronic"
    sibling_of: UUID | None = None
    """A title of the same work, in another medium or edition."""


class TitleOut(BaseModel):
    """A title of the knowledge base. What a list says of it is told as it is."""

    id: UUID
    work_id: UUID
    """What print and online have in common."""
    name: str
    kind: Literal["serial", "monograph"]
    medium: Literal["electronic", "print"]
    publisher: str | None
    first_author: str | None
    first_editor: str | None
    edition: str | None
    volume: str | None
    published_print: str | None
    published_online: str | None
    preceded_by: UUID | None
    merged_into: UUID | None
    """It became this one, which has everything that it had."""
    split_from: UUID | None
    identifiers: list[IdentifierOut]
    created_at: datetime
    version: int


class SiblingOut(BaseModel):
    """A title of the same work."""

    id: UUID
    name: str
    medium: str
    identifiers: list[IdentifierOut]


class MergeIn(Strict):
    """Titles that are this one."""

    title_ids: list[UUID] = Field(min_length=1, max_length=50)


class SplitIn(Strict):
    """What belongs to another title."""

    name: LongWord | None = None
    """Of the new title; the old one's unless another is given."""
    identifier_ids: list[UUID] = Field(default_factory=list, max_length=200)
    platform_ids: list[UUID] = Field(default_factory=list, max_length=200)
    """Platforms on which it was the other title: packages there hold that from now on."""
    same_work: bool = False
    """It is another edition of the work, not another title altogether."""


class SettleIn(Strict):
    """How a question was settled."""

    note: Note | None = None


def checked(told: list[IdentifierIn]) -> list[IdentifierIn]:
    """Identifiers in their one form, each once; `Invalid` with every one that cannot be."""
    found, reasons = dict[tuple[str, str], IdentifierIn](), []
    for at, each in enumerate(told):
        became = read(each.namespace, each.value)
        if became.value is None:
            code = became.flaw or "identifier-malformed"
            text = f"{each.value[:60]!r} is no {each.namespace[:40]}."
            reasons.append(Reason(code, text, f"/identifiers/{at}/value", MENDS[code]))
        else:
            found[each.namespace, became.value] = each.model_copy(update={"value": became.value})
    if reasons:
        raise Invalid(reasons=reasons)
    return list(found.values())
