"""Which of the library's order lines a message speaks of: orders are locked, then read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chassis.database import Connection
from chassis.problems import Reason
from erm.edifact.documents import Line
from erm.edifact.rules import named_line
from erm.identifiers.rules import read_isbn
from erm.orders import queries as orders
from erm.orders.queries import Line as OrderLine
from erm.orders.queries import Order

_NUMBERED = "SELECT id FROM purchase_order WHERE number = ANY ($1::text[])"


@dataclass(frozen=True, slots=True)
class Found:
    """An order line that a message speaks of."""

    order: Order
    line: OrderLine


async def order_lines(
    connection: Connection, lines: Sequence[Line], *, order_number: str | None = None
) -> tuple[dict[int, Found], dict[str, Order]]:
    """By the message line's segment: the order line that it repeats the reference of, else the only one of the order
    that has its ISBN; and the orders, by number."""
    numbers = {number for line in lines if (number := line.order_number or order_number)}
    numbers |= {named[0] for line in lines if line.reference and (named := named_line(line.reference))}
    numbers |= {number.lower() for number in numbers}  # of a vendor who has capitals only
    rows = await connection.fetch(_NUMBERED, sorted(numbers))
    found = await orders.orders(connection, [row["id"] for row in rows], lock=True)
    by_number = {order.row["number"]: order for order in found.values()}
    return {
        line.segment: told
        for line in lines
        if (told := _of(line, by_number, line.order_number or order_number)) is not None
    }, by_number


def _of(line: Line, by_number: Mapping[str, Order], order_number: str | None) -> Found | None:
    named = named_line(line.reference) if line.reference else None
    if named is not None and (order := _order(by_number, named[0])) is not None:
        for each in order.lines:
            if each.row["position"] == named[1]:
                return Found(order, each)
    if order_number is None or line.ean is None or (order := _order(by_number, order_number)) is None:
        return None
    same = [
        each for each in order.lines if each.row["isbn"] and read_isbn(each.row["isbn"]).value == line.ean
    ]
    return Found(order, same[0]) if len(same) == 1 else None


def _order(by_number: Mapping[str, Order], number: str) -> Order | None:
    return by_number.get(number) or by_number.get(number.lower())


def unknown(line: Line) -> Reason:
    """No order line fits."""
    told = ", ".join(
        filter(None, (line.reference and f"reference {line.reference}", line.ean and f"ISBN {line.ean}"))
    )
    return Reason(
        "order-line-unknown",
        f"Line {line.number} ({told or 'without a reference'}) is no line of an order of ours.",
        f"/lines/{line.number}",
        "Apply it with the order line that it is.",
    )


def foreign(line: Line, order: Order) -> Reason:
    """It was ordered from somebody else."""
    return Reason(
        "order-of-another-vendor",
        f"Line {line.number}: {order.row['number']} was ordered from another vendor.",
        f"/lines/{line.number}",
        "Apply it with the order line that it is, or discard it.",
    )
