"""A library that buys, for tests: a vendor, an open year, a ledger, and what a test is about."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import asyncpg

from chassis.ids import uuid7
from support.box import Library
from support.harness import Harness

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
YEAR = {
    "code": "FY2027",
    "name": "2027",
    "starts_on": "2027-01-01",
    "ends_on": "2027-12-31",
    "currency": "EUR",
}

WAITING = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


@dataclass
class Make:
    """Makes what a test is about; says only what matters."""

    erm: Harness
    vendor: dict[str, Any] = field(default_factory=dict)
    year: dict[str, Any] = field(default_factory=dict)
    ledger: dict[str, Any] = field(default_factory=dict)
    made: int = 0

    async def post(self, path: str, body: dict[str, Any], *, expect: int = 201) -> dict[str, Any]:
        """Something that works."""
        answer = await self.erm.post(path, json=body)
        assert answer.status_code == expect, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def get(self, path: str) -> dict[str, Any]:
        """Something that is there."""
        answer = await self.erm.get(path)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def at_once(self, *asked: Coroutine[Any, Any, Any]) -> list[Any]:
        """Ask at the same moment: whatever the first is waiting for is held until all of them wait, or are done."""
        holder = await asyncpg.connect(self.erm.dsn)
        try:
            async with holder.transaction():
                for table in ("invoice", "purchase_order", "budget"):
                    await holder.execute(f"SELECT FROM {table} FOR UPDATE")
                tasks = [asyncio.create_task(each) for each in asked]
                for _ in range(100):
                    await holder.execute("SELECT pg_stat_clear_snapshot()")
                    waiting = await holder.fetchval(WAITING)
                    if waiting + sum(task.done() for task in tasks) >= len(tasks):
                        break
                    await asyncio.sleep(0.01)
        finally:
            await holder.close()
        return await asyncio.gather(*tasks)

    async def open_year(self, **changed: Any) -> dict[str, Any]:
        """A fiscal year that is open."""
        year = await self.post("/v1/fiscal-years", YEAR | changed)
        return await self.post(f"/v1/fiscal-years/{year['id']}/actions", {"action": "open"}, expect=200)

    async def budget(self, allocated: str = "1000.00", **more: Any) -> dict[str, Any]:
        """A fund of its own with money in the year."""
        self.made += 1
        fund = await self.post(
            "/v1/funds",
            {
                "ledger_id": more.pop("ledger_id", self.ledger["id"]),
                "code": f"F{self.made}",
                "name": "A fund",
            },
        )
        body = {"fund_id": fund["id"], "fiscal_year_id": self.year["id"], "allocated": allocated}
        return await self.post("/v1/budgets", body | more)

    def line(self, budget: dict[str, Any], price: str = "100.00", **more: Any) -> dict[str, Any]:
        """A line that one fund bears."""
        shares = [{"fund_id": budget["fund_id"], "percent": "100"}]
        return {
            "title": "Rivers of the Northern Plain",
            "list_price": price,
            "receipt": "count",
            "shares": shares,
        } | more

    async def order(self, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
        """A pending order of these lines."""
        body = {"vendor_id": self.vendor["id"], "currency": "EUR", "lines": list(lines)}
        return await self.post("/v1/orders", body | more)

    async def act(self, order: dict[str, Any], action: str, **more: Any) -> dict[str, Any]:
        """Something done with an order that works."""
        return await self.post(f"/v1/orders/{order['id']}/actions", {"action": action} | more, expect=200)

    async def try_to(self, order: dict[str, Any], action: str, **more: Any) -> Any:
        """Something done with an order, whatever comes of it."""
        return await self.erm.post(f"/v1/orders/{order['id']}/actions", json={"action": action} | more)

    async def approved(self, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
        """An open order of these lines."""
        return await self.act(await self.order(*lines, **more), "approve")

    async def receive(self, line: dict[str, Any], quantity: int = 1, **more: Any) -> dict[str, Any]:
        """Copies that have come."""
        return await self.post(f"/v1/order-lines/{line['id']}/receipts", {"quantity": quantity} | more)

    def charge(self, line: dict[str, Any], amount: str, quantity: int = 1, **more: Any) -> dict[str, Any]:
        """A line of an invoice, for an order line."""
        told = {"description": line["title"], "order_line_id": line["id"], "amount": amount}
        return told | {"quantity": quantity} | more

    async def invoice(self, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
        """An open invoice of these lines."""
        self.made += 1
        body = {
            "vendor_id": self.vendor["id"],
            "vendor_invoice_number": f"I-{self.made}",
            "invoiced_on": "2027-02-20",
            "currency": "EUR",
            "lines": list(lines),
        }
        return await self.post("/v1/invoices", body | more)

    async def handle(self, invoice: dict[str, Any], action: str, **more: Any) -> dict[str, Any]:
        """Something done with an invoice that works."""
        return await self.post(f"/v1/invoices/{invoice['id']}/actions", {"action": action} | more, expect=200)

    async def try_to_handle(self, invoice: dict[str, Any], action: str, **more: Any) -> Any:
        """Something done with an invoice, whatever comes of it."""
        return await self.erm.post(f"/v1/invoices/{invoice['id']}/actions", json={"action": action} | more)

    async def sums(self, budget: dict[str, Any]) -> tuple[str, str, str, str]:
        """What is encumbered, awaits payment, is expended, and available."""
        told = await self.now(budget)
        return told["encumbered"], told["awaiting"], told["expended"], told["available"]

    async def now(self, budget: dict[str, Any]) -> dict[str, Any]:
        """The budget as it stands."""
        return await self.get(f"/v1/budgets/{budget['id']}")

    async def rebuilt(self) -> dict[str, Any]:
        """What a rebuild of the ledgers finds."""
        return await self.post("/v1/ledgers:rebuild", {}, expect=200)


async def furnished(erm: Harness) -> Make:
    """Set the clock, open the year, enter a vendor."""
    erm.at(NOW)
    made = Make(erm)
    made.vendor = await made.post(
        "/v1/organisations", {"code": "BOOKS", "name": "Books Ltd", "currency": "EUR"}
    )
    made.year = await made.open_year()
    made.ledger = await made.post("/v1/ledgers", {"code": "MAIN", "name": "The ledger", "currency": "EUR"})
    return made


@dataclass
class Buyer:
    """A library that buys through its front door: a vendor, money, and a place for new books."""

    library: Library
    fund_id: str
    vendor_id: str
    location_id: str

    @classmethod
    async def of(cls, library: Library) -> "Buyer":
        """Set it up, with a year that today lies in."""
        today = datetime.now(UTC).year
        year = await library.post(
            "/v1/fiscal-years", YEAR | {"starts_on": f"{today}-01-01", "ends_on": f"{today + 1}-12-31"}
        )
        await library.post(f"/v1/fiscal-years/{year['id']}/actions", {"action": "open"}, expect=200)
        ledger = await library.post("/v1/ledgers", {"code": "L", "name": "The ledger", "currency": "EUR"})
        fund = await library.post("/v1/funds", {"ledger_id": ledger["id"], "code": "F", "name": "Books"})
        body = {"fund_id": fund["id"], "fiscal_year_id": year["id"], "allocated": "9999.00"}
        await library.post("/v1/budgets", body)
        vendor = await library.post("/v1/organisations", {"code": "V", "name": "A vendor"})
        places = (await library.get("/v1/locations"))["items"]
        return cls(library, fund["id"], vendor["id"], places[0]["id"])

    async def ordered(self, quantity: int) -> dict[str, Any]:
        """A line of an approved order."""
        line = {
            "title": "Bought in a storm",
            "list_price": "10.00",
            "quantity": quantity,
            "location_id": self.location_id,
            "shares": [{"fund_id": self.fund_id, "percent": "100"}],
        }
        body = {"vendor_id": self.vendor_id, "currency": "EUR", "lines": [line]}
        order = await self.library.post("/v1/orders", body)
        await self.library.post(f"/v1/orders/{order['id']}/actions", {"action": "approve"}, expect=200)
        return dict(order["lines"][0])

    async def received(self, line: dict[str, Any], barcode: str) -> dict[str, Any]:
        """A copy that has come."""
        return dict(
            await self.library.post(f"/v1/order-lines/{line['id']}/receipts", {"barcodes": [barcode]})
        )

    async def paid(self, line: dict[str, Any], amount: str = "10.00", quantity: int = 1) -> None:
        """An invoice for one copy, paid; less than nothing is a credit for one that went back."""
        charge = {"description": "x", "order_line_id": line["id"], "amount": amount, "quantity": quantity}
        body = {
            "vendor_id": self.vendor_id,
            "vendor_invoice_number": str(uuid7()),
            "invoiced_on": "2026-01-01",
            "currency": "EUR",
            "lines": [charge],
        }
        invoice = await self.library.post("/v1/invoices", body)
        for action in ("approve", "pay"):
            path = f"/v1/invoices/{invoice['id']}/actions"
            await self.library.post(path, {"action": action}, expect=200)

    async def catalogued(self, receipt: dict[str, Any]) -> str:
        """Its item is ready to be lent; which that is."""
        piece = (await self.library.get(f"/v1/receipts/{receipt['id']}"))["pieces"][0]
        path = f"/v1/items/{piece['item_id']}"
        version = (await self.library.get(path))["version"]
        body, tag = {"base_state": "active"}, {"If-Match": f'"{version}"'}
        answer = await self.library.http.patch(path, json=body, headers=tag)
        assert answer.status_code == 200, answer.text
        return str(piece["item_id"])

    async def state(self, receipt: dict[str, Any]) -> str:
        """Of its one copy."""
        return str((await self.library.get(f"/v1/receipts/{receipt['id']}"))["pieces"][0]["state"])

    async def is_in_process(self, receipt: dict[str, Any]) -> bool:
        """Whether the catalogue has made its item."""
        return await self.state(receipt) == "in-process"

    async def all_in_process(self, line: dict[str, Any], barcodes: list[str]) -> bool:
        """Whether each copy that was acknowledged has an item of its own, known by its barcode."""
        told = await self.library.get(f"/v1/order-lines/{line['id']}/receipts", limit=500)
        pieces = [piece for receipt in told["items"] for piece in receipt["pieces"]]
        items = {piece["item_id"] for piece in pieces if piece["state"] == "in-process"} - {None}
        known = [piece["barcode"] for piece in pieces if not piece["reasons"]]
        return len(items) == len(pieces) and set(barcodes) <= set(known)

    async def differences(self) -> list[Any]:
        """What a rebuild of the ledgers finds."""
        return list((await self.library.post("/v1/ledgers:rebuild", {}, expect=200))["differences"])
