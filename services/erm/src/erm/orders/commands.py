"""Orders are entered, approved, closed and cancelled; the money follows in the same transaction."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from chassis.database import Connection
from chassis.ids import uuid7
from chassis.principal import Principal
from chassis.problems import Invalid, NotFound, Reason, Refused
from erm.configuration.queries import in_force
from erm.edifact.sending import order_opened
from erm.finance import queries as finance
from erm.finance.commands import Books, Entry, budgets_for
from erm.finance.queries import Held
from erm.money.rules import written
from erm.orders import queries
from erm.orders.announcing import changed
from erm.orders.encumbering import (
    Kept,
    Planned,
    bearer,
    begun,
    plan,
    rate_reasons,
    released,
    restored,
    write_begun,
)
from erm.orders.entering import Entered, LineIn, line_values, unknown, write_lines
from erm.orders.placing import misplaced, of_lines
from erm.orders.queries import Line, Order
from erm.orders.rules import FROM, PAYMENT_FINAL, Action, above_limit, is_done, payment_state
from erm.rates.commands import COLUMNS, taken
from erm.rows import insert
from erm.units.rules import UNLIMITED, Act, Standing
from erm.units.standing import demand_entry, demand_units


class OrderUnknown(NotFound):
    """There is no such order or line."""

    code, title = "order-unknown", "There is no such order."


class OrderRefused(Refused):
    """The order's state, its vendor or the library's rules stand against it."""

    code, title = "order-refused", "This cannot be done with the order."


async def locked(
    connection: Connection, order_id: UUID, standing: Standing, act: Act = Act.UPDATE, text: str | None = None
) -> Order:
    """The order under its lock; `OrderUnknown` (with another text, for a line) for what somebody may not see, too,
    `UnitsForbid` for what they may not do."""
    found = await queries.order(connection, order_id, lock=True)
    if found is None or not standing.lets(Act.READ, found.units):
        raise OrderUnknown(text)
    demand_units(standing, act, found.units)
    return found


async def _lines(
    connection: Connection, told: Sequence[LineIn], currency: str, standing: Standing
) -> list[Entered]:
    """Lines as rows, or `Invalid` with everything that is wrong."""
    read, reasons, named = [], [], []
    for at, line in enumerate(told):
        entered, flaws = line_values(line, currency, f"/lines/{at}")
        read.append(entered)
        reasons += flaws
        named += [(share, f"/lines/{at}/shares/{position}") for position, share in enumerate(entered.shares)]
    reasons += await unknown(connection, named, standing)
    if reasons:
        raise Invalid(reasons=reasons)
    return read


_VENDOR = """
SELECT name, active, 'vendor' = ANY (roles) AS sells, acquisition_unit_ids FROM organisation WHERE id = $1 FOR SHARE
"""


async def _vendor(connection: Connection, vendor_id: UUID, standing: Standing) -> list[Reason]:
    row = await connection.fetchrow(_VENDOR, vendor_id)
    if row is None or not standing.lets(Act.READ, row["acquisition_unit_ids"]):
        text = f"There is no organisation {vendor_id}."
        raise Invalid(reasons=[Reason("vendor-unknown", text, "/vendor_id", "Name a vendor.")])
    reasons = []
    if not row["active"]:
        reasons.append(
            Reason("vendor-inactive", f"Nothing is ordered from {row['name']} any more.", "/vendor_id")
        )
    if not row["sells"]:
        text = f"{row['name']} is no vendor."
        reasons.append(Reason("not-a-vendor", text, "/vendor_id", "Give it the role vendor."))
    return reasons


async def accepted(
    connection: Connection, head: dict[str, Any], told: Sequence[LineIn], standing: Standing
) -> list[Entered]:
    """Lines as rows; `Invalid` or `OrderRefused` with everything against them."""
    lines = await _lines(connection, told, head["currency"], standing)
    placed = [(line.locations, line.shares, f"/lines/{at}") for at, line in enumerate(lines)]
    reasons = await _vendor(connection, head["vendor_id"], standing)
    if reasons := [*reasons, *await misplaced(connection, placed, standing)]:
        raise OrderRefused(reasons=reasons)
    return lines


async def enter(
    connection: Connection,
    head: dict[str, Any],
    told: Sequence[LineIn],
    *,
    actor: str,
    now: datetime,
    standing: Standing = UNLIMITED,
    units: Sequence[UUID] = (),
) -> Order:
    """Enter an order, as one of these acquisition units; nothing is set aside before it is approved."""
    entered_into = await demand_entry(connection, standing, units)
    lines = await accepted(connection, head, told, standing)
    order_id = uuid7()
    running = await connection.fetchval("SELECT nextval('order_number')")
    await insert(
        connection,
        "purchase_order",
        id=order_id,
        number=(await in_force(connection)).order_number(running),
        state="pending",
        created_at=now,
        created_by=actor,
        acquisition_unit_ids=entered_into,
        version=0,
        **head,
    )
    await write_lines(connection, order_id, lines)
    entered = await queries.order(connection, order_id)
    assert entered is not None
    return await changed(connection, entered, "entered", now)


def demand_state(order: Order, states: frozenset[str], mend: str) -> None:
    """`OrderRefused` unless the order is in one of these states."""
    if order.row["state"] not in states:
        text = f"The order is {order.row['state']}."
        raise OrderRefused(reasons=[Reason("order-state", text, None, mend)])


async def planned_for(
    connection: Connection,
    order: Order,
    lines: Sequence[Line],
    *,
    fiscal_year_id: UUID | None,
    now: datetime,
    standing: Standing,
    rate_on: date | None = None,
) -> tuple[list[Planned], str, dict[str, Any], list[Reason]]:
    """What is to be set aside for these lines, in which currency, columns of a rate that was taken for it from a source
    (of a day, if one is named), and why it cannot be."""
    places = [
        (bearer(share), f"/lines/{line.row['position']}/shares/{at}/fund_id")
        for line in lines
        for at, share in enumerate(line.shares)
    ]
    budgets, currency, reasons = await budgets_for(
        connection, places, fiscal_year_id=fiscal_year_id, now=now, standing=standing
    )
    head, rated = order.row, dict[str, Any]()
    if rate_on is None:
        reasons += rate_reasons(head["currency"], currency, head["exchange_rate"])
    else:
        rated, unrated = await taken(connection, head["currency"], currency, head["exchange_rate"], rate_on)
        reasons += unrated
    if reasons or currency is None:
        return [], "", {}, reasons
    planned = [
        each
        for line in lines
        for each in plan(head | rated, line, budgets, currency, f"/lines/{line.row['position']}")
    ]
    return planned, currency, rated, []


async def approve(
    connection: Connection, order: Order, books: Books, by: Principal, *, fiscal_year_id: UUID | None
) -> Order:
    """Set the money aside and open the order; or raise with every reason, nothing set aside."""
    demand_state(order, FROM[Action.APPROVE], "Only a pending order is approved.")
    lines = [line for line in order.lines if not line.row["cancelled"]]
    planned, currency, rated, unplanned = await planned_for(
        connection,
        order,
        lines,
        fiscal_year_id=fiscal_year_id,
        now=books.now,
        standing=books.standing,
        rate_on=await books.today(),
    )
    reasons = await _vendor(connection, order.row["vendor_id"], books.standing) + unplanned
    reasons += await misplaced(connection, of_lines(lines), books.standing)
    if not lines:
        reasons.append(Reason("order-empty", "Every line of it is cancelled.", None, "Enter another order."))
    reasons += await may_approve(
        connection,
        by,
        entered_by=order.row["created_by"],
        total=sum(each.amount for each in planned),
        currency=currency,
        unlimited="orders:unlimited",
    )
    rows, entries = begun(planned)
    await books.open([each.budget_id for each in entries])
    reasons += await books.judge(entries)
    if reasons:
        raise OrderRefused(reasons=reasons)
    await write_begun(books, rows, books.now)
    await books.write(entries)
    opened = await changed(
        connection,
        order,
        "approved",
        books.now,
        state="open",
        ledger_currency=currency,
        fiscal_year_id=fiscal_year_id,
        approved_at=books.now,
        approved_by=str(by.actor),
        **rated,
    )
    await order_opened(connection, opened, actor=books.actor, now=books.now)
    return opened


async def may_approve(
    connection: Connection, by: Principal, *, entered_by: str, total: int, currency: str, unlimited: str
) -> list[Reason]:
    """Whether somebody may approve so much, and what they entered themselves."""
    doc = await in_force(connection)
    reasons = []
    limit = doc.limit(currency) if currency else None
    if above_limit(total, limit, unlimited=by.may(unlimited)):
        assert limit is not None
        text = f"It is {written(total, currency)} {currency}; you may approve {written(limit, currency)}."
        mend = f"Ask somebody who has {unlimited}."
        reasons.append(Reason("above-approval-limit", text, None, mend, total, limit))
    if doc.four_eyes and entered_by == str(by.actor):
        text = "Whoever entered it may not approve it."
        reasons.append(Reason("four-eyes", text, None, "Ask somebody else."))
    return reasons


async def open_books(books: Books, line_ids: Sequence[UUID], more: Sequence[UUID] = ()) -> list[Held]:
    """Lock the budgets that hold money for these lines (and some more), and read what is held.

    The orders are locked: nothing new is set aside for the lines meanwhile.
    """
    rows = await books.connection.fetch(
        "SELECT DISTINCT budget_id FROM encumbrance WHERE order_line_id = ANY ($1::uuid[])", list(line_ids)
    )
    await books.open([*(row["budget_id"] for row in rows), *more])
    return await finance.encumbrances(books.connection, line_ids)


async def _book(books: Books, kept: Sequence[Kept], entries: Sequence[Entry]) -> None:
    if reasons := await books.judge(entries):
        raise OrderRefused(reasons=reasons)
    await books.write(entries)
    await books.keep(kept)


async def _let_go(books: Books, lines: Sequence[Line]) -> None:
    """Release what is set aside for these lines."""
    held = await open_books(books, [line.id for line in lines])
    await _book(books, *released(held))


async def unopen(connection: Connection, order: Order, books: Books) -> Order:
    """Back to pending: what was set aside is free again. Refused once anything has come or been invoiced."""
    demand_state(order, FROM[Action.UNOPEN], "Only an open order is unopened.")
    reasons = []
    if any(line.row["received"] for line in order.lines):
        reasons.append(
            Reason("already-received", "Copies of it have come.", None, "Undo the receipts, or close it.")
        )
    if await connection.fetchval(_INVOICED, [line.id for line in order.lines]):
        text = "It is on an approved or paid invoice."
        reasons.append(Reason("already-invoiced", text, None, "Cancel the invoice, or close the order."))
    if reasons:
        raise OrderRefused(reasons=reasons)
    await _let_go(books, order.lines)
    from_source = order.row["rate_source_id"] is not None
    return await changed(
        connection,
        order,
        "unopened",
        books.now,
        state="pending",
        approved_at=None,
        approved_by=None,
        **(dict.fromkeys(COLUMNS) if from_source else {}),  # that of the day on which it is approved again
    )


_INVOICED = """
SELECT EXISTS (SELECT FROM invoice_line l JOIN invoice i ON i.id = l.invoice_id
    WHERE l.order_line_id = ANY ($1::uuid[]) AND i.state IN ('approved', 'paid'))
