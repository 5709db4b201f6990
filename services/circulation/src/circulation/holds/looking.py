"""One look at a hold that somebody wants: the patron, the copies, the queue, and what stands against it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

import asyncpg

from chassis.database import Connection
from chassis.edge import Once
from chassis.principal import Principal
from chassis.problems import NotFound, Reason
from circulation.holds.considering import Considered, Row, by_id, candidate_of
from circulation.holds.overriding import Override, set_aside
from circulation.holds.rules import Held, HoldRefusal, Wish, has_address, refusals
from circulation.holds.statements import look_hold
from circulation.items.volumes import volume_key
from circulation.patrons.standing import in_the_way, standing
from circulation.places.library import Library, Shelf
from circulation.proxies.queries import Named
from circulation.proxies.queries import standing as standing_of
from circulation.proxies.rules import Standing, proxy_refusals
from circulation.registration.aliases import CARD_REPLACED, alias_of
from circulation.titles import queries as titles


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
    override: Override | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What the look brought, and the library it is to be decided by."""

    library: Library
    facts: Row
    items: Sequence[Mapping[str, Any]]
    """By id; copies that are alike stand together as one, unless every copy was asked for."""
    unknown: Reason
    """What is to be said of the patron where there is none."""

    @property
    def several_volumes(self) -> bool:
        """Whether the copies are not all of one volume."""
        return bool(self.items) and min(i["low"] for i in self.items) != max(i["high"] for i in self.items)


async def look(
    connection: Connection | asyncpg.Pool,
    shelf: Shelf,
    asked: Placing,
    *,
    now: datetime,
    once: Once | None = None,
    every: bool = False,
) -> Look:
    """Look; again where it turns out that every copy has to be seen, or another configuration to be asked.

    A card or id of a registration that was merged means the one that took it up, and so does a title's.
    """
    unknown = Reason("patron-unknown", "There is no such patron.", "/patron_id")
    if asked.patron_barcode is not None:
        unknown = replace(unknown, pointer="/patron_barcode")
    volume = volume_key(asked.volume)
    every = every or (asked.volume is not None and volume is None)
    library = shelf.newest or await shelf.fresh()
    by, followed = connection if not isinstance(connection, asyncpg.Pool) else None, False
    while True:
        pickup = library.desks.get(asked.pickup_id)
        closely = every or library.tells_new_items
        by_day = library.counts_holds_by_day and pickup is not None
        arguments = [
            *(asked.patron_id, asked.patron_barcode, asked.title_id, asked.item_id),
            *(once.principal if once else None, once.key if once else None),
            *(volume, pickup.library if pickup else None, now),
        ]
        if by_day:
            assert pickup is not None
            arguments.append(pickup.calendar.moment(pickup.calendar.day_of(now), time(0)))
        rows = await connection.fetch(
            look_hold(item=asked.item_id is not None, every=closely, by_day=by_day), *arguments
        )
        facts = rows[0]
        current = await shelf.library(facts["reference"], by=by)
        if current is not library:
            library = current
            continue
        if facts["patron_id"] is None and not followed:
            followed = True
            alias = await alias_of(connection, patron_id=asked.patron_id, barcode=asked.patron_barcode)
            if alias is not None and alias.replaced:
                unknown = CARD_REPLACED
            elif alias is not None:
                asked = replace(asked, patron_id=alias.patron_id, patron_barcode=None)
                continue
        if facts["first"] is None and asked.title_id is not None:
            called_now = await titles.current(connection, asked.title_id)
            if called_now != asked.title_id:
                asked = replace(asked, title_id=called_now)
                continue
        if facts["first"] is None and not every:
            every = True  # what is wrong is told by all copies
            continue
        return Look(library, facts, [] if facts["first"] is None else by_id(rows), unknown)


