"""The smallest service there is: things with a name, to try the chassis on."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, ClassVar
from uuid import UUID

import asyncpg
from fastapi import FastAPI, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import SettingsConfigDict
from sqlalchemy import text

from chassis import cursors, etags, outbox
from chassis.application import build, new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import OnceRequired, ReadTx, Tx
from chassis.etags import IfMatch
from chassis.ids import uuid7
from chassis.problems import NotFound, Reason, Refused
from chassis.resources import Heard, Resources, Service, Timer
from chassis.schema import SQL
from chassis.settings import ServiceSettings
from contracts import events
from contracts.events import Event


class ThingMoved(Event):
    """A thing was put elsewhere."""

    type: ClassVar[str] = "tiny.thing-moved.v1"
    subject: ClassVar[str] = "thing_id"
    listeners: ClassVar[frozenset[str]] = frozenset({"tiny"})

    thing_id: UUID
    place: str


class ThingNoted(Event):
    """Somebody noted something; nobody relies on hearing it."""

    type: ClassVar[str] = "tiny.thing-noted.v1"
    subject: ClassVar[str] = "thing_id"

    thing_id: UUID


class ThingEchoed(Event):
    """What hearing of a move led to."""

    type: ClassVar[str] = "tiny.thing-echoed.v1"
    subject: ClassVar[str] = "thing_id"

    thing_id: UUID


OWN = (ThingMoved, ThingNoted, ThingEchoed)
for _kind in OWN:
    del events._registry[_kind.type]  # known while a test asks for it, so that no contract test meets it


@contextmanager
def known() -> Iterator[None]:
    """The tiny service's events are registered."""
    events._registry.update({kind.type: kind for kind in OWN})
    try:
        yield
    finally:
        for kind in OWN:
            del events._registry[kind.type]


class Settings(ServiceSettings):
    """Variables `TINY_*`."""

    model_config = SettingsConfigDict(env_prefix="TINY_", extra="ignore", frozen=True)

    colour: str = Field(default="red", pattern=r"^[a-z]+$")


class ThingIn(BaseModel):
    """A new thing."""

    model_config = ConfigDict(extra="forbid")

    name: str
    count: int = 0
    refuse: bool = False


class ThingOut(BaseModel):
    """A thing."""

    id: UUID
    name: str
    count: int
    version: int


class Unwanted(Refused):
    """The request asked to be refused."""

    code, title = "unwanted", "This thing is not wanted."


router = new_router("/v1/things", tag="things")


@router.post("", status_code=201, response_model=ThingOut)
async def make(request: Request, tx: Tx, body: ThingIn, response: Response, now: Now) -> ThingOut:
    """Make a thing; waits at the gate where a test has put one."""
    thing = ThingOut(id=uuid7(), name=body.name, count=body.count, version=1)
    await tx.execute(
        text("INSERT INTO thing (id, name, count) VALUES (:id, :name, :count)"),
        {"id": thing.id, "name": thing.name, "count": thing.count},
    )
    await outbox.publish(tx, ThingMoved(thing_id=thing.id, place="shelf", version=1, occurred_at=now))
    gate: Gate | None = request.app.state.resources.own.get("gate")
    if gate is not None:
        gate.came.set()
        await gate.open.wait()
    if body.refuse:
        raise Unwanted(reasons=[Reason("unwanted", "It was asked for.", "/refuse", "Do not ask for it.")])
    response.headers["Location"] = f"/v1/things/{thing.id}"
    etags.tag(response, 1)
    return thing


@router.post("/sure", status_code=201)
async def make_surely(once: OnceRequired) -> dict[str, str]:
    """Takes no call without a key."""
    return {"key": once.key}


