"""The other library, played by script: it hears our messages, confirms them or not, and says what it is told to."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from lxml import etree

from chassis.principal import Principal
from ill.iso18626 import composing, documents
from ill.iso18626.composing import Agency
from ill.iso18626.sending import send_due
from support.harness import Harness
from support.lending import NOW, Make

US = Agency("ISIL", "XX-REQ1")
MESSAGE_INFO = (
    "answerYesNo",
    "note",
    "reasonUnfilled",
    "reasonRetry",
    "offeredCosts",
    "retryAfter",
    "retryBefore",
)


SCHEMAS = {"1.2": "ISO-18626-v1_2.xsd", "2021-2": "ISO-18626-2021-2.reconstructed.xsd"}


@cache
def the_schema(version: str) -> Any:
    """The standard's, by which all that we send is measured; None where the test data is not here."""
    base = os.environ.get("CARREL_TEST_DATA")
    folder = Path(base) if base else Path(__file__).resolve().parents[3] / "shared" / "data"
    file = folder / "iso18626" / "xsd" / SCHEMAS[version]
    return etree.XMLSchema(etree.parse(file)) if file.exists() else None


Answer = Callable[[str, dict[str, Any]], httpx.Response]


def confirms(kind: str, document: dict[str, Any]) -> httpx.Response:
    """OK."""
    return _confirmed(kind, document, None)


def refuses(kind: str, document: dict[str, Any]) -> httpx.Response:
    """ERROR."""
    return _confirmed(kind, document, ("UnrecognisedDataValue", "serviceType"))


def _confirmed(kind: str, document: dict[str, Any], error: tuple[str, str] | None) -> httpx.Response:
    told = composing.confirmation(kind, document, now=NOW, error=error)
    return httpx.Response(200, content=documents.write(*told))


def breaks(kind: str, document: dict[str, Any]) -> httpx.Response:
    """A broken server."""
    return httpx.Response(500, content=b"oops")


def babbles(kind: str, document: dict[str, Any]) -> httpx.Response:
    """Something that is no confirmation."""
    return httpx.Response(200, content=b"<html>Welcome</html>")


def silent(kind: str, document: dict[str, Any]) -> httpx.Response:
    """Nobody there."""
    raise httpx.ConnectError("nobody")


