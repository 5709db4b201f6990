"""Requests on the wire: placed, read, followed step by step, and changed until they are sent."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.moments import Moment
from chassis.once import whole
from chassis.principal import demand
from chassis.problems import (
    Forbidden,
    Invalid,
    Reason,
    Unauthenticated,
    problems,
)
from ill.citations.rules import citation_flaws
from ill.configuration.documents import ConfigurationDoc
from ill.configuration.queries import in_force
from ill.patrons import queries as patrons
from ill.requests import commands
from ill.requests.commands import NoSuchRequest, Wish
from ill.requests.model import model_of
from ill.requests.openurls import MOST, read_wish
from ill.requests.seeing import (
    Asker,
    CitationIn,
    InterlibraryRequestOut,
    Level,
    Long,
    MoneyIn,
    Service,
    Short,
    kind_of,
    out,
    own,
    pool_of,
)

router = new_router("/v1/ill", tag="interlibrary loan")


Edition = Literal["any", "this", "most-recent"]


class WishIn(BaseModel):
    """A patron's wish."""

    model_config = ConfigDict(extra="forbid")

    service: Service | None = None
    """Needed with a citation; of an OpenURL it is what that says, unless it is told here."""
    citation: CitationIn | None = None
    openurl: Annotated[str, Field(min_length=1, max_length=MOST)] | None = None
    """In the place of a citation: an OpenURL 0.1 or 1.0, or its query string, as the link resolver tells it."""
    patron_id: UUID | None = None
    """For whom; a patron who asks in person leaves it out."""
    pickup: Short | None = None
    """The code of the service point where it is fetched."""
    service_level: Level | None = None
    """Normal, Rush, Express …: an open list (ISO 18626)."""
    need_before: Moment | None = None
    max_cost: MoneyIn | None = None
    """What it may cost; where left out, what the configuration says."""
    any_edition: bool = True
    preferred_edition: Edition | None = None
    """Said to partners that know it (ISO 18626:2021); to others by `any_edition` and in words."""
    note: Long | None = None
    """For the supplier: no names in it."""
    declared: Annotated[str, Field(max_length=40)] | None = None
    """For a copy: the version of the library's declaration that is agreed to."""

    @model_validator(mode="after")
    def _told_once(self) -> "WishIn":
        if (self.citation is None) == (self.openurl is None):
            raise ValueError("send either a citation or an openurl")
        if self.citation is not None and self.service is None:
            raise ValueError("with a citation, say which service: loan, copy or copy-or-loan")
        return self


def sound(citation: CitationIn | None, need_before: datetime | None, now: datetime) -> dict[str, Any]:
    """The citation as kept; `Invalid` with everything that cannot be right."""
    told = citation.model_dump(exclude_none=True) if citation is not None else {}
    if several := told.get("volumes"):
        told |= {"volumes": list(dict.fromkeys(several)), "volume": "; ".join(dict.fromkeys(several))}
    reasons = [Reason(flaw.code, flaw.text, flaw.pointer, flaw.mend) for flaw in citation_flaws(told)]
    if need_before is not None and need_before <= now:
        reasons.append(
            Reason("moment-not-ahead", "That day has passed.", "/need_before", "Name a later moment.")
        )
    if reasons:
        raise Invalid(reasons=reasons)
    return told


def _declared(body: WishIn, service: Service, doc: ConfigurationDoc) -> None:
    """Whoever asks for a copy declares what the library has them declare, in its present words."""
    wanted = doc.copyright.declaration
    if wanted is None or service == "loan" or body.declared == wanted.version:
        return
    code = "declaration-missing" if body.declared is None else "declaration-outdated"
    text = f"A copy is asked for with the declaration {wanted.version!r}: {wanted.text}"
    raise Invalid(reasons=[Reason(code, text, "/declared", f"Agree to it: send {wanted.version!r}.")])


