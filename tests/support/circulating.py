"""A circulation that is not ours, played by script on loopback: it hears NCIP, and answers as it is told to."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from aiohttp import web
from lxml import etree

from chassis import markup
from contracts import ncip
from ill.hosts.worker import new_guard, tell_due
from support.harness import Harness

Answer = Callable[[str, dict[str, Any]], bytes | int]
"""What is answered to a service and its body: bytes, or a status."""

BACK = {"ResponseHeader": ncip.header("HOST", "ILL")}


@cache
def the_schema() -> Any:
    """By which all that we send is measured; None where the test data is not here."""
    base = os.environ.get("CARREL_TEST_DATA")
    folder = Path(base) if base else Path(__file__).resolve().parents[3] / "shared" / "data"
    file = folder / "ncip" / "ncip_v2_02.xsd"
    return etree.XMLSchema(etree.parse(file)) if file.exists() else None


def says(service: str, **told: Any) -> bytes:
    """A response."""
    return ncip.write(f"{service}Response", BACK | told)


def finds_wrong(service: str, *types: str) -> bytes:
    """A response with problems."""
    return says(service, Problem=[ncip.problem(ncip.Problem(each, "in words")) for each in types])


def agrees(service: str, body: dict[str, Any]) -> bytes:
    """Everything is done as it is wanted."""
    told: dict[str, Any] = {name: body[name] for name in ("RequestId", "UserId") if name in body}
    item = body.get("ItemId")
    told["ItemId"] = (item[0] if isinstance(item, list) else item) or ncip.identifier("Item", "H-1")
    if service == "CheckOutItem":
        told.pop("RequestId", None)
        told["DateDue"] = body.get("DesiredDateDue", "2027-04-01T00:00:00+00:00")
    elif service == "RequestItem":
        told |= {name: body[name] for name in ("RequestType", "RequestScopeType")}
        told["ItemOptionalFields"] = {"ItemDescription": {"CallNumber": "QB 1"}}
    elif service == "AcceptItem":
        told.pop("UserId", None)
    elif service in ("LookupUser", "CancelRequestItem"):
        told.pop("ItemId")
    elif service in ("CheckInItem", "RenewItem", "RecallItem", "LookupItem"):
        told.pop("UserId", None)
    return says(service, **told)


@dataclass
class Played:
    """One host: what it is told is noted."""

    address: str = ""
    answer: Answer = agrees
    heard: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    headers: list[Any] = field(default_factory=list)
    slow: float = 0.0
    asks: Callable[[bytes], Awaitable[bytes]] | None = None
    """Who answers in its place."""
    loses_answers: int = 0
    """So many answers get lost."""

    @property
    def told(self) -> list[str]:
        """The services, in order."""
        return [service for service, _ in self.heard]

    async def hear(self, request: web.BaseRequest) -> web.StreamResponse:
        """Take a message."""
        body = await request.read()
        if (schema := the_schema()) is not None:
            assert schema.validate(etree.fromstring(body)), schema.error_log
        read = ncip.read(markup.read(body))
        assert read.flaws == ()
        self.heard.append((read.kind, read.body))
        self.headers.append(request.headers)
        answer = self.answer(read.kind, read.body) if self.asks is None else await self.asks(body)
        if self.loses_answers:
            self.loses_answers, answer = self.loses_answers - 1, 504
        if self.slow:
            await asyncio.sleep(self.slow)
        if isinstance(answer, int):
            return web.Response(status=answer)
        return web.Response(body=answer, content_type="application/xml")

    async def work(self, ill: Harness) -> int:
        """Let the worker tell what is due; how much."""
        guard, told = new_guard(ill.resources), 0
        async with guard.session(seconds=ill.resources.settings.send_timeout) as session:
            while now := await tell_due(ill.resources, guard, session):
                told += now
        return told


@asynccontextmanager
async def played() -> AsyncIterator[Played]:
    """Listening while a test runs."""
    host = Played()
    runner = web.ServerRunner(web.Server(host.hear))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    name, port = runner.addresses[0][:2]
    host.address = f"http://{name}:{port}/ncip"
    try:
        yield host
    finally:
        await runner.cleanup()
