"""Blocks that staff set: listed, set from a template or freely, lifted with a reason. Staff's words stay staff's."""

from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import text

from chassis import cursors, outbox
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import ReadTx, Tx
from chassis.ids import uuid7
from chassis.moments import Moment
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Unauthenticated, problems
from circulation.patrons.tables import PatronBlock
from circulation.places.documents import Action
from circulation.places.library import Library
from circulation.places.routes import TheLibrary
from contracts.circulation import PatronBlockAdded, PatronBlockRemoved

router = new_router("/v1/patrons/{patron_id}/blocks", tag="patrons")

MayRead = Annotated[Principal, Depends(may("patrons:read"))]
MayWrite = Annotated[Principal, Depends(may("patrons:write"))]
RAISE_GUARD = text("UPDATE patron SET guard = guard + 1 WHERE id = :id RETURNING id")


class BlockIn(BaseModel):
    """Why a patron may not do something for now. With a template only what differs from it need be said."""

    model_config = ConfigDict(extra="forbid")

    template: str | None = Field(default=None, min_length=1, max_length=60)
    """The code of one of the configuration's `block_templates`."""
    actions: list[Action] | None = Field(default=None, min_length=1, max_length=3)
    note: str | None = Field(default=None, min_length=1, max_length=1000)
    """For staff."""
    message: str | None = Field(default=None, max_length=1000)
    """For the patron."""
    expires_at: Moment | None = None


class BlockOut(BaseModel):
    """A block."""

    id: UUID
    patron_id: UUID
    template: str | None
    actions: list[str]
    note: str
    message: str | None
    expires_at: datetime | None
    active: bool
    """False once it has run out or was lifted."""
    created_at: datetime
    created_by: str
    loan_id: UUID | None = None
    """The loan that a reminder was about: the block ends with it, or when it is due anew."""
    lifted_at: datetime | None = None
    lifted_by: str | None = None
    lifted_because: str | None = None


class LiftingIn(BaseModel):
    """Why a block is lifted."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=1000)


def _filled(body: BlockIn, library: Library, now: datetime) -> dict[str, Any]:
    """The block as it is to be, what was said before what the template says."""
    told = body.model_dump(exclude_unset=True)
    if body.template is not None:
        template = library.block_templates.get(body.template)
        if template is None:
            known = ", ".join(sorted(library.block_templates)) or "none"
            raise Invalid(
                reasons=[
                    Reason(
                        "block-template-unknown",
                        f"There is no block template {body.template!r}.",
                        "/template",
                        f"Those that are configured: {known}.",
                    )
                ]
            )
        until = now + timedelta(days=template.days) if template.days is not None else None
        usual = {"actions": template.actions, "note": template.note, "message": template.message}
        told = usual | {"expires_at": until} | told
    wanted = {"actions": "Which actions it stops.", "note": "Why, for staff."}
    if missing := [name for name in wanted if not told.get(name)]:
        raise Invalid(
            reasons=[
                Reason("value-missing", wanted[name], f"/{name}", "Say it, or name a template.")
                for name in missing
            ]
        )
    return told | {"actions": list(dict.fromkeys(told["actions"]))}


@router.post(
    "",
    status_code=201,
    response_model=BlockOut,
    responses=problems(Unauthenticated, Forbidden, NotFound, Invalid),
)
async def block_patron(
    tx: Tx, by: MayWrite, patron_id: UUID, body: BlockIn, library: TheLibrary, now: Now
) -> BlockOut:
    """Block a patron, freely or from a template; the desk heeds it with its next look."""
    told = _filled(body, library, now)
    if await tx.scalar(RAISE_GUARD, {"id": patron_id}) is None:
        raise NotFound("There is no such patron.")
    block = PatronBlock(id=uuid7(), patron_id=patron_id, created_at=now, created_by=str(by.actor), **told)
    tx.add(block)
    await tx.flush()
    event = PatronBlockAdded(
        version=1,
        occurred_at=now,
        block_id=block.id,
        patron_ref=patron_id,
        actions=tuple(block.actions),
        template=block.template,
        until=block.expires_at,
    )
    await outbox.publish(tx, event)
    return _out(block.model_dump(), now)


_LIST = text("""
SELECT * FROM (
    SELECT id, patron_id, template, actions, note, message, expires_at, created_at, created_by,
        loan_id, NULL::timestamptz AS lifted_at, NULL AS lifted_by, NULL AS lifted_because
    FROM patron_block WHERE patron_id = :patron AND (:past OR expires_at IS NULL OR expires_at > :now)
    UNION ALL
    SELECT id, patron_id, template, actions, note, message, expires_at, created_at, created_by,
        loan_id, lifted_at, lifted_by, lifted_because
    FROM lifted_block WHERE patron_id = :patron AND :past
) b WHERE CAST(:after AS uuid) IS NULL OR id > :after ORDER BY id LIMIT :limit
""")


@router.get(
    "",
    response_model=cursors.Page[BlockOut],
    responses=problems(Unauthenticated, Forbidden, NotFound, Invalid),
)
async def list_blocks(
    tx: ReadTx,
    _: MayRead,
    patron_id: UUID,
    request: Request,
    response: Response,
    now: Now,
    past: Annotated[bool, Query(description="Those that ran out or were lifted, too")] = False,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> cursors.Page[BlockOut]:
    """A patron's blocks, oldest first, with staff's notes."""
    if await tx.scalar(text("SELECT true FROM patron WHERE id = :id"), {"id": patron_id}) is None:
        raise NotFound("There is no such patron.")
    asked = {"patron": patron_id, "past": past, "now": now, "limit": limit + 1}
    rows = (
        await tx.execute(_LIST, asked | {"after": cursors.uuid_in(cursor) if cursor is not None else None})
    ).all()
    more = cursors.encode(str(rows[limit - 1].id)) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[_out(row._asdict(), now) for row in rows[:limit]], next_cursor=more)


_LIFT = text("""
WITH gone AS (DELETE FROM patron_block WHERE id = :id AND patron_id = :patron RETURNING *)
INSERT INTO lifted_block (id, patron_id, template, actions, note, message, expires_at, created_at, created_by,
    loan_id, lifted_at, lifted_by, lifted_because)
