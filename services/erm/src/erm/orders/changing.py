"""An order is rewritten while it is pending, its lines are changed one by one; what is set aside follows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chassis.database import Connection
from chassis.principal import Principal, demand
from chassis.problems import Invalid, Reason
from erm.edifact.sending import quotes_taken_over
from erm.finance.commands import Books
from erm.orders import queries
from erm.orders.announcing import changed
from erm.orders.commands import OrderRefused, accepted, demand_state, open_books, planned_for
from erm.orders.encumbering import less_taken, rearranged, write_begun
from erm.orders.entering import (
    Entered,
    LineIn,
    line_values,
    moves_money,
    remove_parts,
    unknown,
    write_lines,
    write_parts,
)
from erm.orders.placing import misplaced
from erm.orders.queries import Line, Order
from erm.orders.rules import Place, short_of_received
from erm.units.rules import Standing


async def rewrite(
    connection: Connection,
    order: Order,
    head: dict[str, Any],
    told: Sequence[LineIn],
    *,
    now: datetime,
    standing: Standing,
) -> Order:
    """Put another order in the place of one that is pending."""
    demand_state(order, frozenset({"pending"}), "Change its lines one by one, or unopen it.")
    lines = await accepted(connection, head, told, standing)
    ids = [line.id for line in order.lines]
    used = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM encumbrance WHERE order_line_id = ANY ($1::uuid[])) OR "
        "EXISTS (SELECT FROM invoice_line WHERE order_line_id = ANY ($1::uuid[]))",
        ids,
    )
    if used:
        text = "The order has been approved before, or is on an invoice: its lines are named elsewhere."
        mend = "Change its lines one by one (PATCH), or cancel it and enter another."
        raise OrderRefused(reasons=[Reason("lines-in-use", text, "/lines", mend)])
    await remove_parts(connection, ids)
    await connection.execute("DELETE FROM order_line WHERE order_id = $1", order.id)
    written = await write_lines(connection, order.id, lines)
    titles = [(its.values["isbn"], its.values["title"]) for its in lines]
    await quotes_taken_over(
        connection,
        before=[(line.id, (line.row["isbn"], line.row["title"])) for line in order.lines],
        after=list(zip(written, titles, strict=True)),
    )
    return await changed(connection, order, "changed", now, **head)


async def change_line(
    connection: Connection, order: Order, line: Line, told: LineIn, books: Books, by: Principal
) -> Order:
    """Change what is told of a line; what an open order has set aside for it follows, which takes `orders:approve`."""
    demand_state(order, frozenset({"pending", "open"}), "Reopen it first.")
    entered, flaws = line_values(told, order.row["currency"], "")
    values, shares = entered.values, entered.shares
    named = [(share, f"/shares/{at}") for at, share in enumerate(shares)]
    flaws += await unknown(connection, named, books.standing)
    if flaws:
        raise Invalid(reasons=flaws)
    money = moves_money(line.row, line.shares, values, shares)
    moved = money or set(entered.locations) != set(line.locations)
    if money and order.row["state"] == "open":
        demand(by, "orders:approve")
    placed = [(entered.locations, shares, "")]
    reasons = await misplaced(connection, placed, books.standing) if moved else []
    if line.row["cancelled"]:
        reasons.append(Reason("line-cancelled", "The line is cancelled.", None, "Order it anew."))
    if values["quantity"] < line.row["received"]:
        text = f"{line.row['received']} have come already."
        reasons.append(Reason("quantity-below-received", text, "/quantity", "Undo receipts first."))
    reasons += _of_received(line, entered)
    if values["receipt"] != line.row["receipt"] and line.row["received"]:
        text = "Copies have come already."
        reasons.append(Reason("already-received", text, "/receipt", "Undo receipts first."))
    if money and line.row["paid_last"] and not line.progress.ongoing:
        text = "Its last invoice has been paid."
        reasons.append(Reason("line-paid", text, None, "Cancel that invoice, or order it anew."))
    if reasons:
        raise OrderRefused(reasons=reasons)
    await _write_line(connection, line, entered)
    fresh = await queries.order(connection, order.id)
    assert fresh is not None
    if order.row["state"] == "open" and money:
        await _rearrange(connection, fresh, fresh.line(line.id), books)
    return await changed(connection, fresh, "line-changed", books.now)


def _of_received(line: Line, told: Entered) -> list[Reason]:
    """Locations that would have less than has come there. Where all went to one location and goes to one, that of what
    is still to come may change."""
    if not told.places and not line.kept_places:
        return []
    after = [Place(each["location_id"], each["physical"], each["electronic"]) for each in told.places]
    if not after and told.values["location_id"] is not None:
        after = [Place(told.values["location_id"], told.values["quantity"])]
    reasons = []
    for place, at in short_of_received(line.places, after):
        text = (
            f"{place.received_physical} printed and {place.received_electronic} electronic copies have come at the "
            f"location {place.location_id} already."
        )
        pointer = "/locations" if at is None else f"/locations/{at}"
        reasons.append(Reason("location-below-received", text, pointer, "Undo receipts there first."))
    return reasons


async def _write_line(connection: Connection, line: Line, told: Entered) -> None:
    names = ", ".join(f"{name} = ${at}" for at, name in enumerate(told.values, 2))
    await connection.execute(
        f"UPDATE order_line SET {names} WHERE id = $1",  # noqa: S608 - our own names
        line.id,
        *told.values.values(),
    )
    await remove_parts(connection, [line.id])
    await write_parts(connection, line.id, told)
    if told.places and not line.kept_places:
        await connection.execute(_CAME, line.id, line.row["location_id"])


_CAME = "UPDATE receipt SET location_id = $2 WHERE order_line_id = $1"
"""What has come while all went to one location has come there."""


async def _rearrange(connection: Connection, order: Order, line: Line, books: Books) -> None:
    """Set aside what the line now costs, in the year in which it was approved."""
    planned, _, _, reasons = await planned_for(
        connection,
        order,
        [line],
        fiscal_year_id=order.row["fiscal_year_id"],
        now=order.row["approved_at"],
        standing=books.standing,
    )
    if reasons:
        raise OrderRefused(reasons=reasons)
    held = await open_books(books, [line.id], [each.place[1] for each in planned])
    if not line.progress.ongoing:
        planned = less_taken(planned, held, books.budgets)
    kept, rows, entries = rearranged(planned, held)
    if found := await books.judge(entries):
        raise OrderRefused(reasons=found)
    await write_begun(books, rows, books.now)
    await books.write(entries)
    await books.keep(kept)
