"""Holds: placed, given up, run out. Each holds the title's queue while it looks and writes."""

from dataclasses import dataclass
from datetime import datetime, time
from typing import Any
from uuid import UUID

import asyncpg

from chassis import outbox
from chassis.database import Connection
from chassis.ids import uuid7
from chassis.principal import Principal
from chassis.problems import NotFound, Reason, Refused
from circulation.fees.charging import charge
from circulation.fees.rules import Money
from circulation.holds import queue
from circulation.holds.rules import (
    TEXTS,
    Candidate,
    HoldRefusal,
    HoldState,
    Waiting,
    Wish,
    expires_at,
    hold_to_fill,
    kind_for,
    recalled_due_at,
    refusals,
    serves,
    shelf_expires_at,
)
from circulation.items.handlers import tell_availability
from circulation.items.rules import LENDABLE_BASES, Copy, State, requestable, state_of
from circulation.patrons.standing import OUT, in_the_way, standing
from circulation.places.library import Desk, Library
from circulation.proxies.queries import Named
from circulation.proxies.queries import standing as standing_of
from circulation.proxies.rules import Standing, proxy_refusals
from contracts.circulation import (
    HoldCancelled,
    HoldExpired,
    HoldPlaced,
    HoldReady,
    ItemAvailability,
    LoanFacts,
    LoanRecalled,
)

NEAR = ("location", "library", "campus", "institution")


class HoldRefused(Refused):
    """The hold cannot be placed; every reason is given."""

    code, title = "hold-refused", "This hold cannot be placed."


class HoldClosed(Refused):
    """The hold has ended already."""

    code, title = "hold-closed", "This hold has ended already."


@dataclass(frozen=True, slots=True)
class Placing:
    """What is asked for."""

    patron_id: UUID | None
    patron_barcode: str | None
    title_id: UUID | None
    item_id: UUID | None
    pickup_id: UUID
    kind: str | None
    proxy: Named | None = None
    """Who places it for the patron, if somebody does."""


@dataclass(frozen=True, slots=True)
class Considered:
    """A wish with everything known about it."""

    patron: asyncpg.Record
    title_id: UUID
    items: list[asyncpg.Record]
    wish: Wish
    refusals: list[HoldRefusal]
    proxy: Standing | None = None


_PATRON = f"""
SELECT p.*, {OUT.format(now="$3::timestamptz")}, EXISTS (
    SELECT FROM patron_block b WHERE b.patron_id = p.id AND 'hold' = ANY (b.actions)
      AND (b.expires_at IS NULL OR b.expires_at > $3)
) AS blocked
FROM patron p WHERE p.id = $1 OR p.barcode = $2
"""  # noqa: S608 - our own text
ITEMS = """
SELECT i.*, l.patron_id AS lent_to, l.lent_at, l.due_at AS loan_due_at, l.version AS loan_version, l.recalled_at
FROM item i LEFT JOIN loan l ON l.id = i.loan_id
WHERE i.title_ids @> ARRAY[$1::uuid] AND i.base <> 'withdrawn' ORDER BY i.id
"""


