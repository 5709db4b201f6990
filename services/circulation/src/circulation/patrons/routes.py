"""Patrons and their account on the wire."""

from datetime import date, datetime
from typing import Annotated, Any, Final
from uuid import UUID

import asyncpg
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import Tx, busy
from chassis.etags import IfMatch
from chassis.json import Json
from chassis.moments import Moment
from chassis.principal import Anyone, Principal, demand, may, principal_of
from chassis.problems import (
    Forbidden,
    Invalid,
    NotFound,
    PreconditionRequired,
    Reason,
    Stale,
    Unauthenticated,
    problems,
)
from circulation.asking import patron_or, whose
from circulation.guarantors.routes import sees_account
from circulation.patrons.account import AccountOut, account_of
from circulation.places.routes import TheLibrary, TheShelf
from circulation.registration import writing
from circulation.registration.aliases import PatronMoved, unknown_patron
from circulation.registration.apart import within
from circulation.registration.details import (
    Addresses,
    Emails,
    Identifiers,
    Language,
    Mail,
    NameForms,
    NameOrder,
    Phones,
    Statistics,
    told_by,
)
from circulation.registration.documents import RegistrationDoc
from circulation.registration.own import Facts, Tags
from circulation.registration.reading import FormerCardOut, PatronOut, page_of, patron_by_id, shown
from circulation.registration.writing import IdentifierTaken

router = new_router("/v1/patrons", tag="patrons")

MayRead = Annotated[Principal, Depends(may("patrons:read"))]
MayWrite = Annotated[Principal, Depends(may("patrons:write"))]
MayChange = Annotated[Principal, Depends(patron_or("patrons:write"))]


class PatronIn(BaseModel):
    """A new patron."""

    model_config = ConfigDict(extra="forbid")

    barcode: str | None = Field(default=None, min_length=1, max_length=100)
    external_id: str | None = Field(default=None, min_length=1, max_length=200)
    group: str = Field(min_length=1, max_length=60)
    family_name: str = Field(min_length=1, max_length=200)
    given_name: str | None = Field(default=None, max_length=200)
    preferred_name: str | None = Field(default=None, min_length=1, max_length=200)
    """The given name by which they are called."""
    sort_name: str | None = Field(default=None, min_length=1, max_length=400)
    """What they file under, where that is not family name before given name."""
    name_order: NameOrder | None = None
    """How the name is written; `given-first` where left out."""
    name_forms: NameForms = []
    email: Mail | None = None
    """Where notices go."""
    emails: Emails = []
    phones: Phones = []
    addresses: Addresses = []
    identifiers: Identifiers = []
    language: Language | None = None
    library: str | None = Field(default=None, max_length=60)
    birth_on: date | None = None
    statistics: Statistics = {}
    custom: Facts = {}
    """Facts that the library has decided upon: `registration.custom_fields`."""
    tags: Tags = []
    """Some of `registration.tags`."""
    note: str | None = Field(default=None, min_length=1, max_length=10_000)
    """For staff."""
    expires_at: Moment | None = None


class PatronChange(BaseModel):
    """What is to change (RFC 7396): what is left out stays, null empties, a list is told whole."""

    model_config = ConfigDict(extra="forbid")

    barcode: str | None = Field(default=None, min_length=1, max_length=100)
    """The old card is remembered as replaced."""
    external_id: str | None = Field(default=None, min_length=1, max_length=200)
    group: str | None = Field(default=None, min_length=1, max_length=60)
    family_name: str | None = Field(default=None, min_length=1, max_length=200)
    given_name: str | None = Field(default=None, max_length=200)
    preferred_name: str | None = Field(default=None, min_length=1, max_length=200)
    sort_name: str | None = Field(default=None, min_length=1, max_length=400)
    name_order: NameOrder | None = None
    name_forms: NameForms | None = None
    email: Mail | None = None
    emails: Emails | None = None
    phones: Phones | None = None
    addresses: Addresses | None = None
    identifiers: Identifiers | None = None
    language: Language | None = None
    library: str | None = Field(default=None, max_length=60)
    birth_on: date | None = None
    statistics: Statistics | None = None
    """By category; null takes one away."""
    custom: Facts | None = None
    """By field; null takes one away."""
    tags: Tags | None = None
    note: str | None = Field(default=None, min_length=1, max_length=10_000)
    expires_at: Moment | None = None
    active: bool | None = None


