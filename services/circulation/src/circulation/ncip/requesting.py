"""RequestItem, CancelRequestItem and AcceptItem: each is done once under its RequestId, wholly or not at all."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import asyncpg

from chassis.database import Connection
from chassis.ids import uuid7
from chassis.principal import SYSTEM
from circulation.holds.commands import place_within
from circulation.holds.looking import Placing
from circulation.holds.queue import OPEN_STATES
from circulation.interlibrary.commands import let_go
from circulation.items import visiting
from circulation.ncip import asking
from circulation.ncip.asking import Asked, Wrong, unknown
from circulation.ncip.looking import of_item
from circulation.ncip.rules import is_hold, kind_of, problem_type
from circulation.places.library import Shelf
from circulation.titles import queries as titles
from contracts import ncip
from contracts.ill import BorrowedItemArrived

WITHDRAWN: Final = "interlibrary-cancelled"
_CLAIM: Final = """
INSERT INTO ncip_request (client, request_id, kind, wish, patron_id, made_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING RETURNING true
"""
_MADE: Final = "UPDATE ncip_request SET hold_id = $3, item_id = $4 WHERE client = $1 AND request_id = $2"
_KEPT: Final = "SELECT id FROM item WHERE hold_id = $1 ORDER BY id LIMIT 1"
_HOLD: Final = "SELECT state, patron_id FROM hold WHERE id = $1"


async def _claimed(
    connection: Connection, asked: Asked, request_id: str, kind: str, patron_id: UUID, wish: str
) -> asyncpg.Record | None:
    """Take the RequestId; what was made under it, where that was done before. Another wish under it is a duplicate."""
    if await connection.fetchval(_CLAIM, asked.client, request_id, kind, wish, patron_id, asked.now):
        return None
    made = await connection.fetchrow(
        "SELECT * FROM ncip_request WHERE client = $1 AND request_id = $2", asked.client, request_id
    )
    assert made is not None, "it was there a moment ago, and is never deleted"
    if (made["kind"], made["wish"]) != (kind, wish):
        words = "Something else was asked for under this id."
        raise Wrong(ncip.Problem("Duplicate Request", words, "RequestIdentifierValue", request_id[:100]))
    return made


async def request_item(asked: Asked) -> dict[str, Any]:
    """RequestItem: a hold for the user, a page where a copy stands on its shelf."""
    row, pickup = await asking.patron(asked), asked.pickup
    item_id, title_id = await _wanted(asked)
    wish = asked.digest("UserId", "ItemId", "BibliographicId", "RequestType", "PickupLocation")
    request_id = asked.request_id or f"{asked.agency}:{uuid7()}"
    async with asked.pool.acquire() as connection, connection.transaction():
        made = await _claimed(connection, asked, request_id, "request", row["id"], wish)
        if made is None:
            told = Placing(row["id"], None, title_id, item_id, pickup.id, kind_of(asked.body["RequestType"]))
            hold = await place_within(connection, Shelf(connection), told, SYSTEM, now=asked.now)
            kept = item_id or await connection.fetchval(_KEPT, hold["id"])
            await connection.execute(_MADE, asked.client, request_id, hold["id"], kept)
        else:
            kept = made["item_id"]
        item = await asking.item_by_id(connection, kept) if kept is not None else None
    agency, _, value = request_id.rpartition(":")
    named = asked.named() or {"RequestId": ncip.identifier("Request", value, agency=agency)}
    return (
        named
        | (asked.item_id(item) if item else {})
        | asked.user_id(row)
        | {"RequestType": asked.body["RequestType"]}
        | {"RequestScopeType": asked.body["RequestScopeType"]}
        | ({"ItemOptionalFields": of_item(item, (), now=asked.now)} if item else {})
    )


async def _wanted(asked: Asked) -> tuple[UUID | None, UUID | None]:
    """The item, or else the title: by the id that our catalogue has for its record."""
    if told := asked.body.get("ItemId"):
        return (await asking.item(asked, told[0]))["id"], None
    value = (
        asked.body["BibliographicId"][0]
        .get("BibliographicRecordId", {})
        .get("BibliographicRecordIdentifier", "")
    )
    try:
        return None, await titles.current(asked.pool, UUID(value))
    except ValueError:
        raise unknown(asked.service, "Item", "BibliographicRecordIdentifier", value) from None


async def cancel_request(asked: Asked) -> dict[str, Any]:
    """CancelRequestItem: the hold that the machine placed ends; one that has ended already is told as such."""
    row = await asking.patron(asked)
    async with asked.pool.acquire() as connection, connection.transaction():
        made = await _placed(asked, connection)
        if made is None or made["hold_id"] is None or made["patron_id"] != row["id"]:
            raise unknown(asked.service, "Request", "RequestIdentifierValue", asked.request_id)
        await let_go_once(connection, asked, made["hold_id"])
        item = await asking.item_by_id(connection, made["item_id"]) if made["item_id"] else None
    told = asked.named() or (asked.item_id(item) if item else {})
    return told | asked.user_id(row)


async def let_go_once(connection: Connection, asked: Asked, hold_id: UUID) -> None:
    """End an open hold; `Wrong` where it has ended otherwise than by this."""
    hold = await connection.fetchrow(_HOLD, hold_id)
    if hold is None or hold["state"] not in (*OPEN_STATES, "cancelled"):
        raise Wrong(ncip.Problem("Request Already Processed", f"It is {hold and hold['state']}."))
    await let_go(connection, hold_id, WITHDRAWN, now=asked.now)


async def _placed(asked: Asked, connection: Connection) -> asyncpg.Record | None:
    if "RequestId" in asked.body:
        return await asking.request(asked, connection)
    item = await asking.item(asked, by=connection)
    return await connection.fetchrow(
        "SELECT r.* FROM ncip_request r WHERE r.client = $1 AND r.item_id = $2 ORDER BY r.made_at DESC LIMIT 1",
        asked.client,
        item["id"],
    )


async def accept_item(asked: Asked) -> dict[str, Any]:
    """AcceptItem: what comes from elsewhere is an item here, kept for its user. Refused, nothing of it is left."""
    if not is_hold(asked.body["RequestedActionType"]):
        words = "What arrives is kept for its user: Hold For Pickup."
        told = asked.body["RequestedActionType"][:100]
        raise Wrong(ncip.Problem("Element Rule Violated", words, "RequestedActionType", told))
    if "UserId" not in asked.body:
        raise Wrong(ncip.Problem("Needed Data Missing", "For whom is it?", "UserId"))
    row, pickup = await asking.patron(asked), asked.pickup
    wish = asked.digest("UserId", "ItemId", "PickupLocation")
    request_id = asked.request_id or ""
    barcode = asked.body.get("ItemId", asked.body["RequestId"])
    number = barcode.get("ItemIdentifierValue") or barcode["RequestIdentifierValue"]
    async with asked.pool.acquire() as connection, connection.transaction():
        made = await _claimed(connection, asked, request_id, "accept", row["id"], wish)
        if made is None:
            item_id = uuid7()
            event = _arrival(asked, item_id, row["id"], number, pickup.code)
            hold_id, reasons = await visiting.take_in(connection, event, 1, asked.now) or (None, ())
            if hold_id is None or reasons:
                raise Wrong(
                    *(
                        ncip.Problem(problem_type(asked.service, code), code)
                        for code in reasons or ("refused",)
                    )
                )
            await connection.execute(_MADE, asked.client, request_id, hold_id, item_id)
    return asked.named() | {"ItemId": ncip.identifier("Item", number, agency=asked.agency, kind="Barcode")}


def _arrival(asked: Asked, item_id: UUID, patron_id: UUID, barcode: str, pickup: str) -> BorrowedItemArrived:
    described: Mapping[str, Any] = asked.body.get("ItemOptionalFields", {}).get(
        "BibliographicDescription", {}
    )
    return BorrowedItemArrived(
        version=1,
        occurred_at=asked.now,
        item_id=item_id,
        title_id=uuid7(),
        request_id=item_id,
        barcode=barcode[:100],
        short_title=described.get("Title") or barcode,
        short_author=described.get("Author"),
        patron_ref=patron_id,
        pickup=pickup,
    )
