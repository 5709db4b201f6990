"""Packages, and the coverage of titles in them, as clients write them."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field

from chassis.ids import uuid7
from chassis.problems import Reason
from erm.coverage.rules import (
    NotADay,
    NotAnEmbargo,
    Statement,
    first_day,
    last_day,
    narrowest,
    read_embargo,
    surely_overlap,
)
from erm.platforms.rules import is_address
from erm.wire import Note, Strict, Word


def _day(told: str) -> str:
    try:
        first_day(told)
    except NotADay:
        raise ValueError("a year, a month or a day: YYYY, YYYY-MM or YYYY-MM-DD") from None
    return told


def _embargo(told: str) -> str:
    try:
        return str(read_embargo(told))
    except NotAnEmbargo:
        raise ValueError("moving walls like P12M, R2Y or R10Y;P30D") from None


def _address(told: str) -> str:
    if not is_address(told):
        raise ValueError("an address that begins with http:// or https://")
    return told


Day = Annotated[str, Field(max_length=10), AfterValidator(_day)]
Embargo = Annotated[str, Field(max_length=20), AfterValidator(_embargo)]
Address = Annotated[str, Field(max_length=2000), AfterValidator(_address)]
Numbering = Annotated[str, Field(min_length=1, max_length=100, pattern=r"\S")]
Depth = Literal["fulltext", "selected articles", "abstracts"]


class CoverageIn(Strict):
    """From when to when, behind which walls, how much of it, and for whom. A book has one that says no more."""

    starts: Day | None = None
    start_volume: Numbering | None = None
    start_issue: Numbering | None = None
    ends: Day | None = None
    end_volume: Numbering | None = None
    end_issue: Numbering | None = None
    depth: Depth = "fulltext"
    embargo: Embargo | None = None
    """Moving walls: `P12M` the last twelve months are not open yet, `R2Y` no more than two years are."""
    access_type: Literal["P", "F"] = "P"
    """Paid or free."""
    note: Note | None = None
    url: Address | None = None
    """Where this part lies elsewhere than the rest."""


class CoverageOut(BaseModel):
    """A statement of coverage."""

    starts: str | None
    """As it was told: a year, a month or a day."""
    start_on: date | None
    """The first day that this says."""
    start_volume: str | None
    start_issue: str | None
    ends: str | None
    end_on: date | None
    """The last."""
    end_volume: str | None
    end_issue: str | None
    depth: str
    embargo: str | None
    access_type: Literal["P", "F"]
    note: str | None
    url: str | None
    listed: dict[str, str] | None = None
    """What its row of the list says of the title otherwise: what it was called before, say."""


class WithdrawnOut(BaseModel):
    """A title whose access in a package ends, and what stays of it."""

    item_id: UUID
    package_id: UUID
    package: str
    title_id: UUID
    title: str
    access_start_on: date | None
    access_end_on: date
    """The last day."""
    removed_at: datetime | None
    """When its list left it out; none: its end was entered."""
    elsewhere: int
    """Other packages in which the title is to be had afterwards."""
    stays: int
    """Confirmed perpetual rights in the title."""


class PackageIn(Strict):
    """What a provider sells, or gives, together."""

    source: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,59}$", examples=["example-press"])]
    """Who keeps the list: what its `title_id` means is theirs."""
    reference: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^\S+$", examples=["AllJournals"])]
    """What they call the package."""
    name: Word
    provider_id: UUID | None = None
    platform_id: UUID
    """Where its titles lie, unless their addresses are another platform's."""
    scope: Literal["global", "consortium", "local"] = "global"
    region: Annotated[str, Field(pattern=r"^[^\s_/\\]{1,60}$")] = "Global"
    """In the names of files: a country, a consortium."""
    content_types: list[Annotated[str, Field(pattern=r"^[a-z][a-z-]{0,39}$")]] = Field(
        default_factory=list, max_length=20
    )
    state: Literal["current", "retired"] = "current"
    sync: bool = True
    """It follows its list; else loads are refused."""
    removal_percent: int = Field(default=10, ge=0, le=100)
    """A list that leaves out more of the titles waits until somebody confirms it."""
    note: Note | None = None


class PackageOut(PackageIn):
    """A package."""

    id: UUID
    loaded_at: datetime | None
    created_at: datetime
    version: int


class PackageTitleOut(BaseModel):
    """The title of an item."""

    id: UUID
    work_id: UUID
    name: str
    kind: str
    medium: str


class ItemOut(BaseModel):
    """A title on a platform, in a package."""

    id: UUID
    package_id: UUID
    platform_id: UUID
    title: PackageTitleOut
    url: str | None
    access_start_on: date | None
    access_end_on: date | None
    """The last day."""
    removed_at: datetime | None
    """When its list left it out."""
    origin: Literal["list", "hand"]
    key: str
    """What it is recognised by in the next list."""
    listed: dict[str, str]
    """What the list says of the title, by KBART's columns."""
    load_id: UUID | None
    """The load that it was last changed by."""
    line: int | None
    note: str | None
    coverage: list[CoverageOut]
    created_at: datetime
    version: int


class ItemIn(Strict):
    """A title that is put into a package by hand."""

    title_id: UUID
    platform_id: UUID | None = None
    """The package's, unless another is named."""
    url: Address | None = None
    access_start_on: date | None = None
    access_end_on: date | None = None
    note: Note | None = None
    coverage: list[CoverageIn] = Field(default_factory=lambda: [CoverageIn()], min_length=1, max_length=200)


class ItemChange(Strict):
    """What a library says of a title in a package. Where a list keeps it, the list says the rest."""

    url: Address | None = None
    """Of a title that is listed: none, or as it is."""
    access_start_on: date | None = None
    access_end_on: date | None = None
    note: Note | None = None
    coverage: list[CoverageIn] | None = Field(default=None, min_length=1, max_length=200)
    """None: as it is. A title that is listed has its list's (an agreement's line may say otherwise)."""


def coverage_reasons(told: Sequence[CoverageIn], pointer: str = "/coverage") -> list[Reason]:
    """What is wrong with the statements of a title together."""
    reasons, certain = [], list[Statement]()
    for at, each in enumerate(told):
        if each.starts and each.ends and last_day(each.ends) < first_day(each.starts):
            reasons.append(
                Reason("ends-before-it-starts", "It ends before it starts.", f"{pointer}/{at}/ends")
            )
            continue
        sure = narrowest(each.starts, each.ends)
        if sure is None:
            continue
        mine = Statement(sure, depth=each.depth, access_type=each.access_type)
        if any(surely_overlap(before, mine) for before in certain):
            reasons.append(
                Reason(
                    "coverage-overlaps",
                    "It claims days that another statement of the same access and depth has.",
                    f"{pointer}/{at}",
                    "Make one of them, or give it another access type.",
                )
            )
        certain.append(mine)
    return reasons


def access_reasons(starts: date | None, ends: date | None) -> list[Reason]:
    """What is wrong with the days of access."""
    if starts is None or ends is None or ends >= starts:
        return []
    return [Reason("access-ends-before-it-starts", "It ends before it starts.", "/access_end_on")]


def coverage_rows(item_id: UUID, told: Sequence[CoverageIn]) -> list[dict[str, Any]]:
    """As rows of an item."""
    return [
        {
            "id": uuid7(),
            "item_id": item_id,
            "ordinal": ordinal,
            "start_on": first_day(each.starts) if each.starts else None,
            "end_on": last_day(each.ends) if each.ends else None,
            **each.model_dump(),
        }
        for ordinal, each in enumerate(told)
    ]
