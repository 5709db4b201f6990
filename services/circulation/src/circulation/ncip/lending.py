"""CheckOutItem, CheckInItem and RenewItem: by the rules that hold at every desk, each once however often it comes."""

from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from chassis.edge import Once
from chassis.principal import SYSTEM
from circulation.interlibrary.commands import COMMENT, lent
from circulation.items import visiting
from circulation.loans import renewing
from circulation.loans.desk import Override
from circulation.loans.lending import CheckOut
from circulation.loans.renewing import Renewal
from circulation.loans.returning import Return, take_back_locked
from circulation.ncip import asking
from circulation.ncip.asking import Asked, Wrong
from circulation.ncip.looking import of_item
from circulation.places.library import Shelf
from contracts import ncip

LONGEST: Final = timedelta(days=3650)
_NOTE: Final = "INSERT INTO ncip_loan (loan_id, client, made_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
_ACCEPTED: Final = """
SELECT EXISTS (SELECT FROM ncip_request WHERE item_id = $1 AND client = $2 AND kind = 'accept')
"""


def _desired(asked: Asked) -> datetime | None:
    told = asked.body.get("DesiredDateDue")
    if told is None:
        return None
    due = datetime.fromisoformat(told)
    if not asked.now < due <= asked.now + LONGEST:
        raise Wrong(
            ncip.Problem("Invalid Date", "It lies ahead, by ten years at most.", "DesiredDateDue", told)
        )
    return due


async def check_out(asked: Asked) -> dict[str, Any]:
    """CheckOutItem: until the day that is desired, else as the policy has it. A loan of the very item to the very user
    is that loan."""
    row, item, desk = await asking.patron(asked), await asking.item(asked), asked.desk
    due = _desired(asked)
    once = Once(asked.client, f"ncip:lend:{item['id']}:{item['guard']}:{row['id']}", b"")
    override = Override(frozenset(), COMMENT, due_at=due) if due is not None else None
    told = CheckOut(row["id"], None, item["id"], None, desk.id, asked.now, override, once)
    async with asked.pool.acquire() as connection, connection.transaction():
        loan = await lent(connection, told, now=asked.now)
        await connection.execute(_NOTE, loan["id"], asked.client, asked.now)
        item = await asking.item(asked, by=connection)
    return (
        asked.item_id(item)
        | asked.user_id(row)
        | {"DateDue": loan["due_at"], "RenewalCount": loan.get("renewals", 0)}
        | _fields(asked, item)
    )


def _fields(asked: Asked, item: Any) -> dict[str, Any]:
    wanted = asked.body.get("ItemElementType", ())
    return {"ItemOptionalFields": of_item(item, wanted, now=asked.now)} if wanted else {}


async def check_in(asked: Asked) -> dict[str, Any]:
    """CheckInItem: the loan ends; what came from elsewhere by AcceptItem leaves, though nobody has borrowed it."""
    desk = asked.desk
    async with asked.pool.acquire() as connection, connection.transaction():
        item = await asking.item(asked, by=connection)
        accepted = await connection.fetchval(_ACCEPTED, item["id"], asked.client)
        if item["loan_id"] is None and not accepted:
            words = "It is lent to nobody."
            raise Wrong(ncip.Problem("Item Not Checked Out", words, "ItemIdentifierValue", item["barcode"]))
        if item["loan_id"] is not None:
            once = Once(asked.client, f"ncip:back:{item['loan_id']}", b"")
            told = Return(item["id"], None, desk.id, asked.now, once)
            await take_back_locked(connection, Shelf(connection), told, SYSTEM, now=asked.now)
        if accepted:
            await visiting.depart(connection, item["id"], asked.now)
    borrower = {"id": item["borrower"], "barcode": item["borrowers_card"]}
    told_whose = item["lent_by"] == asked.client and item["borrower"] is not None
    return asked.item_id(item) | (asked.user_id(borrower) if told_whose else {}) | _fields(asked, item)


async def renew(asked: Asked) -> dict[str, Any]:
    """RenewItem, once a day for a loan and a desired date: a message that comes again renews nothing more."""
    row, item, desk = await asking.patron(asked), await asking.item(asked), asked.desk
    if item["loan_id"] is None:
        raise Wrong(ncip.Problem("Item Not Checked Out", None, "ItemIdentifierValue", item["barcode"]))
    if item["borrower"] != row["id"]:
        raise Wrong(ncip.Problem("Item Not Checked Out By This User", None, "UserIdentifierValue"))
    due = _desired(asked)
    key = f"ncip:renew:{item['loan_id']}:{due and due.isoformat()}:{asked.now.date()}"
    told = Renewal(item["loan_id"], Once(asked.client, key, b""), desk_id=desk.id, seen=False)
    answer = await renewing.renew(asked.pool, Shelf(asked.pool), told, SYSTEM, now=asked.now)
    loan = orjson.loads(bytes(answer.body))
    return (
        asked.item_id(item)
        | asked.user_id(row)
        | {"DateDue": loan["due_at"], "RenewalCount": loan["renewals"]}
    )
