"""Items and holdings on the wire."""

from datetime import date, datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import asyncpg
from fastapi import Depends, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from catalog.callnumbers.rules import Scheme
from catalog.items import commands, queries
from catalog.items.announcing import BATCH, announce_slice
from catalog.items.commands import (
    BarcodeTaken,
    ItemUnknown,
    StateRefused,
)
from catalog.items.rules import LISTS
from catalog.marc.extract import shortened
from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import Tx
from chassis.etags import IfMatch
from chassis.principal import Anyone, Principal, may
from chassis.problems import (
    Forbidden,
    Invalid,
    PreconditionRequired,
    Reason,
    Stale,
    Unauthenticated,
    problems,
)
from contracts.catalog import ItemBase

router = new_router(tag="items")

MayWrite = Annotated[Principal, Depends(may("items:write"))]
Words = Annotated[str, Field(min_length=1, max_length=500)]
Barcode = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^\S(.*\S)?$")]
Pieces = Annotated[int, Field(ge=1, le=10_000)]
Missing = Annotated[int, Field(ge=0, le=10_000)]
Codes = Annotated[list[Annotated[str, Field(min_length=1, max_length=60)]], Field(max_length=50)]
Tag = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^\S(.*\S)?$")]
Tags = Annotated[list[Tag], Field(max_length=50)]
Custom = Annotated[dict[str, Any], Field(max_length=100)]
Notes = Annotated[list[Words], Field(max_length=20)]
TypeCode = Annotated[str, Field(min_length=1, max_length=60)]
ItemState = Annotated[ItemBase, Field(description="`withdrawn` is reached by a withdrawal alone")]


class Price(BaseModel):
    """What something costs."""

    model_config = ConfigDict(extra="forbid")

    minor: int = Field(ge=0, le=10**12)
    """In minor units: cents, for most currencies."""
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    """Its ISO 4217 code."""


class OtherNumber(BaseModel):
    """A call number beside the one that something is shelved by."""

    model_config = ConfigDict(extra="forbid")

    call_number: Words
    scheme: Scheme | None = None
    """What it is made by; null: nobody has said."""
    kind: Literal["additional", "former"] = "additional"
    """`former`: it stood under this one before."""


OtherNumbers = Annotated[list[OtherNumber], Field(max_length=20)]


class ItemOut(BaseModel):
    """An item. Its notes, prices and statistical codes are for staff (`items:read`).

    What counts is told beside what was told: the first of its temporary location, its permanent one where that is
    another than its holdings', its holdings' temporary one and theirs; the temporary loan type before the other.
    """

    id: UUID
    record_number: str | None
    """The number that people read out, with its prefix; given once, never again. null: it is of an earlier release, and
    will have one in minutes."""
    version: int
    barcode: str | None
    holdings_id: UUID
    title_id: UUID
    title_ids: list[UUID]
    location_id: UUID
    """Where it belongs: its permanent location."""
    temporary_location_id: UUID | None
    """Where it has been put for a time."""
    temporary_location_ends_at: datetime | None
    """From when on that does not count; null: nobody has said."""
    effective_location_id: UUID
    """Where it stands now."""
    location: str | None
    """The code of where it stands now."""
    library: str | None
    material_type: str
    loan_type: str
    """What it is lent as while no other is told for a time."""
    temporary_loan_type: str | None
    temporary_loan_type_ends_at: datetime | None
    effective_loan_type: str
    """What it is lent as now."""
    base_state: ItemBase
    call_number: str | None
    """The effective one: its own, else its holdings'."""
    other_call_numbers: list[OtherNumber]
    """Its own further ones; nothing is shelved by them."""
    call_number_scheme: Scheme | None
    """What the call number is made by, where that was said; otherwise it is taken for what it looks like."""
    volume: str | None
    copy_number: str | None
    note: str | None
    suppressed: bool
    pieces: int | None
    pieces_text: str | None
    intellectual: bool
    purchase_price: Price | None
    replacement_price: Price | None
    accession_number: str | None
    enumeration: str | None
    chronology: str | None
    year_caption: str | None
    missing_pieces: int | None
    missing_pieces_text: str | None
    missing_pieces_on: date | None
    damaged_status: str | None
    damaged_on: date | None
    statistical_codes: list[str]
    check_out_notes: list[str]
    check_in_notes: list[str]
    tags: list[str]
    custom: dict[str, Any]
    """Facts of the library's own; to others than staff those that are public."""
    short_title: str
    short_author: str | None
    created_at: datetime
    updated_at: datetime


