"""Who asks what, and whom and what it is about; found out once for every service."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from chassis.database import Connection
from chassis.principal import Principal
from circulation.loans.desk import refuse_elsewhere
from circulation.patrons.standing import OUT
from circulation.pins.commands import verified
from circulation.places.library import Desk, Library
from circulation.registration.aliases import alias_of
from circulation.registration.apart import within
from contracts import ncip

Body = Mapping[str, Any]
Row = asyncpg.Record | Mapping[str, Any]

_PATRON: Final = f"""
SELECT p.id, p.barcode, p.group_code, p.family_name, p.given_name, p.email, p.language, p.library, p.expires_at,
    p.active, p.owed, {OUT.format(now="$2::timestamptz")},
    ARRAY(SELECT DISTINCT a FROM patron_block b, unnest(b.actions) a
        WHERE b.patron_id = p.id AND (b.expires_at IS NULL OR b.expires_at > $2)) AS kept_from
FROM patron p WHERE p.id = $1
"""  # noqa: S608 - our own text
_ITEM: Final = """
SELECT i.*, (SELECT count(*) FROM hold h WHERE h.title_id = ANY (i.title_ids)
    AND h.state IN ('waiting', 'in-transit', 'ready')) AS queue_length,
    l.patron_id AS borrower, p.barcode AS borrowers_card, n.client AS lent_by
