"""A library open for a story, and what a hand in it may ask: a write that can be sent again."""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import asyncpg
import httpx

from chassis.ids import uuid7
from circulation.closings.working import work_once
from circulation.holds import queue
from contracts.catalog import ItemState
from contracts.events import Event
from support.desk import NOW, Make
from support.harness import Harness
from support.stories.library import CLOSINGS, ITEMS, PATRONS, TITLES

WELL = {200, 201, 202, 204}
REFUSED = {308, 404, 409, 412, 422}
"""Answers that a desk may get to what it asks in a story; anything else is a fault."""


@dataclass(frozen=True, slots=True)
class Call:
    """A write, as it can be sent again."""

    method: str
    path: str
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Sent:
    """A write that was sent, and the answer to it, if one came."""

    call: Call
    key: str
    act: object
    answer: tuple[int, bytes] | None = None
    """The first answer that it was done."""
    open: bool = True
    """Nobody knows yet what became of it."""


def first(names: tuple[str, ...], name: str, fits: Callable[[str], bool]) -> str | None:
    """The name, or else the next one that fits: few acts of a story shall come to nothing."""
    start = names.index(name)
    return next((found for found in names[start:] + names[:start] if fits(found)), None)


@dataclass
class Day:
    """A library open for a story: who and what is there, and what has been asked so far."""

    make: Make
    patrons: dict[str, dict[str, Any]] = field(default_factory=dict)
    items: dict[str, ItemState] = field(default_factory=dict)
    titles: dict[str, uuid.UUID] = field(default_factory=dict)
    now: datetime = NOW
    sent: list[Sent] = field(default_factory=list)
    loans: dict[uuid.UUID, asyncpg.Record] = field(default_factory=dict)
    """Open ones, by item."""
    holds: dict[tuple[str, uuid.UUID], asyncpg.Record] = field(default_factory=dict)
    """Open ones, by patron and title."""
    queues: dict[uuid.UUID, list[asyncpg.Record]] = field(default_factory=dict)
    fees: dict[str, list[asyncpg.Record]] = field(default_factory=dict)
    blocks: dict[str, list[str]] = field(default_factory=dict)
    relations: dict[tuple[str, str], str] = field(default_factory=dict)
    group: str = ""
    """Ada and Dan have subscribed to whatever is ordered for it."""
    appointments: dict[str, str] = field(default_factory=dict)
    """The first open one, by patron."""
    closing: str | None = None
    """The last one."""
    limits_changed: bool = False

    @property
    def circulation(self) -> Harness:
        """The service."""
        return self.make.circulation

    async def begin(self) -> None:
        """The people come in, the books are put up."""
        make = self.make
        self.circulation.at(self.now)
        for name in PATRONS:
            group = "visitor" if name == "Cleo" else "student"
            self.patrons[name] = await make.patron(family_name=name, group=group)
        self.titles = {title: uuid7() for title in TITLES}
        for name in ITEMS:
            self.items[name] = await make.item(
                title_ids=(self.titles[name.split()[0]],),
                short_title=name,
                material_type="video" if name.startswith("Film") else "book",
                loan_type="reference" if name == "Map" else "normal",
                location_id=make.locations["LAW" if name.endswith("law") else "MAIN"],
            )
        self.group = (await self.circulation.post("/v1/hold-groups", json={"name": "What is new"})).json()[
            "id"
        ]
        for name in ("Ada", "Dan"):
            path = f"/v1/hold-groups/{self.group}/members/{self.patron(name)}"
            await self.circulation.put(path, json={"pickup_id": self.desk("main-desk")})

    async def look(self) -> None:
        """What is out, held and owed just now: what the next acts can be about."""
        async with self.circulation.resources.pool.acquire() as connection:
            loans = await connection.fetch(
                "SELECT id, item_id, due_at, version FROM loan WHERE returned_at IS NULL"
            )
            holds = await connection.fetch(
                "SELECT id, patron_id, title_id, version FROM hold WHERE position IS NOT NULL"
            )
            self.queues = {title: await queue.rows_of(connection, title) for title in self.titles.values()}
            fees = await connection.fetch("SELECT id, patron_id, remaining FROM fee ORDER BY charged_at, id")
            blocks = await connection.fetch("SELECT id, patron_id FROM patron_block ORDER BY id")
            relations = await connection.fetch(
                "SELECT id, sponsor_id, proxy_id FROM patron_proxy WHERE revoked_at IS NULL"
            )
            appointments = await connection.fetch(
                "SELECT id, patron_id FROM pickup_appointment WHERE ended_at IS NULL ORDER BY id DESC"
            )
            closing = await connection.fetchval("SELECT id FROM closing ORDER BY id DESC LIMIT 1")
        self.closing = str(closing) if closing else None
        names = {uuid.UUID(patron["id"]): name for name, patron in self.patrons.items()}
        self.loans = {row["item_id"]: row for row in loans}
        self.holds = {(names[row["patron_id"]], row["title_id"]): row for row in holds}
        self.appointments = {names[row["patron_id"]]: str(row["id"]) for row in appointments}
        self.fees, self.blocks = {}, {}
        for row in fees:
            self.fees.setdefault(names[row["patron_id"]], []).append(row)
        for row in blocks:
            self.blocks.setdefault(names[row["patron_id"]], []).append(str(row["id"]))
        self.relations = {
            (names[row["sponsor_id"]], names[row["proxy_id"]]): str(row["id"]) for row in relations
        }

    def desk(self, name: str) -> str:
        """A desk's id."""
        return str(self.make.desks[name])

    def item(self, name: str) -> str:
        """An item's id."""
        return str(self.items[name].item_id)

    def patron(self, name: str) -> str:
        """A patron's id."""
        return str(self.patrons[name]["id"])

    def loan(self, item: str) -> asyncpg.Record | None:
        """The item's open loan; of the next item that is out, where this one is not."""
        out = first(ITEMS, item, lambda name: self.items[name].item_id in self.loans)
        return self.loans[self.items[out].item_id] if out else None

    def held(self, patron: str, title: str) -> asyncpg.Record | None:
        """The patron's open hold; of the next patron who waits for the title, where this one does not."""
        waits = first(PATRONS, patron, lambda name: (name, self.titles[title]) in self.holds)
        return self.holds[waits, self.titles[title]] if waits else None

    def owing(self, patron: str) -> str | None:
        """The patron, or the next who has fees, settled or not."""
        return first(PATRONS, patron, lambda name: name in self.fees)

    def later(self, days: float) -> str:
        """A moment some days from now; before it, with a minus."""
        return (self.now + timedelta(days=days)).isoformat()

    async def send(self, sent: Sent) -> None:
        """Ask, and hold the answer against what was answered before; a lost connection leaves it open."""
        call = sent.call
        try:
            answer = await self.circulation.client.request(
                call.method, call.path, json=call.body, headers={**call.headers, "Idempotency-Key": sent.key}
            )
        except httpx.TransportError:
            return
        sent.open = False
        assert answer.status_code in WELL | REFUSED, f"{sent.act}: {answer.status_code} {answer.text}"
        if answer.status_code in WELL:
            told = answer.status_code, answer.content
            assert sent.answer in (None, told), f"another answer to the same key: {sent.act}: {answer.text}"
            sent.answer = told
        elif sent.answer is not None:
            busy = answer.status_code == 409 and answer.json()["code"] == "request-in-flight"
            assert busy, f"what was done is refused when it is asked again: {sent.act}: {answer.text}"

    async def work(self, timer: str) -> None:
        """What falls due; closings are carried on by a worker."""
        if timer == CLOSINGS:
            while await work_once(self.circulation.resources, asyncio.Event()):
                pass
        else:
            await self.circulation.tick(timer)

    async def deliver(self, event: Event) -> None:
        """The catalogue tells something; as from any queue it comes again when the reaction was thwarted."""
        message = self.circulation.message(event, source="catalog")
        for _ in range(4):
            try:
                return await self.circulation.deliver_messages(message)
            except asyncpg.DeadlockDetectedError:
                await asyncio.sleep(0.02)
        raise AssertionError(f"could not react to {event}")


class Act(Protocol):
    """Something that somebody does."""

    def call(self, day: Day) -> Call | None:
        """The write that it comes to; None when there is nothing to do it with."""


def post(path: str, **body: Any) -> Call:
    return Call("POST", path, body)
