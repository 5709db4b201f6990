"""A library that buys, for tests: a vendor, an open year, a ledger, and what a test is about."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from support.harness import Harness

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
YEAR = {
    "code": "FY2027",
    "name": "2027",
    "starts_on": "2027-01-01",
    "ends_on": "2027-12-31",
    "currency": "EUR",
}


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
