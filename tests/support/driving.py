"""An interlibrary loan that is not ours, driving circulation by NCIP; every answer is measured by the schema."""

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from lxml import etree

from chassis import markup
from chassis.principal import Principal
from contracts import ncip
from support.circulating import the_schema
from support.harness import Harness

HEAD = {"InitiationHeader": ncip.header("HUB", "MAIN")}


def user(patron: Any) -> dict[str, Any]:
    """A UserId."""
    told = patron if isinstance(patron, str) else patron["barcode"]
    return {"UserId": ncip.identifier("User", told, agency="MAIN")}


def item(state: Any) -> dict[str, Any]:
    """An ItemId."""
    return {
        "ItemId": ncip.identifier("Item", state if isinstance(state, str) else state.barcode, agency="MAIN")
    }


def asked(number: str = "R-1") -> dict[str, Any]:
    """A RequestId."""
    return {"RequestId": ncip.identifier("Request", number, agency="HUB")}


@dataclass
class Hub:
    """A machine with a key."""

    circulation: Harness
    desk: UUID
    scopes: frozenset[str] = frozenset({"ncip:exchange", "pins:verify"})
    client: str = "hub"
    libraries: frozenset[str] | None = None

    @property
    def principal(self) -> Principal:
        """As the gateway lets it in."""
        return Principal(
            "client", self.client, self.scopes, service_point_id=self.desk, libraries=self.libraries
        )

    async def post(self, body: bytes, kind: str = "application/xml") -> Any:
        """What comes of it, whatever it is."""
        with self.circulation.asking(self.principal):
            return await self._post(body, kind)

    async def _post(self, body: bytes, kind: str = "application/xml") -> Any:
        return await self.circulation.client.post("/ncip", content=body, headers={"Content-Type": kind})

    async def says_at_once(self, times: int, service: str, **told: Any) -> list[dict[str, Any]]:
        """The same message so many times at once; the bodies of the answers."""
        body = ncip.write(service, HEAD | told)
        with self.circulation.asking(self.principal):
            answers = await asyncio.gather(*(self._post(body) for _ in range(times)))
        assert {answer.status_code for answer in answers} == {200}
        return [read(answer.content, f"{service}Response") for answer in answers]

    async def says(self, service: str, **told: Any) -> dict[str, Any]:
        """A message; the body of its answer."""
        answer = await self.post(ncip.write(service, HEAD | told))
        assert answer.status_code == 200, answer.text
        return read(answer.content, f"{service}Response")


def read(content: bytes, kind: str) -> dict[str, Any]:
    """An answer, once it is valid and says back who speaks to whom."""
    if (schema := the_schema()) is not None:
        schema.assertValid(etree.fromstring(content))
    found = ncip.read(markup.read(content))
    assert (found.kind, found.flaws) == (kind, ())
    head = found.body.pop("ResponseHeader", None)
    assert kind == "Problem" or head == ncip.header("MAIN", "HUB")
    return found.body


def wrong(body: dict[str, Any]) -> list[str]:
    """The types of its problems."""
    return [problem.type for problem in ncip.problems_in(body)]
