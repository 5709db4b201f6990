"""What the nightly counting found, for operators."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy import text

from chassis import cursors
from chassis.application import new_router
from chassis.edge import ReadTx
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, Unauthenticated, problems
from circulation.reconciling.rules import Kind, Walk

router = new_router(tag="reconciliation")
MayOperate = Annotated[Principal, Depends(may("events:operate"))]


class WalkOut(BaseModel):
    """How far today's counting has come."""

    walk: Walk
    looked_at: int
    begun_at: datetime
    finished_at: datetime | None


class DiscrepancyOut(BaseModel):
    """Something that was kept otherwise than it counts up to."""

    id: UUID
    kind: Kind
    subject_id: UUID
    """The patron, the item or the fee."""
    kept: dict[str, Any]
    counted: dict[str, Any]
    found_at: datetime
    seen_at: datetime
    settled: str | None
    """`repaired` by the counting, `gone` by the next one; left out while it stands and somebody should look."""
    settled_at: datetime | None


class DiscrepanciesOut(cursors.Page[DiscrepancyOut]):
    """What was found, newest first, and how far the counting has come."""

    walks: list[WalkOut]
    open: int
    """How many stand and want looking into."""


_WALKS = text(
    "SELECT name AS walk, looked_at, begun_at, finished_at FROM reconciliation ORDER BY begun_at, name"
)
_LIST = text("""
SELECT * FROM discrepancy WHERE CAST(:after AS uuid) IS NULL OR id < :after ORDER BY id DESC LIMIT :limit
""")


@router.get(
    "/v1/discrepancies",
    response_model=DiscrepanciesOut,
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_discrepancies(
    tx: ReadTx,
    _: MayOperate,
    request: Request,
    response: Response,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> DiscrepanciesOut:
    """What is kept as a count or a copy is counted again once a day; here is what differed.

    Counters of patrons and the facts of items are put right and told of as `repaired`; a fee that differs from its
    ledger is left for a person.
    """
    after = cursors.uuid_in(cursor) if cursor is not None else None
    rows = (await tx.execute(_LIST, {"after": after, "limit": limit + 1})).mappings().all()
    more = cursors.encode(str(rows[limit - 1]["id"])) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    standing = await tx.scalar(text("SELECT count(*) FROM discrepancy WHERE settled IS NULL"))
    walks = (await tx.execute(_WALKS)).mappings().all()
    return DiscrepanciesOut(
        items=[DiscrepancyOut.model_validate(dict(row)) for row in rows[:limit]],
        next_cursor=more,
        walks=[WalkOut.model_validate(dict(row)) for row in walks],
        open=standing or 0,
    )