async def consider(
    connection: Connection, library: Library, asked: Placing, principal: Principal, *, now: datetime
) -> Considered:
    """Gather what the rules need; raises `NotFound` for what is unknown, or not the asker's own."""
    missing = []
    patron = await connection.fetchrow(_PATRON, asked.patron_id, asked.patron_barcode, now)
    proxy = None
    if patron is not None and asked.proxy is not None:
        proxy = await standing_of(connection, patron["id"], asked.proxy)
    if patron is None or not _may_place(patron["id"], proxy, principal):
        pointer = "/patron_barcode" if asked.patron_barcode is not None else "/patron_id"
        missing.append(Reason("patron-unknown", "There is no such patron.", pointer))
    elif asked.proxy is not None and (proxy is None or not _may_name(proxy, principal)):
        missing.append(Reason("proxy-unknown", "There is no such patron.", asked.proxy.pointer))
    title_id = asked.title_id
    if asked.item_id is not None:
        titles = await connection.fetchval("SELECT title_ids FROM item WHERE id = $1", asked.item_id)
        title_id = titles[0] if titles else None
    items = await connection.fetch(ITEMS, title_id)
    if asked.item_id is not None and title_id is None:
        missing.append(Reason("item-unknown", "There is no such item.", "/item_id"))
    elif not items:
        text = "Nothing that could be lent is known of this title here."
        missing.append(Reason("title-unknown", text, "/item_id" if asked.item_id else "/title_id"))
    if missing or patron is None or title_id is None:
        raise NotFound("The patron, or what is wanted, is unknown here.", reasons=missing)
    held = await connection.fetchrow(
        "SELECT count(*) AS open, count(suspended_at) AS suspended, bool_or(title_id = $2) AS this FROM hold "
        "WHERE patron_id = $1 AND state = ANY ($3::text[])",
        patron["id"],
        title_id,
        list(queue.OPEN_STATES),
    )
    assert held is not None
    pickup = library.desks.get(asked.pickup_id)
    wish = Wish(
        kind=asked.kind,
        level="item" if asked.item_id else "title",
        item_id=asked.item_id,
        pickup_code=pickup.code if pickup and pickup.pickup else None,
        candidates=[candidate_of(library, patron["group_code"], item, pickup) for item in items],
        patron_id=patron["id"],
        active=patron["active"],
        blocked=patron["blocked"],
        expires_at=patron["expires_at"],
        held_already=bool(held["this"]),
        open_holds=held["open"],
        suspended_holds=held["suspended"],
        beyond=in_the_way(standing(patron), library.groups.get(patron["group_code"]), "hold"),
        placed_today=await _placed_today(connection, patron["id"], pickup, now),
    )
    against = [HoldRefusal(refusal) for refusal in proxy_refusals(proxy, now=now)] if proxy else []
    return Considered(patron, title_id, list(items), wish, refusals(wish, now=now) + against, proxy)


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


def facts_of(group: str, item: asyncpg.Record) -> dict[str, str | None]:
    """What circulation rules match on."""
    return {name: item[name] for name in (*NEAR, "material_type", "loan_type")} | {"patron_group": group}


