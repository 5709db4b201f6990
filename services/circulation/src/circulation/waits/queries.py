"""Queues and copies of some titles, as the estimate wants them: one statement, however many titles."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from chassis.database import Connection
from circulation.holds.rules import IN_FULFILMENT
from circulation.items.rules import LENDABLE_BASES, State
from circulation.places.library import Library
from circulation.waits.rules import HANDLING, Claim, Prospect, back_at, estimated_ready_at, length

COPIES_LOOKED_AT = 200
"""Of each title: those that come back first, and those that somebody waits for by name."""
_CLAIMED = "title_id = ANY ({titles}) AND position IS NOT NULL"
_COPY = (
    *("title_id", "id", "state", "due_at", "location", "library", "campus", "institution", "material_type"),
    *("loan_type", "volume_key"),
)
_HOLD = (
    *("id", "title_id", "state", "item_id", "volume_key", "ready_at", "suspended_at", "suspended_until"),
)


def queues_beside(titles: str) -> str:
    """Two columns, `queue` and `copies`, of the titles that an SQL expression tells, for `queues_in`."""
    claimed = _CLAIMED.format(titles=titles)
    of_item = ", ".join(f"i.{name}" for name in _COPY[1:])
    return f"""
    ARRAY(SELECT ROW({", ".join(_HOLD)}) FROM hold WHERE {claimed} ORDER BY title_id, position) AS queue,
    ARRAY(SELECT ROW(t.title_id, {", ".join(f"c.{name}" for name in _COPY[1:])})
        FROM unnest({titles}) AS t (title_id) CROSS JOIN LATERAL (
            SELECT {of_item} FROM item i
            WHERE i.title_ids @> ARRAY[t.title_id] AND i.base = ANY ('{{{",".join(sorted(LENDABLE_BASES))}}}')
              AND i.withdrawal_id IS NULL
            ORDER BY i.id = ANY (ARRAY(SELECT item_id FROM hold WHERE {claimed} AND item_id IS NOT NULL))
                  OR coalesce(i.volume_key = ANY (
                      ARRAY(SELECT volume_key FROM hold WHERE {claimed} AND volume_key IS NOT NULL)), false) DESC,
                i.due_at NULLS FIRST, i.id
            LIMIT {COPIES_LOOKED_AT}
        ) c) AS copies
    """  # noqa: S608 - our own text


_QUEUES = f"SELECT {queues_beside('$1::uuid[]')}"

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wait:
    """Where a hold stands."""

    ahead: int
    """Holds that come before it and wait for something just now."""
    queue_length: int
    estimated_ready_at: datetime | None


@dataclass(frozen=True, slots=True)
class Queues:
    """Some titles' queues and copies, read at one moment."""

    holds: Mapping[UUID, list[Row]]
    copies: Mapping[UUID, list[Row]]
    library: Library

    def wait_of(self, hold_id: UUID, title_id: UUID, group: str | None, *, now: datetime) -> Wait | None:
        """Where an open hold stands, and when it will probably be ready; None: it has ended."""
        rows = self.holds.get(title_id, [])
        place = next((place for place, row in enumerate(rows) if row["id"] == hold_id), None)
        if place is None:
            return None
        before, own = [_claim(row) for row in rows[:place]], rows[place]
        ready: datetime | None
        if own["state"] in IN_FULFILMENT:
            ready = own["ready_at"] or now + HANDLING
        else:
            ready = estimated_ready_at(before, _claim(own), self._prospects(title_id, group, now), now=now)
        return Wait(sum(not claim.suspended for claim in before), len(rows), ready)

    def wait_of_next(self, title_id: UUID, *, now: datetime) -> datetime | None:
        """When a hold on the title that is placed now will probably be ready."""
        claims = [_claim(row) for row in self.holds.get(title_id, [])]
        return estimated_ready_at(claims, Claim(), self._prospects(title_id, None, now), now=now)

    def _prospects(self, title_id: UUID, group: str | None, now: datetime) -> list[Prospect]:
        found = []
        for item in self.copies.get(title_id, []):
            facts = {name: item[name] for name in _FACTS} | {"patron_group": group}
            policy = self.library.rules.loan[self.library.rules.winning(facts).loan]
            if item["state"] == State.WITHDRAWING or not policy.loanable:
                continue
            free = back_at(item["due_at"], now) if item["due_at"] is not None else now
            found.append(Prospect(item["id"], free, length(policy.period), item["volume_key"] or None))
        return found


_FACTS = ("location", "library", "campus", "institution", "material_type", "loan_type")


def _claim(row: Row) -> Claim:
    return Claim(row["item_id"], row["suspended_at"] is not None, row["suspended_until"], row["volume_key"])


async def queues_of(
    connection: Connection | asyncpg.Pool, library: Library, title_ids: Collection[UUID]
) -> Queues:
    """Read them; of no title there is nothing to ask."""
    titles = sorted(set(title_ids))
    if not titles:
        return Queues({}, {}, library)
    row = await connection.fetchrow(_QUEUES, titles)
    assert row is not None, "a SELECT without FROM"
    return queues_in(row, library)


def queues_in(row: asyncpg.Record, library: Library) -> Queues:
    """From the columns of `queues_beside`."""
    return Queues(_by_title(_HOLD, row["queue"]), _by_title(_COPY, row["copies"]), library)


def _by_title(names: Iterable[str], rows: Iterable[asyncpg.Record]) -> dict[UUID, list[Row]]:
    told: dict[UUID, list[Row]] = {}
    for values in rows:
        row = dict(zip(names, values, strict=True))
        told.setdefault(row["title_id"], []).append(row)
    return told
