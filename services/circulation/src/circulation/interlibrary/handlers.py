"""Questions of interlibrary loan, each answered by an event. What is refused leaves nothing behind but the answer."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from chassis import outbox
from chassis.database import Connection
from chassis.problems import Problem
from chassis.resources import Heard
from circulation.interlibrary import commands
from circulation.interlibrary.commands import Asked, Wished, codes
from contracts.circulation import PartnerActRefused, PartnerItemKept, PartnerLoanMade
from contracts.ill import (
    AskingCirculation,
    HoldWantedHere,
    ItemNotWanted,
    ItemWanted,
    LoanDateMoved,
    PartnerLoanOver,
    PartnerLoanWanted,
    PatronChargeWanted,
)

_NEWER = """
INSERT INTO partner_request (request_id, asked) VALUES ($1, $2)
ON CONFLICT (request_id) DO UPDATE SET asked = excluded.asked WHERE partner_request.asked < excluded.asked
RETURNING *
"""
_NOTE = "UPDATE partner_request SET hold_id = $2 WHERE request_id = $1"


async def _newer(
    connection: Connection, event: AskingCirculation | HoldWantedHere | PatronChargeWanted, heard: Heard
) -> tuple[asyncpg.Record | None, Asked]:
    """What was done for the request so far; None when something newer was asked already."""
    row = await connection.fetchrow(_NEWER, event.request_id, event.version)
    return row, Asked(event.request_id, event.version, heard.time)


async def keep(connection: Connection, batch: Sequence[Heard]) -> None:
    """A copy is wanted for a partner."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, ItemWanted)
        row, asked = await _newer(connection, event, heard)
        if row is None:
            continue
        if row["hold_id"] is not None:
            await commands.let_go(connection, row["hold_id"], "another-item-wanted", now=asked.now)
        answer = PartnerItemKept(
            version=asked.version, occurred_at=asked.now, request_id=asked.request_id, asked=asked.version
        )
        hold_id: UUID | None = None
        try:
            async with connection.transaction():
                hold_id, item = await commands.keep(
                    connection,
                    asked,
                    event.patron_ref,
                    title_ids=event.title_ids,
                    barcode=event.barcode,
                    desk=event.desk,
                    wished=Wished(event.library, event.besides),
                )
        except Problem as problem:
            answer = answer.model_copy(update={"reasons": codes(problem)})
        else:
            told = {
                name: item[name] for name in ("barcode", "short_title", "library", "location", "call_number")
            }
            told |= {"hold_id": hold_id, "item_id": item["id"], "title_id": item["title_ids"][0]}
            answer = answer.model_copy(update=told)
        await connection.execute(_NOTE, asked.request_id, hold_id)
        await outbox.record(connection, [answer])


async def hold_here(connection: Connection, batch: Sequence[Heard]) -> None:
    """What a patron asked other libraries for is here."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, HoldWantedHere)
        row, asked = await _newer(connection, event, heard)
        if row is None:
            continue
        answer = PartnerItemKept(
            version=asked.version, occurred_at=asked.now, request_id=asked.request_id, asked=asked.version
        )
        try:
            async with connection.transaction():
                hold_id, title_id = await commands.hold_here(
                    connection, asked, event.patron_ref, title_ids=event.title_ids, pickup=event.pickup
                )
        except Problem as problem:
            answer = answer.model_copy(update={"reasons": codes(problem)})
        else:
            answer = answer.model_copy(update={"hold_id": hold_id, "title_id": title_id})
        await outbox.record(connection, [answer])


async def let_go(connection: Connection, batch: Sequence[Heard]) -> None:
    """A partner's request ended before anything was sent."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, ItemNotWanted)
        row, asked = await _newer(connection, event, heard)
        if row is not None and row["hold_id"] is not None:
            await commands.let_go(connection, row["hold_id"], event.reason, now=asked.now)
            await connection.execute(_NOTE, asked.request_id, None)


async def lend(connection: Connection, batch: Sequence[Heard]) -> None:
    """It is about to be sent."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, PartnerLoanWanted)
        row, asked = await _newer(connection, event, heard)
        if row is None:
            continue
        answer = PartnerLoanMade(
            version=asked.version, occurred_at=asked.now, request_id=asked.request_id, asked=asked.version
        )
        try:
            async with connection.transaction():
                loan = await commands.lend(
                    connection,
                    asked,
                    event.patron_ref,
                    item_id=event.item_id,
                    barcode=event.barcode,
                    desk=event.desk,
                    due_at=event.due_at,
                )
        except Problem as problem:
            answer = answer.model_copy(update={"reasons": codes(problem)})
        else:
            if row["hold_id"] is not None:  # another item was taken than the one that was kept
                await commands.let_go(connection, row["hold_id"], "another-item-lent", now=asked.now)
            await connection.execute(_NOTE, asked.request_id, None)
            told = {
                "loan_id": loan["id"],
                "item_id": loan["item_id"],
                "barcode": loan["item_barcode"],
                "due_at": loan["due_at"],
            }
            answer = PartnerLoanMade.model_validate(answer.model_dump() | told)
        await outbox.record(connection, [answer])


async def take_back(connection: Connection, batch: Sequence[Heard]) -> None:
    """Interlibrary loan says that it is back, before anybody has scanned it."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, PartnerLoanOver)
        row, asked = await _newer(connection, event, heard)
        if row is None:
            continue
        try:
            async with connection.transaction():
                await commands.take_back(
                    connection, asked, item_id=event.item_id, loan_id=event.loan_id, desk=event.desk
                )
        except Problem as problem:
            await _refuse(connection, asked, event.item_id, "take-back", problem)


async def charge(connection: Connection, batch: Sequence[Heard]) -> None:
    """An owner wants its price, and the patron had the item: charged once, or interlibrary loan learns why not."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, PatronChargeWanted)
        row, asked = await _newer(connection, event, heard)
        if row is None:
            continue
        try:
            async with connection.transaction():
                await commands.charge_patron(
                    connection,
                    asked,
                    event.patron_ref,
                    amount=event.amount,
                    number=event.number,
                    why=event.why,
                )
        except Problem as problem:
            await _refuse(connection, asked, event.item_id, "charge", problem)


async def move_date(connection: Connection, batch: Sequence[Heard]) -> None:
    """An owner says until when, or we do."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, LoanDateMoved)
        asked = Asked(event.request_id, event.version, heard.time)
        try:
            async with connection.transaction():
                await commands.move_date(
                    connection,
                    asked,
                    item_id=event.item_id,
                    loan_id=event.loan_id,
                    due_at=event.due_at,
                    why=event.why,
                )
        except Problem as problem:
            await _refuse(connection, asked, event.item_id, "move-date", problem)


async def _refuse(connection: Connection, asked: Asked, item_id: UUID, act: str, problem: Problem) -> None:
    told = PartnerActRefused(
        version=asked.version,
        occurred_at=asked.now,
        request_id=asked.request_id,
        asked=asked.version,
        item_id=item_id,
        act=act,
        reasons=codes(problem),
    )
    await outbox.record(connection, [told])
