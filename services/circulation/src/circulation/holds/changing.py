"""What becomes of a hold while it waits: suspended, resumed, moved to another copy, changed.

Each holds the title's queue while it looks and writes, and of its copies those that it is about.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from chassis import etags
from chassis.database import Connection
from chassis.principal import Principal
from chassis.problems import NotFound, Reason, Refused
from circulation.holds import queue
from circulation.holds.choosing import keep, to_fetch
from circulation.holds.considering import as_it_waits
from circulation.holds.ending import HoldClosed
from circulation.holds.looking import address_there
from circulation.holds.passing import pass_on
from circulation.holds.recalling import lift, recall
from circulation.holds.rules import (
    CHANGE_TEXTS,
    OPEN,
    TEXTS,
    Candidate,
    ChangeRefusal,
    HoldRefusal,
    HoldState,
    expiry_refusals,
    fitting,
    kind_after_move,
    move_refusals,
    pickup_points,
    refusals,
    suspension_refusals,
)
from circulation.places.library import Library
from contracts.circulation import HoldMoved, HoldResumed, HoldSuspended, HoldUpdated


class HoldNotChanged(Refused):
    """The hold cannot be changed so; every reason is given."""

    code, title = "hold-not-changed", "This hold cannot be changed so."


def change_reasons(found: list[ChangeRefusal], pointer: str | None = None) -> list[Reason]:
    """Refusals as reasons."""
    return [Reason(each, CHANGE_TEXTS[each][0], pointer, CHANGE_TEXTS[each][1]) for each in found]


async def _own(
    connection: Connection,
    hold_id: UUID,
    principal: Principal,
    *,
    item_id: UUID | None = None,
    out: bool = False,
) -> asyncpg.Record:
    """An open hold that the asker may change, held from now on; another's does not exist for a patron."""
    row = await queue.locked(connection, hold_id, item_id=item_id, out=out)
    if row is None or (not principal.may("holds:manage") and row["patron_id"] != principal.patron_id):
        raise NotFound("There is no such hold.")
    if row["state"] not in OPEN:
        raise HoldClosed(reasons=[Reason("hold-closed", f"It is {row['state']}.")])
    return row


async def suspend(
    connection: Connection,
    library: Library,
    hold_id: UUID,
    principal: Principal,
    *,
    until: datetime | None,
    now: datetime,
) -> asyncpg.Record:
    """Pass a hold over for a while; it keeps its place. A copy kept on the shelf for it goes to the next."""
    row = await _own(connection, hold_id, principal)
    found = suspension_refusals(queue.waiting_of(row), until=until, expires_at=row["expires_at"], now=now)
    if found:
        raise HoldNotChanged(reasons=change_reasons(found, "/until"))
    await connection.execute(
        "UPDATE hold SET suspended_at = coalesce(suspended_at, $2), suspended_until = $3, version = version + 1 "
        "WHERE id = $1",
        hold_id,
        now,
        until,
    )
    told = await queue.tell(connection, hold_id, HoldSuspended, now=now)
    await pass_on(connection, library, hold_id, now=now)
    return told


async def resume(
    connection: Connection, library: Library, hold_id: UUID, principal: Principal, *, now: datetime
) -> asyncpg.Record:
    """Let a hold wait again at its old place."""
    row = await _own(connection, hold_id, principal, out=True)
    if not row["suspended"]:
        raise HoldNotChanged(reasons=change_reasons([ChangeRefusal.NOT_SUSPENDED]))
    return await _resume(connection, library, row, reason="resumed", now=now)


async def resume_due(connection: Connection, library: Library, hold_id: UUID, *, now: datetime) -> bool:
    """Resume a hold whose suspension has ended."""
    row = await queue.locked(connection, hold_id, out=True)
    if row is None or row["suspended_until"] is None or row["suspended_until"] > now:
        return False
    await _resume(connection, library, row, reason="suspension-ended", now=now)
    return True


