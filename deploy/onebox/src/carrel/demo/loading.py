"""The demo library goes in through the front door: configuration, records, patrons, a term of lending.

Everything is sent as any client would send it, so what stands there afterwards could have come about at a
real desk. A second load is refused, since the first one's loans would be in its way.
"""

import asyncio
import secrets
import tempfile
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from carrel.client import Client
from carrel.demo import place, policies
from carrel.demo.activity import Action, Lend, Pay, PlaceHold, Renew, Return, activity
from carrel.demo.patrons import DemoPatron, patrons
from carrel.demo.records import record_of, with_items
from carrel.demo.shelving import holdings_of
from carrel.demo.titles import titles
from catalog.marc.generate import generate
from catalog.marc.iso2709 import dumps
from chassis.ids import uuid7

if TYPE_CHECKING:
    from carrel.up import Box

AT_ONCE = 16
SETTLED_SECONDS = 60.0
LOGINS = (
    ("librarian", ["desk-supervisor", "cataloguer", "configurator"]),
    ("desk", ["desk"]),
    ("patron", ["patron"]),
)


class DemoRefused(Exception):
    """Why the demo library is not loaded, in one line."""


def first_start(say: Callable[[str], None]) -> "Callable[[Box], Coroutine[Any, Any, None]]":
    """What `carrel up` does when the folder is new."""

    async def load(box: "Box") -> None:
        say("Filling the demo library: Bellmark University …")
        began = time.monotonic()
        key = box.installation.secret("admin")
        logins = await load_into(box.url, key)
        file = box.installation.data / "demo-logins"
        file.touch(mode=0o600)
        file.write_text("\n".join(logins) + "\n")
        say(f"The demo library is there after {time.monotonic() - began:.1f} s.")

    return load


def load_small(url: str, key: str, say: Callable[[str], None]) -> None:
    """The small university, into any installation."""
    for login in asyncio.run(load_into(url, key)):
        say(login)


async def load_into(url: str, key: str) -> list[str]:
    """Load everything; lines that tell how to sign in."""
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as http:
        loader = _Loader(http)
        await loader.furnish()
        await loader.records()
        await loader.register()
        await loader.replay(activity(datetime.now(UTC)))
        return await loader.logins()


