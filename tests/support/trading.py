"""A vendor that speaks EDIFACT, for tests: its account, its messages, and a library that takes them up."""

import re
from dataclasses import dataclass
from typing import Any

import httpx

from erm.edifact.worker import take_up_one
from support.acquiring import Make

VENDOR, LIBRARY = "5012340000001", "5012340000018"
HEAD = "UNA:+.? '"


def message(kind: str, *body: str, reference: str = "1", count: int | None = None) -> str:
    """A message whose end says what its beginning does; a part of the body may be several segments."""
    told = "".join(f"{each}'" for each in (f"UNH+{reference}+{kind}:D:96A:UN:EAN008", *body))
    segments = len(re.findall(r"(?<!\?)'", told)) + 1
    return f"{told}UNT+{count or segments}+{reference}'"


def interchange(*messages: str, reference: str = "77", vendor: str = VENDOR, test: bool = False) -> bytes:
    """A file of the vendor's to the library."""
    flag = "++++++1" if test else ""
    head = f"UNB+UNOC:3+{vendor}:14+{LIBRARY}:14+270301:0800+{reference}{flag}'"
    return f"{HEAD}{head}{''.join(messages)}UNZ+{len(messages)}+{reference}'".encode()


def invoice(number: str, *lines: str, summary: tuple[str, ...] = (), dated: str = "20270301") -> str:
    """An INVOIC in euros."""
    head = (f"BGM+380+{number}+9", f"DTM+137:{dated}:102", "CUX+2:EUR:4")
    return message("INVOIC", *head, *lines, "UNS+S", *summary)


def billed(at: int, reference: str, amount: str, quantity: int = 1) -> str:
    """A line of an invoice: several segments."""
    return f"LIN+{at}'QTY+47:{quantity}'MOA+203:{amount}'RFF+LI:{reference}"


@dataclass
class Trade:
    """A library with an account for the vendor."""

    make: Make
    account: dict[str, Any]

    async def send(self, content: bytes, query: str = "") -> httpx.Response:
        """A file, not yet taken up."""
        return await self.make.erm.post(
            f"/v1/edifact-interchanges{query}",
            content=content,
            headers={"Content-Type": "application/edifact"},
        )

    async def take(self, *messages: str, **more: Any) -> list[dict[str, Any]]:
        """A file that was taken up: its messages, in order."""
        answer = await self.send(interchange(*messages, **more))
        assert answer.status_code == 202, answer.text
        await self.work()
        (told,) = answer.json()["items"]
        return await self.messages(f"interchange_id={told['id']}")

    async def work(self) -> None:
        """Take up what waits to be."""
        while await take_up_one(self.make.erm.resources):
            pass

    async def messages(self, query: str) -> list[dict[str, Any]]:
        """Messages, oldest first."""
        told = await self.make.get(f"/v1/edifact-messages?{query}")
        return list(reversed(told["items"]))

    async def act(self, told: dict[str, Any], action: str = "apply", **more: Any) -> httpx.Response:
        """Something done with a message."""
        path = f"/v1/edifact-messages/{told['id']}/actions"
        return await self.make.erm.post(path, json={"action": action} | more)

    async def pick_up(self) -> dict[str, Any] | None:
        """The vendor's next interchange, if there is any."""
        told = await self.make.post(f"/v1/edifact-accounts/{self.account['id']}/interchanges", {}, expect=200)
        found: dict[str, Any] | None = told["interchange"]
        return found

    async def content(self, told: dict[str, Any]) -> bytes:
        """The file that goes out."""
        answer = await self.make.erm.get(f"/v1/edifact-interchanges/{told['id']}/content")
        assert answer.status_code == 200, answer.text
        return answer.content

    async def report(self, line: dict[str, Any]) -> dict[str, Any]:
        """What the vendor last said of a line."""
        return await self.make.get(f"/v1/order-lines/{line['id']}/vendor-report")


def codes(told: dict[str, Any]) -> list[str]:
    """Why a message is held or rejected, or what to look at."""
    return [reason["code"] for reason in told["reasons"]]


async def trading(make: Make, **more: Any) -> Trade:
    """Enter the vendor's account."""
    body = {
        "organisation_id": make.vendor["id"],
        "vendor_code": VENDOR,
        "library_code": LIBRARY,
        "send_orders": True,
    }
    return Trade(make, await make.post("/v1/edifact-accounts", body | more))
