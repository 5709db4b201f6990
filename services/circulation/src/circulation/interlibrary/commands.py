"""Copies are kept for partners, lent to them, and taken back; all by the rules that hold for everybody else."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson

from chassis.database import Connection
from chassis.edge import Once
from chassis.principal import SYSTEM
from chassis.problems import NotFound, Problem, Reason, Refused
from circulation.fees.charging import charge
from circulation.fees.rules import Money
from circulation.holds import queue
from circulation.holds.commands import place_within
from circulation.holds.considering import ITEMS, facts_of
from circulation.holds.looking import Placing
from circulation.holds.passing import pass_on
from circulation.holds.rules import HoldState
from circulation.interlibrary.rules import Copy, may_go, to_be_tried, why_none
from circulation.items.rules import State
from circulation.loans.desk import Override
from circulation.loans.lending import CheckOut, decide, look_check_out
from circulation.loans.redating import redate
from circulation.loans.returning import Return, take_back_locked
from circulation.loans.unhurried import check_out_locked, lock
from circulation.places.library import Desk, Library, Shelf, read_library
from circulation.registration.aliases import alias_of
from contracts.circulation import HoldCancelled
from contracts.money import Amount

COMMENT = "interlibrary loan"
_PATRON = "SELECT id, group_code FROM patron WHERE id = $1"
_KEPT = """
SELECT id, barcode, title_ids, short_title, library, location, call_number FROM item WHERE hold_id = $1
ORDER BY id LIMIT 1
"""
_LOAN = "SELECT l.id, l.version, l.patron_id FROM item i JOIN loan l ON l.id = i.loan_id WHERE i.id = $1"


class PartnerRefused(Refused):
    """It cannot be done for this partner; every reason is given."""

    code, title = "partner-refused", "This cannot be done for this partner."


@dataclass(frozen=True, slots=True)
class Wished:
    """Which copies count, where not every one does."""

    library: str | None = None
    besides: tuple[UUID, ...] = ()


ANY: Final = Wished()


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of interlibrary loan's."""

    request_id: UUID
    version: int
    now: datetime

    @property
    def once(self) -> Once:
        """What makes its effect one, whatever is tried again."""
        return Once("interlibrary-loan", f"{self.request_id}:{self.version}", b"")


def codes(problem: Problem) -> tuple[str, ...]:
    """The reasons of a refusal; the problem itself where it names none."""
    return tuple(str(reason.code) for reason in problem.reasons) or (problem.code,)


async def partner_of(connection: Connection, patron_id: UUID) -> asyncpg.Record:
    """The partner's registration, under whichever id it goes now."""
    row = await connection.fetchrow(_PATRON, patron_id)
    if row is None and (alias := await alias_of(connection, patron_id=patron_id, barcode=None)):
        row = await connection.fetchrow(_PATRON, alias.patron_id)
    if row is None:
        raise NotFound(reasons=[Reason("patron-unknown", "The partner is not registered here.")])
    return row


def desk_of(library: Library, code: str) -> Desk:
    """The service point from which things go out to partners."""
    desk = library.by_code.get(code)
    if desk is None:
        raise PartnerRefused(reasons=[Reason("desk-unknown", f"There is no service point {code!r}.")])
    return desk


async def keep(
    connection: Connection,
    asked: Asked,
    patron_id: UUID,
    *,
    title_ids: tuple[UUID, ...],
    barcode: str | None,
    desk: str,
    wished: Wished = ANY,
) -> tuple[UUID, asyncpg.Record]:
    """Page a copy for the partner: the hold, and the copy. Nobody who waits is passed over, and nothing is recalled."""
    shelf = Shelf(connection)
    library = await shelf.fresh()
    point, partner = desk_of(library, desk), await partner_of(connection, patron_id)
    wanted, copies = await _candidates(
        connection, library, point, partner["group_code"], title_ids, barcode, wished
    )
    refusal: Problem | None = None
    for item_id in wanted:
        told = Placing(partner["id"], None, None, item_id, point.id, "page")
        try:
            async with connection.transaction():
                hold = await place_within(connection, shelf, told, SYSTEM, now=asked.now)
                kept = await connection.fetchrow(_KEPT, hold["id"])
                if kept is not None:
                    return hold["id"], kept
                raise PartnerRefused(reasons=[Reason("none-on-shelf", "It has just gone to somebody.")])
        except Problem as problem:
            refusal = refusal or problem
    if refusal is not None:
        raise refusal
    raise PartnerRefused(
        reasons=[Reason(code, "No copy may go out to a partner now.") for code in why_none(copies)]
    )


async def hold_here(
    connection: Connection, asked: Asked, patron_id: UUID, *, title_ids: tuple[UUID, ...], pickup: str | None
) -> tuple[UUID, UUID]:
    """A hold of the patron's on the first of these titles that takes one: the hold, and its title."""
    shelf = Shelf(connection)
    library = await shelf.fresh()
    point, patron = desk_of(library, pickup or ""), await partner_of(connection, patron_id)
    refusal: Problem = PartnerRefused(reasons=[Reason("not-held", "None of these titles is here.")])
    for title_id in title_ids:
        try:
            async with connection.transaction():
                told = Placing(patron["id"], None, title_id, None, point.id, None)
                hold = await place_within(connection, shelf, told, SYSTEM, now=asked.now)
                return hold["id"], title_id
        except Problem as problem:
            refusal = problem
    raise refusal


