"""LookupUser and LookupItem: how somebody stands, and where something is. Only what is asked for is told."""

from datetime import datetime
from typing import Any, Final

import asyncpg

from circulation.interlibrary.rules import stops_patron
from circulation.ncip import asking
from circulation.ncip.asking import Asked, Row, unknown
from circulation.ncip.rules import BLOCKED, status_of
from circulation.patrons.standing import in_the_way, standing

MOST: Final = 200
_LOANS: Final = """
SELECT i.id, i.barcode, i.short_title, l.due_at FROM loan l JOIN item i ON i.id = l.item_id
WHERE l.patron_id = $1 AND l.returned_at IS NULL ORDER BY l.due_at, l.id LIMIT $2
"""
_HOLDS: Final = """
SELECT h.id, h.state, h.kind, h.position, h.placed_at, s.code AS pickup, i.id AS item_id, i.barcode, i.short_title
FROM hold h JOIN service_point s ON s.id = h.pickup_id LEFT JOIN item i ON i.id = h.item_id
WHERE h.patron_id = $1 AND h.state IN ('waiting', 'in-transit', 'ready') ORDER BY h.id LIMIT $2
"""


async def look_up_user(asked: Asked) -> dict[str, Any]:
    """LookupUser."""
    row = await asking.patron(asked)
    told = asked.user_id(row)
    if "UserFiscalAccountDesired" in asked.body:
        balance = {"CurrencyCode": asked.library.currency, "MonetaryValue": row["owed"]}
        told["UserFiscalAccount"] = [{"AccountBalance": balance}]
    if "LoanedItemsDesired" in asked.body:
        told["LoanedItem"] = [
            asked.item_id(loan) | {"DateDue": loan["due_at"], "Title": loan["short_title"]}
            for loan in await asked.pool.fetch(_LOANS, row["id"], MOST)
        ]
    if "RequestedItemsDesired" in asked.body:
        told["RequestedItem"] = [
            _held(asked, hold) for hold in await asked.pool.fetch(_HOLDS, row["id"], MOST)
        ]
    if fields := _of_user(asked, row):
        told["UserOptionalFields"] = fields
    return told


def _held(asked: Asked, hold: Row) -> dict[str, Any]:
    told: dict[str, Any] = {
        "RequestId": {"AgencyId": asked.agency, "RequestIdentifierValue": str(hold["id"])}
    }
    if hold["item_id"] is not None:
        told |= asked.item_id({"id": hold["item_id"], "barcode": hold["barcode"]})
    return told | {
        "RequestType": "Recall" if hold["kind"] == "recall" else "Hold",
        "RequestStatusType": "Available For Pickup" if hold["state"] == "ready" else "In Process",
        "DatePlaced": hold["placed_at"],
        "PickupLocation": hold["pickup"],
        "HoldQueuePosition": hold["position"],
        "Title": hold["short_title"],
    }


def _of_user(asked: Asked, row: asyncpg.Record) -> dict[str, Any]:
    wanted = set(asked.body.get("UserElementType", ()))
    told: dict[str, Any] = {}
    if "Name Information" in wanted:
        name = {"GivenName": row["given_name"], "Surname": row["family_name"]}
        parts = {part: value for part, value in name.items() if value}
        told["NameInformation"] = {"PersonalNameInformation": {"StructuredPersonalUserName": parts}}
    if "User Address Information" in wanted and row["email"]:
        address = {"ElectronicAddressType": "mailto", "ElectronicAddressData": row["email"]}
        told["UserAddressInformation"] = [{"UserAddressRoleType": "Notice", "ElectronicAddress": address}]
    if "User Language" in wanted and row["language"]:
        told["UserLanguage"] = [row["language"]]
    if "User Privilege" in wanted:
        privilege = {"AgencyId": asked.agency, "AgencyUserPrivilegeType": row["group_code"]}
        if row["expires_at"] is not None:
            privilege["ValidToDate"] = row["expires_at"]
        status = "OK" if row["active"] else "Inactive"
        told["UserPrivilege"] = [privilege | {"UserPrivilegeStatus": {"UserPrivilegeStatusType": status}}]
    if "Block Or Trap" in wanted:
        told["BlockOrTrap"] = [
            {"AgencyId": asked.agency, "BlockOrTrapType": words}
            for action, words in BLOCKED.items()
            if stops(asked, row, action, asked.now)
        ]
    return {name: value for name, value in told.items() if value}


def stops(asked: Asked, row: asyncpg.Record, action: str, now: datetime) -> list[str]:
    """What keeps the user from it, as codes."""
    beyond = in_the_way(standing(row), asked.library.groups.get(row["group_code"]), action)
    return stops_patron(
        active=row["active"],
        expires_at=row["expires_at"],
        blocked=action in row["kept_from"],
        beyond=beyond,
        now=now,
    )


async def look_up_item(asked: Asked) -> dict[str, Any]:
    """LookupItem, by the item's number or by the request that it was asked for under."""
    if "ItemId" in asked.body:
        row = await asking.item(asked)
    else:
        row = await _of_request(asked)
    told = asked.named() | asked.item_id(row)
    if "CurrentBorrowerDesired" in asked.body and row["lent_by"] == asked.client:
        borrower = {"id": row["borrower"], "barcode": row["borrowers_card"]}
        told["ItemTransaction"] = {"CurrentBorrower": asked.user_id(borrower)}
    if fields := of_item(row, asked.body.get("ItemElementType", ()), now=asked.now):
        told["ItemOptionalFields"] = fields
    if told.get("RequestId") and "ItemId" in asked.body:
        told.pop("RequestId")
    return told


async def _of_request(asked: Asked) -> asyncpg.Record:
    made = await asking.request(asked)
    row = await asking.item_by_id(asked.pool, made["item_id"]) if made and made["item_id"] else None
    if row is None:
        raise unknown(asked.service, "Request", "RequestIdentifierValue", asked.request_id)
    return row


def of_item(row: Row, wanted: Any, *, now: datetime) -> dict[str, Any]:
    """ItemOptionalFields: those that are asked for; where none is, all of them."""
    wanted = set(wanted)

    def asked_for(name: str) -> bool:
        return not wanted or name in wanted

    told: dict[str, Any] = {}
    if asked_for("Bibliographic Description"):
        described = {"Author": row["short_author"], "Title": row["short_title"]}
        told["BibliographicDescription"] = {name: value for name, value in described.items() if value}
    if asked_for("Circulation Status"):
        reshelving = row["reshelving_until"] is not None and row["reshelving_until"] > now
        told["CirculationStatus"] = status_of(row["state"], reshelving=reshelving)
    if asked_for("Hold Queue Length"):
        told["HoldQueueLength"] = row["queue_length"]
    if asked_for("Item Description") and row["call_number"]:
        told["ItemDescription"] = {"CallNumber": row["call_number"]}
    if asked_for("Location") and row["location"]:
        instance = {"LocationNameLevel": 1, "LocationNameValue": row["location"]}
        place = {"LocationType": "Permanent Location", "LocationName": {"LocationNameInstance": [instance]}}
        told["Location"] = [place]
    if row["due_at"] is not None and row["loan_id"] is not None:
        told["DateDue"] = row["due_at"]
    return told
