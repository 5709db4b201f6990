"""ORDERS go out: queued when an order opens, put into the vendor's next interchange, numbered without gaps."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

import asyncpg

from chassis.database import Connection
from chassis.ids import uuid7
from chassis.problems import NotFound, Reason, Refused
from erm.edifact.documents import Copies
from erm.edifact.envelope import Address, enclosed
from erm.edifact.rules import interchange_reference, line_reference
from erm.edifact.syntax import CHARACTER_SETS, DEFAULT, written
from erm.edifact.writing import Ordered, OrderedLine
from erm.edifact.writing import orders as orders_message
from erm.identifiers.rules import read_isbn
from erm.money.rules import written as amount
from erm.orders import queries
from erm.orders.queries import Line, Order
from erm.rows import insert
from erm.units.rules import Standing
from erm.units.standing import within

MOST_ORDERS: Final = 500
"""Of one interchange; the rest goes with the next."""
_ACCOUNT: Final = """
SELECT id FROM edifact_account WHERE organisation_id = $1 AND active AND ($3 OR send_orders)
    AND (account_number IS NULL OR account_number = $2) ORDER BY account_number IS NULL, id LIMIT 1
"""
_SENT: Final = """
SELECT EXISTS (SELECT FROM edifact_message WHERE order_id = $1 AND direction = 'out'
    AND state IN ('sent', 'acknowledged'))
"""
_QUEUE: Final = """
INSERT INTO edifact_message (id, direction, account_id, kind, release, document_number, state, again, reasons, order_id,
    created_at, created_by)
VALUES ($1, 'out', $2, 'ORDERS', 'D.96A', $3, 'pending', $4, '[]', $5, $6, $7)
ON CONFLICT (order_id) WHERE state = 'pending' DO NOTHING
"""


class AccountUnknown(NotFound):
    """There is no such account."""

    code, title = "edifact-account-unknown", "There is no such EDIFACT account."


class NotSendable(Refused):
    """The order is not open, or its vendor has no account that it could go by."""

    code, title = "not-sendable", "The order cannot be sent in EDIFACT."


async def order_opened(connection: Connection, order: Order, *, actor: str, now: datetime) -> None:
    """Queue the order if its vendor is sent orders in EDIFACT; one that was sent before only goes again by hand."""
    account_id = await _account_of(connection, order, by_hand=False)
    if account_id is not None and not await connection.fetchval(_SENT, order.id):
        await _queue(connection, order, account_id, actor=actor, now=now, again=False)


async def send_again(connection: Connection, order: Order, *, actor: str, now: datetime) -> None:
    """Queue an open order by hand; one that was sent before is marked as a repetition. `NotSendable`."""
    reasons = []
    if order.row["state"] != "open":
        text = f"The order is {order.row['state']}."
        reasons.append(Reason("order-state", text, None, "Only an open order is sent."))
    account_id = await _account_of(connection, order, by_hand=True)
    if account_id is None:
        text = "The vendor has no EDIFACT account for it."
        reasons.append(Reason("account-missing", text, None, "Enter one (POST /v1/edifact-accounts)."))
    if reasons or account_id is None:
        raise NotSendable(reasons=reasons)
    again = await connection.fetchval(_SENT, order.id)
    await _queue(connection, order, account_id, actor=actor, now=now, again=again)


async def _account_of(connection: Connection, order: Order, *, by_hand: bool) -> UUID | None:
    told: UUID | None = await connection.fetchval(
        _ACCOUNT, order.row["vendor_id"], order.row["account_number"], by_hand
    )
    return told


async def _queue(
    connection: Connection, order: Order, account_id: UUID, *, actor: str, now: datetime, again: bool
) -> None:
    await connection.execute(_QUEUE, uuid7(), account_id, order.row["number"], again, order.id, now, actor)


_LOCK: Final = "SELECT * FROM edifact_account WHERE id = $1 FOR UPDATE"
_PENDING: Final = """
SELECT m.id, m.order_id, m.again FROM edifact_message m JOIN purchase_order o ON o.id = m.order_id
WHERE m.account_id = $1 AND m.state = 'pending' AND {} ORDER BY m.id LIMIT $2 FOR UPDATE OF m
"""
_WITHDRAW: Final = """
UPDATE edifact_message SET state = 'withdrawn', version = version + 1, done_at = $2, done_by = $3
WHERE id = ANY ($1::uuid[])
"""
_SEND: Final = """
UPDATE edifact_message SET state = 'sent', version = version + 1, done_at = $5, done_by = $6, interchange_id = $2,
    reference = $3, text = $4, digest = $7
