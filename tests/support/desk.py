"""A small library for circulation's tests: configured, with a shelf of items and some patrons."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from asyncpg.connection import LoggedQuery

from chassis.ids import uuid7
from chassis.principal import Principal
from contracts.catalog import ItemBase, ItemCreated, ItemState, ItemUpdated, LocationChanged, LocationState
from support.harness import Harness

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
OPEN_EVERY_DAY = {day: [["09:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}

CONFIGURATION: dict[str, Any] = {
    "currency": "EUR",
    "service_points": [
        {
            "code": "main-desk",
            "name": "Main desk",
            "library": "MAIN",
            "serves": ["MAIN"],
            "calendar": {"zone": "Europe/Berlin", "weekly": OPEN_EVERY_DAY},
        },
        {
            "code": "law-desk",
            "name": "Law desk",
            "library": "LAW",
            "serves": ["LAW"],
            "calendar": {"zone": "Europe/Berlin", "weekly": OPEN_EVERY_DAY},
        },
    ],
    "patron_groups": [
        {"code": "student", "name": "Students", "max_loans": 20, "max_owed": 2000},
        {"code": "visitor", "name": "Visitors", "max_loans": 2, "max_owed": 500},
    ],
    "loan_policies": [
        {
            "code": "four-weeks",
            "name": "Four weeks",
            "period": {"amount": 28, "unit": "day"},
            "max_renewals": 2,
        },
        {
            "code": "one-week",
            "name": "One week",
            "period": {"amount": 7, "unit": "day"},
            "max_renewals": 1,
            "max_loans": 3,
        },
        {"code": "here-only", "name": "Reading room", "loanable": False},
    ],
    "fine_policies": [
        {"code": "daily", "name": "Twenty cents a day", "amount": 20, "unit": "day", "cap": 1000},
        {"code": "none", "name": "No fines", "amount": 0},
    ],
    "hold_policies": [{"code": "usual", "name": "Usual", "shelf_days": 5}],
    "rules": [
        {"when": {}, "loan": "four-weeks", "fine": "daily", "hold": "usual"},
        {"when": {"material_type": ["video"]}, "loan": "one-week", "fine": "daily", "hold": "usual"},
        {"when": {"loan_type": ["reference"]}, "loan": "here-only", "fine": "none", "hold": "usual"},
    ],
}


def themselves(patron: dict[str, Any]) -> Principal:
    """A patron, as the gateway lets them in."""
    return Principal("patron", "p", frozenset({"account:own"}), patron_id=UUID(patron["id"]))


def codes(answer: Any) -> list[str]:
    """The codes of a problem's reasons."""
    return [reason["code"] for reason in answer.json()["reasons"]]


def pointers(answer: Any) -> list[str]:
    """Where in the input a problem's reasons lie."""
    return [reason.get("pointer", "") for reason in answer.json()["reasons"]]


@asynccontextmanager
async def statements(circulation: Harness) -> AsyncIterator[list[LoggedQuery]]:
    """What is asked of the database meanwhile, by one request after the other."""
    asked: list[LoggedQuery] = []

    def note(query: LoggedQuery) -> None:
        asked.append(query)

    async with circulation.resources.pool.acquire() as connection:
        connection.add_query_logger(note)
    try:
        yield asked
    finally:
        async with circulation.resources.pool.acquire() as connection:
            connection.remove_query_logger(note)