async def _candidates(
    connection: Connection,
    library: Library,
    desk: Desk,
    group: str,
    title_ids: tuple[UUID, ...],
    barcode: str | None,
    wished: Wished,
) -> tuple[list[UUID], dict[UUID, list[Copy]]]:
    """The copies to try, in order, and what was seen of all."""
    if barcode is not None:
        row = await connection.fetchrow("SELECT id, title_ids FROM item WHERE barcode = $1", barcode)
        if row is None:
            raise NotFound(reasons=[Reason("item-unknown", "There is no such item.")])
        return [row["id"]], {}
    seen = {}
    for title_id in title_ids:
        items = await connection.fetch(ITEMS, title_id, desk.library, None)
        copies = [_copy(library, group, item) for item in items]
        seen[title_id] = to_be_tried(copies, library=wished.library, besides=wished.besides)
    return [item_id for copies in seen.values() for item_id in may_go(copies)], seen


def _copy(library: Library, group: str, item: asyncpg.Record) -> Copy:
    policy = library.rules.loan.get(library.rules.winning(facts_of(group, item)).loan)
    free = item["state"] == State.AVAILABLE and item["hold_id"] is None and item["withdrawal_id"] is None
    return Copy(item["id"], free, policy is not None and policy.loanable, item["library"])


async def let_go(connection: Connection, hold_id: UUID, reason: str, *, now: datetime) -> None:
    """End the partner's hold, if it is open still; the copy goes to whoever waits, or stays where it stands."""
    row = await queue.locked(connection, hold_id, ending=True)
    if row is None or row["state"] not in queue.OPEN_STATES:
        return
    change = queue.Change(HoldState.CANCELLED, reason=reason)
    await queue.change(connection, hold_id, change, HoldCancelled, now=now, reason=reason)
    await pass_on(connection, await read_library(connection), hold_id, now=now)


async def lend(
    connection: Connection,
    asked: Asked,
    patron_id: UUID,
    *,
    item_id: UUID | None,
    barcode: str | None,
    desk: str,
    due_at: datetime,
) -> dict[str, Any]:
    """Check it out to the partner, until the day that it was told; the loan as an answer at the desk tells it."""
    shelf = Shelf(connection)
    library = await shelf.fresh()
    point, partner = desk_of(library, desk), await partner_of(connection, patron_id)
    told = CheckOut(
        partner["id"],
        None,
        None if barcode else item_id,
        barcode,
        point.id,
        asked.now,
        Override(frozenset(), COMMENT, due_at=due_at),
        asked.once,
    )
    return await lent(connection, told, now=asked.now)


async def lent(connection: Connection, told: CheckOut, *, now: datetime) -> dict[str, Any]:
    """The loan that is wanted: the one that the borrower has of this item already, or a new one."""
    shelf = Shelf(connection)
    seen = await look_check_out(connection, shelf, told, now)
    if seen["loan_id"] is not None and seen["lent_to"] == seen["patron_id"]:
        loan = await connection.fetchrow("SELECT * FROM loan WHERE id = $1", seen["loan_id"])
        assert loan is not None
        return {
            "id": str(loan["id"]),
            "item_id": str(loan["item_id"]),
            "item_barcode": seen["item_barcode"],
            "due_at": loan["due_at"].isoformat(),
            "renewals": loan["renewals"],
        }
    decide(seen, told, SYSTEM, now=now)
    await lock(connection, seen)
    answer = await check_out_locked(connection, shelf, told, SYSTEM, now=now)
    made: dict[str, Any] = orjson.loads(bytes(answer.body))
    return made


async def take_back(connection: Connection, asked: Asked, *, item_id: UUID, loan_id: UUID, desk: str) -> None:
    """Check it in, unless that was done; the desk that scans it learns where it goes next."""
    loan = await connection.fetchrow(_LOAN, item_id)
    if loan is None or loan["id"] != loan_id:
        return
    point = desk_of(await read_library(connection), desk)
    told = Return(item_id, None, point.id, asked.now, asked.once)
    await take_back_locked(connection, Shelf(connection), told, SYSTEM, now=asked.now)


CHARGED = "interlibrary-loan"
_WHY: Final = {
    "not-returned": "{number} was not returned to its owner.",
    "damaged": "{number} came back to its owner damaged.",
}
_LOCK_PATRON = "SELECT id FROM patron WHERE id = $1 FOR NO KEY UPDATE"


async def charge_patron(
    connection: Connection,
    asked: Asked,
    patron_id: UUID,
    *,
    amount: Amount,
    number: str,
    why: str = "not-returned",
) -> None:
    """Charge a patron what an owner wants for its item, in the currency in which accounts are kept here."""
    library = await read_library(connection)
    if amount.currency != library.currency:
        text = f"Accounts are kept in {library.currency}, and the owner wants {amount.currency}."
        raise PartnerRefused(reasons=[Reason("currency-differs", text)])
    patron = await partner_of(connection, patron_id)
    await connection.execute(_LOCK_PATRON, patron["id"])
    await charge(
        connection,
        patron_id=patron["id"],
        loan_id=None,
        item_id=None,
        kind=CHARGED,
        policy=None,
        amount=Money(amount.minor, amount.currency),
        now=asked.now,
        note=_WHY.get(why, "{number}: its owner asks for this.").format(number=number),
    )


async def move_date(
    connection: Connection, asked: Asked, *, item_id: UUID, loan_id: UUID | None, due_at: datetime, why: str
) -> None:
    """Set the due time of the loan of what belongs to another library, or is with one; none is out: nothing to do."""
    loan = await connection.fetchrow(_LOAN, item_id)
    if loan is None or loan_id not in (None, loan["id"]):
        return
    await redate(
        connection,
        Shelf(connection),
        asked.once,
        loan["id"],
        due_at,
        COMMENT,
        SYSTEM,
        expected=loan["version"],
        now=asked.now,
        why=why,
    )
