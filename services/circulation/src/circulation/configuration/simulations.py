"""Simulations on the wire: asked for, watched, cancelled."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import text

from chassis import cursors
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import OnceRequired, ReadTx, Tx
from chassis.ids import uuid7
from chassis.moments import Moment
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Refused, Unauthenticated, problems
from circulation.configuration import applying, drafts
from circulation.configuration.tables import ConfigurationDraft, Simulation
from circulation.places.documents import ConfigurationDoc
from circulation.places.library import NotConfigured

router = new_router("/v1/configuration/circulation/simulations", tag="configuration")

MayRead = Annotated[Principal, Depends(may("configuration:read"))]


class SimulationEnded(Refused):
    """The simulation has ended already."""

    code, title = "simulation-ended", "This simulation has ended already."


class SimulationIn(BaseModel):
    """What is tried (a draft, a version or a document), on what was lent and held when, and how much is shown."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    name: str = Field(default="Simulation", min_length=1, max_length=200)
    draft_id: UUID | None = None
    version: int | None = Field(default=None, ge=1, le=2**31 - 1)
    document: ConfigurationDoc | None = None
    from_at: Moment = Field(alias="from")
    until_at: Moment = Field(alias="until")
    examples: int = Field(default=50, ge=0, le=500)
    """How many that differ are shown."""

    @model_validator(mode="after")
    def _names_one_configuration(self) -> "SimulationIn":
        if sum(told is not None for told in (self.draft_id, self.version, self.document)) != 1:
            raise ValueError("name one of draft_id, version and document")
        if self.from_at >= self.until_at:
            raise ValueError("the time begins before it ends: from < until")
        return self


class SimulationOut(BaseModel):
    """A simulation, how far it has come, and what would have been otherwise.

    Fines are in minor units, and compared for loans that were returned and never renewed: when others were renewed
    is not kept. Of those it is counted how many could not have been renewed as often as they were (`renewals_refused`),
    or could only now (`renewals_allowed`). Items are judged by today's facts; cards, limits, overrides and recalls are
    left out. A title's hold is judged by its first copy.
    """

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    id: UUID
    name: str
    base_version: int
    """The version that it is compared with: the one in force when it was asked for."""
    from_at: datetime = Field(alias="from")
    until_at: datetime = Field(alias="until")
    state: str
    """queued, running, finished, cancelled or failed."""
    total: int
    done: int
    counts: dict[str, int] | None
    by_rule: list[dict[str, int]] | None
    """The same, by the line of the rule that wins before and of the one that wins after."""
    examples: list[dict[str, Any]] | None
    error: str | None
    requested_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


def _told(row: Any) -> SimulationOut:
    return SimulationOut(**{name: getattr(row, name) for name in SimulationOut.model_fields})


@router.post(
    "",
    status_code=202,
    response_model=SimulationOut,
    responses=problems(Unauthenticated, Forbidden, NotFound, Invalid, NotConfigured),
)
async def begin_simulation(
    tx: Tx,
    by: Annotated[Principal, Depends(may("configuration:write"))],
    body: SimulationIn,
    once: OnceRequired,
    now: Now,
    response: Response,
) -> SimulationOut:
    """Try a configuration on past loans and holds. Nothing of the library's own is changed."""
    version, current = await applying.current(tx)
    if not version:
        raise NotConfigured
    doc = await _tried(tx, body, current)
    if flaws := applying.as_reasons(doc.flaws()):
        raise Invalid("The configuration is not sound: there is nothing to try.", reasons=flaws)
    job = Simulation(
        id=uuid7(),
        name=body.name,
        document=doc.model_dump(mode="json"),
        base_version=version,
        from_at=body.from_at,
        until_at=body.until_at,
        examples_wanted=body.examples,
        state="queued",
        requested_by=str(by.actor),
        created_at=now,
    )
    tx.add(job)
    response.headers["Location"] = f"{router.prefix}/{job.id}"
    return _told(job)


async def _tried(tx: Tx, body: SimulationIn, current: ConfigurationDoc) -> ConfigurationDoc:
    """The configuration meant; a draft as it would come into force now."""
    if body.document is not None:
        return body.document
    if body.version is not None:
        return await drafts.version_of(tx, body.version)
    draft = await tx.get(ConfigurationDraft, body.draft_id)
    if draft is None:
        raise NotFound("There is no such draft.")
    new, conflicts = await drafts.brought_up(tx, draft, current)
    if conflicts:
        raise Invalid(reasons=conflicts)
    return new


@router.get(
    "", response_model=cursors.Page[SimulationOut], responses=problems(Unauthenticated, Forbidden, Invalid)
)
async def list_simulations(
    request: Request,
    response: Response,
    tx: ReadTx,
    _: MayRead,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> cursors.Page[SimulationOut]:
    """Simulations, the newest first; their examples are left out."""
    before = cursors.uuid_in(cursor) if cursor else UUID(int=2**128 - 1)
    names = ", ".join(name for name in SimulationOut.model_fields if name != "examples")
    rows = (
        await tx.execute(
            text(
                f"SELECT {names}, NULL AS examples FROM simulation WHERE id < :before "  # noqa: S608 - our own column names
                "ORDER BY id DESC LIMIT :limit"
            ),
            {"before": before, "limit": limit + 1},
        )
    ).all()
    more = cursors.encode(str(rows[limit - 1].id)) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[_told(row) for row in rows[:limit]], next_cursor=more)


@router.get(
    "/{simulation_id}",
    response_model=SimulationOut,
    responses=problems(Unauthenticated, Forbidden, NotFound),
)
async def get_simulation(tx: ReadTx, _: MayRead, simulation_id: UUID) -> SimulationOut:
    """One simulation."""
    job = await tx.get(Simulation, simulation_id)
    if job is None:
        raise NotFound("There is no such simulation.")
    return _told(job)


@router.delete(
    "/{simulation_id}",
    response_model=SimulationOut,
    responses=problems(Unauthenticated, Forbidden, NotFound, SimulationEnded),
)
async def cancel_simulation(
    tx: Tx, _: Annotated[Principal, Depends(may("configuration:write"))], simulation_id: UUID
) -> SimulationOut:
    """Cancel a simulation; what it has found so far is kept."""
    job = await tx.get(Simulation, simulation_id, with_for_update=True)
    if job is None:
        raise NotFound("There is no such simulation.")
    if job.state not in ("queued", "running"):
        raise SimulationEnded(reasons=[Reason("simulation-ended", f"It is {job.state}.")])
    job.cancelling = True
    return _told(job)
