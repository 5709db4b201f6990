"""Holds are placed: everything is looked up, the rules judge, the queue is held while it is written."""

from dataclasses import dataclass, replace
from datetime import datetime, time
from uuid import UUID

import asyncpg

from chassis import outbox
from chassis.database import Connection
from chassis.ids import uuid7
from chassis.principal import Principal
from chassis.problems import NotFound, Reason, Refused
from circulation.holds import queue
from circulation.holds.choosing import keep, nearest
from circulation.holds.considering import ITEMS, Considered, candidate_of
from circulation.holds.recalling import recall
from circulation.holds.rules import (
    TEXTS,
    Held,
    HoldRefusal,
    Wish,
    expires_at,
    fitting,
    kind_for,
    refusals,
)
from circulation.items.volumes import volume_key
from circulation.patrons.standing import OUT, in_the_way, standing
from circulation.places.library import Desk, Library
from circulation.proxies.queries import Named
from circulation.proxies.queries import standing as standing_of
from circulation.proxies.rules import Standing, proxy_refusals
from circulation.registration.aliases import CARD_REPLACED, alias_of
from contracts.circulation import HoldPlaced


class HoldRefused(Refused):
    """The hold cannot be placed; every reason is given."""

    code, title = "hold-refused", "This hold cannot be placed."


@dataclass(frozen=True, slots=True)
class Placing:
    """What is asked for."""

    patron_id: UUID | None
    patron_barcode: str | None
    title_id: UUID | None
    item_id: UUID | None
    pickup_id: UUID
    kind: str | None
    volume: str | None = None
    """Of the title; as labels have it."""
    fulfilment: str = "hold-shelf"
    delivery_address_type: str | None = None
    proxy: Named | None = None
    """Who places it for the patron, if somebody does."""


_PATRON = f"""
SELECT p.*, {OUT.format(now="$3::timestamptz")}, EXISTS (
    SELECT FROM patron_block b WHERE b.patron_id = p.id AND 'hold' = ANY (b.actions)
      AND (b.expires_at IS NULL OR b.expires_at > $3)
) AS blocked
FROM patron p WHERE p.id = $1 OR p.barcode = $2
"""  # noqa: S608 - our own text
_HELD = """
SELECT h.title_id, h.level, h.item_id, h.volume_key, h.suspended_at, i.volume_key AS item_volume
FROM hold h LEFT JOIN item i ON i.id = h.item_id AND h.level = 'item'
WHERE h.patron_id = $1 AND h.state = ANY ($2::text[])
"""
_PLACE = """
INSERT INTO hold (id, kind, level, title_id, item_id, patron_id, pickup_id, state, position, policy, placed_at,
    expires_at, proxy_id, volume_key, volume, fulfilment, delivery_address_type, nth)
SELECT $1, $2, $3, $4, $5, $6, $7, 'waiting', 1 + count(*), $8, $9, $10, $11, $12, $13, $14, $15,
    1 + coalesce(max(nth) FILTER (WHERE patron_id = $6), 0)
FROM hold WHERE title_id = $4 AND position IS NOT NULL RETURNING *
"""


async def consider(
    connection: Connection, library: Library, asked: Placing, principal: Principal, *, now: datetime
) -> Considered:
    """Gather what the rules need; raises `NotFound` for what is unknown, or not the asker's own."""
    missing = []
    patron = await connection.fetchrow(_PATRON, asked.patron_id, asked.patron_barcode, now)
    proxy, unknown = None, Reason("patron-unknown", "There is no such patron.", "/patron_id")
    if asked.patron_barcode is not None:
        unknown = replace(unknown, pointer="/patron_barcode")
    if patron is None and (
        alias := await alias_of(connection, patron_id=asked.patron_id, barcode=asked.patron_barcode)
    ):
        if not alias.replaced:
            patron = await connection.fetchrow(_PATRON, alias.patron_id, None, now)
        elif principal.may("holds:create"):
            unknown = CARD_REPLACED
    if patron is not None and asked.proxy is not None:
        proxy = await standing_of(connection, patron["id"], asked.proxy)
    if patron is None or not _may_place(patron["id"], proxy, principal):
        missing.append(unknown)
    elif asked.proxy is not None and (proxy is None or not _may_name(proxy, principal)):
        missing.append(Reason("proxy-unknown", "There is no such patron.", asked.proxy.pointer))
    title_id = asked.title_id
    if asked.item_id is not None:
        titles = await connection.fetchval("SELECT title_ids FROM item WHERE id = $1", asked.item_id)
        title_id = titles[0] if titles else None
    pickup = library.desks.get(asked.pickup_id)
    items = await connection.fetch(ITEMS, title_id, pickup.library if pickup else None, None)
    volume = volume_key(asked.volume)
    if asked.item_id is not None and title_id is None:
        missing.append(Reason("item-unknown", "There is no such item.", "/item_id"))
    elif not items:
        text = "Nothing that could be lent is known of this title here."
        missing.append(Reason("title-unknown", text, "/item_id" if asked.item_id else "/title_id"))
    elif asked.volume is not None and volume not in {item["volume_key"] for item in items}:
        text = "No copy of this title is of this volume."
        missing.append(Reason("volume-unknown", text, "/volume", f"Name one of {_volumes(items)}."))
    if missing or patron is None or title_id is None:
        raise NotFound("The patron, or what is wanted, is unknown here.", reasons=missing)
    held = await connection.fetch(_HELD, patron["id"], list(queue.OPEN_STATES))
    wish = Wish(
        kind=asked.kind,
        level="item" if asked.item_id else "title" if volume is None else "volume",
        item_id=asked.item_id,
        pickup_code=pickup.code if pickup and pickup.pickup else None,
        candidates=[candidate_of(library, patron["group_code"], item, pickup, now=now) for item in items],
        patron_id=patron["id"],
        active=patron["active"],
        blocked=patron["blocked"],
        expires_at=patron["expires_at"],
        open_holds=len(held),
        suspended_holds=sum(row["suspended_at"] is not None for row in held),
        volume=volume,
        fulfilment=asked.fulfilment,
        address_known=asked.delivery_address_type in (None, *library.delivery_address_types),
        held=[held_of(row) for row in held if row["title_id"] == title_id],
        several_volumes=len({item["volume_key"] or None for item in items}) > 1,
        beyond=in_the_way(standing(patron), library.groups.get(patron["group_code"]), "hold"),
        placed_today=await _placed_today(connection, patron["id"], pickup, now),
    )
    against = [HoldRefusal(refusal) for refusal in proxy_refusals(proxy, now=now)] if proxy else []
    return Considered(patron, title_id, list(items), wish, refusals(wish, now=now) + against, proxy)


