"""An import profile as it is written and read. What is wrong with one is said with the place where it stands."""

from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from catalog.marc.items import PROFILES, ItemProfile, Meaning
from catalog.matching.rules import Point, finds, node_of
from catalog.profiles.rules import NO_ITEMS
from chassis.problems import Reason

ProfileCode = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
Tag = Annotated[str, Field(pattern=r"^[0-9A-Z]{3}$")]
TagPattern = Annotated[str, Field(pattern=r"^[0-9A-Z]{3}$")]
Indicator = Annotated[str, Field(pattern=r"^[ -~]$")]
SubfieldCode = Annotated[str, Field(pattern=r"^[!-~]$")]
SubfieldCodes = Annotated[str, Field(pattern=r"^[!-~]{1,40}$")]
Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00\x1d-\x1f]+$")]
LONGEST: Final = 60_000
"""Bytes of a profile: it is handed to the process that reads a large file as an argument."""
DEEPEST: Final = 6
MOST_NODES: Final = 60
KINDS: Final = ("point", "all", "any", "not", "weigh")


class MatchDoc(BaseModel):
    """A point, or several under one condition: `all`, `any`, `not`, or `weigh` with a `threshold`."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    point: Point | None = None
    tag: Tag | None = None
    """Of the point `field`."""
    subfields: SubfieldCodes | None = None
    all: list["MatchDoc"] | None = Field(default=None, min_length=1, max_length=20)
    any: list["MatchDoc"] | None = Field(default=None, min_length=1, max_length=20)
    not_: "MatchDoc | None" = Field(default=None, alias="not")
    weigh: list["MatchDoc"] | None = Field(default=None, min_length=1, max_length=20)
    threshold: int | None = Field(default=None, ge=1, le=100_000)
    """Of `weigh`: how much those that hold must weigh together."""
    weight: int = Field(default=1, ge=1, le=1000)
    """What it counts for in `weigh`, and where several titles fit."""

    @model_validator(mode="after")
    def one_kind(self) -> Self:
        """It is one thing, and has what belongs to that."""
        told = [kind for kind in KINDS if getattr(self, "not_" if kind == "not" else kind) is not None]
        if len(told) != 1:
            raise ValueError(f"give exactly one of {', '.join(KINDS)}")
        if (self.weigh is not None) != (self.threshold is not None):
            raise ValueError("threshold belongs to weigh, and weigh needs it")
        control = self.tag is not None and self.tag.startswith("00")
        if self.point is Point.FIELD:
            if self.tag is None or (self.subfields is None) != control:
                raise ValueError("the point field needs a tag, and subfields unless the tag is 00X")
        elif self.tag is not None or self.subfields is not None:
            raise ValueError("tag and subfields belong to the point field")
        return self

    def parts(self) -> Iterator[tuple[str, "MatchDoc"]]:
        """What it is made of, with the place of each in it."""
        for kind in ("all", "any", "weigh"):
            for number, part in enumerate(getattr(self, kind) or ()):
                yield f"/{kind}/{number}", part
        if self.not_ is not None:
            yield "/not", self.not_


class SpecDoc(BaseModel):
    """Some fields: a tag with X for any digit; if told, indicators, and a subfield that is there or says this."""

    model_config = ConfigDict(extra="forbid")

    tag: TagPattern
    ind1: Indicator | None = None
    ind2: Indicator | None = None
    subfield: SubfieldCode | None = None
    value: Text | None = None

    @model_validator(mode="after")
    def value_of_something(self) -> Self:
        """A value is a subfield's."""
        if self.value is not None and self.subfield is None:
            raise ValueError("a value needs the subfield that it stands in")
        return self


Specs = Annotated[list[SpecDoc], Field(max_length=200)]


class OverlayDoc(BaseModel):
    """What becomes of a record that is here."""

    model_config = ConfigDict(extra="forbid")

    mode: Literal["replace", "merge"] = "replace"
    """`replace`: the new record counts, but for what is preserved. `merge`: the old one, but for the two lists."""
    preserve: Specs = Field(default_factory=list)
    """With `replace`: fields of the old record that stay; where it has some, the new one's are not taken."""
    add: Specs = Field(default_factory=list)
    """With `merge`: fields of the new record that are taken beside the old ones."""
    replace: Specs = Field(default_factory=list)
    """With `merge`: fields that the new record has in place of the old ones; where it has none, those stay."""
    control_number: Literal["keep", "take"] = "keep"
    """Which 001 and 003 count. One that is not taken becomes a 035."""
    least_quality: float | None = Field(default=None, gt=0, le=10)
    """The new record is refused when its quality is less than this part of the old one's."""

    @model_validator(mode="after")
    def of_its_mode(self) -> Self:
        """Lists that the mode does not look at would be silently without effect."""
        if self.mode == "replace" and (self.add or self.replace):
            raise ValueError("add and replace belong to the mode merge")
        if self.mode == "merge":
            if self.preserve:
                raise ValueError("preserve belongs to the mode replace: merge keeps what it does not name")
            if not (self.add or self.replace):
                raise ValueError("merge needs fields to add or to replace")
            if self.control_number == "take":
                raise ValueError("merge keeps the control number")
        return self


