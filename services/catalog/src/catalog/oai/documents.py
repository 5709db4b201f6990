"""Formats of a library's own in the configuration."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from catalog.oai.crosswalks import sound
from catalog.oai.rules import FORMATS
from chassis.problems import Reason

Element = Literal[
    "title", "creator", "subject", "description", "publisher", "contributor", "date", "type",
    "format", "identifier", "source", "language", "relation", "coverage", "rights",
]  # fmt: skip
Indicator = Annotated[str, Field(pattern=r"^[ a-z0-9]$")]
Text = Annotated[str, Field(max_length=100, pattern=r"^[^\x00-\x1f]*$")]


class SourceDoc(BaseModel):
    """Fields whose values an element has."""

    model_config = ConfigDict(extra="forbid")

    tag: Annotated[str, Field(pattern=r"^[0-9X]{3}$")]
    """With X for any digit."""
    subfields: Annotated[str, Field(pattern=r"^[a-z0-9]{1,40}$")] | None = None
    """Of these codes, in the field's order; left out: of all letters, or of 00X the whole field."""
    ind1: Indicator | None = None
    ind2: Indicator | None = None
    start: int | None = Field(default=None, ge=0, le=99)
    """Of 00X: from this position on (counted from 0) …"""
    end: int | None = Field(default=None, ge=1, le=100)
    """… and up to this one, which is no part of it."""
    joined: Text = " "
    """What stands between subfields."""
    before: Text = ""
    """What stands before every value: `ISBN `, an address."""

    @model_validator(mode="after")
    def of_its_kind(self) -> Self:
        """Subfields and positions are of different fields."""
        if wrong := sound(self.model_dump()):
            raise ValueError("; ".join(wrong))
        return self


class HarvestFormatDoc(BaseModel):
    """A format that harvesters may ask for by its code (OAI-PMH's metadataPrefix): Dublin Core by a crosswalk of the
    library's own."""

    model_config = ConfigDict(extra="forbid")

    code: Annotated[str, Field(pattern=r"^[A-Za-z0-9\-_.!~*'()]{1,40}$")]
    elements: dict[Element, Annotated[list[SourceDoc], Field(max_length=50)]] = Field(min_length=1)
    """Of each element its sources, in order; an empty list leaves the element out."""
    others: Literal["none", "oai_dc"] = "none"
    """What becomes of elements that are not told: nothing, or what `oai_dc` has."""

    @property
    def key(self) -> str:
        """What identifies it in its section."""
        return self.code

    def row(self) -> dict[str, Any]:
        """As a statement takes it."""
        return {"code": self.code, "document": self.model_dump_json(exclude={"code"})}

    def flaws(self, place: str) -> Iterator[Reason]:
        """A prefix that is given already."""
        if self.code in FORMATS:
            yield Reason(
                "prefix-reserved", f"{self.code} is a format of ours.", f"{place}/code", "Choose another."
            )