SELECT id, patron_id, template, actions, note, message, expires_at, created_at, created_by, loan_id, :now, :by, :reason
FROM gone RETURNING *, (SELECT version FROM gone) AS version
""")


async def _lift(
    tx: Tx, by: Principal, patron_id: UUID, block_id: UUID, reason: str | None, now: datetime
) -> BlockOut:
    await tx.scalar(RAISE_GUARD, {"id": patron_id})
    asked = {"id": block_id, "patron": patron_id, "now": now, "by": str(by.actor), "reason": reason}
    row = (await tx.execute(_LIFT, asked)).first()
    if row is None:
        raise NotFound("There is no such block.")
    event = PatronBlockRemoved(
        version=row.version + 1, occurred_at=now, block_id=block_id, patron_ref=patron_id
    )
    await outbox.publish(tx, event)
    return _out(row._asdict(), now)


@router.post(
    "/{block_id}/liftings",
    status_code=201,
    response_model=BlockOut,
    responses=problems(Unauthenticated, Forbidden, NotFound, Invalid),
)
async def lift_block_because(
    tx: Tx, by: MayWrite, patron_id: UUID, block_id: UUID, body: LiftingIn, now: Now
) -> BlockOut:
    """Lift a block, and say why; it stays on record with who lifted it."""
    return await _lift(tx, by, patron_id, block_id, body.reason, now)


@router.delete("/{block_id}", status_code=204, responses=problems(Unauthenticated, Forbidden, NotFound))
async def lift_block(tx: Tx, by: MayWrite, patron_id: UUID, block_id: UUID, now: Now) -> None:
    """Lift a block without a word; it stays on record with who lifted it."""
    await _lift(tx, by, patron_id, block_id, None, now)


def _out(told: dict[str, Any], now: datetime) -> BlockOut:
    lasting = told["expires_at"] is None or told["expires_at"] > now
    return BlockOut.model_validate(told | {"active": lasting and told.get("lifted_at") is None})
