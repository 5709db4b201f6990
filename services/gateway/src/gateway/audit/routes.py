"""Reading the request audit."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy import text

from chassis import cursors
from chassis.application import new_router
from chassis.edge import ReadTx
from chassis.principal import Anyone, Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Unauthenticated, problems
from gateway.consents.rules import narrow

router = new_router("/v1/audit", tag="audit")

MayAudit = Annotated[Principal, Depends(may("audit:read"))]

_LIST = text("""
SELECT id, at, actor, method, path, status, took_ms, traceparent, address FROM audit_entry
WHERE (CAST(:actor AS text) IS NULL OR actor = :actor)
  AND (CAST(:before AS uuid) IS NULL OR id < CAST(:before AS uuid))
ORDER BY id DESC LIMIT :limit
""")


_OWNED = text("SELECT id FROM client WHERE id = :client AND owner_id = CAST(:me AS uuid)")


class AuditOut(BaseModel):
    """One request."""

    id: UUID
    at: datetime
    actor: str
    method: str
    path: str
    status: int
    took_ms: int
    traceparent: str | None
    address: str | None


@router.get(
    "", response_model=cursors.Page[AuditOut], responses=problems(Unauthenticated, Forbidden, Invalid)
)
async def list_audit(
    tx: ReadTx,
    _: MayAudit,
    request: Request,
    response: Response,
    actor: Annotated[str | None, Query(max_length=200)] = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> cursors.Page[AuditOut]:
    """The newest first."""
    return await _page(tx, request, response, actor=actor, cursor=cursor, limit=limit)


@router.get(
    "/mine",
    response_model=cursors.Page[AuditOut],
    responses=problems(Unauthenticated, Forbidden, NotFound, Invalid),
)
async def list_own_requests(
    tx: ReadTx,
    asker: Anyone,
    request: Request,
    response: Response,
    client: Annotated[UUID | None, Query(description="A key or client that you made yourself")] = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> cursors.Page[AuditOut]:
    """Your own requests that changed something or were refused, the newest first; or those of a client of yours."""
    if asker.kind == "anonymous":
        raise Unauthenticated
    if asker.on_behalf_of is not None or (asker.kind == "patron" and narrow(asker.scopes)):
        raise Forbidden("People look at their requests themselves.")
    actor = str(asker.actor)
    if client is not None:
        if (await tx.execute(_OWNED, {"client": client, "me": _account(asker)})).first() is None:
            raise NotFound("You have no such client.")
        actor = f"client:{client}"
    return await _page(tx, request, response, actor=actor, cursor=cursor, limit=limit)


def _account(asker: Principal) -> UUID | None:
    try:
        return UUID(asker.ref) if asker.kind in ("staff", "patron") else None
    except ValueError:
        return None


async def _page(
    tx: ReadTx, request: Request, response: Response, *, actor: str | None, cursor: str | None, limit: int
) -> cursors.Page[AuditOut]:
    before = cursors.uuid_in(cursor) if cursor else None
    rows = (await tx.execute(_LIST, {"actor": actor, "before": before, "limit": limit + 1})).mappings().all()
    more = cursors.encode(str(rows[limit - 1]["id"])) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[AuditOut(**row) for row in rows[:limit]], next_cursor=more)