@router.get("", response_model=cursors.Page[ThingOut])
async def list_things(
    tx: ReadTx,
    request: Request,
    response: Response,
    name: str | None = None,
    count: int | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
) -> Any:
    """Things, oldest first."""
    found = await tx.execute(
        text(
            "SELECT * FROM thing WHERE (CAST(:after AS uuid) IS NULL OR id > :after) "
            "AND (CAST(:name AS text) IS NULL OR name = :name) "
            "AND (CAST(:count AS bigint) IS NULL OR count = :count) ORDER BY id LIMIT :limit"
        ),
        {
            "after": cursors.uuid_in(cursor) if cursor else None,
            "name": name,
            "count": count,
            "limit": limit + 1,
        },
    )
    rows = found.mappings().all()
    more = cursors.encode(rows[limit - 1]["id"]) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return {"items": [ThingOut(**row) for row in rows[:limit]], "next_cursor": more}


@router.patch("/{thing_id}", response_model=ThingOut)
async def rename(tx: Tx, thing_id: UUID, body: ThingIn, expected: IfMatch, response: Response) -> Any:
    """Give a thing another name."""
    row = (await tx.execute(text("SELECT * FROM thing WHERE id = :id FOR UPDATE"), {"id": thing_id})).first()
    if row is None:
        raise NotFound("There is no such thing.")
    etags.guard(expected=expected, found=row.version)
    changed = await tx.execute(
        text("UPDATE thing SET name = :name, version = version + 1 WHERE id = :id RETURNING *"),
        {"name": body.name, "id": thing_id},
    )
    told = ThingOut(**changed.mappings().one())
    etags.tag(response, told.version)
    return told


@router.get("/broken")
async def broken() -> None:
    """A bug."""
    raise ZeroDivisionError("a secret in a message")


@router.get("/busy-path")
async def busy_path(request: Request, name: str, number: int = 0) -> Any:
    """What goes to the database past the session."""
    pool: asyncpg.Pool = request.app.state.resources.pool
    return await pool.fetchval("SELECT $1::text || $2::bigint", name, number)


class Gate:
    """Holds a request up until the test lets it through."""

    def __init__(self) -> None:
        self.came, self.open = asyncio.Event(), asyncio.Event()


async def on_moved(connection: Connection, batch: Sequence[Heard]) -> None:
    """Remember where things are; a poisonous place cannot be remembered."""
    for heard in batch:
        assert isinstance(heard.event, ThingMoved)
        await connection.execute(
            "INSERT INTO heard (event_id, place, run) VALUES ($1, $2, txid_current())",
            heard.id,
            heard.event.place,
        )
        if heard.event.place == "poison":
            raise ValueError("nobody can go there")
        if heard.event.place == "echo":
            told = ThingEchoed(thing_id=heard.event.thing_id, version=1, occurred_at=heard.time)
            await outbox.record(connection, [told])


async def count_ticks(resources: Resources, now: datetime) -> None:
    """Count; waits at the gate where a test has put one, fails where a test wants it to."""
    resources.own["ticks"] = resources.own.get("ticks", 0) + 1
    gate: Gate | None = resources.own.get("gate")
    if gate is not None:
        gate.came.set()
        await gate.open.wait()
    if "fail" in resources.own:
        raise RuntimeError(resources.own["fail"])


TICKING = Timer("ticking", timedelta(hours=1), count_ticks)


def create_app(settings: ServiceSettings) -> FastAPI:
    """The service's app."""
    return build(SERVICE, settings, routers=[router])


SERVICE = Service(
    name="tiny",
    settings=Settings,
    create_app=create_app,
    migrations=Path("nowhere"),
    subscriptions={ThingMoved: on_moved},
    timers=(TICKING,),
)


async def migrate(dsn: str) -> None:
    """Make the tables."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(SQL)
        await connection.execute(
            "CREATE TABLE thing (id uuid PRIMARY KEY, name text NOT NULL, count bigint NOT NULL, "
            "version integer NOT NULL DEFAULT 1);"
            "CREATE TABLE heard (event_id uuid NOT NULL, place text NOT NULL, run bigint NOT NULL)"
        )
    finally:
        await connection.close()