WHERE id = $1
"""
_NUMBER: Final = (
    "UPDATE edifact_account SET last_reference = last_reference + 1 WHERE id = $1 RETURNING last_reference"
)
_FUNDS: Final = "SELECT id, code FROM fund WHERE id = ANY ($1::uuid[])"
_QUOTED: Final = (
    "SELECT order_line_id, reference FROM edifact_quoted_line WHERE order_line_id = ANY ($1::uuid[])"
)


_QUOTE: Final = "INSERT INTO edifact_quoted_line (order_line_id, reference) VALUES ($1, $2)"
_UNQUOTE: Final = "DELETE FROM edifact_quoted_line WHERE order_line_id = ANY ($1::uuid[])"
Title = tuple[str | None, str]
"""ISBN and title of a line."""


async def quotes_taken_over(
    connection: Connection,
    *,
    before: Sequence[tuple[UUID, Title]],
    after: Sequence[tuple[UUID, Title]],
) -> None:
    """An order is rewritten: lines of the same titles keep what the vendor calls them in its quote, one by one in
    their order."""
    rows = await connection.fetch(_QUOTED, [line_id for line_id, _ in before])
    references = {row["order_line_id"]: row["reference"] for row in rows}
    left = [(title, references[line_id]) for line_id, title in before if line_id in references]
    await connection.execute(_UNQUOTE, list(references))
    for line_id, title in after:
        at = next((at for at, (quoted, _) in enumerate(left) if quoted == title), None)
        if at is not None:
            await connection.execute(_QUOTE, line_id, left.pop(at)[1])


async def make_interchange(
    connection: Connection, account_id: UUID, *, actor: str, now: datetime, standing: Standing
) -> tuple[UUID | None, int]:
    """Put what is pending into one interchange; its id, if there was anything to send, and how many orders were not
    open any more. Nothing is sent twice: the account is locked. Orders that whoever makes it may not see go on waiting
    for somebody who may."""
    account = await connection.fetchrow(_LOCK, account_id)
    if account is None:
        raise AccountUnknown
    seen = within(standing, "o.acquisition_unit_ids")
    text, values = ("true", ()) if seen is None else (seen.numbered(3), seen.values)
    pending = await connection.fetch(_PENDING.format(text), account_id, MOST_ORDERS, *values)
    found = await queries.orders(connection, [row["order_id"] for row in pending])
    going = [row for row in pending if found[row["order_id"]].row["state"] == "open"]
    sendable = [
        row for row in going if any(not line.row["cancelled"] for line in found[row["order_id"]].lines)
    ]
    left = [row["id"] for row in pending if row not in sendable]
    await connection.execute(_WITHDRAW, left, now, actor)
    if not sendable:
        return None, len(left)
    number = await connection.fetchval(_NUMBER, account_id)
    return await _write(
        connection, account, [(row, found[row["order_id"]]) for row in sendable], number, actor, now
    ), len(left)


async def _write(
    connection: Connection,
    account: asyncpg.Record,
    going: Sequence[tuple[asyncpg.Record, Order]],
    number: int,
    actor: str,
    now: datetime,
) -> UUID:
    buyer = Address(account["library_code"], account["library_qualifier"])
    supplier = Address(account["vendor_code"], account["vendor_qualifier"])
    level, reference = account["character_set"], interchange_reference(number)
    lines = [line for _, order in going for line in order.lines]
    funds = {
        row["id"]: row["code"]
        for row in await connection.fetch(
            _FUNDS, list({share["fund_id"] for line in lines for share in line.shares})
        )
    }
    quoted = {
        row["order_line_id"]: row["reference"]
        for row in await connection.fetch(_QUOTED, [line.id for line in lines])
    }
    branches = {UUID(each["location_id"]): each["code"] for each in reversed(account["branches"])}
    messages = [
        orders_message(
            _ordered(order, funds, branches, quoted, again=row["again"]),
            message_reference=f"{reference}{at:05}",
            buyer=buyer,
            supplier=supplier,
            level=level,
        )
        for at, (row, order) in enumerate(going, 1)
    ]
    told = list(
        enclosed(
            messages,
            sender=buyer,
            recipient=supplier,
            level=level,
            reference=reference,
            at=now,
            test=account["test"],
        )
    )
    content = f"UNA{DEFAULT}{written(told)}".encode(CHARACTER_SETS[level])
    interchange_id = uuid7()
    await insert(
        connection,
        "edifact_interchange",
        id=interchange_id,
        direction="out",
        account_id=account["id"],
        state="made",
        sender=buyer.code,
        sender_qualifier=buyer.qualifier,
        recipient=supplier.code,
        recipient_qualifier=supplier.qualifier,
        reference=reference,
        prepared=":".join(told[0].elements[3]),
        character_set=level,
        separators=str(DEFAULT),
        test=account["test"],
        digest=sha256(content).hexdigest(),
        findings=[],
        messages=len(messages),
        content=content,
        created_at=now,
        created_by=actor,
    )
    for (row, _), message in zip(going, messages, strict=True):
        text = written(message)
        await connection.execute(
            _SEND,
            row["id"],
            interchange_id,
            message[0].get(0),
            text,
            now,
            actor,
            sha256(text.encode()).hexdigest(),
        )
    return interchange_id


def _ordered(
    order: Order,
    funds: Mapping[UUID, str],
    branches: Mapping[UUID, str],
    quoted: Mapping[UUID, str],
    *,
    again: bool,
) -> Ordered:
    row = order.row
    return Ordered(
        number=row["number"],
        ordered_on=row["approved_at"].date(),
        currency=row["currency"],
        account_number=row["account_number"],
        note=row["note"],
        lines=tuple(
            OrderedLine(
                reference=line_reference(row["number"], line.row["position"]),
                ean=read_isbn(line.row["isbn"]).value if line.row["isbn"] else None,
                title=line.row["title"],
                author=line.row["author"],
                publisher=line.row["publisher"],
                year=line.row["year"],
                quantity=line.row["quantity"],
                price=amount(line.row["list_price"], row["currency"]),
                copies=_copies(line, funds, branches),
                quote_reference=quoted.get(line.id),
                note=line.row["note"],
            )
            for line in order.lines
            if not line.row["cancelled"]
        ),
        again=again,
    )


def _copies(line: Line, funds: Mapping[UUID, str], branches: Mapping[UUID, str]) -> tuple[Copies, ...]:
    """Where its copies go and who bears them, as far as the vendor has codes for it."""
    bearers = {share["fund_id"] for share in line.shares}
    fund = funds[next(iter(bearers))] if len(bearers) == 1 else None
    counts: list[tuple[UUID | None, int]] = [
        (place.location_id, place.physical + place.electronic) for place in line.places
    ]
    return tuple(
        Copies(
            count=count,
            branch=None if location_id is None else branches.get(location_id),
            fund=fund,
            class_mark=line.row["call_number"],
        )
        for location_id, count in counts or [(None, line.row["quantity"])]
    )
