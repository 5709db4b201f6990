"""Queues and copies of some titles, as the estimate wants them: two queries, however many titles."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from chassis.database import Connection
from circulation.holds.rules import IN_FULFILMENT
from circulation.items.rules import LENDABLE_BASES, State
from circulation.places.library import Library
from circulation.waits.rules import HANDLING, Claim, Prospect, back_at, estimated_ready_at, length

_QUEUES = """
SELECT id, title_id, position, state, item_id, volume_key, ready_at, suspended_at,
    suspended_until FROM hold
WHERE title_id = ANY ($1::uuid[]) AND position IS NOT NULL ORDER BY title_id, position
"""
_COPIES = """
SELECT t.title_id, c.* FROM unnest($1::uuid[]) AS t (title_id) CROSS JOIN LATERAL (
    SELECT i.id, i.base, i.state, i.due_at, i.location, i.library, i.campus, i.institution, i.material_type,
        i.loan_type, i.volume_key
    FROM item i WHERE i.title_ids @> ARRAY[t.title_id] AND i.base = ANY ($3::text[]) AND i.withdrawal_id IS NULL
    ORDER BY i.id = ANY ($2::uuid[]) OR coalesce(i.volume_key = ANY ($5::text[]), false) DESC,
        i.due_at NULLS FIRST, i.id LIMIT $4
) c
"""
COPIES_LOOKED_AT = 200
"""Of each title: those that come back first, and those that somebody waits for by name."""


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

    holds: Mapping[UUID, list[asyncpg.Record]]
    copies: Mapping[UUID, list[asyncpg.Record]]
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


def _claim(row: asyncpg.Record) -> Claim:
    return Claim(row["item_id"], row["suspended_at"] is not None, row["suspended_until"], row["volume_key"])


async def queues_of(
    connection: Connection | asyncpg.Pool, library: Library, title_ids: Collection[UUID]
) -> Queues:
    """Read them; of no title there is nothing to ask."""
    titles = sorted(set(title_ids))
    if not titles:
        return Queues({}, {}, library)
    holds = await connection.fetch(_QUEUES, titles)
    named = sorted({row["item_id"] for row in holds if row["item_id"] is not None})
    volumes = sorted({row["volume_key"] for row in holds if row["volume_key"] is not None})
    copies = await connection.fetch(_COPIES, titles, named, sorted(LENDABLE_BASES), COPIES_LOOKED_AT, volumes)
    return Queues(_by_title(holds), _by_title(copies), library)


def _by_title(rows: Iterable[asyncpg.Record]) -> dict[UUID, list[asyncpg.Record]]:
    told: dict[UUID, list[asyncpg.Record]] = {}
    for row in rows:
        told.setdefault(row["title_id"], []).append(row)
    return told