class SetSubfieldDoc(BaseModel):
    """A subfield."""

    model_config = ConfigDict(extra="forbid")

    code: SubfieldCode
    value: Text


class SetDoc(BaseModel):
    """A field that every record is given: the supplier's mark, a proxy's address."""

    model_config = ConfigDict(extra="forbid")

    tag: Annotated[str, Field(pattern=r"^(0[1-9][0-9]|[1-9][0-9]{2})$")]
    indicators: Annotated[str, Field(pattern=r"^[ -~]{2}$")] = "  "
    subfields: list[SetSubfieldDoc] = Field(min_length=1, max_length=50)
    when: Literal["always", "absent"] = "always"
    """`absent`: only where the record has no field of this tag."""


class SourceDoc(BaseModel):
    """Where a call number stands."""

    model_config = ConfigDict(extra="forbid")

    tag: Tag
    subfields: SubfieldCodes = "ab"


class LegacyDoc(BaseModel):
    """Which system the records are brought from, and where they say what they were known by there."""

    model_config = ConfigDict(extra="forbid")

    source: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
    """Our word for that system; legacy ids are asked for with it."""
    tag: Tag = "001"
    subfield: SubfieldCode | None = None
    """Left out for 00X."""

    @model_validator(mode="after")
    def somewhere(self) -> Self:
        """A control field has no subfields, any other has."""
        if self.tag.startswith("00") != (self.subfield is None):
            raise ValueError("a legacy id stands in 00X, or in a subfield of another tag")
        return self


