"""The demo library goes in through the front door: configuration, records, patrons, a term of lending.

Everything is sent as any client would send it, so what stands there afterwards could have come about at a
real desk.
"""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from carrel.client import Client
from carrel.demo import place, policies
from carrel.demo.activity import Action, Lend, Pay, PlaceHold, Renew, Return, activity
from carrel.demo.first_start import Load, Login
from carrel.demo.patrons import DemoPatron, patrons
from carrel.demo.records import record_of, with_items
from carrel.demo.shelving import holdings_of
from carrel.demo.titles import titles
from catalog.marc.generate import generate
from catalog.marc.iso2709 import dumps

AT_ONCE = 16
SETTLED_SECONDS = 60.0


class DemoRefused(Exception):
    """Why the demo library is not loaded, in one line."""


def load_small(client: Client) -> list[Login]:
    """The small university, into any installation that has no patrons yet; how to sign in."""
    if client.get("/v1/patrons", limit=1)["items"]:
        raise DemoRefused("There are patrons here already: the demo library goes into an empty one.")
    load = Load.new()
    asyncio.run(load_into(client.url or "", client.key or "", load))
    return load.logins


async def load_into(url: str, key: str, load: Load) -> None:
    """Load everything. A second load is refused, since the first one's loans would be in its way."""
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as http:
        loader = _Loader(http, load)
        plan = activity(load.moment)
        try:
            await loader.furnish()
            await loader.records()
            await loader.register()
            await loader.replay(plan)
            await loader.sign_up(borrower(plan))
        except httpx.HTTPError as error:
            raise DemoRefused(f"{url} does not answer: {str(error) or type(error).__name__}") from error


def borrower(plan: Sequence[Action]) -> str:
    """The card of a patron who has something out when the plan is done."""
    came_back = {action.item_barcode for action in plan if isinstance(action, Return)}
    return next(
        action.patron_barcode
        for action in plan
        if isinstance(action, Lend) and action.item_barcode not in came_back
    )


class _Loader:
    def __init__(self, http: httpx.AsyncClient, load: Load) -> None:
        self.http, self.load = http, load
        self.desks: dict[str, str] = {}
        self.patrons: dict[str, str] = {}

    async def _look(self, path: str, **params: Any) -> Any:
        answer = await self.http.get(path, params=params)
        return _taken(answer)

    async def _do(self, request: str, method: str, path: str, told: Any = None) -> Any:
        """One request that changes something, by the name that makes its repetition harmless."""
        headers = {"Idempotency-Key": self.load.key(request)}
        return _taken(await self.http.request(method, path, json=told, headers=headers))

    async def furnish(self) -> None:
        """Places and rules."""
        rules = policies.configuration(self.load.moment.year)
        await self._do("places", "PUT", "/v1/configuration/catalog", place.places())
        await self._do("rules", "PUT", "/v1/configuration/circulation", rules)
        points = (await self._look("/v1/service-points"))["items"]
        self.desks = {point["code"]: point["id"] for point in points}

    async def records(self) -> None:
        """Titles with their items, by an import."""
        content = b"".join(dumps(with_items(record_of(title), holdings_of(title))) for title in titles())
        headers = {"Content-Type": "application/marc", "Idempotency-Key": self.load.key("records")}
        job = _taken(
            await self.http.post(
                "/v1/imports", content=content, params={"profile": "standard"}, headers=headers
            )
        )
        until = time.monotonic() + SETTLED_SECONDS
        while (job := await self._look(f"/v1/imports/{job['id']}"))["state"] in ("queued", "running"):
            if time.monotonic() > until:
                raise DemoRefused(f"The import has not ended: {job}")
            await asyncio.sleep(0.05)
        if job["state"] != "finished":
            raise DemoRefused(f"The import ended {job['state']}: {job['counts']}")

    async def register(self) -> None:
        """Patrons, a few at a time."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(patron: DemoPatron) -> None:
            async with gate:
                told = await self._do(
                    f"patron-{patron.barcode}", "POST", "/v1/patrons", patron.registration()
                )
                self.patrons[patron.barcode] = told["id"]

        await asyncio.gather(*map(one, patrons(self.load.moment.date())))

    async def replay(self, plan: Sequence[Action]) -> None:
        """The term, action by action."""
        for number, action in enumerate(plan):
            await self._act(f"action-{number}", action)

    async def _act(self, request: str, action: Action) -> None:
        if isinstance(action, Lend):
            await self._lend(request, action)
        elif isinstance(action, Return):
            await self._do(
                request,
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
            loans = await self._look("/v1/loans", item_id=item["id"], open=True)
            await self._do(request, "POST", f"/v1/loans/{loans['items'][0]['id']}/renewals")
        elif isinstance(action, PlaceHold):
            item = await self._item(action.item_barcode)
            await self._do(
                request,
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
            await self._pay(request, action)

    async def _lend(self, request: str, action: Lend) -> None:
        """Lend; an item that circulation has not heard of yet is waited for."""
        told = {
            "patron_barcode": action.patron_barcode,
            "item_barcode": action.item_barcode,
            "service_point_id": self.desks[action.service_point],
            "lent_at": action.at.isoformat(),
        }
        headers = {"Idempotency-Key": self.load.key(request)}
        until = time.monotonic() + SETTLED_SECONDS
        while True:
            answer = await self.http.post("/v1/loans", json=told, headers=headers)
            if answer.status_code != 404 or time.monotonic() > until:
                _taken(answer)
                return
            await asyncio.sleep(0.05)

    async def _pay(self, request: str, action: Pay) -> None:
        item = await self._item(action.item_barcode)
        fees = (await self._look("/v1/fees", patron_id=self.patrons[action.patron_barcode]))["items"]
        fee = next(fee for fee in fees if fee["item_id"] == item["id"])
        told = {"amount": action.amount, "method": "cash"}
        await self._do(request, "POST", f"/v1/fees/{fee['id']}/payments", told)

    async def _item(self, barcode: str) -> Any:
        return (await self._look("/v1/items", barcode=barcode))["items"][0]

    async def sign_up(self, patron_barcode: str) -> None:
        """Accounts to sign in with; the patron's is that of somebody who has something out."""
        for login in self.load.logins:
            whose = (
                {"patron_id": self.patrons[patron_barcode]}
                if login.roles == ["patron"]
                else {"service_point_id": next(iter(self.desks.values()))}
            )
            await self._do(f"account-{login.username}", "POST", "/v1/accounts", asdict(login) | whose)


def _taken(answer: httpx.Response) -> Any:
    """What the answer holds; `DemoRefused` when it is a refusal."""
    if not answer.is_success:
        asked = f"{answer.request.method} {answer.request.url.path}"
        raise DemoRefused(f"{asked} was answered {answer.status_code}: {answer.text[:500]}")
    return answer.json()


def load_made(client: Client, count: int, console: Console) -> Any:
    """A large made-up library by one import, with a progress bar; the import's job when it has ended."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with tempfile.TemporaryDirectory() as folder, Progress(*columns, console=console) as progress:
        file = Path(folder) / "made.mrc"
        making = progress.add_task("making records", total=count)
        with file.open("wb") as out:
            for number, made in enumerate(generate(count), 1):
                out.write(made.raw)
                if number % 500 == 0 or number == count:
                    progress.update(making, completed=number)
        job = client.send_file(
            "/v1/imports", file, "application/marc", profile="standard", create_locations="true"
        )
        importing = progress.add_task("importing", total=count)
        return client.when_ended(job, lambda job: progress.update(importing, completed=job["records_read"]))