def candidate_of(library: Library, group: str, item: asyncpg.Record, pickup: Desk | None = None) -> Candidate:
    """A copy, as the rules see it."""
    facts = facts_of(group, item)
    rule = library.rules.winning(facts)
    copy = Copy(
        item["base"],
        on_loan=item["loan_id"] is not None,
        awaited_on_shelf=item["hold_shelf"],
        in_transit=item["transit_to"] is not None,
        paged=item["state"] == State.PAGED,
        withdrawing=item["withdrawal_id"] is not None,
        loss=item["loss"],
    )
    at_pickup = (
        pickup is not None
        and state_of(copy) is State.AVAILABLE
        and (item["library"] or "") in pickup.serves
        and library.rules.loan[rule.loan].loanable
    )
    return Candidate(item["id"], requestable(copy), item["lent_to"], library.rules.hold[rule.hold], at_pickup)


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
    chosen = nearest(seen, library, asked.pickup_id, kind)
    policy = next(c.policy for c in seen.wish.candidates if c.item_id == (chosen or seen.items[0])["id"])
    row = await connection.fetchrow(
        "INSERT INTO hold (id, kind, level, title_id, item_id, patron_id, pickup_id, state, position, policy, "
        "  placed_at, expires_at, proxy_id) "
        "SELECT $1, $2, $3, $4, $5, $6, $7, 'waiting', 1 + count(*), $8, $9, $10, $11 FROM hold "
        "WHERE title_id = $4 AND position IS NOT NULL RETURNING *",
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
        await keep(connection, chosen["id"], row["id"], seen.patron["id"], now=now)
    if kind == "recall":
        await recall(connection, library, seen, row["id"], now=now)
    return row, seen


def nearest(seen: Considered, library: Library, pickup_id: UUID, kind: str) -> asyncpg.Record | None:
    """The copy that takes this kind and stands nearest to the pickup point (same desk's libraries first)."""
    pickup = library.desks[pickup_id]
    takes = {c.item_id for c in seen.wish.candidates if serves(c, seen.wish, kind)}
    able = [item for item in seen.items if item["id"] in takes]
    if seen.wish.item_id is not None:
        able = [item for item in able if item["id"] == seen.wish.item_id]
    if kind == "recall":
        return min(able, key=lambda item: (item["loan_due_at"], item["id"]), default=None)
    return min(able, key=lambda item: (item["library"] not in pickup.serves, item["id"]), default=None)


async def keep(
    connection: Connection, item_id: UUID, hold_id: UUID, patron_id: UUID, *, now: datetime
) -> None:
    """Keep the copy on the shelf for this hold, until somebody fetches it."""
    await connection.execute(
        "UPDATE item SET state = 'paged', hold_id = $2, kept_for = $3, guard = guard + 1 WHERE id = $1",
        item_id,
        hold_id,
        patron_id,
    )
    await tell_availability(connection, [item_id], now)


async def recall(
    connection: Connection, library: Library, seen: Considered, hold_id: UUID, *, now: datetime
) -> None:
    """Of the loans that may be recalled the one due first is shortened, once; never lengthened."""
    policies = {c.item_id: c.policy for c in seen.wish.candidates if serves(c, seen.wish, "recall")}
    lent = [
        item
        for item in seen.items
        if item["id"] in policies
        and item["loan_id"] is not None
        and item["recalled_at"] is None
        and seen.wish.item_id in (None, item["id"])
    ]
    item = min(lent, key=lambda i: (i["loan_due_at"], i["id"]), default=None)
    if item is None:
        return
    loan = await connection.fetchrow("SELECT * FROM loan WHERE id = $1 FOR NO KEY UPDATE", item["loan_id"])
    assert loan is not None
    desk = library.desks.get(loan["service_point_id"])
    due = loan["due_at"]
    if desk is not None:
        due = recalled_due_at(
            policies[item["id"]], desk.calendar, lent_at=loan["lent_at"], due_at=due, now=now
        )
    await connection.execute(
        "UPDATE loan SET due_at = $2, recalled_at = $3, version = version + 1 WHERE id = $1",
        loan["id"],
        due,
        now,
    )
    told = await connection.fetchrow(
        "UPDATE item SET due_at = $2, guard = guard + 1 WHERE id = $1 RETURNING guard, "
        "  (SELECT count(*) FROM hold h WHERE h.title_id = ANY (title_ids) AND h.position IS NOT NULL) AS queue",
        item["id"],
        due,
    )
    assert told is not None
    facts = {
        name: loan[name] for name in ("item_id", "title_id", "patron_group", "service_point_id", "lent_at")
    }
    more = {name: loan[name] for name in ("due_zone", "renewals", "policy", "rules_version")}
    event = LoanRecalled(
        version=loan["version"] + 1,
        occurred_at=now,
        loan_id=loan["id"],
        item_id=item["id"],
        loan=LoanFacts(
            loan_id=loan["id"],
            patron_ref=loan["patron_id"],
            due_at=due,
            proxy_ref=loan["proxy_id"],
            **facts,
            **more,
        ),
        previous_due_at=loan["due_at"],
        hold_id=hold_id,
        availability=ItemAvailability(
            item_id=item["id"],
            version=told["guard"],
            title_ids=tuple(item["title_ids"]),
            library=item["library"] or "",
            location=item["location"] or "",
            state=State.ON_LOAN,
            lendable=False,
            due_at=due,
            queue_length=told["queue"],
            as_of=now,
        ),
    )
    await outbox.record(connection, [event])


async def cancel(
    connection: Connection,
    library: Library,
    hold_id: UUID,
    principal: Principal,
    *,
    reason: str,
    now: datetime,
) -> asyncpg.Record:
    """Give a hold up; an item kept for it goes to the next in line, or back."""
    row = await _locked(connection, hold_id)
    if row is None or (not principal.may("holds:manage") and row["patron_id"] != principal.patron_id):
        raise NotFound("There is no such hold.")
    if row["state"] not in queue.OPEN_STATES:
        raise HoldClosed(reasons=[Reason("hold-closed", f"It is {row['state']}.")])
    change = queue.Change(HoldState.CANCELLED, reason=reason)
    done = await queue.change(connection, hold_id, change, HoldCancelled, now=now, reason=reason)
    await pass_on(connection, library, hold_id, now=now)
    return done


async def expire(connection: Connection, library: Library, hold_id: UUID, *, now: datetime) -> bool:
    """Let a hold run out, if its time has come; an item on the shelf goes to the next in line, or back."""
    row = await _locked(connection, hold_id)
    if row is None:
        return False
    waited = row["state"] == HoldState.WAITING and row["expires_at"] is not None and row["expires_at"] <= now
    uncollected = row["state"] == HoldState.READY and row["shelf_expires_at"] <= now
    if not (waited or uncollected):
        return False
    state = HoldState.SHELF_EXPIRED if uncollected else HoldState.EXPIRED
    await queue.change(
        connection, hold_id, queue.Change(state, reason=state.value), HoldExpired, now=now, reason=state.value
    )
    if uncollected:
        await _charge_unclaimed(connection, library, row, now=now)
    await pass_on(connection, library, hold_id, now=now)
    return True


async def _charge_unclaimed(
    connection: Connection, library: Library, row: asyncpg.Record, *, now: datetime
) -> None:
    policy = library.hold_policy(row["policy"])
    if policy.unclaimed_fee:
        await charge(
            connection,
            patron_id=row["patron_id"],
            loan_id=None,
            item_id=row["item_id"],
            kind="unclaimed-hold",
            policy=policy.code,
            amount=Money(policy.unclaimed_fee, library.currency),
            now=now,
        )


async def _locked(connection: Connection, hold_id: UUID) -> asyncpg.Record | None:
    title_id = await connection.fetchval("SELECT title_id FROM hold WHERE id = $1", hold_id)
    if title_id is None:
        return None
    await queue.lock_title(connection, [title_id])
    row: asyncpg.Record | None = await connection.fetchrow(
        "SELECT * FROM hold WHERE id = $1 FOR NO KEY UPDATE", hold_id
    )
    return row


async def pass_on(
    connection: Connection, library: Library, hold_id: UUID, *, now: datetime, but: UUID | None = None
) -> None:
    """The items that were kept for a hold which no longer wants them (all `but` the one that filled it).

    On to the next hold they can fill, else free again. On the shelf, an item is ready for the next patron at
    once when that is their pickup point; otherwise it is wanted elsewhere, and the next scan sends it there.
    """
    items = await connection.fetch(
        "SELECT * FROM item WHERE hold_id = $1 AND id IS DISTINCT FROM $2 ORDER BY id FOR NO KEY UPDATE",
        hold_id,
        but,
    )
    for item in items:
        await _reassign(connection, library, item, now=now)


async def _reassign(connection: Connection, library: Library, item: asyncpg.Record, *, now: datetime) -> None:
    told, ready = None, False
    if item["base"] in LENDABLE_BASES and item["withdrawal_id"] is None:
        told = await _first(connection, item["id"], await queue.queue_of(connection, item["title_ids"]))
        ready = told is not None and item["hold_shelf"] and told["pickup_id"] == item["last_seen_by"]
        if not ready:  # whoever has another copy coming already does not need this one fetched, too
            told = await _first(connection, item["id"], await queue.unserved(connection, item["title_ids"]))
    fields: dict[str, Any] = {"hold_id": None, "kept_for": None}
    if told is not None and (ready or item["state"] in (State.AVAILABLE, State.PAGED, State.ON_HOLD_SHELF)):
        fields = {"hold_id": told["id"], "kept_for": told["patron_id"]}
    if told is not None and ready:
        policy, desk = library.hold_policy(told["policy"]), library.desks[told["pickup_id"]]
        until = shelf_expires_at(policy, desk.calendar, now=now, days=desk.shelf_days)
        change = queue.Change(HoldState.READY, item["id"], ready_at=now, shelf_expires_at=until)
        await queue.change(connection, told["id"], change, HoldReady, now=now)
    copy = Copy(
        item["base"],
        on_loan=item["loan_id"] is not None,
        awaited_on_shelf=ready,
        in_transit=item["transit_to"] is not None,
        paged=fields["hold_id"] is not None,
        withdrawing=item["withdrawal_id"] is not None,
        loss=item["loss"],
    )
    await connection.execute(
        "UPDATE item SET hold_id = $2, kept_for = $3, hold_shelf = $4, state = $5, guard = guard + 1 "
        "WHERE id = $1",
        item["id"],
        fields["hold_id"],
        fields["kept_for"],
        ready,
        state_of(copy).value,
    )
    await tell_availability(connection, [item["id"]], now)
    if told is not None and ready:
        await pass_on(connection, library, told["id"], now=now, but=item["id"])


async def _first(connection: Connection, item_id: UUID, waiting: list[Waiting]) -> asyncpg.Record | None:
    following = hold_to_fill(item_id, waiting)
    if following is None:
        return None
    row: asyncpg.Record | None = await connection.fetchrow(
        "SELECT * FROM hold WHERE id = $1", following.hold_id
    )
    return row