@dataclass
class Make:
    """Makes what a test is about; says only what matters."""

    circulation: Harness
    desks: dict[str, UUID]
    locations: dict[str, UUID]
    number: int = 0

    @property
    def desk(self) -> str:
        """The main desk's id."""
        return str(self.desks["main-desk"])

    async def patron(self, **more: Any) -> dict[str, Any]:
        """A patron."""
        self.number += 1
        told = {
            "group": "student",
            "family_name": f"Patron {self.number}",
            "barcode": f"P{self.number:05}",
        } | more
        answer = await self.circulation.post("/v1/patrons", json=told)
        assert answer.status_code == 201, answer.text
        patron: dict[str, Any] = answer.json()
        return patron

    def item_state(self, **more: Any) -> ItemState:
        """An item, as the catalogue would tell."""
        self.number += 1
        told: dict[str, Any] = {
            "item_id": uuid7(),
            "version": 1,
            "barcode": f"I{self.number:05}",
            "holdings_id": uuid7(),
            "title_ids": (uuid7(),),
            "location_id": self.locations["MAIN"],
            "material_type": "book",
            "loan_type": "normal",
            "base_state": ItemBase.ACTIVE,
            "short_title": f"Title {self.number}",
        }
        return ItemState(**told | more)

    async def item(self, **more: Any) -> ItemState:
        """An item that circulation has heard of."""
        state = self.item_state(**more)
        await self.circulation.deliver(
            ItemCreated(version=1, occurred_at=NOW, item_id=state.item_id, item=state), source="catalog"
        )
        return state

    async def loan(self, patron: dict[str, Any], item: ItemState, **more: Any) -> dict[str, Any]:
        """A loan."""
        answer = await self.lend(patron, item, **more)
        assert answer.status_code == 201, answer.text
        loan: dict[str, Any] = answer.json()
        return loan

    async def lend(
        self, patron: dict[str, Any], item: ItemState, *, key: str | None = None, **more: Any
    ) -> Any:
        """A check-out, whatever comes of it."""
        body = {"patron_id": patron["id"], "item_id": str(item.item_id), "service_point_id": self.desk} | more
        return await self.circulation.post("/v1/loans", json=body, key=key)

    async def take_back(self, item: ItemState, *, at: str = "main-desk", **more: Any) -> dict[str, Any]:
        """A return."""
        body = {"item_id": str(item.item_id), "service_point_id": str(self.desks[at])} | more
        answer = await self.circulation.post("/v1/returns", json=body)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def place(self, patron: dict[str, Any], *, at: str = "main-desk", **more: Any) -> Any:
        """A hold, whatever comes of it."""
        body = {"patron_id": patron["id"], "pickup_id": str(self.desks[at])} | more
        return await self.circulation.post("/v1/holds", json=body)

    async def hold(self, patron: dict[str, Any], item: ItemState, **more: Any) -> dict[str, Any]:
        """A hold on the item's title."""
        answer = await self.place(patron, title_id=str(item.title_ids[0]), **more)
        assert answer.status_code == 201, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def tell(self, item: ItemState, *, epoch: int = 1, **changed: Any) -> ItemState:
        """The catalogue tells of a change to an item."""
        state = item.model_copy(update={"version": item.version + 1} | changed)
        event = ItemUpdated(version=state.version, occurred_at=NOW, item_id=state.item_id, item=state)
        await self.circulation.deliver(event, source="catalog", epoch=epoch)
        return state

    async def configure(self, **changed: Any) -> Any:
        """The library decides otherwise; whatever comes of it."""
        return await self.circulation.put("/v1/configuration/circulation", json=CONFIGURATION | changed)

    async def account(self, patron: dict[str, Any]) -> dict[str, Any]:
        """The patron's account."""
        answer = await self.circulation.get(f"/v1/patrons/{patron['id']}/account")
        told: dict[str, Any] = answer.json()
        return told

    async def hold_of(self, hold: dict[str, Any]) -> dict[str, Any]:
        """A hold as it now stands."""
        answer = await self.circulation.get(f"/v1/holds/{hold['id']}")
        told: dict[str, Any] = answer.json()
        return told

    async def cancel(self, hold: dict[str, Any]) -> dict[str, Any]:
        """Give a hold up."""
        answer = await self.circulation.post(f"/v1/holds/{hold['id']}/cancellations", json={})
        assert answer.status_code == 201, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def state(self, item: ItemState) -> dict[str, Any]:
        """The item's availability, as everybody is told."""
        answer = await self.circulation.get(f"/v1/titles/{item.title_ids[0]}/availability?detail=items")
        return next(told for told in answer.json()["items"] if told["item_id"] == str(item.item_id))


async def furnished(circulation: Harness) -> Make:
    """Configure the library and tell it of two locations."""
    circulation.at(NOW)
    answer = await circulation.put("/v1/configuration/circulation", json=CONFIGURATION)
    assert answer.status_code == 200, answer.text
    for library in ("MAIN", "LAW"):
        state = LocationState(
            location_id=uuid7(),
            version=1,
            code=f"{library}-STACKS",
            name=f"{library} stacks",
            library=library,
            library_name=library.title(),
            campus="CITY",
            institution="UNI",
        )
        event = LocationChanged(version=1, occurred_at=NOW, location_id=state.location_id, location=state)
        await circulation.deliver(event, source="catalog")
    return await at_hand(circulation)


async def at_hand(circulation: Harness) -> Make:
    """The library that is furnished already."""
    circulation.at(NOW)
    pool = circulation.resources.pool
    desks = await pool.fetch("SELECT code, id FROM service_point")
    locations = await pool.fetch("SELECT library, id FROM location")
    return Make(circulation, dict(map(tuple, desks)), dict(map(tuple, locations)))


@asynccontextmanager
async def held_up(circulation: Harness, table: str) -> AsyncIterator[None]:
    """Nobody reads a table until everybody who is asked for meanwhile waits for it: then all do at once."""
    async with circulation.resources.pool.acquire() as connection, connection.transaction():
        await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield
        await asyncio.sleep(0.3)


LATER = timedelta(days=1)