class ItemFacts(BaseModel):
    """What may be told of an item as it is made and later; in a change what is left out stays, and null clears."""

    model_config = ConfigDict(extra="forbid")

    temporary_location_id: UUID | None = None
    """Where it stands for a time; null: where it belongs, or where its holdings are."""
    temporary_location_ends_at: AwareDatetime | None = None
    """From when on that does not count; null: until somebody clears it."""
    temporary_loan_type: TypeCode | None = None
    """What it is lent as for a time."""
    temporary_loan_type_ends_at: AwareDatetime | None = None
    """From when on that does not count."""
    other_call_numbers: OtherNumbers = Field(default_factory=list)
    """Further call numbers, by another scheme or former: it is found by them, not shelved."""
    purchase_price: Price | None = None
    """What it cost; 0 for a gift."""
    replacement_price: Price | None = None
    """What a new copy would cost; a lost-item policy may charge it, and a fine may be capped at it."""
    accession_number: Words | None = None
    """Its number in the register of what the library has taken in."""
    enumeration: Words | None = None
    """Which part of a set or run it is, by numbers: `v. 12, no. 3`."""
    chronology: Words | None = None
    """The same by dates: `2024 Mar`."""
    year_caption: Words | None = None
    """The year that it is shelved under."""
    missing_pieces: Missing | None = None
    """How many of its pieces are not there."""
    missing_pieces_text: Words | None = None
    missing_pieces_on: date | None = None
    """When that was found; today, where it is not told."""
    damaged_status: TypeCode | None = None
    """In what condition it is, of those in the configuration; whether it is lent, `base_state` says."""
    damaged_on: date | None = None
    statistical_codes: Codes = Field(default_factory=list)
    """What it counts as in reports, of those in the configuration."""
    check_out_notes: Notes = Field(default_factory=list)
    """What whoever lends it is told."""
    check_in_notes: Notes = Field(default_factory=list)
    """What whoever takes it back is told."""
    tags: Tags = Field(default_factory=list)
    custom: Custom = Field(default_factory=dict)
    """Facts of the library's own, by the codes of its configuration."""


class ItemIn(ItemFacts):
    """A new item: for holdings, or for a title at a location (its holdings are found or made)."""

    holdings_id: UUID | None = None
    title_id: UUID | None = None
    location_id: UUID | None = None
    barcode: Barcode | None = None
    bound_with: list[UUID] = Field(default_factory=list, max_length=100)
    material_type: TypeCode = "unspecified"
    loan_type: TypeCode = "standard"
    base_state: ItemState = ItemBase.ACTIVE
    call_number: Words | None = None
    call_number_scheme: Scheme | None = None
    volume: Words | None = None
    copy_number: Words | None = None
    note: Words | None = None
    suppressed: bool = False
    pieces: Pieces | None = None
    """How many things it is made of: a book and its disc are two."""
    pieces_text: Words | None = None
    """Which they are, for whoever has them before them."""
    intellectual: bool = False
    """It stands for no single thing: it is neither lent nor held nor checked in."""

    @model_validator(mode="after")
    def placed(self) -> "ItemIn":
        """Exactly one way to say where it belongs."""
        if (self.holdings_id is None) == (self.title_id is None):
            raise ValueError("name either holdings_id or title_id")
        if self.title_id is not None and self.location_id is None:
            raise ValueError("title_id needs a location_id")
        return self


