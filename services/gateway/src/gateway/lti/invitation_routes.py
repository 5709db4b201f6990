"""Addresses at which platforms register us by themselves: given out, listed, taken back."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import text

from chassis import cursors
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import Edge, ReadTx, Tx
from chassis.ids import uuid7
from chassis.problems import Invalid, NotFound, problems
from gateway.lti.documents import Library
from gateway.lti.platform_routes import DOOR, MayRead, MayWrite
from gateway.lti.tables import LtiInvitation
from gateway.saml.operating import parts_of
from gateway.saml.parts import NoCampusSignIn
from gateway.sessions.cookies import digest, new_token
from gateway.signon.fields import Text

router = new_router("/v1/lti/registrations", tag="lti")


class LtiInvitationIn(BaseModel):
    """Which platform may register itself."""

    model_config = ConfigDict(extra="forbid")

    label: Text
    """As we call it."""
    host: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,252}(:[0-9]{1,5})?$")
    """Of the platform, `moodle.example.edu`: nobody else registers by this address."""
    library: Library | None = None
    """The library that its first deployment goes to."""
    days: int = Field(default=7, ge=1, le=30)
    """How long the address is good."""


class LtiInvitationOut(BaseModel):
    """An address that was given out; it is told once."""

    id: UUID
    label: str
    host: str
    library: str | None
    made_at: datetime
    made_by: str
    ends_at: datetime
    used_at: datetime | None
    platform_id: UUID | None
    """What came of it."""


class NewLtiInvitationOut(LtiInvitationOut):
    """With the address, this once."""

    url: str | None = None


@router.post(
    "",
    status_code=201,
    response_model=NewLtiInvitationOut,
    responses=problems(*DOOR, Invalid, NoCampusSignIn),
)
async def invite_lti_platform(
    request: Request, tx: Tx, by: MayWrite, body: LtiInvitationIn, response: Response, now: Now
) -> NewLtiInvitationOut:
    """Give out an address at which one platform registers us by itself; its administrator pastes it there.

    A repetition with the same Idempotency-Key names the invitation again, without the address.
    """
    _doc, ours = await parts_of(request).configured()
    code = new_token()
    made = LtiInvitation(
        id=uuid7(),
        code_hash=digest(code),
        label=body.label,
        host=body.host,
        library=body.library,
        made_at=now,
        made_by=str(by.actor),
        ends_at=now + timedelta(days=body.days),
    )
    tx.add(made)
    await tx.flush()
    told = NewLtiInvitationOut.model_validate(made, from_attributes=True)
    response.headers["Cache-Control"] = "no-store"
    edge: Edge = request.state.edge
    edge.kept_body = told.model_dump_json().encode()
    return told.model_copy(update={"url": f"{ours.url}/lti/register/{code}"})


_LIST = text("""
SELECT * FROM lti_invitation WHERE CAST(:after AS uuid) IS NULL OR id > CAST(:after AS uuid) ORDER BY id LIMIT :limit
""")


@router.get("", response_model=cursors.Page[LtiInvitationOut], responses=problems(*DOOR, Invalid))
async def list_lti_invitations(
    request: Request,
    tx: ReadTx,
    _: MayRead,
    response: Response,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> cursors.Page[LtiInvitationOut]:
    """Those of the last weeks, oldest first, and what came of them."""
    asked = {"after": cursors.uuid_in(cursor) if cursor else None, "limit": limit + 1}
    rows = (await tx.execute(_LIST, asked)).mappings().all()
    more = cursors.encode(str(rows[limit - 1]["id"])) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[LtiInvitationOut(**row) for row in rows[:limit]], next_cursor=more)


@router.delete("/{invitation_id}", status_code=204, responses=problems(*DOOR, NotFound))
async def withdraw_lti_invitation(tx: Tx, _: MayWrite, invitation_id: UUID) -> None:
    """Take it back; a platform that has registered by it stays."""
    made = await tx.get(LtiInvitation, invitation_id)
    if made is None:
        raise NotFound("There is no such invitation.")
    await tx.delete(made)