async def _resume(
    connection: Connection, library: Library, row: asyncpg.Record, *, reason: str, now: datetime
) -> asyncpg.Record:
    """A copy that came to its shelf meanwhile is paged; a page whose copy went to another waits as a hold."""
    copy = await to_fetch(connection, library, row, now=now)
    kind = "page" if copy is not None else "hold" if row["kind"] == "page" else row["kind"]
    await connection.execute(
        "UPDATE hold SET suspended_at = NULL, suspended_until = NULL, kind = $2, version = version + 1 "
        "WHERE id = $1",
        row["id"],
        kind,
    )
    await _look_again(connection, row)
    told = await queue.tell(connection, row["id"], HoldResumed, now=now, reason=reason)
    if copy is not None:
        await keep(connection, library, copy, row["id"], row["patron_id"], now=now)
    return told


async def _look_again(connection: Connection, row: asyncpg.Record) -> None:
    """Who waits for a copy that is out is no longer what a desk may have read; those copies are held."""
    await connection.execute(
        "UPDATE item SET guard = guard + 1 "
        "WHERE title_ids @> ARRAY[$1::uuid] AND (loan_id IS NOT NULL OR transit_to IS NOT NULL)",
        row["title_id"],
    )


async def move(
    connection: Connection,
    library: Library,
    hold_id: UUID,
    principal: Principal,
    *,
    item_id: UUID,
    now: datetime,
) -> asyncpg.Record:
    """Fill a hold by another copy of its title: paged when it is on its shelf, recalled when that was wanted.

    The hold keeps its place. A copy that was kept for it goes to the next. A loan that was recalled for it keeps
    its due time, since its borrower has been told, and is recalled no more unless another recall takes it over.
    """
    row = await _own(connection, hold_id, principal, item_id=item_id)
    if await connection.fetchval("SELECT true FROM item WHERE id = $1", item_id) is None:
        unknown = Reason("item-unknown", "There is no such item.", "/item_id")
        raise NotFound("There is no such item.", reasons=[unknown])
    seen = await as_it_waits(connection, library, row, kind=None, item_id=item_id)
    copies = [] if seen is None else fitting(seen.wish)
    if seen is None or not copies:
        other = Reason(HoldRefusal.ITEM_OF_OTHER_TITLE, TEXTS[HoldRefusal.ITEM_OF_OTHER_TITLE], "/item_id")
        raise HoldNotChanged(reasons=[other])
    held = queue.waiting_of(row)
    kept = await connection.fetchval(
        "SELECT id FROM item WHERE title_ids @> ARRAY[$1::uuid] AND hold_id = $2", row["title_id"], hold_id
    )
    same = item_id in (row["item_id"], kept)
    kind = kind_after_move(held, row["kind"], copies[0], seen.wish)
    reasons = change_reasons(move_refusals(held, kind, same=same))
    if held.volume is not None and copies[0].volume != held.volume:
        reasons += change_reasons([ChangeRefusal.OTHER_VOLUME], "/item_id")
    wish = replace(seen.wish, kind=kind or row["kind"])
    if not same:
        reasons += [Reason(each, TEXTS[each], "/item_id") for each in refusals(wish, now=now)]
    if reasons or kind is None:
        raise HoldNotChanged(reasons=reasons)
    await connection.execute(
        "UPDATE hold SET kind = $2, item_id = CASE WHEN level = 'item' THEN $3::uuid END, policy = $4, "
        "  version = version + 1 WHERE id = $1",
        hold_id,
        kind,
        item_id,
        copies[0].policy.code,
    )
    told = await queue.tell(
        connection,
        hold_id,
        HoldMoved,
        now=now,
        to_item_id=item_id,
        previous_item_id=row["item_id"] or kept,
        previous_kind=row["kind"],
    )
    # A desk that has read who waits for it looks again.
    await connection.execute("UPDATE item SET guard = guard + 1 WHERE id = $1", item_id)
    await lift(connection, hold_id, now=now)
    await pass_on(connection, library, hold_id, now=now)
    if kind == "page":
        item = next(item for item in seen.items if item["id"] == item_id)
        await keep(connection, library, item, hold_id, row["patron_id"], now=now)
    if kind == "recall":
        again = replace(seen, wish=wish)
        await recall(connection, library, again, hold_id, now=now)
    return told


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be changed; what is not named stays."""

    pickup_id: UUID | None = None
    expires_at: datetime | None = None
    sets_expiry: bool = False
    fulfilment: str | None = None
    delivery_address_type: str | None = None


async def change(
    connection: Connection,
    library: Library,
    hold_id: UUID,
    principal: Principal,
    wanted: Wanted,
    *,
    expected: int,
    now: datetime,
) -> asyncpg.Record:
    """Pick it up elsewhere, or wait for longer or less long."""
    row = await _own(connection, hold_id, principal)
    etags.guard(expected=expected, found=row["version"])
    fields: dict[str, Any] = {}
    if wanted.pickup_id is not None and wanted.pickup_id != row["pickup_id"]:
        fields["pickup_id"] = wanted.pickup_id
    if wanted.sets_expiry and wanted.expires_at != row["expires_at"]:
        fields["expires_at"] = wanted.expires_at
    handed = (wanted.fulfilment, wanted.delivery_address_type)
    if wanted.fulfilment is not None and handed != (row["fulfilment"], row["delivery_address_type"]):
        fields["fulfilment"] = wanted.fulfilment
    if not fields:
        return row
    reasons = []
    if row["state"] != HoldState.WAITING:
        reasons = change_reasons([ChangeRefusal.IN_FULFILMENT])
    if "pickup_id" in fields and not await _reached(connection, library, row, fields["pickup_id"]):
        refusal = HoldRefusal.PICKUP_NOT_ALLOWED
        mend = f"Name one of /v1/holds/pickup-points?hold_id={hold_id}."
        reasons.append(Reason(refusal, TEXTS[refusal], "/pickup_id", mend))
    if "expires_at" in fields:
        found = expiry_refusals(
            library.hold_policy(row["policy"]),
            placed_at=row["placed_at"],
            wished=fields["expires_at"],
            now=now,
            by_patron=not principal.may("holds:manage"),
        )
        reasons += change_reasons(found, "/expires_at")
    if "fulfilment" in fields:
        if wanted.fulfilment not in library.hold_policy(row["policy"]).fulfilments:
            reasons += change_reasons([ChangeRefusal.FULFILMENT], "/fulfilment")
        if wanted.delivery_address_type not in (None, *library.delivery_address_types):
            reasons += change_reasons([ChangeRefusal.ADDRESS_TYPE], "/delivery_address_type")
        elif not await address_there(connection, row["patron_id"], wanted.delivery_address_type, now=now):
            reasons += change_reasons([ChangeRefusal.ADDRESS_MISSING], "/delivery_address_type")
    if reasons:
        raise HoldNotChanged(reasons=reasons)
    await connection.execute(
        "UPDATE hold SET pickup_id = coalesce($2, pickup_id), fulfilment = coalesce($5, fulfilment), "
        "  delivery_address_type = CASE WHEN $5::text IS NULL THEN delivery_address_type ELSE $6 END, "
        "  expires_at = CASE WHEN $3 THEN $4::timestamptz ELSE expires_at END, version = version + 1 "
        "WHERE id = $1",
        hold_id,
        fields.get("pickup_id"),
        "expires_at" in fields,
        fields.get("expires_at"),
        fields.get("fulfilment"),
        wanted.delivery_address_type,
    )
    return await queue.tell(connection, hold_id, HoldUpdated, now=now, changed=tuple(fields))


async def _reached(connection: Connection, library: Library, row: asyncpg.Record, pickup_id: UUID) -> bool:
    seen = await as_it_waits(connection, library, row, kind=row["kind"], item_id=row["item_id"])
    desk = library.desks.get(pickup_id)
    if seen is None or desk is None:
        return False
    enabled = frozenset({desk.code} if desk.pickup else ())
    kinds = frozenset({row["kind"]})
    return bool(pickup_points(fitting(seen.wish), row["level"], kinds, enabled, placed=True))


async def copies_of(
    connection: Connection, library: Library, hold_id: UUID, principal: Principal
) -> tuple[asyncpg.Record, list[Candidate]]:
    """A hold that waits, and the copies that it is about; another's does not exist for a patron."""
    row = await connection.fetchrow("SELECT * FROM hold WHERE id = $1", hold_id)
    if row is None or (not principal.may("holds:read") and row["patron_id"] != principal.patron_id):
        raise NotFound("There is no such hold.")
    seen = await as_it_waits(connection, library, row, kind=row["kind"], item_id=row["item_id"])
    return row, [] if seen is None else fitting(seen.wish)