class ItemChange(ItemFacts):
    """A merge patch (RFC 7396): what is left out stays, null clears."""

    barcode: Barcode | None = None
    bound_with: list[UUID] = Field(default_factory=list, max_length=100)
    location_id: UUID | None = None
    material_type: TypeCode | None = None
    loan_type: TypeCode | None = None
    base_state: ItemState | None = None
    call_number: Words | None = None
    call_number_scheme: Scheme | None = None
    volume: Words | None = None
    copy_number: Words | None = None
    note: Words | None = None
    suppressed: bool | None = None
    pieces: Pieces | None = None
    pieces_text: Words | None = None
    intellectual: bool | None = None

    @model_validator(mode="after")
    def kept(self) -> "ItemChange":
        """Some facts can be changed but not cleared."""
        needed = (
            "location_id",
            "material_type",
            "loan_type",
            "base_state",
            "suppressed",
            "intellectual",
        )
        if cleared := [
            name for name in needed if name in self.model_fields_set and getattr(self, name) is None
        ]:
            raise ValueError(f"cannot be cleared: {', '.join(cleared)}")
        return self


class AnnouncedOut(BaseModel):
    """How many items were told of, and where to go on."""

    announced: int
    next_cursor: str | None


def item_out(row: asyncpg.Record, asker: Principal) -> dict[str, Any]:
    """An item's row on the wire."""
    told = dict(row.items())
    bound = told.pop("bound_with")
    title, author = told.pop("title"), told.pop("author")
    told["title_ids"] = [row["title_id"], *bound]
    del told["place"]
    public = told.pop("custom_public")
    told["short_title"] = shortened(title)
    told["short_author"] = shortened(author) if author else None
    told |= {name: _price(told.pop(minor), told.pop(currency)) for name, (minor, currency) in PRICES.items()}
    if not _sees_all(asker):
        told |= {"note": None} | dict.fromkeys(PRICES) | {name: [] for name in sorted(LISTS)}
        told["custom"] = public
    return told


PRICES: Final = {
    name: (f"{kind}_minor", f"{kind}_currency")
    for kind, name in (("purchase", "purchase_price"), ("replacement", "replacement_price"))
}


def _price(minor: int | None, currency: str | None) -> dict[str, Any] | None:
    return None if minor is None else {"minor": minor, "currency": currency}


def as_columns(told: dict[str, Any]) -> dict[str, Any]:
    """An item's facts as its row has them: a price is two of them."""
    for name, (minor, currency) in PRICES.items():
        if name in told:
            price = told.pop(name) or {"minor": None, "currency": None}
            told |= {minor: price["minor"], currency: price["currency"]}
    for name in ("statistical_codes", "tags"):
        if name in told:
            told[name] = sorted(set(told[name]))
    return told


def _sees_all(asker: Principal) -> bool:
    return asker.may("items:write") or asker.may("items:read")


ONE_OF: Final = Reason(
    "contradiction", "Holdings have one title.", "query/title_id", "Ask for holdings_id or title_id."
)


def _place_in(cursor: str) -> tuple[int | None, UUID]:
    """Where among the items of holdings a page ended."""
    place, item_id = cursors.decode(cursor, parts=2)
    if not (place is None or (type(place) is int and 0 < place < 2**31)) or not isinstance(item_id, str):
        raise cursors.wrong_cursor()
    try:
        return place, UUID(item_id)
    except ValueError:
        raise cursors.wrong_cursor() from None