async def considered(
    connection: Connection | asyncpg.Pool, seen: Look, asked: Placing, principal: Principal, *, now: datetime
) -> Considered:
    """What the rules say to it; raises `NotFound` for what is unknown, or not the asker's own."""
    facts, library, items = seen.facts, seen.library, seen.items
    patron_id, title_id = facts["patron_id"], facts["title_id"]
    proxy, missing = None, []
    if patron_id is not None and asked.proxy is not None:
        proxy = await standing_of(connection, patron_id, asked.proxy)
    if patron_id is None or not _may_place(patron_id, proxy, principal):
        replaced = seen.unknown is CARD_REPLACED and not principal.may("holds:create")
        missing.append(_NOBODY if replaced else seen.unknown)
    elif asked.proxy is not None and (proxy is None or not _may_name(proxy, principal)):
        missing.append(Reason("proxy-unknown", "There is no such patron.", asked.proxy.pointer))
    volume = volume_key(asked.volume)
    if asked.item_id is not None and title_id is None:
        missing.append(Reason("item-unknown", "There is no such item.", "/item_id"))
    elif not items:
        text = "Nothing that could be lent is known of this title here."
        missing.append(Reason("title-unknown", text, "/item_id" if asked.item_id else "/title_id"))
    elif asked.volume is not None and volume not in {item["volume_key"] for item in items}:
        text = "No copy of this title is of this volume."
        missing.append(Reason("volume-unknown", text, "/volume", f"Name one of {_volumes(items)}."))
    if missing or patron_id is None or title_id is None:
        raise NotFound("The patron, or what is wanted, is unknown here.", reasons=missing)
    group, pickup = facts["group_code"], library.desks.get(asked.pickup_id)
    wish = Wish(
        kind=asked.kind,
        level="item" if asked.item_id else "title" if volume is None else "volume",
        item_id=asked.item_id,
        pickup_code=pickup.code if pickup and pickup.pickup else None,
        candidates=[candidate_of(library, group, item, pickup, now=now) for item in items],
        patron_id=patron_id,
        active=facts["active"],
        blocked=facts["blocked"],
        expires_at=facts["expires_at"],
        open_holds=facts["open_holds"],
        suspended_holds=facts["suspended_holds"],
        volume=volume,
        fulfilment=asked.fulfilment,
        address_known=asked.delivery_address_type in (None, *library.delivery_address_types),
        address_there=await address_there(connection, patron_id, asked.delivery_address_type, now=now),
        held=[
            Held(UUID(item_id), item_volume or None) if level == "item" else Held(None, volume_held)
            for _, level, item_id, volume_held, item_volume in facts["held"] or ()
        ],
        several_volumes=seen.several_volumes,
        beyond=in_the_way(standing(facts), library.groups.get(group), "hold"),
        placed_today=facts["placed_today"],
    )
    against = [HoldRefusal(refusal) for refusal in proxy_refusals(proxy, now=now)] if proxy else []
    found, kept = refusals(wish, now=now), None
    if asked.override is not None:
        wish, found, kept = set_aside(wish, found, asked.override, principal, now=now)
    return Considered(patron_id, group, title_id, items, wish, found + against, proxy, facts, kept)


async def consider(
    connection: Connection | asyncpg.Pool,
    shelf: Shelf,
    asked: Placing,
    principal: Principal,
    *,
    now: datetime,
    every: bool = False,
) -> tuple[Library, Considered]:
    """Look and let the rules judge; nothing is written."""
    seen = await look(connection, shelf, asked, now=now, every=every)
    return seen.library, await considered(connection, seen, asked, principal, now=now)


async def address_there(
    connection: Connection | asyncpg.Pool, patron_id: UUID, kind: str | None, *, now: datetime
) -> bool:
    """Whether the patron has an address of this type; asked only where something is to be delivered."""
    if kind is None:
        return True
    addresses = await connection.fetchval("SELECT addresses FROM patron WHERE id = $1", patron_id)
    told = [(each["kind"], *map(_day, (each.get("valid_from"), each.get("valid_to")))) for each in addresses]
    return has_address(told, kind, today=now.date())


def _day(told: str | None) -> date | None:
    return None if told is None else date.fromisoformat(told)


_NOBODY = Reason("patron-unknown", "There is no such patron.", "/patron_barcode")


def _volumes(items: Sequence[Mapping[str, Any]]) -> str:
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