"""


async def close(connection: Connection, order: Order, books: Books, reason: str) -> Order:
    """Nothing more is to come or to be paid; what is still set aside is free again."""
    demand_state(order, FROM[Action.CLOSE], "Only an open order is closed.")
    await _let_go(books, order.lines)
    return await changed(
        connection, order, "closed", books.now, state="closed", close_reason=reason, closed_at=books.now
    )


async def reopen(connection: Connection, order: Order, books: Books) -> Order:
    """Open again, with what is left of the money set aside anew for lines that are not done."""
    demand_state(order, FROM[Action.REOPEN], "Only a closed order is reopened.")
    if order.row["approved_at"] is None:
        text = "It was cancelled before it was approved."
        raise OrderRefused(reasons=[Reason("order-never-approved", text, None, "Enter another order.")])
    waiting = [
        line
        for line in order.lines
        if not line.row["cancelled"] and payment_state(line.progress) not in PAYMENT_FINAL
    ]
    if not any(not is_done(line.progress) for line in order.lines):
        text = "Every line of it is done."
        raise OrderRefused(reasons=[Reason("order-done", text, None, "Enter another order.")])
    held = await open_books(books, [line.id for line in waiting])
    await _book(books, *restored(held))
    return await changed(
        connection, order, "reopened", books.now, state="open", close_reason=None, closed_at=None
    )


async def cancel(connection: Connection, order: Order, books: Books, reason: str) -> Order:
    """What has not come will not come; the money for it is free again."""
    demand_state(order, FROM[Action.CANCEL], "Only a pending or open order is cancelled.")
    await _let_go(books, order.lines)
    await connection.execute(
        "UPDATE order_line SET cancelled = true, cancel_reason = $2 WHERE order_id = $1 AND NOT cancelled",
        order.id,
        reason,
    )
    return await changed(
        connection,
        order,
        "cancelled",
        books.now,
        state="closed",
        close_reason="cancelled",
        closed_at=books.now,
    )


async def cancel_line(connection: Connection, order: Order, line: Line, books: Books, reason: str) -> Order:
    """What has not come of one line will not come; the order closes with its last."""
    demand_state(order, FROM[Action.CANCEL], "Only lines of a pending or open order are cancelled.")
    if line.row["cancelled"]:
        raise OrderRefused(reasons=[Reason("line-cancelled", "The line is cancelled already.")])
    await _let_go(books, [line])
    await connection.execute(
        "UPDATE order_line SET cancelled = true, cancel_reason = $2 WHERE id = $1", line.id, reason
    )
    return await settle(connection, order.id, books, "line-cancelled")


async def settle(
    connection: Connection, order_id: UUID, books: Books, what: str, *, released_by: UUID | None = None
) -> Order:
    """After its lines went on: an open order whose lines are all done closes by itself, one that was complete and is
    not any more opens again. (A budget that takes no transaction leaves it open: somebody closes it later.)
    """
    order = await queries.order(connection, order_id)
    assert order is not None
    done = all(is_done(line.progress) for line in order.lines)
    if order.row["state"] == "open" and done:
        known = set(books.budgets)
        held = [
            each
            for each in await finance.encumbrances(connection, [line.id for line in order.lines])
            if each.sums.active
        ]
        kept, entries = released(held)
        if all(each.budget_id in known for each in held) and not await books.judge(entries):
            await books.write(entries)
            await books.keep([(each, after, released_by) for each, after, _ in kept])
            cancelled = all(line.row["cancelled"] for line in order.lines)
            return await changed(
                connection,
                order,
                what,
                books.now,
                state="closed",
                close_reason="cancelled" if cancelled else "complete",
                closed_at=books.now,
            )
    if order.row["state"] == "closed" and order.row["close_reason"] == "complete" and not done:
        return await changed(
            connection, order, what, books.now, state="open", close_reason=None, closed_at=None
        )
    return await changed(connection, order, what, books.now)
