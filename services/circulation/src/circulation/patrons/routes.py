"""Patrons and their account on the wire."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import cursors, etags, outbox
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import Tx
from chassis.etags import IfMatch
from chassis.ids import uuid7
from chassis.principal import Anyone, Principal, demand, may
from chassis.problems import (
    Forbidden,
    Invalid,
    NotFound,
    PreconditionRequired,
    Reason,
    Refused,
    Stale,
    Unauthenticated,
    problems,
)
from circulation.moments import Moment
from circulation.patrons.account import AccountOut, account_of
from circulation.patrons.tables import Patron
from circulation.places.library import Library
from circulation.places.routes import TheLibrary
from contracts.circulation import PatronCreated, PatronUpdated

router = new_router("/v1/patrons", tag="patrons")

MayRead = Annotated[Principal, Depends(may("patrons:read"))]
MayWrite = Annotated[Principal, Depends(may("patrons:write"))]


class IdentifierTaken(Refused):
    """Another patron has this barcode or external id."""

    code, title = "identifier-taken", "Another patron has this barcode or external id."


class PatronIn(BaseModel):
    """A new patron."""

    model_config = ConfigDict(extra="forbid")

    barcode: str | None = Field(default=None, min_length=1, max_length=100)
    external_id: str | None = Field(default=None, min_length=1, max_length=200)
    group: str = Field(min_length=1, max_length=60)
    family_name: str = Field(min_length=1, max_length=200)
    given_name: str | None = Field(default=None, max_length=200)
    email: str | None = Field(default=None, max_length=320, pattern=r"^[^@\s]+@[^@\s]+$")
    language: str | None = Field(default=None, pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")
    library: str | None = Field(default=None, max_length=60)
    expires_at: Moment | None = None


class PatronChange(BaseModel):
    """What is to change; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    barcode: str | None = Field(default=None, min_length=1, max_length=100)
    group: str | None = Field(default=None, min_length=1, max_length=60)
    family_name: str | None = Field(default=None, min_length=1, max_length=200)
    given_name: str | None = Field(default=None, max_length=200)
    email: str | None = Field(default=None, max_length=320, pattern=r"^[^@\s]+@[^@\s]+$")
    language: str | None = Field(default=None, pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")
    library: str | None = Field(default=None, max_length=60)
    expires_at: Moment | None = None
    active: bool | None = None


class PatronOut(BaseModel):
    """A patron."""

    id: UUID
    barcode: str | None
    external_id: str | None
    group: str
    family_name: str
    given_name: str | None
    email: str | None
    language: str | None
    library: str | None
    expires_at: datetime | None
    active: bool
    open_loans: int
    owed: int
    claims: int = 0
    """How often the patron said to have brought back what was not found."""
    version: int


def _known_group(library: Library, group: str | None) -> None:
    if group is not None and group not in library.groups:
        raise Invalid(reasons=[Reason("group-unknown", f"There is no patron group {group!r}.", "/group")])


@router.post(
    "",
    status_code=201,
    response_model=PatronOut,
    responses=problems(Unauthenticated, Forbidden, IdentifierTaken, Invalid),
)
async def create_patron(
    tx: Tx, _: MayWrite, body: PatronIn, library: TheLibrary, response: Response, now: Now
) -> Patron:
    """Register a patron."""
    _known_group(library, body.group)
    patron = Patron(id=uuid7(), created_at=now, **body.model_dump())
    tx.add(patron)
    await _flushed(tx)
    event = PatronCreated(version=1, occurred_at=now, patron_ref=patron.id, patron_group=patron.group)
    await outbox.publish(tx, event)
    response.headers["Location"] = f"/v1/patrons/{patron.id}"
    etags.tag(response, patron.version)
    return patron


IDENTIFIERS = {"patron_barcode": "barcode", "patron_external_id": "external_id"}
"""Unique indexes, and the fields that they keep apart."""


async def _flushed(tx: AsyncSession) -> None:
    try:
        await tx.flush()
    except IntegrityError as error:
        taken = getattr(getattr(error.orig, "__cause__", None), "constraint_name", None)
        if taken not in IDENTIFIERS:
            raise
        name = IDENTIFIERS[taken]
        raise IdentifierTaken(
            reasons=[Reason("identifier-taken", f"This {name} is another patron's.", f"/{name}")]
        ) from error


@router.get(
    "", response_model=cursors.Page[PatronOut], responses=problems(Unauthenticated, Forbidden, Invalid)
)
async def list_patrons(
    tx: Tx,
    _: MayRead,
    request: Request,
    response: Response,
    barcode: Annotated[str | None, Query(max_length=100)] = None,
    external_id: Annotated[str | None, Query(max_length=200)] = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> cursors.Page[PatronOut]:
    """Patrons, oldest first."""
    query = select(Patron).order_by(Patron.id).limit(limit + 1)  # type: ignore[arg-type]  # SQLModel's columns
    if barcode is not None:
        query = query.where(Patron.barcode == barcode)  # type: ignore[arg-type]
    if external_id is not None:
        query = query.where(Patron.external_id == external_id)  # type: ignore[arg-type]
    if cursor is not None:
        query = query.where(Patron.id > cursors.uuid_in(cursor))  # type: ignore[arg-type]
    rows = (await tx.scalars(query)).all()
    more = cursors.encode(str(rows[limit - 1].id)) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    items = [PatronOut.model_validate(row, from_attributes=True) for row in rows[:limit]]
    return cursors.Page(items=items, next_cursor=more)


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
    "/{patron_id}", response_model=PatronOut, responses=problems(Unauthenticated, Forbidden, NotFound)
)
async def get_patron(tx: Tx, asker: Anyone, patron_id: str, response: Response) -> Patron:
    """One patron; `me` for oneself."""
    found = await tx.get(Patron, _own(asker, patron_id))
    if found is None:
        raise NotFound("There is no such patron.")
    etags.tag(response, found.version)
    return found


@router.patch(
    "/{patron_id}",
    response_model=PatronOut,
    responses=problems(
        Unauthenticated, Forbidden, NotFound, IdentifierTaken, Stale, PreconditionRequired, Invalid
    ),
)
async def change_patron(
    tx: Tx,
    _: MayWrite,
    patron_id: UUID,
    body: PatronChange,
    expected: IfMatch,
    library: TheLibrary,
    response: Response,
    now: Now,
) -> Patron:
    """Change a patron's registration."""
    _known_group(library, body.group)
    patron = await tx.get(Patron, patron_id, with_for_update=True)
    if patron is None:
        raise NotFound("There is no such patron.")
    etags.guard(expected=expected, found=patron.version)
    told = body.model_dump(exclude_unset=True)
    if bare := [name for name in ("group", "family_name", "active") if name in told and told[name] is None]:
        raise Invalid(
            reasons=[Reason("value-missing", f"{name} cannot be empty.", f"/{name}") for name in bare]
        )
    changed = [name for name, value in told.items() if getattr(patron, name) != value]
    for name in changed:
        setattr(patron, name, told[name])
    if changed:
        patron.version += 1
        patron.guard += 1
        await _flushed(tx)
        event = PatronUpdated(
            version=patron.version,
            occurred_at=now,
            patron_ref=patron.id,
            patron_group=patron.group,
            changed=tuple(changed),
        )
        await outbox.publish(tx, event)
    etags.tag(response, patron.version)
    return patron


@router.get(
    "/{patron_id}/account",
    response_model=AccountOut,
    responses=problems(Unauthenticated, Forbidden, NotFound),
)
async def get_account(
    request: Request, asker: Anyone, patron_id: str, library: TheLibrary, now: Now
) -> AccountOut:
    """The whole account in one call: loans with what renewing them would do, holds, fees, blocks."""
    return await account_of(request.app.state.resources.pool, library, _own(asker, patron_id), now=now)