class PatronWhole(PatronIn):
    """A registration as it is to be from now on: what is left out is emptied.

    It may come as it was read: what is not part of a registration is taken along and changes nothing.
    """

    active: bool
    id: UUID | None = None
    """If named, that of the address."""
    version: int | None = None
    """If-Match is what counts."""
    shown_name: str | None = None
    former_cards: list[FormerCardOut] = []
    open_loans: int | None = None
    owed: int | None = None
    claims: int | None = None


NOT_ITS_OWN: Final = frozenset(PatronWhole.model_fields) - frozenset(PatronChange.model_fields)
"""What is shown with a registration and kept elsewhere."""
THEIR_OWN: Final = frozenset({"language"})
"""What patrons change themselves; their e-mail addresses, too, where the library has decided so."""


async def _shown(tx: AsyncSession, patron_id: UUID, *, to_patron: RegistrationDoc | None = None) -> PatronOut:
    raw = await (await tx.connection()).get_raw_connection()
    row = await patron_by_id(raw.driver_connection, patron_id)  # type: ignore[arg-type]  # asyncpg's own
    assert row is not None
    return shown(row, to_patron=to_patron)


@router.post(
    "",
    status_code=201,
    response_model=PatronOut,
    responses=problems(Unauthenticated, Forbidden, IdentifierTaken, Invalid),
)
async def create_patron(
    tx: Tx, _: MayWrite, body: PatronIn, library: TheLibrary, response: Response, now: Now
) -> PatronOut:
    """Register a patron."""
    patron_id = await writing.register(tx, library, body.model_dump(), now=now)
    response.headers["Location"] = f"/v1/patrons/{patron_id}"
    told = await _shown(tx, patron_id)
    etags.tag(response, told.version)
    return told