@router.post(
    "/requests",
    status_code=201,
    response_model=InterlibraryRequestOut,
    responses=problems(Unauthenticated, Forbidden, Invalid, InFlight),
)
async def place_request(
    request: Request, body: WishIn, asker: Asker, once: OnceRequired, now: Now
) -> Response:
    """Ask for what the library does not have. It is checked, and goes to the first partner that may be asked."""
    service, cited, openurl = body.service, body.citation, None
    if body.openurl is not None:
        said, cited, openurl = read_wish(body.openurl)
        service = service or said
    assert service is not None
    citation = sound(cited, body.need_before, now)
    patron = await patrons.of_now(pool_of(request), body.patron_id) or asker.patron_id
    if asker.patron_id is not None and patron != asker.patron_id:
        demand(asker, "ill:write")
    if patron is None:
        text = "Whose wish it is, is not said."
        raise Invalid(reasons=[Reason("patron-missing", text, "/patron_id", "Name the patron.")])

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        doc = await in_force(connection)
        _declared(body, service, doc)
        cost, currency = doc.max_cost, doc.currency if doc.max_cost is not None else None
        if body.max_cost is not None:
            cost, currency = body.max_cost.minor, body.max_cost.currency
        wish = Wish(
            service=service,
            citation=citation,
            openurl=openurl,
            patron_ref=patron,
            pickup=body.pickup,
            service_level=body.service_level,
            need_before=body.need_before,
            max_cost=cost,
            currency=currency,
            any_edition=body.any_edition and body.preferred_edition != "this",
            preferred_edition=body.preferred_edition,
            note=body.note,
            declared=body.declared if service != "loan" else None,
        )
        row = await commands.place(
            connection, wish, actor=str(asker.actor), now=now, in_person=patron == asker.patron_id
        )
        where = {"location": f"/v1/ill/requests/{row['id']}", "etag": etags.etag(row["version"])}
        return 201, out(row), where

    return await whole(pool_of(request), once, act)


def _listed(limit: int, attention: bool, **wanted: Any) -> tuple[str, list[Any]]:
    """One page by an index of its own, whichever filters are named."""
    told = {condition: value for condition, value in wanted.items() if value is not None}
    tests = {"patron": "patron_ref =", "side": "side =", "state": "state =", "after": "id <"}
    where = [f"{tests[name]} ${at}" for at, name in enumerate(told, 2)]
    where += ["attention IS NOT NULL"] if attention else []
    filters = f"WHERE {' AND '.join(where)} " if where else ""
    return f"SELECT * FROM request {filters}ORDER BY id DESC LIMIT $1", [limit, *told.values()]  # noqa: S608 - our words


@router.get(
    "/requests",
    response_model=cursors.Page[InterlibraryRequestOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_requests(
    request: Request,
    response: Response,
    asker: Asker,
    patron_id: UUID | None = None,
    side: Literal["borrowing", "lending"] | None = None,
    state: Annotated[str | None, Query(max_length=40)] = None,
    attention: Annotated[bool, Query(description="Only those that staff should look at")] = False,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> cursors.Page[InterlibraryRequestOut]:
    """Requests, newest first; a patron's own."""
    patron = asker.patron_id if asker.patron_id is not None and not asker.may("ill:read") else patron_id
    patron = await patrons.of_now(pool_of(request), patron)
    after = cursors.uuid_in(cursor) if cursor is not None else None
    statement, told = _listed(limit + 1, attention, patron=patron, side=side, state=state, after=after)
    rows = await pool_of(request).fetch(statement, *told)
    more = cursors.encode(str(rows[limit - 1]["id"])) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[out(row) for row in rows[:limit]], next_cursor=more)


@router.get(
    "/requests/{request_id}",
    response_model=InterlibraryRequestOut,
    responses=problems(Unauthenticated, Forbidden, NoSuchRequest),
)
async def get_request(
    request: Request, response: Response, request_id: UUID, asker: Asker
) -> InterlibraryRequestOut:
    """One request."""
    told = out(await own(pool_of(request), request_id, asker))
    etags.tag(response, told.version)
    return told


class StepOut(BaseModel):
    """A step of a request."""

    at: datetime
    actor: str | None
    what: str
    from_state: str
    to_state: str
    says: str
    """The state it led to, in plain words."""
    note: str | None


class StepsOut(BaseModel):
    """Every step, first to last."""

    items: list[StepOut]


@router.get(
    "/requests/{request_id}/steps",
    response_model=StepsOut,
    responses=problems(Unauthenticated, Forbidden, NoSuchRequest),
)
async def list_steps(request: Request, request_id: UUID, asker: Asker) -> StepsOut:
    """What has happened to a request, first to last. A patron sees it without staff's and partners' words."""
    pool = pool_of(request)
    row = await own(pool, request_id, asker)
    states = model_of(row["side"], row["model"]).states
    staff = kind_of(asker) == "staff" or asker.may("ill:read")
    steps = await pool.fetch("SELECT * FROM step WHERE request_id = $1 ORDER BY id LIMIT 1000", request_id)
    return StepsOut(
        items=[
            StepOut(
                at=step["at"],
                actor=step["actor"] if staff else None,
                what=step["what"],
                from_state=step["from_state"],
                to_state=step["to_state"],
                says=states[step["to_state"]].says,
                note=step["note"] if staff else None,
            )
            for step in steps
        ]
    )
