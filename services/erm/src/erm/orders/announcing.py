"""Each change of an order is one version and one event, told as it then stands."""

from datetime import datetime

from chassis import outbox
from chassis.database import Connection
from contracts.erm import OrderChanged, OrderFacts, OrderLineFacts
from erm.claims.scheduling import schedule
from erm.orders import queries
from erm.orders.queries import Order
from erm.orders.rules import payment_state, receipt_state
from erm.rows import change
from erm.units.telling import members_only


def facts(order: Order) -> OrderFacts:
    """As events tell of it."""
    return OrderFacts(
        order_id=order.id,
        number=order.row["number"],
        vendor_id=order.row["vendor_id"],
        state=order.row["state"],
        close_reason=order.row["close_reason"],
        currency=order.row["currency"],
        total_minor=order.total,
        lines=tuple(
            OrderLineFacts(
                order_line_id=line.id,
                title=line.row["title"],
                title_id=line.row["title_id"],
                quantity=line.row["quantity"],
                received=line.row["received"],
                total_minor=line.row["total"],
                receipt_state=receipt_state(line.progress),
                payment_state=payment_state(line.progress),
                cancelled=line.row["cancelled"],
            )
            for line in order.lines
        ),
    )


async def changed(connection: Connection, order: Order, what: str, now: datetime, **values: object) -> Order:
    """Write the order's row with one more version, and tell; the order as it now stands."""
    await change(connection, "purchase_order", order.id, **values)
    fresh = await queries.order(connection, order.id)
    assert fresh is not None
    await schedule(connection, fresh, now)
    told = await queries.order(connection, order.id)
    assert told is not None
    event = OrderChanged(
        version=told.row["version"],
        occurred_at=now,
        order_id=told.id,
        what=what,
        order=facts(told),
        members_only=await members_only(connection, told.units),
    )
    await outbox.record(connection, [event])
    return told