@router.get(
    "", response_model=cursors.Page[PatronOut], responses=problems(Unauthenticated, Forbidden, Invalid)
)
async def list_patrons(
    staff: MayRead,
    request: Request,
    response: Response,
    name: Annotated[
        str | None,
        Query(max_length=200, description="Beginnings of words of the name, in any order; no marks, no case"),
    ] = None,
    barcode: Annotated[str | None, Query(max_length=100, description="Of a card they have or had")] = None,
    external_id: Annotated[str | None, Query(max_length=200)] = None,
    identifier: Annotated[str | None, Query(max_length=250, description="As kind:value")] = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> cursors.Page[PatronOut]:
    """Patrons: by filing name where a name is asked for, else oldest first.

    Where libraries keep their patrons to themselves, those of the asker's own and of none.
    """
    resources = request.app.state.resources
    theirs = None if staff.libraries is None else within(staff, await resources.own["shelf"].fresh())
    rows, more = await page_of(
        resources.pool,
        libraries=theirs,
        name=name,
        barcode=barcode,
        external_id=external_id,
        identifier=identifier,
        cursor=cursor,
        limit=limit,
    )
    cursors.link_next(request, response, more)
    return cursors.Page(items=[shown(row) for row in rows], next_cursor=more)


def _own(asker: Principal, patron: str) -> UUID:
    """The id meant; `me` is the asker's own. Somebody else's does not exist for a patron."""
    if patron == "me":
        if asker.patron_id is None:
            demand(asker, "account:own")
            raise NotFound("You are no patron; name one.")
        return asker.patron_id
    try:
        found = UUID(patron)
    except ValueError:
        raise NotFound("There is no such patron.") from None
    if found != asker.patron_id:
        if asker.patron_id is not None and not asker.may("patrons:read"):
            raise NotFound("There is no such patron.")
        demand(asker, "patrons:read")
    return found


@router.get(
    "/{patron_id}",
    response_model=PatronOut,
    responses=problems(Unauthenticated, Forbidden, NotFound, PatronMoved),
)
async def get_patron(
    request: Request, asker: Anyone, patron_id: str, shelf: TheShelf, response: Response
) -> PatronOut:
    """One patron; `me` for oneself, without what is staff's alone."""
    pool, found = request.app.state.resources.pool, _own(asker, patron_id)
    row = await patron_by_id(pool, found)
    if row is None:
        raise await unknown_patron(pool, found, request.url.path)
    etags.tag(response, row["version"])
    if asker.may("patrons:read"):
        return shown(row)
    return shown(row, to_patron=(await shelf.fresh()).registration)


@router.patch(
    "/{patron_id}",
    response_model=PatronOut,
    responses=problems(
        Unauthenticated,
        Forbidden,
        NotFound,
        PatronMoved,
        IdentifierTaken,
        Stale,
        PreconditionRequired,
        Invalid,
    ),
)
async def change_patron(
    request: Request,
    tx: Tx,
    asker: MayChange,
    patron_id: str,
    body: PatronChange,
    expected: IfMatch,
    library: TheLibrary,
    response: Response,
    now: Now,
) -> PatronOut:
    """Change a patron's registration; patrons (`me`) their language and, where configured, their e-mail."""
    staff = asker.may("patrons:write")
    found = whose(asker, patron_id, "patrons:write")
    told = told_by(body)
    if not staff:
        own = THEIR_OWN | ({"email", "emails"} if library.registration.patrons_change_email else set())
        if closed := sorted(set(told) - own):
            text, mend = "This is the library's to change.", "Ask the library."
            raise Forbidden(reasons=[Reason("not-yours", text, f"/{name}", mend) for name in closed])
    try:
        await writing.change(tx, library, found, told, expected=expected, now=now)
    except NotFound:
        raise await unknown_patron(request.app.state.resources.pool, found, request.url.path) from None
    answer = await _shown(tx, found, to_patron=None if staff else library.registration)
    etags.tag(response, answer.version)
    return answer


@router.put(
    "/{patron_id}",
    response_model=PatronOut,
    responses=problems(
        Unauthenticated,
        Forbidden,
        NotFound,
        PatronMoved,
        IdentifierTaken,
        Stale,
        PreconditionRequired,
        Invalid,
    ),
)
async def replace_patron(
    request: Request,
    tx: Tx,
    _: MayWrite,
    patron_id: UUID,
    body: PatronWhole,
    expected: IfMatch,
    library: TheLibrary,
    response: Response,
    now: Now,
) -> PatronOut:
    """Put a whole registration in the place of the one that was read; a card that is not told is given up."""
    if body.id not in (None, patron_id):
        mend = "Leave it out, or put it where it belongs."
        raise Invalid(reasons=[Reason("id-differs", "This is another patron's registration.", "/id", mend)])
    told = body.model_dump(exclude=set(NOT_ITS_OWN))
    try:
        await writing.change(tx, library, patron_id, told, expected=expected, now=now, whole=True)
    except NotFound:
        raise await unknown_patron(request.app.state.resources.pool, patron_id, request.url.path) from None
    answer = await _shown(tx, patron_id)
    etags.tag(response, answer.version)
    return answer


async def _plain_account(request: Request) -> dict[str, Any] | None:
    """The arguments of a plain look by staff at somebody's account."""
    asker, told = principal_of(request), request.path_params["patron_id"]
    if request.scope["query_string"] or not asker.may("patrons:read") or told == "me":
        return None
    if asker.libraries is not None:
        return None  # whose patron it is may matter (registration/apart.py)
    resources = request.app.state.resources
    return {
        "request": request,
        "asker": asker,
        "patron_id": told,
        "shelf": resources.own["shelf"],
        "now": resources.clock(),
    }


@router.get(
    "/{patron_id}/account",
    response_model=AccountOut,
    responses=problems(Unauthenticated, Forbidden, NotFound, PatronMoved),
)
@busy(_plain_account)
async def get_account(request: Request, asker: Anyone, patron_id: str, shelf: TheShelf, now: Now) -> Response:
    """The whole account in one call: loans with what renewing them would do, holds, fees, blocks.

    Patrons see their own, and that of a ward who has agreed to it.
    """
    pool = request.app.state.resources.pool
    try:
        found = _own(asker, patron_id)
    except NotFound:
        found = await _wards(pool, asker, patron_id, now)
    try:
        return Json(await account_of(pool, shelf, found, now=now))
    except NotFound:
        raise await unknown_patron(pool, found, request.url.path) from None


async def _wards(pool: asyncpg.Pool, asker: Principal, patron: str, now: datetime) -> UUID:
    """The ward whose account the asker may see; anybody else does not exist for them."""
    try:
        ward = UUID(patron)
    except ValueError:
        raise NotFound("There is no such patron.") from None
    guarantor = asker.patron_id
    if guarantor is None or not await sees_account(pool, guarantor_id=guarantor, ward_id=ward, now=now):
        raise NotFound("There is no such patron.")
    return ward
