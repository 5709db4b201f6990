"""A browser's own session, for the library's pages."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, Field

from chassis import cursors
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import ReadTx
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Unauthenticated, problems
from gateway.persons.rules import Facts, standing
from gateway.sessions import commands
from gateway.sessions.commands import ForgedRequest, Session, Sessions
from gateway.sessions.cookies import SESSION, forgery_token, no_session_cookie, sent
from gateway.signon.documents import PersonsDoc

router = new_router(tag="sign-on")

MayRead = Annotated[Principal, Depends(may("sign-on:read"))]


class BrowserSessionOut(BaseModel):
    """The session of the cookie that was sent along."""

    person: UUID
    patron_id: UUID | None
    roles: list[str]
    scopes: list[str]
    identity_provider: str | None
    authenticated_at: datetime | None
    began_at: datetime
    ends_at: datetime
    csrf_token: str = Field(description="Send it as header `CSRF-Token` with whatever changes something")


async def present(request: Request, now: datetime) -> tuple[str, Session] | None:
    """The cookie's token and its session."""
    sessions: Sessions = request.app.state.sessions
    token = sent(request.scope["headers"], SESSION)
    found = await sessions.find(token, now=now) if token else None
    return (token, found) if token and found else None


@router.get("/v1/session", response_model=BrowserSessionOut, responses=problems(NotFound))
async def read_session(request: Request, response: Response, now: Now) -> BrowserSessionOut:
    """Who is signed in in this browser, and the token that changes must carry."""
    found = await present(request, now)
    response.headers["Cache-Control"] = "no-store"
    if found is None:
        raise NotFound("Nobody is signed in in this browser.", headers={"Cache-Control": "no-store"})
    token, session = found
    return BrowserSessionOut(
        person=session.person_id,
        patron_id=session.patron_id,
        roles=list(session.roles),
        scopes=sorted(session.principal.scopes),
        identity_provider=session.entity_id,
        authenticated_at=session.authenticated_at,
        began_at=session.began_at,
        ends_at=session.ends_at,
        csrf_token=forgery_token(token),
    )


@router.delete("/v1/session", status_code=204, responses=problems(NotFound, ForgedRequest))
async def end_session(request: Request, response: Response, now: Now) -> None:
    """End the session in this browser, here alone; `/sign-out` ends it at the campus, too."""
    found = await present(request, now)
    if found is None:
        raise NotFound("Nobody is signed in in this browser.")
    await commands.end(request.app.state.resources.pool, found[1].id)
    response.headers["Set-Cookie"] = no_session_cookie()


class SignInOut(BaseModel):
    """A sign-in of the last month: what the identity provider said as far as rules look at it, and what came of it."""

    id: UUID
    at: datetime
    identity_provider: str
    person: UUID | None
    outcome: str
    reasons: list[str]
    facts: dict[str, object]
    standing: dict[str, object]


_LIST = """
SELECT id, at, entity_id AS identity_provider, person_id AS person, outcome, reasons, facts, standing FROM sign_in
WHERE ($1::uuid IS NULL OR id < $1) AND ($2::uuid IS NULL OR person_id = $2) ORDER BY id DESC LIMIT $3
"""


@router.get(
    "/v1/sign-ins",
    response_model=cursors.Page[SignInOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_sign_ins(
    request: Request,
    _: MayRead,
    response: Response,
    person: UUID | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> cursors.Page[SignInOut]:
    """The newest first; names and addresses are not among what is kept."""
    before = cursors.uuid_in(cursor) if cursor else None
    rows = await request.app.state.resources.pool.fetch(_LIST, before, person, limit + 1)
    more = cursors.encode(str(rows[limit - 1]["id"])) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[SignInOut(**dict(row)) for row in rows[:limit]], next_cursor=more)


class TriedOut(BaseModel):
    """What other rules would have made of the sign-ins of the last month."""

    looked_at: int
    same: int
    changed: list["ChangeOut"]
    """At most a hundred of them."""
    more: int


class ChangeOut(BaseModel):
    """One person whose standing would be another."""

    person: UUID
    at: datetime
    was: dict[str, object]
    becomes: dict[str, object]
    why: list[str]


_LATELY = """
SELECT DISTINCT ON (person_id) person_id, at, entity_id, facts, standing FROM sign_in
WHERE person_id IS NOT NULL ORDER BY person_id, id DESC LIMIT 5000
"""
SHOWN_CHANGES = 100


@router.post(
    "/v1/sign-ins:try", response_model=TriedOut, responses=problems(Unauthenticated, Forbidden, Invalid)
)
async def try_rules(request: Request, tx: ReadTx, _: MayRead, body: PersonsDoc, now: Now) -> TriedOut:
    """Try rules on everybody's last sign-in; nothing is changed."""
    doc = await request.app.state.saml.in_force.now()
    rows = await request.app.state.resources.pool.fetch(_LATELY)
    groups, staff, mfa = body.group_rules(), body.staff_rules(), doc.sessions.mfa
    changed = []
    for row in rows:
        facts = facts_kept(row["entity_id"], row["facts"])
        found = standing(facts, groups, staff, mfa=mfa, now=row["at"])
        becomes = {"group": found.group, "roles": list(found.roles)}
        was = {name: row["standing"].get(name) for name in becomes}
        if was != becomes:
            changed.append(
                ChangeOut(
                    person=row["person_id"], at=row["at"], was=was, becomes=becomes, why=list(found.why)
                )
            )
    return TriedOut(
        looked_at=len(rows),
        same=len(rows) - len(changed),
        changed=changed[:SHOWN_CHANGES],
        more=max(0, len(changed) - SHOWN_CHANGES),
    )


def facts_kept(entity_id: str, told: Mapping[str, Any]) -> Facts:
    """What was written down of a sign-in, as the rules want it."""
    at = told.get("authenticated_at")
    return Facts(
        entity_id,
        tuple(told.get("affiliations", ())),
        tuple(told.get("entitlements", ())),
        tuple(told.get("assurance", ())),
        told.get("context"),
        datetime.fromisoformat(at) if at else None,
    )
