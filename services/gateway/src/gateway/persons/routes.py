"""Whom the gateway knows by a campus or another door, and forgetting somebody (GDPR, article 17)."""

import logging
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy import text

from chassis import cursors
from chassis.application import new_router
from chassis.edge import ReadTx, Tx
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Refused, Unauthenticated, problems
from gateway.clients.owners import REVOKED

log = logging.getLogger(__name__)
router = new_router("/v1/persons", tag="sign-on")

MayRead = Annotated[Principal, Depends(may("sign-on:read"))]
MayWrite = Annotated[Principal, Depends(may("sign-on:write"))]


class PersonOut(BaseModel):
    """Somebody who has signed in; what they are known by is not told."""

    id: UUID
    kind: str
    """What they are known by: `pairwise-id`, `oidc`, `account` …"""
    identity_provider: str
    patron_id: UUID | None
    registered_at: datetime
    signed_in_at: datetime


class HasAccount(Refused):
    """Whoever has an account of the gateway is forgotten with it."""

    code, title = "person-has-account", "This person has an account here; close it first."


_LIST = text("""
SELECT id, key_kind AS kind, entity_id AS identity_provider, patron_id, registered_at, signed_in_at FROM person
WHERE (CAST(:patron AS uuid) IS NULL OR patron_id = CAST(:patron AS uuid))
  AND (CAST(:after AS uuid) IS NULL OR id > CAST(:after AS uuid)) ORDER BY id LIMIT :limit
""")
_KIND = text("SELECT key_kind FROM person WHERE id = :id FOR UPDATE")
_OWNED = """
    owner_kind = 'staff' AND owner_id = :id
    OR owner_kind = 'client' AND owner_id IN (SELECT id FROM client WHERE owner_id = :id)
"""
_END_OWN = tuple(
    text(statement)
    for statement in (
        f"UPDATE webhook SET state = 'deleted', url = '', description = '' WHERE {_OWNED}",  # noqa: S608 - our own text
        f"DELETE FROM webhook_secret WHERE webhook_id IN (SELECT id FROM webhook WHERE {_OWNED})",  # noqa: S608 - our own text
        f"DELETE FROM webhook_place WHERE webhook_id IN (SELECT id FROM webhook WHERE {_OWNED})",  # noqa: S608 - our own text
    )
)
_END_KEYS = text("""
WITH ended AS (DELETE FROM client WHERE owner_id = :id RETURNING id)
SELECT pg_notify(:channel, id::text) FROM ended
""")
_FORGET = (
    text("UPDATE sign_in SET person_id = NULL WHERE person_id = :id"),
    text("DELETE FROM person WHERE id = :id"),
)


@router.get(
    "",
    response_model=cursors.Page[PersonOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_persons(
    request: Request,
    tx: ReadTx,
    _: MayRead,
    response: Response,
    patron_id: UUID | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> cursors.Page[PersonOut]:
    """Whoever has signed in, or whoever is this patron."""
    asked = {"patron": patron_id, "after": cursors.uuid_in(cursor) if cursor else None, "limit": limit + 1}
    rows = (await tx.execute(_LIST, asked)).mappings().all()
    more = cursors.encode(str(rows[limit - 1]["id"])) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[PersonOut(**row) for row in rows[:limit]], next_cursor=more)


@router.delete(
    "/{person_id}",
    status_code=204,
    responses=problems(Unauthenticated, Forbidden, NotFound, HasAccount),
)
async def forget_person(tx: Tx, by: MayWrite, person_id: UUID) -> None:
    """Forget somebody: what they are known by, their sessions, what programs may do for them, the keys and webhooks
    that they made; sign-ins stay as nobody's.

    The patron is circulation's to erase. Whoever signs in again afterwards is somebody new here.
    """
    kind = await tx.scalar(_KIND, {"id": person_id})
    if kind is None:
        raise NotFound("There is no such person.")
    if kind == "account":
        raise HasAccount(
            reasons=[Reason("person-has-account", HasAccount.title, mend="PATCH /v1/accounts/{id}")]
        )
    for statement in _END_OWN:
        await tx.execute(statement, {"id": person_id})
    await tx.execute(_END_KEYS, {"id": person_id, "channel": REVOKED})
    for statement in _FORGET:
        await tx.execute(statement, {"id": person_id})
    log.info("a person was forgotten", extra={"person": str(person_id), "by": str(by.actor)})
