"""Clerks who buy: stories of several hands at once, drawn at random, over a library's real API and database."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from erm.app import SERVICE
from support.acquiring import Make, furnished
from support.harness import Harness, migrated, running
from support.postgres import TestServer

INVARIANTS = {
    "a closed or pending order holds no money, and a cancelled line none": """
        SELECT e.id FROM encumbrance e JOIN order_line l ON l.id = e.order_line_id
        JOIN purchase_order o ON o.id = l.order_id
        WHERE e.state = 'active' AND (o.state <> 'open' OR l.cancelled)""",
    "one encumbrance of a place is active": """
        SELECT order_line_id FROM encumbrance WHERE state = 'active'
        GROUP BY order_line_id, budget_id, expense_class_id HAVING count(*) > 1""",
    "what was approved awaits payment to the last unit, and what was paid or cancelled does not": """
        SELECT i.id FROM invoice i LEFT JOIN budget_transaction t ON t.invoice_id = i.id GROUP BY i.id
        HAVING coalesce(sum(t.awaiting), 0) <> CASE i.state WHEN 'approved' THEN i.ledger_total ELSE 0 END""",
    "what was cancelled has left nothing behind": """
        SELECT i.id FROM invoice i JOIN budget_transaction t ON t.invoice_id = i.id WHERE i.state = 'cancelled'
        GROUP BY i.id, t.budget_id HAVING sum(t.awaiting) <> 0 OR sum(t.expended) <> 0 OR sum(t.credited) <> 0""",
    "nobody spends more than there is": """
        SELECT id FROM budget WHERE awaiting + expended - credited > allocated + transferred
            AND awaiting + expended - credited > 0""",
    "transfers of a ledger and year sum to nothing": """
        SELECT f.ledger_id FROM budget b JOIN fund f ON f.id = b.fund_id
        GROUP BY f.ledger_id, b.fiscal_year_id HAVING sum(b.transferred) <> 0""",
    "what one budget gives another gets": """
        SELECT batch_id FROM budget_transaction WHERE act = 'allocate' AND counterpart_id IS NOT NULL
        GROUP BY batch_id HAVING sum(allocated) <> 0""",
    "what has gone over into the next year is not set aside here any more": """
        SELECT id FROM encumbrance WHERE rollover_id IS NOT NULL AND (state = 'active' OR amount <> 0)""",
    "a ledger goes over from a year once": """
        SELECT ledger_id FROM rollover WHERE state = 'done' GROUP BY ledger_id, from_year_id HAVING count(*) > 1""",
    "what an order had set aside went over as a whole, by its rule": """
        SELECT r.order_id FROM rollover_order r JOIN rollover o ON o.id = r.rollover_id WHERE r.outcome = 'rolled'
            AND o.state = 'done' AND o.rules->'orders'->0->>'based_on' = 'remaining' AND r.released <> r.encumbered""",
    "shares of a line sum to it": """
        SELECT l.id FROM order_line l JOIN order_line_share s ON s.order_line_id = l.id
        GROUP BY l.id HAVING sum(s.bears) <> l.total""",
    "lines and what comes on top sum to the invoice": """
        SELECT i.id FROM invoice i JOIN invoice_line l ON l.invoice_id = i.id
        GROUP BY i.id HAVING sum(l.total) <> i.total OR sum(l.subtotal + l.adjustments) <> i.total""",
    "copies that have come and were paid are counted": """
        SELECT l.id FROM order_line l WHERE (l.received, l.paid) <> (
            (SELECT count(*) FROM piece p WHERE p.order_line_id = l.id AND p.state <> 'undone'),
            (SELECT coalesce(sum(c.quantity), 0) FROM invoice_line c JOIN invoice i ON i.id = c.invoice_id
             WHERE c.order_line_id = l.id AND i.state = 'paid'))""",
    "each change of an order is one version and one event": """
        SELECT o.id FROM purchase_order o WHERE o.version <> (
            SELECT count(*) FROM outbox WHERE key = o.id::text AND type = 'erm.order-changed.v1')""",
}
"""Each finds what must not be."""

Act = Callable[["Clerks"], Awaitable[Any]]
ANY = st.integers(0, 30)
PRICES = st.sampled_from(("0.00", "0.01", "9.99", "33.33", "70.00"))


class Clerks:
    """A ledger of three budgets, and what was ordered and invoiced so far."""

    def __init__(self, make: Make, budgets: Sequence[dict[str, Any]], rollover: dict[str, Any]) -> None:
        self.make, self.budgets, self.rollover = make, budgets, rollover
        self.previews: list[dict[str, Any]] = []
        self.orders: list[dict[str, Any]] = []
        self.invoices: list[dict[str, Any]] = []
        self.receipts: list[dict[str, Any]] = []

    def shares(self, which: int) -> list[dict[str, Any]]:
        """One fund's, two funds', or three thirds."""
        funds = [budget["fund_id"] for budget in self.budgets]
        return (
            [{"fund_id": funds[which % 3], "percent": "100"}],
            [{"fund_id": funds[0], "percent": "33.3"}, {"fund_id": funds[1], "percent": "66.7"}],
            [
                {"fund_id": fund, "percent": p}
                for fund, p in zip(funds, ("33.33", "33.33", "33.34"), strict=True)
            ],
        )[which % 3]

    async def post(self, path: str, body: dict[str, Any], kept: list[dict[str, Any]] | None = None) -> Any:
        """Ask for something; it is done, or refused with reasons."""
        answer = await self.make.erm.post(path, json=body)
        assert answer.status_code in (200, 201, 409, 422), answer.text
        assert (
            answer.status_code < 400 or answer.json().get("reasons") or answer.json()["code"] == "in-flight"
        )
        if answer.status_code == 201 and kept is not None:
            kept.append(answer.json())
        return answer

    async def order(self, price: str, quantity: int, which: int) -> Any:
        line = self.make.line(self.budgets[0], price, quantity=quantity, shares=self.shares(which))
        other = self.make.line(self.budgets[1], "5.00", receipt="none")
        lines = [line, other][: 1 + which % 2]
        body = {"vendor_id": self.make.vendor["id"], "currency": "EUR", "lines": lines}
        answer = await self.post("/v1/orders", body, self.orders)
        if which % 4:
            await self.handle_order(len(self.orders) - 1, "approve")
        return answer

    async def handle_order(self, at: int, action: str) -> Any:
        if self.orders:
            order = self.orders[at % len(self.orders)]
            if action == "reopen":
                await self.handle_order(at, "close")
            body = {"action": action, "reason": "x", "fiscal_year_id": self.year(at)}
            return await self.post(f"/v1/orders/{order['id']}/actions", body)
        return None

    def year(self, which: int) -> str | None:
        """Whichever is meant; sometimes the next one, once the ledger has gone over."""
        return self.rollover["to_year_id"] if self.previews and which % 2 else None

    async def roll_over(self, which: int) -> None:
        """Look at what would go over; or do it; or try what is left again."""
        if not self.previews:
            orders = [{"order_type": "one-time", "based_on": "remaining"}] if which % 3 else []
            budgets = [{"carry_encumbered": which % 2 == 0, "allocate_percent": "60"}]
            body = self.rollover | {"orders": orders, "budgets": budgets}
            await self.post("/v1/rollovers", body, self.previews)
        for action in ("run", "retry") if self.previews else ():
            await self.post(f"/v1/rollovers/{self.previews[0]['id']}/actions", {"action": action})

    def line(self, at: int) -> dict[str, Any] | None:
        lines = [line for order in self.orders for line in order["lines"]]
        return lines[at % len(lines)] if lines else None

    async def change(self, at: int, price: str, which: int) -> Any:
        if (line := self.line(at)) is not None:
            path = f"/v1/order-lines/{line['id']}"
            read = await self.make.erm.get(path)
            body = self.make.line(self.budgets[0], price, quantity=1 + which % 3, shares=self.shares(which))
            tag = {"If-Match": read.headers["etag"]}
            answer = await self.make.erm.put(path, json=body | {"receipt": line["receipt"]}, headers=tag)
            assert answer.status_code in (200, 409, 412), answer.text

    async def cancel_line(self, at: int) -> Any:
        if (line := self.line(at)) is not None:
            await self.post(f"/v1/order-lines/{line['id']}/actions", {"action": "cancel", "reason": "x"})

    async def receive(self, at: int, quantity: int) -> Any:
        if (line := self.line(at)) is not None:
            body = {"quantity": quantity, "over": quantity == 3}
            await self.post(f"/v1/order-lines/{line['id']}/receipts", body, self.receipts)

    async def undo(self, at: int) -> Any:
        if self.receipts:
            receipt = self.receipts[at % len(self.receipts)]
            await self.post(f"/v1/receipts/{receipt['id']}/actions", {"action": "undo"})

    async def invoice(self, at: int, amount: str, quantity: int, which: int) -> Any:
        line = self.line(at)
        if line is None or amount == "0.00":
            return
        self.make.made += 1
        sign = "-" if quantity < 0 else ""
        charge = self.make.charge(line, sign + amount, quantity, last=which % 5 == 0 and quantity > 0)
        if which % 3 == 0:
            charge["shares"] = self.shares(which)
        body = {
            "vendor_id": self.make.vendor["id"],
            "vendor_invoice_number": f"I{self.make.made}",
            "invoiced_on": "2027-02-20",
            "fiscal_year_id": self.year(which),
            "currency": "USD" if which % 7 == 0 else "EUR",
            "exchange_rate": "0.913",
            "adjustments": [{"kind": "shipping", "description": "F", "amount": "1.01"}] if which % 2 else [],
            "lines": [charge, {"description": "x", "amount": "0.07", "shares": self.shares(which)}],
        }
        await self.post("/v1/invoices", body, self.invoices)
        if which % 4:
            await self.handle_invoice(len(self.invoices) - 1, "approve")
        if which % 3 == 1:
            await self.handle_invoice(len(self.invoices) - 1, "pay")

    async def handle_invoice(self, at: int, action: str) -> Any:
        if self.invoices:
            invoice = self.invoices[at % len(self.invoices)]
            body: dict[str, Any] = {"action": action, "reason": "x"}
            if action == "approve":
                body |= {"accept": ["more-than-received", "more-than-ordered", "order-closed"]}
            await self.post(f"/v1/invoices/{invoice['id']}/actions", body)

    async def allocate(self, at: int, amount: str) -> Any:
        await self.post(f"/v1/budgets/{self.budgets[at % 3]['id']}/allocations", {"amount": amount})

    async def transfer(self, at: int, amount: str) -> Any:
        one, two = self.budgets[at % 3]["id"], self.budgets[(at + 1) % 3]["id"]
        await self.post("/v1/fund-transfers", {"from_budget_id": one, "to_budget_id": two, "amount": amount})


ACTS: st.SearchStrategy[Act] = st.one_of(
    st.builds(lambda p, q, w: lambda c: c.order(p, q, w), PRICES, st.integers(1, 3), ANY),
    st.builds(
        lambda at, action: lambda c: c.handle_order(at, action),
        ANY,
        st.sampled_from(("approve", "approve", "close", "reopen", "cancel", "unopen")),
    ),
    st.builds(lambda at, p, w: lambda c: c.change(at, p, w), ANY, PRICES, ANY),
    st.builds(lambda at: lambda c: c.cancel_line(at), ANY),
    st.builds(lambda at, q: lambda c: c.receive(at, q), ANY, st.integers(1, 3)),
    st.builds(lambda at: lambda c: c.undo(at), ANY),
    st.builds(
        lambda at, p, q, w: lambda c: c.invoice(at, p, q, w), ANY, PRICES, st.sampled_from((1, 1, 2, -1)), ANY
    ),
    st.builds(
        lambda at, action: lambda c: c.handle_invoice(at, action),
        ANY,
        st.sampled_from(("approve", "pay", "pay", "cancel")),
    ),
    st.builds(lambda at, a: lambda c: c.allocate(at, a), ANY, st.sampled_from(("20.00", "-20.00", "-0.01"))),
    st.builds(lambda which: lambda c: c.roll_over(which), ANY),
    st.builds(lambda at, a: lambda c: c.transfer(at, a), ANY, st.sampled_from(("0.01", "15.00"))),
)


class Office:
    """One service for all stories; each begins with a ledger and budgets of its own."""

    def __init__(self, runner: asyncio.Runner, make: Make) -> None:
        self.runner, self.make = runner, make
        self.later = self.run(make.open_year(code="FY2028", starts_on="2028-01-01", ends_on="2028-12-31"))

    def run(self, what: Awaitable[Any]) -> Any:
        """Do it to its end."""
        return self.runner.run(what)  # type: ignore[arg-type]  # a coroutine each time

    async def opened(self) -> Clerks:
        """Three budgets with little money."""
        make = self.make
        make.made += 1
        ledger = await make.post("/v1/ledgers", {"code": f"L{make.made}", "name": "x", "currency": "EUR"})
        budgets = [await make.budget("120.00", ledger_id=ledger["id"]) for _ in range(3)]
        years = {"from_year_id": make.year["id"], "to_year_id": self.later["id"]}
        return Clerks(make, budgets, {"ledger_id": ledger["id"]} | years)

    async def wrong(self) -> dict[str, list[Any]]:
        """What is not as it must be."""
        pool = self.make.erm.resources.pool
        found = {name: await pool.fetch(query) for name, query in INVARIANTS.items()}
        found["the ledger rebuild finds nothing"] = (await self.make.rebuilt())["differences"]
        return {name: rows for name, rows in found.items() if rows}


@contextmanager
def office(runner: asyncio.Runner, server: TestServer) -> Iterator[Office]:
    """A library on a database of its own."""
    template = runner.run(server.template("erm", lambda dsn: migrated(SERVICE, dsn)))
    dsn = runner.run(server.lend(template))
    house = running(SERVICE, dsn)
    erm: Harness = runner.run(house.__aenter__())
    try:
        yield Office(runner, runner.run(furnished(erm)))
    finally:
        runner.run(house.__aexit__(None, None, None))
        runner.run(server.take_back(dsn))


class Buying(RuleBasedStateMachine):
    """A story of clerks who buy at the same time."""

    def __init__(self, place: Office) -> None:
        super().__init__()
        self.place = place
        self.clerks: Clerks | None = None

    @initialize()
    def a_morning(self) -> None:
        """Nothing ordered yet."""
        self.clerks = self.place.run(self.place.opened())
        for price, which in (("33.33", 5), ("9.99", 6)):
            self.place.run(self.clerks.order(price, 2, which))

    @rule(acts=st.lists(ACTS, min_size=1, max_size=5))
    def at_once(self, acts: Sequence[Act]) -> None:
        """Several hands at the same moment."""

        async def together() -> None:
            assert self.clerks is not None
            await asyncio.gather(*(act(self.clerks) for act in acts))

        self.place.run(together())

    @invariant()
    def the_books_are_right(self) -> None:
        """After whatever was done, refused or raced."""
        assert self.place.run(self.place.wrong()) == {}
