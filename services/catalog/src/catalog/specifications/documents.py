"""A library's specification as it is written and read: what it says otherwise than MARC 21."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from catalog.specifications.rules import (
    FieldRule,
    Presence,
    Specification,
    SubfieldRule,
    overlaid,
    standard,
)

Tag = Annotated[str, Field(pattern=r"^[0-9A-Z]{3}$")]
OpenTag = Annotated[str, Field(pattern=r"^[0-9X]{3}$")]
Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
Indicators = Annotated[str, Field(min_length=1, max_length=12, pattern=r"^[ 0-9a-z]+$")]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class SubfieldDoc(BaseModel):
    """A subfield. What is left out is as MARC 21 says."""

    model_config = ConfigDict(extra="forbid")

    code: Annotated[str, Field(pattern=r"^[!-~]$")]
    presence: Presence = Presence.OPTIONAL
    repeatable: bool | None = None
    values: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        default_factory=list, max_length=200
    )
    """Those that it may have; empty for any."""
    name: Name | None = None


class FieldDoc(BaseModel):
    """The fields with one tag. What is left out is as MARC 21 says; of a tag that it does not know nothing is asked."""

    model_config = ConfigDict(extra="forbid")

    tag: Tag
    name: Name | None = None
    presence: Presence = Presence.OPTIONAL
    repeatable: bool | None = None
    ind1: Indicators | None = None
    """The values that the first indicator may have, a blank for none."""
    ind2: Indicators | None = None
    subfields: list[SubfieldDoc] = Field(default_factory=list, max_length=100)
    others: bool | None = None
    """Whether subfields that are not named may be there, too."""
    protected: bool = False
    """Whether such fields of a title stay when an import brings another record of it."""

    @model_validator(mode="after")
    def once(self) -> Self:
        """Each subfield is told of once."""
        if len({each.code for each in self.subfields}) < len(self.subfields):
            raise ValueError("a subfield is told of twice")
        return self


class SpecificationDoc(BaseModel):
    """A specification."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    kind: Literal["bibliographic", "holdings"] = "bibliographic"
    on_save: Literal["nothing", "warn", "refuse"] = "nothing"
    """What comes of errors when a record is saved and names no specification; one of a kind does anything at most."""
    local_tags: list[OpenTag] = Field(default_factory=list, max_length=50)
    """Tags, with X for any digit, of which nothing more is asked, beside 9XX, X9X and XX9."""
    fields: list[FieldDoc] = Field(default_factory=list, max_length=1000)

    @model_validator(mode="after")
    def once(self) -> Self:
        """Each tag is told of once."""
        if len({each.tag for each in self.fields}) < len(self.fields):
            raise ValueError("a tag is told of twice")
        return self


def specification_of(doc: SpecificationDoc) -> Specification:
    """MARC 21 with what the library says otherwise."""
    base = standard(doc.kind)
    told = {each.tag: _field(each, base.rule(each.tag)) for each in doc.fields}
    return overlaid(base, told, doc.local_tags)


def _field(doc: FieldDoc, base: FieldRule | None) -> FieldRule:
    before = base if base is not None else FieldRule(others=not doc.subfields)
    subfields = dict(before.subfields)
    for each in doc.subfields:
        was = subfields.get(each.code, SubfieldRule())
        subfields[each.code] = SubfieldRule(
            presence=each.presence,
            repeatable=was.repeatable if each.repeatable is None else each.repeatable,
            values=frozenset(each.values),
        )
    return FieldRule(
        presence=doc.presence,
        repeatable=before.repeatable if doc.repeatable is None else doc.repeatable,
        ind1=before.ind1 if doc.ind1 is None else doc.ind1,
        ind2=before.ind2 if doc.ind2 is None else doc.ind2,
        subfields=subfields,
        others=before.others if doc.others is None else doc.others,
    )


RDA = SpecificationDoc(
    name="RDA",
    fields=[
        FieldDoc(
            tag="040",
            presence=Presence.WANTED,
            subfields=[
                SubfieldDoc(code="a", presence=Presence.WANTED),
                SubfieldDoc(code="b", presence=Presence.WANTED),
                SubfieldDoc(code="e", presence=Presence.WANTED),
            ],
        ),
        FieldDoc(
            tag="245",
            presence=Presence.REQUIRED,
            subfields=[
                SubfieldDoc(code="a", presence=Presence.REQUIRED),
                SubfieldDoc(code="h", presence=Presence.UNWANTED),
            ],
        ),
        FieldDoc(tag="260", presence=Presence.UNWANTED),
        FieldDoc(tag="264", presence=Presence.WANTED),
        FieldDoc(tag="300", presence=Presence.WANTED),
        *(FieldDoc(tag=tag, presence=Presence.REQUIRED) for tag in ("336", "337", "338")),
    ],
)
AACR2 = SpecificationDoc(
    name="AACR2",
    fields=[
        FieldDoc(tag="040", presence=Presence.WANTED),
        FieldDoc(
            tag="245",
            presence=Presence.REQUIRED,
            subfields=[SubfieldDoc(code="a", presence=Presence.REQUIRED)],
        ),
        FieldDoc(tag="260", presence=Presence.WANTED),
        FieldDoc(tag="264", presence=Presence.UNWANTED),
        FieldDoc(tag="300", presence=Presence.WANTED),
        *(FieldDoc(tag=tag, presence=Presence.UNWANTED) for tag in ("336", "337", "338")),
    ],
)
MARC21 = SpecificationDoc(name="MARC 21")
MFHD = SpecificationDoc(name="MARC 21 Holdings", kind="holdings")
SHIPPED = {"marc21": MARC21, "rda": RDA, "aacr2": AACR2, "marc21-holdings": MFHD}
"""What a new library begins with; each may be changed, copied and deleted."""
