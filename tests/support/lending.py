"""A library that borrows from others and lends to them, for interlibrary loan's tests."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from chassis.ids import uuid7
from chassis.principal import Principal
from contracts.circulation import PatronCreated
from support.harness import Harness

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
"""A Monday."""
CONFIGURATION: dict[str, Any] = {
    "agency": {"scheme": "ISIL", "symbol": "XX-REQ1"},
    "name": "The university's library",
    "address": ["1 Library Road", "12345 Town"],
    "email": "ill@library.example",
    "max_open_requests": 3,
}
BOOK: dict[str, Any] = {
    "title": "Rivers of the Northern Plain",
    "author": "Okafor, Adaeze",
    "isbn": "978-0-306-40615-7",
}
ARTICLE: dict[str, Any] = {
    "title": "Journal of Rivers",
    "issn": "0378-5955",
    "article_title": "On bends",
    "volume": "12",
    "pages": "1-9",
}


@dataclass
class Make:
    """Makes what a test is about; says only what matters."""

    ill: Harness
    partners: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def configure(self, **changed: Any) -> Any:
        """The library decides otherwise; whatever comes of it."""
        return await self.ill.put("/v1/configuration/ill", json=CONFIGURATION | changed)

    async def partner(self, symbol: str = "XX-SUPA", **more: Any) -> dict[str, Any]:
        """A partner in the directory."""
        body = {"name": f"Library {symbol}", "symbol": symbol, "address": f"http://{symbol.lower()}.test/iso"}
        answer = await self.ill.post("/v1/ill/partners", json=body | more)
        assert answer.status_code == 201, answer.text
        self.partners[symbol] = answer.json()
        return self.partners[symbol]

    async def patron(self) -> UUID:
        """A patron that circulation has told of."""
        patron = uuid7()
        event = PatronCreated(version=1, occurred_at=NOW, patron_ref=patron, patron_group="student")
        await self.ill.deliver(event, source="circulation")
        return patron

    async def place(self, patron: UUID | None = None, *, key: str | None = None, **more: Any) -> Any:
        """A wish, whatever comes of it."""
        body = {"service": "loan", "citation": BOOK, "patron_id": str(patron or await self.patron())}
        return await self.ill.post("/v1/ill/requests", json=body | more, key=key)

    async def request(self, patron: UUID | None = None, **more: Any) -> dict[str, Any]:
        """A request of a patron."""
        answer = await self.place(patron, **more)
        assert answer.status_code == 201, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def try_to(self, request: dict[str, Any], action: str, **more: Any) -> Any:
        """An action, whatever comes of it."""
        return await self.ill.post(
            f"/v1/ill/requests/{request['id']}/actions", json={"action": action} | more
        )

    async def act(self, request: dict[str, Any], action: str, **more: Any) -> dict[str, Any]:
        """An action that is possible."""
        answer = await self.try_to(request, action, **more)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def now(self, request: dict[str, Any]) -> dict[str, Any]:
        """The request as it now stands."""
        told: dict[str, Any] = (await self.ill.get(f"/v1/ill/requests/{request['id']}")).json()
        return told

    async def rota(self, request: dict[str, Any]) -> list[tuple[str, str, str | None]]:
        """Symbol, state and reason of each supplier, in order."""
        told = (await self.ill.get(f"/v1/ill/requests/{request['id']}/rota")).json()
        return [(entry["symbol"], entry["state"], entry["reason"]) for entry in told["items"]]

    async def steps(self, request: dict[str, Any]) -> list[str]:
        """What happened, first to last."""
        told = (await self.ill.get(f"/v1/ill/requests/{request['id']}/steps")).json()
        return [step["what"] for step in told["items"]]


def themselves(patron: UUID) -> Principal:
    """A patron, as the gateway lets them in."""
    return Principal("patron", "p", frozenset({"account:own"}), patron_id=patron)


async def furnished(ill: Harness) -> Make:
    """Set the clock, and configure the library."""
    ill.at(NOW)
    made = Make(ill)
    answer = await made.configure()
    assert answer.status_code == 200, answer.text
    return made
