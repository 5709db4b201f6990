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
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, Unauthenticated, problems

router = new_router("/v1/audit", tag="audit")

MayAudit = Annotated[Principal, Depends(may("audit:read"))]

_LIST = text("""
SELECT id, at, actor, method, path, status, took_ms, traceparent, address FROM audit_entry
WHERE (CAST(:actor AS text) IS NULL OR actor = :actor)
  AND (CAST(:before AS uuid) IS NULL OR id < CAST(:before AS uuid))
ORDER BY id DESC LIMIT :limit
""")


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
    before = cursors.uuid_in(cursor) if cursor else None
    rows = (await tx.execute(_LIST, {"actor": actor, "before": before, "limit": limit + 1})).mappings().all()
    more = cursors.encode(str(rows[limit - 1]["id"])) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[AuditOut(**row) for row in rows[:limit]], next_cursor=more)