FROM item i LEFT JOIN loan l ON l.id = i.loan_id LEFT JOIN patron p ON p.id = l.patron_id
LEFT JOIN ncip_loan n ON n.loan_id = i.loan_id
"""
_REQUEST: Final = "SELECT * FROM ncip_request WHERE client = $1 AND request_id = $2"


class Wrong(Exception):
    """It is not done; the problems say why."""

    def __init__(self, *problems: ncip.Problem) -> None:
        super().__init__(", ".join(problem.type for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Asked:
    """A message under one's hand."""

    pool: asyncpg.Pool
    library: Library
    asker: Principal
    now: datetime
    service: str
    body: Body

    @property
    def client(self) -> str:
        """Whose requests these are."""
        return str(self.asker.actor)

    @property
    def agency(self) -> str:
        """As which we were spoken to."""
        told: str = self.body.get("InitiationHeader", {}).get("ToAgencyId", {}).get("AgencyId") or "CARREL"
        return told

    @property
    def desk(self) -> Desk:
        """The service point of whoever asks."""
        desk = self.library.desks.get(self.asker.service_point_id) if self.asker.service_point_id else None
        if desk is None:
            raise Wrong(ncip.Problem("Needed Data Missing", "The key that asks has no service point."))
        refuse_elsewhere(self.library, self.asker, None)
        return desk

    @property
    def pickup(self) -> Desk:
        """Where it is to be fetched: as the message says, else where the machine stands."""
        told = self.body.get("PickupLocation")
        if told is None:
            return self.desk
        desk = self.library.by_code.get(told)
        if desk is None:
            raise Wrong(
                ncip.Problem(
                    "Unknown Value From Known Scheme", "No service point.", "PickupLocation", told[:100]
                )
            )
        refuse_elsewhere(self.library, self.asker, desk.id)
        return desk

    @property
    def request_id(self) -> str | None:
        """Its RequestId: agency and value."""
        told = self.body.get("RequestId")
        if told is None:
            return None
        return f"{told.get('AgencyId', '')}:{told['RequestIdentifierValue']}"[:300]

    def digest(self, *names: str) -> str:
        """Of what a message asks for, without its headers."""
        told = json.dumps([self.service, {name: self.body.get(name) for name in names}], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()

    # --- in answers ---

    def user_id(self, row: Row) -> dict[str, Any]:
        """A UserId."""
        card, by = row["barcode"] or str(row["id"]), "Barcode Id" if row["barcode"] else "Patron Id"
        return {"UserId": ncip.identifier("User", card, agency=self.agency, kind=by)}

    def item_id(self, row: Row) -> dict[str, Any]:
        """An ItemId."""
        number, by = row["barcode"] or str(row["id"]), "Barcode" if row["barcode"] else "Item Id"
        return {"ItemId": ncip.identifier("Item", number, agency=self.agency, kind=by)}

    def named(self) -> dict[str, Any]:
        """The RequestId as it was told."""
        return {"RequestId": self.body["RequestId"]} if "RequestId" in self.body else {}


def unknown(service: str, what: str, element: str, value: str | None = None) -> Wrong:
    """There is no such user, item or request, or it is not to be known of."""
    return Wrong(ncip.Problem(f"Unknown {what}", None, element, value[:100] if value else None))


async def patron(asked: Asked, by: Connection | asyncpg.Pool | None = None) -> asyncpg.Record:
    """The user that a message names: by card or our id, or by card and PIN; `Wrong` where there is none."""
    by = by or asked.pool
    if "UserId" in asked.body:
        value = asked.body["UserId"]["UserIdentifierValue"]
        patron_id = await _named(by, value)
    else:
        value, patron_id = None, await _proven(asked)
    row = await by.fetchrow(_PATRON, patron_id, asked.now) if patron_id else None
    theirs = within(asked.asker, asked.library)
    if row is None or (theirs is not None and row["library"] is not None and row["library"] not in theirs):
        raise unknown(asked.service, "User", "UserIdentifierValue", value)
    return row


async def _named(by: Connection | asyncpg.Pool, value: str) -> UUID | None:
    found: UUID | None = await by.fetchval("SELECT id FROM patron WHERE barcode = $1", value)
    if found is None and (told := _uuid(value)) is not None:
        found = await by.fetchval("SELECT id FROM patron WHERE id = $1", told)
    if found is None and (alias := await alias_of(by, patron_id=_uuid(value), barcode=value)):
        return None if alias.replaced else alias.patron_id
    return found


async def _proven(asked: Asked) -> UUID:
    """Whose card and PIN these are: every guess counts, at this door as at every other."""
    if not asked.asker.may("pins:verify"):
        raise Wrong(ncip.Problem("Unauthorized Service For Agency", "This needs the scope pins:verify."))
    told = {
        each["AuthenticationInputType"].lower(): each["AuthenticationInputData"]
        for each in asked.body["AuthenticationInput"]
    }
    card = told.get("barcode id") or told.get("barcode") or told.get("user id")
    pin = told.get("pin") or told.get("password")
    if card is None or pin is None:
        words = "Tell a Barcode Id and a PIN."
        raise Wrong(ncip.Problem("Needed Data Missing", words, "AuthenticationInputType"))
    found = await verified(
        asked.pool, asked.library.card_pin.as_rule(), pin, barcode=card[:100], now=asked.now
    )
    if found is None:
        raise Wrong(ncip.Problem("User Authentication Failed", None, "AuthenticationInputData"))
    return found[0]


def _uuid(value: str) -> UUID | None:
    try:
        return UUID(value)
    except ValueError:
        return None


async def item(
    asked: Asked, told: Body | None = None, by: Connection | asyncpg.Pool | None = None
) -> asyncpg.Record:
    """The item that an ItemId names, by barcode or our id; `Wrong` where there is none."""
    value = (told or asked.body["ItemId"])["ItemIdentifierValue"]
    by = by or asked.pool
    row = await by.fetchrow(_ITEM + "WHERE i.barcode = $1", value)
    if row is None and (item_id := _uuid(value)) is not None:
        row = await by.fetchrow(_ITEM + "WHERE i.id = $1", item_id)
    if row is None:
        raise unknown(asked.service, "Item", "ItemIdentifierValue", value)
    return row


async def item_by_id(by: Connection | asyncpg.Pool, item_id: UUID) -> asyncpg.Record | None:
    """An item that is known by its id."""
    return await by.fetchrow(_ITEM + "WHERE i.id = $1", item_id)


async def request(asked: Asked, by: Connection | asyncpg.Pool | None = None) -> asyncpg.Record | None:
    """What the machine has asked for under this RequestId before."""
    return await (by or asked.pool).fetchrow(_REQUEST, asked.client, asked.request_id)