@router.get("/v1/items", response_model=cursors.Page[ItemOut], responses=problems(Invalid))
async def list_items(
    request: Request,
    response: Response,
    asker: Anyone,
    barcode: Annotated[str | None, Query(max_length=100)] = None,
    accession_number: Annotated[str | None, Query(min_length=1, max_length=500)] = None,
    title_id: UUID | None = None,
    holdings_id: Annotated[UUID | None, Query(description="Of these, as they stand there")] = None,
    base_state: ItemBase | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> dict[str, Any]:
    """Items: by barcode, by accession number, of holdings in their order, of a title (those bound with it included),
    or all by id."""
    pool: asyncpg.Pool = request.app.state.resources.pool
    if barcode is not None or accession_number is not None:
        if barcode is not None:
            one = await queries.item_by_barcode(pool, barcode)
            found = [one] if one is not None and accession_number in (None, one["accession_number"]) else []
        else:
            found = await queries.items_by_accession(pool, str(accession_number), limit=limit)
        fitting = [
            item_out(each, asker)
            for each in found
            if (_sees_all(asker) or not each["suppressed"])
            and (title_id is None or title_id in (each["title_id"], *each["bound_with"]))
            and holdings_id in (None, each["holdings_id"])
            and base_state in (None, each["base_state"])
        ]
        return {"items": fitting, "next_cursor": None}
    if holdings_id is not None:
        if title_id is not None:
            raise Invalid(reasons=[ONE_OF])
        there = await queries.items_of_holdings(
            pool,
            holdings_id,
            base_state=base_state,
            after=_place_in(cursor) if cursor else None,
            hidden_too=_sees_all(asker),
            limit=limit + 1,
        )
        last = there[limit - 1] if len(there) > limit else None
        more = cursors.encode(last["place"], str(last["id"])) if last is not None else None
        cursors.link_next(request, response, more)
        return {"items": [item_out(row, asker) for row in there[:limit]], "next_cursor": more}
    rows = await queries.items(
        pool,
        title_id=title_id,
        base_state=base_state,
        after=cursors.uuid_in(cursor) if cursor else None,
        hidden_too=_sees_all(asker),
        limit=limit + 1,
    )
    more = cursors.encode(str(rows[limit - 1]["id"])) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return {"items": [item_out(row, asker) for row in rows[:limit]], "next_cursor": more}


@router.get("/v1/items/{item_id}", response_model=ItemOut, responses=problems(ItemUnknown))
async def read_item(request: Request, response: Response, item_id: UUID, asker: Anyone) -> dict[str, Any]:
    """One item."""
    row = await queries.item(request.app.state.resources.pool, item_id)
    if row is None or (row["suppressed"] and not _sees_all(asker)):
        raise ItemUnknown
    etags.tag(response, row["version"])
    return item_out(row, asker)


async def _answer(tx: Tx, item_id: UUID, asker: Principal, response: Response) -> dict[str, Any]:
    row = await queries.item_in(tx, item_id)
    etags.tag(response, row["version"])
    return item_out(row, asker)


@router.post(
    "/v1/items",
    status_code=201,
    response_model=ItemOut,
    responses=problems(Unauthenticated, Forbidden, BarcodeTaken, StateRefused, Invalid),
)
async def create_item(body: ItemIn, response: Response, by: MayWrite, tx: Tx, now: Now) -> dict[str, Any]:
    """Add an item."""
    item_id = await commands.add(tx, as_columns(body.model_dump()), now=now)
    response.headers["Location"] = f"/v1/items/{item_id}"
    return await _answer(tx, item_id, by, response)


@router.patch(
    "/v1/items/{item_id}",
    response_model=ItemOut,
    responses=problems(
        Unauthenticated,
        Forbidden,
        ItemUnknown,
        BarcodeTaken,
        StateRefused,
        Invalid,
        Stale,
        PreconditionRequired,
    ),
)
async def change_item(
    item_id: UUID, body: ItemChange, expected: IfMatch, response: Response, by: MayWrite, tx: Tx, now: Now
) -> dict[str, Any]:
    """Change an item's facts."""
    changes = as_columns(body.model_dump(exclude_unset=True))
    await commands.change(tx, item_id, changes, expected=expected, now=now)
    return await _answer(tx, item_id, by, response)


@router.post(
    "/v1/items:announce", response_model=AnnouncedOut, responses=problems(Unauthenticated, Forbidden)
)
async def announce_items(
    request: Request,
    _: Annotated[Principal, Depends(may("events:operate"))],
    now: Now,
    limit: Annotated[int, Query(ge=1, le=100_000, description="How many in this call")] = 20_000,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> AnnouncedOut:
    """Tell of all items as they now stand, for a new or restored reader; repeat with the cursor until none is left."""
    pool: asyncpg.Pool = request.app.state.resources.pool
    after, told = cursors.uuid_in(cursor) if cursor else None, 0
    while told < limit:
        async with pool.acquire() as connection, connection.transaction():
            asked = min(BATCH, limit - told)
            count, last = await announce_slice(connection, after=after, limit=asked, now=now)
        told += count
        after = last or after
        if count < asked:
            return AnnouncedOut(announced=told, next_cursor=None)
    return AnnouncedOut(announced=told, next_cursor=cursors.encode(str(after)))