def held_of(row: asyncpg.Record) -> Held:
    """A hold that the patron has already, as the rules see it."""
    if row["level"] == "item":
        return Held(row["item_id"], row["item_volume"] or None)
    return Held(None, row["volume_key"])


def _volumes(items: list[asyncpg.Record]) -> str:
    """Some of the volumes that there are, as their labels have them."""
    named = sorted({item["volume"] for item in items if item["volume_key"]})
    return ", ".join(repr(name) for name in named[:20]) or "none: no copy is of a volume"


def _may_place(patron_id: UUID, proxy: Standing | None, principal: Principal) -> bool:
    """Staff for everybody, patrons for themselves, and a proxy for a sponsor of theirs."""
    if principal.may("holds:create") or patron_id == principal.patron_id:
        return True
    return proxy is not None and proxy.related and proxy.proxy_id == principal.patron_id


def _may_name(proxy: Standing, principal: Principal) -> bool:
    """Patrons learn of no card but their own and their proxies'."""
    return principal.may("holds:create") or proxy.related or proxy.proxy_id == principal.patron_id


async def _placed_today(connection: Connection, patron_id: UUID, pickup: Desk | None, now: datetime) -> int:
    """Holds of the patron since midnight at the pickup point."""
    if pickup is None:
        return 0
    midnight = pickup.calendar.moment(pickup.calendar.day_of(now), time(0))
    count: int = await connection.fetchval(
        "SELECT count(*) FROM hold WHERE patron_id = $1 AND placed_at >= $2", patron_id, midnight
    )
    return count


def reasons_for(seen: Considered) -> list[Reason]:
    """Why not; of limits how much there is, and how much is allowed."""
    limits = {each.measure.value: each for each in seen.wish.beyond}
    return [
        Reason(refusal, found.text, value=found.value, limit=found.limit)
        if (found := limits.get(refusal.value))
        else Reason(refusal, TEXTS[refusal])
        for refusal in seen.refusals
    ]


async def place(
    connection: Connection, library: Library, asked: Placing, principal: Principal, *, now: datetime
) -> tuple[asyncpg.Record, Considered]:
    """Place a hold, or raise with every reason not to; the hold's row, and what was known."""
    first = await consider(connection, library, asked, principal, now=now)
    await queue.lock_title(connection, [first.title_id])
    await connection.execute("SELECT FROM patron WHERE id = $1 FOR NO KEY UPDATE", first.patron["id"])
    await connection.execute(
        "SELECT FROM item WHERE title_ids @> ARRAY[$1::uuid] ORDER BY id FOR NO KEY UPDATE", first.title_id
    )
    seen = await consider(connection, library, asked, principal, now=now)
    if seen.refusals:
        raise HoldRefused(reasons=reasons_for(seen))
    kind = kind_for(seen.wish)
    assert kind is not None
    chosen = nearest(seen, library, asked.pickup_id, kind, now=now)
    about = fitting(seen.wish)[0].item_id if chosen is None else chosen["id"]
    policy = next(c.policy for c in seen.wish.candidates if c.item_id == about)
    row = await connection.fetchrow(
        _PLACE,
        uuid7(),
        kind,
        seen.wish.level,
        seen.title_id,
        asked.item_id,
        seen.patron["id"],
        asked.pickup_id,
        policy.code,
        now,
        expires_at(policy, now=now),
        seen.proxy.proxy_id if seen.proxy else None,
        seen.wish.volume,
        next(item["volume"] for item in seen.items if item["volume_key"] == seen.wish.volume)
        if seen.wish.volume
        else None,
        asked.fulfilment,
        asked.delivery_address_type,
    )
    assert row is not None
    event = HoldPlaced(
        version=1, occurred_at=now, hold_id=row["id"], title_id=row["title_id"], hold=queue.facts_of(row)
    )
    await outbox.record(connection, [event])
    await connection.execute("UPDATE patron SET guard = guard + 1 WHERE id = $1", seen.patron["id"])
    await connection.execute(
        "UPDATE item SET guard = guard + 1 "
        "WHERE title_ids @> ARRAY[$1::uuid] AND (loan_id IS NOT NULL OR transit_to IS NOT NULL)",
        seen.title_id,
    )
    if kind == "page" and chosen is not None:
        await keep(connection, library, chosen, row["id"], seen.patron["id"], now=now)
    if kind == "recall":
        await recall(connection, library, seen, row["id"], now=now)
    return row, seen