class _Loader:
    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.desks: dict[str, str] = {}
        self.patrons: dict[str, str] = {}

    async def _ask(self, method: str, path: str, told: Any = None, **more: Any) -> httpx.Response:
        answer = await self.http.request(
            method, path, json=told, headers={"Idempotency-Key": str(uuid7())}, **more
        )
        if answer.is_success:
            return answer
        raise DemoRefused(f"{method} {path} was answered {answer.status_code}: {answer.text[:500]}")

    async def furnish(self) -> None:
        """Places and rules."""
        known = (await self._ask("GET", "/v1/patrons", params={"limit": 1})).json()["items"]
        if known:
            raise DemoRefused("There are patrons here already: the demo library goes into an empty one.")
        await self._ask("PUT", "/v1/configuration/catalog", place.places())
        await self._ask(
            "PUT", "/v1/configuration/circulation", policies.configuration(datetime.now(UTC).year)
        )
        points = (await self._ask("GET", "/v1/service-points")).json()["items"]
        self.desks = {point["code"]: point["id"] for point in points}

    async def records(self) -> None:
        """Titles with their items, by an import."""
        content = b"".join(dumps(with_items(record_of(title), holdings_of(title))) for title in titles())
        answer = await self.http.post(
            "/v1/imports",
            content=content,
            params={"profile": "standard"},
            headers={"Content-Type": "application/marc", "Idempotency-Key": str(uuid7())},
        )
        if answer.status_code != 202:
            raise DemoRefused(f"The import was refused: {answer.text[:500]}")
        job = answer.json()
        until = time.monotonic() + SETTLED_SECONDS
        while job["state"] in ("queued", "running"):
            if time.monotonic() > until:
                raise DemoRefused(f"The import has not ended: {job}")
            await asyncio.sleep(0.05)
            job = (await self._ask("GET", f"/v1/imports/{job['id']}")).json()
        if job["state"] != "finished":
            raise DemoRefused(f"The import ended {job['state']}: {job['counts']}")

    async def register(self) -> None:
        """Patrons, a few at a time."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(patron: DemoPatron) -> None:
            async with gate:
                told = (await self._ask("POST", "/v1/patrons", patron.registration())).json()
                self.patrons[patron.barcode] = told["id"]

        await asyncio.gather(*map(one, patrons(datetime.now(UTC).date())))

    async def replay(self, plan: list[Action]) -> None:
        """The term, action by action."""
        for action in plan:
            await self._act(action)

    async def _act(self, action: Action) -> None:
        if isinstance(action, Lend):
            await self._lend(action)
        elif isinstance(action, Return):
            await self._ask(
                "POST",
                "/v1/returns",
                {
                    "item_barcode": action.item_barcode,
                    "service_point_id": self.desks[action.service_point],
                    "returned_at": action.at.isoformat(),
                },
            )
        elif isinstance(action, Renew):
            item = await self._item(action.item_barcode)
            loans = (await self._ask("GET", "/v1/loans", params={"item_id": item["id"], "open": True})).json()
            await self._ask("POST", f"/v1/loans/{loans['items'][0]['id']}/renewals")
        elif isinstance(action, PlaceHold):
            item = await self._item(action.item_barcode)
            await self._ask(
                "POST",
                "/v1/holds",
                {
                    "patron_id": self.patrons[action.patron_barcode],
                    "title_id": item["title_id"],
                    "pickup_id": self.desks[action.pickup],
                    "kind": action.kind,
                },
            )
        else:
            await self._pay(action)

    async def _lend(self, action: Lend) -> None:
        """Lend; an item that circulation has not heard of yet is waited for."""
        told = {
            "patron_barcode": action.patron_barcode,
            "item_barcode": action.item_barcode,
            "service_point_id": self.desks[action.service_point],
            "lent_at": action.at.isoformat(),
        }
        until = time.monotonic() + SETTLED_SECONDS
        while True:
            answer = await self.http.post("/v1/loans", json=told, headers={"Idempotency-Key": str(uuid7())})
            if answer.status_code == 201:
                return
            if answer.status_code != 404 or time.monotonic() > until:
                raise DemoRefused(f"A loan was answered {answer.status_code}: {answer.text[:500]}")
            await asyncio.sleep(0.05)

    async def _pay(self, action: Pay) -> None:
        item = await self._item(action.item_barcode)
        patron = self.patrons[action.patron_barcode]
        fees = (await self._ask("GET", "/v1/fees", params={"patron_id": patron, "state": "open"})).json()[
            "items"
        ]
        fee = next(fee for fee in fees if fee["item_id"] == item["id"])
        await self._ask("POST", f"/v1/fees/{fee['id']}/payments", {"amount": action.amount, "method": "cash"})

    async def _item(self, barcode: str) -> Any:
        found = (await self._ask("GET", "/v1/items", params={"barcode": barcode})).json()["items"]
        return found[0]

    async def logins(self) -> list[str]:
        """Accounts to sign in with; passwords are drawn anew for each library."""
        loans = (await self._ask("GET", "/v1/loans", params={"open": True, "limit": 1})).json()["items"]
        lines = []
        for username, roles in LOGINS:
            password = f"{username[:4]}-{secrets.token_urlsafe(9)}"
            account: dict[str, Any] = {"username": f"demo.{username}", "password": password, "roles": roles}
            if roles == ["patron"]:
                account["patron_id"] = loans[0]["patron_id"]
            else:
                account["service_point_id"] = next(iter(self.desks.values()))
            await self._ask("POST", "/v1/accounts", account)
            lines.append(f"demo.{username:<10} {password:<20} ({', '.join(roles)})")
        return lines


def load_made(client: Client, count: int, console: Console) -> None:
    """A large made-up library by one import, with a progress bar."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with tempfile.TemporaryDirectory() as folder, Progress(*columns, console=console) as progress:
        file = Path(folder) / "made.mrc"
        making = progress.add_task("making records", total=count)
        with file.open("wb") as out:
            for number, made in enumerate(generate(count), 1):
                out.write(made.raw)
                if number % 500 == 0 or number == count:
                    progress.update(making, completed=number)
        answer = client.send_file(
            "/v1/imports", file, "application/marc", profile="standard", create_locations="true"
        )
        job = answer.json()
        importing = progress.add_task("importing", total=count)
        while job["state"] in ("queued", "running"):
            time.sleep(0.5)
            job = client.get(f"/v1/imports/{job['id']}")
            progress.update(importing, completed=job["records_read"])
    counts = ", ".join(f"{number} {name}" for name, number in job["counts"].items() if number)
    console.print(f"{job['state']}: {counts}")
    if job["state"] != "finished":
        raise DemoRefused(f"The import {job['id']} ended {job['state']}.")