class ItemsDoc(BaseModel):
    """Where items stand in the records, and what comes of them. One is known by its barcode, else by its place."""

    model_config = ConfigDict(extra="forbid")

    tag: Annotated[str, Field(pattern=r"^(0[1-9][0-9]|[1-9][0-9]{2})$")]
    subfields: dict[SubfieldCode, Meaning] = Field(min_length=1, max_length=60)
    """Code → meaning. Codes that mean the same are joined."""
    location_tag: Tag | None = None
    """A field (852) that tells the place of items linked to it by $8, or of all."""
    on_match: Literal["update", "keep"] = "update"
    on_no_match: Literal["create", "discard"] = "create"
    defaults: dict[Meaning, Text] = Field(default_factory=dict)
    """What an item has of which the record does not say it."""
    translate: dict[Meaning, dict[Text, Text]] = Field(default_factory=dict)
    """Meaning → what is written → what it means here; a location may be translated to `LIBRARY/CODE`."""

    @field_validator("defaults", "translate")
    @classmethod
    def not_barcodes(cls, told: dict[str, Any]) -> dict[str, Any]:
        """Two items never have one barcode."""
        if "barcode" in told or "legacy_id" in told:
            raise ValueError("a barcode or a legacy id is an item's own")
        return told

    @field_validator("translate")
    @classmethod
    def bounded(cls, told: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        """As many as a library has codes; case does not tell two apart."""
        if sum(map(len, told.values())) > 2000:
            raise ValueError("at most 2000 codes are translated")
        for name, table in told.items():
            if len({written.casefold() for written in table}) < len(table):
                raise ValueError(f"{name} translates one code twice")
        return told


class EmbeddedDoc(BaseModel):
    """Holdings that records tell of in 852 to 868, though they have no item, and records of MARC 21 Holdings in the
    same file (004 says whose). They are known by location and call number."""

    model_config = ConfigDict(extra="forbid")

    on_match: Literal["update", "keep"] = "update"
    """`keep`: holdings that have a record of their own already keep it."""


class HoldingsDoc(BaseModel):
    """What comes of holdings."""

    model_config = ConfigDict(extra="forbid")

    on_no_match: Literal["create", "discard"] = "create"
    """`discard`: items go only to holdings that the title has, by location and call number."""
    call_numbers: list[SourceDoc] = Field(default_factory=list, max_length=20)
    """Where the call number of an item stands that tells none: the first of these that the record has."""
    items: ItemsDoc | None = None
    embedded: EmbeddedDoc | None = None
    """Left out: only items make holdings."""


class ProfileDoc(BaseModel):
    """An import profile: how a record's title is found, what becomes of it, and within it of holdings and items."""

    model_config = ConfigDict(extra="forbid")

    name: Text
    match: MatchDoc = Field(default_factory=lambda: MatchDoc(point=Point.CONTROL_NUMBER))
    several: Literal["report", "best"] = "report"
    """Where several titles fit: `report` takes none; `best` the one of most weight, then of the best record."""
    on_match: Literal["update", "keep"] = "update"
    """`keep`: the title's record stays as it is; holdings and items are seen to."""
    on_no_match: Literal["create", "discard"] = "create"
    suppress_new: bool = False
    overlay: OverlayDoc = Field(default_factory=OverlayDoc)
    strip: Specs = Field(default_factory=list)
    """Fields that are taken out of every record that comes."""
    set: list[SetDoc] = Field(default_factory=list, max_length=50)
    specification: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")] | None = None
    """Whose protected fields are kept, beside those of the one that records are held against on saving."""
    holdings: HoldingsDoc | None = None
    legacy: LegacyDoc | None = None
    """Of records that are brought from another system: what they were known by there is kept."""

    @model_validator(mode="after")
    def legacy_of_something(self) -> Self:
        """An item's legacy id without a system to which it belongs would be silently without effect."""
        items = self.holdings.items if self.holdings is not None else None
        if self.legacy is None and items is not None and "legacy_id" in items.subfields.values():
            raise ValueError("the meaning legacy_id needs legacy, which names the system")
        return self

    def flaws(self, place: str = "") -> Iterator[Reason]:
        """What is not sound in its whole: conditions that find nothing, grow too deep, or can never hold."""
        size = len(self.model_dump_json(by_alias=True).encode())
        if size > LONGEST:
            yield Reason(
                "profile-too-long", "A profile is this long at most.", place, value=size, limit=LONGEST
            )
        yield from _flaws(self.match, f"{place}/match", [0], 1)
        if not finds(node_of(self.match.model_dump(by_alias=True, mode="json"))):
            yield Reason(
                "match-finds-nothing",
                "The condition can hold for titles of which no number and no title is compared.",
                f"{place}/match",
                "Let every way to hold need one of control-number, system-number, oclc, isbn, issn, lccn, "
                "other-number, publisher-number, title, title-author-year.",
            )


def _flaws(match: MatchDoc, place: str, seen: list[int], depth: int) -> Iterator[Reason]:
    seen[0] += 1
    if depth > DEEPEST:
        yield Reason("match-too-deep", f"Conditions lie at most {DEEPEST} deep.", place)
        return
    if seen[0] == MOST_NODES + 1:
        yield Reason("match-too-long", f"At most {MOST_NODES} points and conditions are told.", place)
    if match.weigh is not None and match.threshold is not None:
        most = sum(part.weight for part in match.weigh)
        if most < match.threshold:
            yield Reason(
                "threshold-out-of-reach",
                f"All parts together weigh {most}.",
                f"{place}/threshold",
                value=match.threshold,
                limit=most,
            )
    for where, part in match.parts():
        yield from _flaws(part, place + where, seen, depth + 1)


def _shipped(name: str, told: ItemProfile) -> ProfileDoc:
    items = ItemsDoc(tag=told.tag, subfields=dict(told.meanings), location_tag=told.location_tag)
    return ProfileDoc(name=name, holdings=HoldingsDoc(items=items))


SHIPPED: Final = {
    "standard": _shipped("Items in 852 and 876 to 878", PROFILES["standard"]),
    "local-999": _shipped("Items in 999", PROFILES["local-999"]),
    "local-949": _shipped("Items in 949", PROFILES["local-949"]),
    "local-952": _shipped("Items in 952, as Koha has them", PROFILES["local-952"]),
    "holdings": ProfileDoc(
        name="Holdings in 852 to 868, items in 876 to 878",
        holdings=HoldingsDoc(
            items=ItemsDoc(
                tag=PROFILES["standard"].tag,
                subfields=dict(PROFILES["standard"].meanings),
                location_tag=PROFILES["standard"].location_tag,
            ),
            embedded=EmbeddedDoc(),
        ),
    ),
    NO_ITEMS: ProfileDoc(name="Records without their items"),
}
"""Known by their control number and taken as a whole. They have no row until somebody changes them."""