@dataclass
class Other:
    """One partner."""

    ill: Harness
    symbol: str
    code: str
    answer: Answer = confirms
    heard: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    clock: datetime = NOW
    speaks: str = "1.2"
    client_id: str | None = None
    """As which it proves itself; none: by its code, for which supplier messages of 2021-2 have no place."""

    def hear(self, request: httpx.Request) -> httpx.Response:
        """Take a message."""
        read = documents.read(request.content)
        assert read.flaw is None, read.flaw
        assert read.version == self.speaks
        if (schema := the_schema(read.version)) is not None:
            assert schema.validate(etree.fromstring(request.content)), schema.error_log
        self.heard.append((read.kind, read.document))
        self.raw.append(request.content)
        return self.answer(read.kind, read.document)

    def written(self, kind: str, document: dict[str, Any]) -> bytes:
        """In its version."""
        return documents.write(kind, document, self.speaks)

    @property
    def asked(self) -> list[str]:
        """What we sent, in short."""
        return [_short(kind, document) for kind, document in self.heard]

    @property
    def last(self) -> dict[str, Any]:
        """The last message that we sent."""
        return self.heard[-1][1]

    def _header(self, *, supplier: bool, request_id: str) -> dict[str, Any]:
        self.clock += timedelta(seconds=1)
        them = Agency("ISIL", self.symbol)
        head = composing.header(
            supplier=them if supplier else US,
            requester=US if supplier else them,
            request_id=request_id,
            suppliers_id="S-1",
            now=self.clock,
        )
        return head | {"requestingAgencyAuthentication": {"securityCode": self.code}}

    def saying(
        self, status: str | None, reason: str = "StatusChange", *, request_id: str | None = None, **more: Any
    ) -> bytes:
        """A supplyingAgencyMessage about the last request that we sent."""
        asked = request_id or next(
            document["header"]["requestingAgencyRequestId"]
            for kind, document in reversed(self.heard)
            if kind == "request"
        )
        info = {name: more.pop(name) for name in MESSAGE_INFO if name in more}
        due = {"dueDate": more.pop("dueDate")} if "dueDate" in more else {}
        retry = more.pop("retry", None)
        document = {
            "header": self._header(supplier=True, request_id=asked),
            "messageInfo": {"reasonForMessage": reason} | info,
            "statusInfo": ({"status": status} if status else {}) | due | {"lastChange": NOW.isoformat()},
        }
        if retry:
            document["retryInfo"] = retry
        if more:
            document["deliveryInfo"] = {"dateSent": NOW.isoformat()} | more
        return self.written("supplyingAgencyMessage", document)

    async def says(self, status: str | None, reason: str = "StatusChange", **more: Any) -> str:
        """Say it; what was confirmed: OK, or the error."""
        return await self.send(self.saying(status, reason, **more))

    def asking(
        self, request_id: str = "T1", *, isbn: str | None = None, issn: str | None = None, **more: Any
    ) -> bytes:
        """A request for a book."""
        wanted: dict[str, Any] = {"title": "Rivers of the Northern Plain"}
        numbers = {"ISBN": isbn, "ISSN": issn}
        wanted["bibliographicItemId"] = [
            {"bibliographicItemIdentifier": number, "bibliographicItemIdentifierCode": code}
            for code, number in numbers.items()
            if number is not None
        ]
        if "volume" in more:
            wanted["volume"] = more.pop("volume")
        service = {"requestType": "New", "serviceType": "Loan"} | more
        document = {
            "header": self._header(supplier=False, request_id=request_id),
            "bibliographicInfo": wanted,
            "serviceInfo": service,
            "patronInfo": {"patronId": "P-1", "surname": "Doe"},
        }
        return self.written("request", document)

    async def asks(self, request_id: str = "T1", **more: Any) -> str:
        """Ask us for a book."""
        return await self.send(self.asking(request_id, **more))

    def doing(self, action: str, request_id: str = "T1", note: str | None = None) -> bytes:
        """A requestingAgencyMessage about a request of its own."""
        document = {"header": self._header(supplier=False, request_id=request_id), "action": action}
        return self.written("requestingAgencyMessage", document | ({"note": note} if note else {}))

    async def does(self, action: str, request_id: str = "T1", note: str | None = None) -> str:
        """Act on a request of its own."""
        return await self.send(self.doing(action, request_id, note))

    async def send(self, body: bytes) -> str:
        """Post it to us; OK, or the error."""
        by = Principal("client", self.client_id, frozenset({"ill:exchange"})) if self.client_id else None
        answer = await post(self.ill, body, by=by)
        assert answer.status_code == 200, answer.text
        read = documents.read(answer.content)
        assert read.version == self.speaks
        told = read.document
        error = told.get("errorData")
        return (
            f"{error['errorType']} {error['errorValue']}"
            if error
            else told["confirmationHeader"]["messageStatus"]
        )


def _short(kind: str, document: dict[str, Any]) -> str:
    if kind == "request":
        return str(document["serviceInfo"]["requestType"])
    if kind == "requestingAgencyMessage":
        return str(document["action"])
    return f"{document['messageInfo']['reasonForMessage']} {document['statusInfo']['status']}"


async def post(
    ill: Harness, body: bytes, *, by: Principal | None = None, kind: str = "application/xml"
) -> httpx.Response:
    """A stranger's POST, or a known machine's."""
    with ill.asking(by):
        return await ill.client.post("/iso18626", content=body, headers={"Content-Type": kind})


@dataclass
class World:
    """Every other library, and the wire to them."""

    make: Make
    others: dict[str, Other] = field(default_factory=dict)

    async def other(self, symbol: str = "XX-SUPA", **more: Any) -> Other:
        """A partner that plays along."""
        partner = await self.make.partner(symbol, **more)
        path = f"/v1/ill/partners/{partner['id']}/security-codes"
        code = (await self.make.ill.post(path)).json()["security_code"]
        other = Other(self.make.ill, symbol, code, speaks=partner["speaks"], client_id=partner["client_id"])
        self.others[f"{symbol.lower()}.test"] = other
        return other

    async def deliver(self) -> int:
        """Let the worker send what is due; how many."""
        transport = httpx.MockTransport(lambda request: self.others[request.url.host].hear(request))
        sent = 0
        async with httpx.AsyncClient(transport=transport) as client:
            while now := await send_due(self.make.ill.resources, client):
                sent += now
        return sent
