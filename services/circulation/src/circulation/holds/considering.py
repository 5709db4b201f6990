"""What is known of a title's copies when somebody wants one of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from chassis.database import Connection
from circulation.holds.overriding import Kept
from circulation.holds.rules import Candidate, HoldRefusal, Wish
from circulation.holds.statements import look_copies
from circulation.items.rules import Copy, State, requestable, state_of
from circulation.items.tables import LEFT
from circulation.limits.rules import too_new
from circulation.places.library import Desk, Library
from circulation.policies.rules import Rule
from circulation.proxies.rules import Standing

NEAR = ("location", "library", "campus", "institution")
Row = asyncpg.Record | Mapping[str, Any]
"""What is known of a copy or a patron."""


@dataclass(frozen=True, slots=True)
class Considered:
    """A wish with everything known about it."""

    patron_id: UUID
    patron_group: str
    title_id: UUID
    items: Sequence[Row]
    wish: Wish
    refusals: list[HoldRefusal]
    proxy: Standing | None = None
    facts: Row = field(default_factory=dict)
    """What was read with them, where a hold is to be placed: holds/statements.py."""
    overridden: Kept | None = None
    """What staff have set aside."""


ITEMS = f"""
SELECT i.*, l.patron_id AS lent_to, l.lent_at, l.due_at AS loan_due_at, l.version AS loan_version, l.recalled_at,
    (SELECT campus FROM location WHERE library = $2 LIMIT 1) AS pickup_campus,
    (SELECT institution FROM location WHERE library = $2 LIMIT 1) AS pickup_institution,
    EXISTS (SELECT FROM hold_missed m WHERE m.hold_id = $3::uuid AND m.item_id = i.id) AS missed,
    coalesce(i.{LEFT}, false) AS left_behind
FROM item i LEFT JOIN loan l ON l.id = i.loan_id
WHERE i.title_ids @> ARRAY[$1::uuid] AND i.base <> 'withdrawn' ORDER BY i.id
"""  # noqa: S608 - our own text
"""$1 title, $2 the pickup point's library, $3 the hold, if there is one"""


def facts_of(group: str, item: Row) -> dict[str, str | None]:
    """What circulation rules match on."""
    return {name: item[name] for name in (*NEAR, "material_type", "loan_type")} | {"patron_group": group}


def candidate_of(
    library: Library,
    group: str,
    item: Row,
    pickup: Desk | None = None,
    *,
    now: datetime | None = None,
) -> Candidate:
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
        and not item["left_behind"]
        and library.rules.loan[rule.loan].loanable
    )
    return Candidate(
        item["id"],
        requestable(copy, held=library.desk_rules.takes_holds(item["base"])),
        item["lent_to"],
        library.rules.hold[rule.hold],
        at_pickup,
        item["volume_key"] or None,
        pickup is not None and now is not None and _stays_home(library, rule, item, pickup, now),
        library.barred(
            item["library"] or "", material_type=item["material_type"], loan_type=item["loan_type"]
        ),
    )


def _stays_home(library: Library, rule: Rule, item: Row, pickup: Desk, now: datetime) -> bool:
    """Whether it is too new to be picked up there."""
    policy = library.rules.loan.get(rule.loan)
    local = (item["library"] or "") in pickup.serves
    new = policy.new_items if policy else None
    return too_new(new, pickup.calendar, new_since=item["new_since"], local=local, now=now) is not None


async def as_it_waits(
    connection: Connection, library: Library, row: asyncpg.Record, *, kind: str | None, item_id: UUID | None
) -> Considered | None:
    """A hold that is in the queue, looked at as a wish for one copy or for any; nobody's limits count again.

    Copies that are alike stand together as the first of them that was made.
    """
    pickup = library.desks.get(row["pickup_id"])
    volumes = item_id is not None or row["level"] == "volume"
    arguments = [row["title_id"], pickup.library if pickup else None, row["id"]]
    found = await connection.fetch(
        look_copies(item=item_id is not None, volumes=volumes),
        *(arguments if item_id is None else [*arguments, item_id]),
    )
    group = await connection.fetchval("SELECT group_code FROM patron WHERE id = $1", row["patron_id"])
    if group is None or not found:
        return None
    items = by_id(found)
    wish = Wish(
        kind=kind,
        level=row["level"],
        item_id=item_id,
        pickup_code=pickup.code if pickup and pickup.pickup else None,
        candidates=[candidate_of(library, group, item, pickup) for item in items],
        patron_id=row["patron_id"],
        active=True,
        blocked=False,
        expires_at=None,
        open_holds=0,
        volume=row["volume_key"],
        fulfilment=row["fulfilment"],
    )
    return Considered(row["patron_id"], group, row["title_id"], items, wish, [])


def by_id(rows: Sequence[asyncpg.Record]) -> list[Mapping[str, Any]]:
    """Copies as a look has told them, each with its id, guard and count of events."""
    items = []
    for row in rows:
        first, guard, told = row["first"].split(" ")
        items.append(
            {"missed": False}
            | dict(row.items())
            | {"id": UUID(first), "guard": int(guard), "told": int(told)}
        )
    return sorted(items, key=lambda item: item["id"])
