"""What patrons consent to, on the wire: given, withdrawn, and on record."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response
from pydantic import BaseModel, ConfigDict
from sqlalchemy import text

from chassis import cursors
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import ReadTx, Tx
from chassis.ids import uuid7
from chassis.principal import Principal
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Unauthenticated, problems
from circulation.asking import patron_or, whose
from circulation.places.routes import TheLibrary

router = new_router("/v1/patrons/{patron_id}/consents", tag="patrons")

MayRead = Annotated[Principal, Depends(patron_or("patrons:read"))]
MayWrite = Annotated[Principal, Depends(patron_or("patrons:write"))]


class ConsentIn(BaseModel):
    """Whether the patron agrees."""

    model_config = ConfigDict(extra="forbid")

    given: bool


class ConsentOut(BaseModel):
    """A consent, from when to when, and by whose word."""

    id: UUID
    purpose: str
    given_at: datetime
    given_by: str
    withdrawn_at: datetime | None
    withdrawn_by: str | None


class ConsentStandOut(BaseModel):
    """How it stands."""

    purpose: str
    given: bool
    since: datetime | None
    """Since when it is given; null while it is not."""


_LOCK = text("SELECT true FROM patron WHERE id = :me FOR NO KEY UPDATE")
_GIVEN = text("""
SELECT given_at FROM patron_consent WHERE patron_id = :me AND purpose = :purpose AND withdrawn_at IS NULL
""")
_GIVE = text("""
INSERT INTO patron_consent (id, patron_id, purpose, given_at, given_by) VALUES (:id, :me, :purpose, :now, :by)
""")
_WITHDRAW = text("""
UPDATE patron_consent SET withdrawn_at = :now, withdrawn_by = :by
WHERE patron_id = :me AND purpose = :purpose AND withdrawn_at IS NULL
""")
_LIST = text("""
SELECT * FROM patron_consent WHERE patron_id = :me AND (CAST(:after AS uuid) IS NULL OR id > :after)
ORDER BY id LIMIT :limit
""")


@router.put(
    "/{purpose}",
    response_model=ConsentStandOut,
    responses=problems(Unauthenticated, Forbidden, NotFound, Invalid),
)
async def set_consent(
    tx: Tx,
    asker: MayWrite,
    patron_id: str,
    purpose: str,
    body: ConsentIn,
    library: TheLibrary,
    now: Now,
) -> ConsentStandOut:
    """Give or withdraw a consent: the patron (`me`), or staff at their word. Said again it changes nothing."""
    me = whose(asker, patron_id, "patrons:write")
    known = [each.code for each in library.registration.purposes]
    if purpose not in known and body.given:
        told = f"Those that are configured: {', '.join(known) or 'none'}."
        raise Invalid(reasons=[Reason("purpose-unknown", "There is no such purpose.", "path/purpose", told)])
    if await tx.scalar(_LOCK, {"me": me}) is None:
        raise NotFound("There is no such patron.")
    asked = {"me": me, "purpose": purpose, "now": now, "by": str(asker.actor)}
    since: datetime | None = await tx.scalar(_GIVEN, asked)
    if body.given and since is None:
        await tx.execute(_GIVE, asked | {"id": uuid7()})
        since = now
    if not body.given and since is not None:
        await tx.execute(_WITHDRAW, asked)
        since = None
    return ConsentStandOut(purpose=purpose, given=since is not None, since=since)


@router.get(
    "",
    response_model=cursors.Page[ConsentOut],
    responses=problems(Unauthenticated, Forbidden, NotFound, Invalid),
)
async def list_consents(
    tx: ReadTx,
    asker: MayRead,
    patron_id: str,
    request: Request,
    response: Response,
    cursor: str | None = None,
) -> cursors.Page[ConsentOut]:
    """Every consent that was ever given, oldest first, with its withdrawal."""
    me = whose(asker, patron_id, "patrons:read")
    after = cursors.uuid_in(cursor) if cursor is not None else None
    rows = (await tx.execute(_LIST, {"me": me, "after": after, "limit": 101})).all()
    more = cursors.encode(str(rows[99].id)) if len(rows) > 100 else None
    cursors.link_next(request, response, more)
    items = [ConsentOut.model_validate(row._asdict()) for row in rows[:100]]
    return cursors.Page(items=items, next_cursor=more)
