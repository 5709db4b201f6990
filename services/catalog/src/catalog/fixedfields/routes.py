"""Fields of fixed length on the wire: how they are made, taken apart, and put together."""

from typing import Annotated, Any, Literal

from fastapi import Depends, Path
from pydantic import BaseModel, ConfigDict, Field, model_validator

from catalog.fixedfields.rules import (
    Fault,
    Layout,
    layout_of,
    layouts,
    put_together,
    take_apart,
)
from chassis.application import new_router
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Unauthenticated, problems

router = new_router(tag="fixed fields")

MayCatalogue = Annotated[Principal, Depends(may("titles:write", "items:write"))]
Tag = Literal["LDR", "006", "007", "008"]


class LayoutUnknown(NotFound):
    """No such field is made of this material."""

    code, title = "fixed-field-unknown", "There is no such field of this material."


class FixedValueOut(BaseModel):
    """A value that an element may have."""

    code: str
    """As it stands in the field, blanks as blanks."""
    word: str
    """As it is called here."""


class FixedElementOut(BaseModel):
    """One thing that a field says."""

    name: str
    first: int
    """Its first position, counted from 0."""
    last: int
    kind: str
    """`code`: one of the values; `codes`: several of them, a character each; else what text belongs there."""
    values: list[FixedValueOut]


class FixedFieldOut(BaseModel):
    """A field of fixed length."""

    tag: str
    material: str
    """Of the leader and of 008 also `holdings`; of a 007 its category."""
    length: int
    """Characters."""
    fill: bool
    """Whether what is not known may be left uncoded: `not-coded`, written as `|`."""


class FixedLayoutOut(FixedFieldOut):
    """The same with everything that it says."""

    elements: list[FixedElementOut]


class FixedFieldsOut(BaseModel):
    """All there are."""

    items: list[FixedFieldOut]


class Which(BaseModel):
    """Which field is meant."""

    model_config = ConfigDict(extra="forbid")

    tag: Tag
    material: str | None = Field(default=None, max_length=40)
    """Where it is not told: by `leader` for 008, by what the field begins with for 006 and 007."""
    leader: str | None = Field(default=None, min_length=24, max_length=24)


class TakeApartIn(Which):
    """A field that is to be taken apart."""

    value: str = Field(max_length=1000)


class PutTogetherIn(Which):
    """What a field is to say."""

    values: dict[str, Any] = Field(max_length=60)
    """A word (or code) by the element's name, or a list of them, or a text. `not-coded` leaves one uncoded."""
    base: str | None = Field(default=None, max_length=1000)
    """The field as it is: what is not told stays. Without one what is not told is left uncoded."""

    @model_validator(mode="after")
    def clear(self) -> "PutTogetherIn":
        """Without a field to begin with, 006 and 007 need a material."""
        if self.tag in ("006", "007") and self.material is None and self.base is None:
            raise ValueError(f"a {self.tag} needs material or base")
        return self


class FixedFaultOut(BaseModel):
    """Something that is wrong."""

    code: str
    name: str | None
    """The element; null for the field as a whole."""
    text: str
    mend: str | None


class TakenApartOut(BaseModel):
    """What a field says."""

    tag: str
    material: str
    values: dict[str, Any]
    """By the element's name; what is no value of it stands here as it stands in the field."""
    faults: list[FixedFaultOut]


class PutTogetherOut(BaseModel):
    """The field."""

    tag: str
    material: str
    value: str
    faults: list[FixedFaultOut]
    """What is wrong with it all the same: of elements that are as they were in `base`."""


@router.get("/v1/fixed-fields", response_model=FixedFieldsOut, responses=problems(Unauthenticated, Forbidden))
async def list_fixed_fields(_: MayCatalogue) -> FixedFieldsOut:
    """The fields whose every character has a meaning, by tag and material."""
    return FixedFieldsOut(items=[FixedFieldOut(**_named(each)) for each in layouts().values()])


@router.get(
    "/v1/fixed-fields/{tag}/{material}",
    response_model=FixedLayoutOut,
    responses=problems(Unauthenticated, Forbidden, LayoutUnknown),
)
async def read_fixed_field(
    tag: Annotated[Tag, Path()], material: Annotated[str, Path(max_length=40)], _: MayCatalogue
) -> FixedLayoutOut:
    """What a field says where, and which values it may have: an editor's help."""
    layout = layouts().get((tag, material))
    if layout is None:
        raise LayoutUnknown
    elements = [
        FixedElementOut(
            name=each.name,
            first=each.first,
            last=each.last,
            kind=each.kind,
            values=[FixedValueOut(code=code, word=word) for code, word in each.values.items()],
        )
        for each in layout.elements
    ]
    return FixedLayoutOut(**_named(layout), elements=elements)


@router.post(
    "/v1/fixed-fields:take-apart",
    response_model=TakenApartOut,
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def take_fixed_field_apart(body: TakeApartIn, _: MayCatalogue) -> TakenApartOut:
    """What a field says, in words, and everything that is wrong with it."""
    layout = _meant(body, body.value)
    values, faults = take_apart(layout, body.value)
    return TakenApartOut(
        tag=layout.tag, material=layout.material, values=values, faults=[_told(each) for each in faults]
    )


@router.post(
    "/v1/fixed-fields:put-together",
    response_model=PutTogetherOut,
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def put_fixed_field_together(body: PutTogetherIn, _: MayCatalogue) -> PutTogetherOut:
    """The field that says this; or, at once, everything that stands against it."""
    layout = _meant(body, body.base or "")
    value, faults = put_together(layout, body.values, base=body.base)
    if faults:
        raise Invalid(
            reasons=[
                Reason(each.code, each.text, f"/values/{each.name}" if each.name else "/base", each.mend)
                for each in faults
            ]
        )
    left = take_apart(layout, value)[1]
    return PutTogetherOut(
        tag=layout.tag, material=layout.material, value=value, faults=[_told(each) for each in left]
    )


def _meant(asked: Which, value: str) -> Layout:
    """The layout that is meant, or why none is."""
    if asked.material is not None:
        layout = layouts().get((asked.tag, asked.material))
    else:
        leader = value if asked.tag == "LDR" else asked.leader or ""
        layout = layout_of(asked.tag, value, leader)
    if layout is None:
        there = ", ".join(material for tag, material in layouts() if tag == asked.tag)
        words = "There is no such material." if asked.material else "Nothing tells of what material it is."
        raise Invalid(
            reasons=[Reason("material-unknown", words, "/material", f"Name one of these: {there}.")]
        )
    return layout


def _named(layout: Layout) -> dict[str, Any]:
    return {
        "tag": layout.tag,
        "material": layout.material,
        "length": layout.length,
        "fill": layout.fill,
    }


def _told(fault: Fault) -> FixedFaultOut:
    return FixedFaultOut(code=fault.code, name=fault.name, text=fault.text, mend=fault.mend)
