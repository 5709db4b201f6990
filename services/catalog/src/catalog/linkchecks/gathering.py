"""Links are read from the records of titles and holdings, a slice in a transaction."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from catalog.linkchecks import statements as sql
from catalog.linkchecks.rules import LONGEST, SLICE, State
from catalog.marc.record import Record
from catalog.marc.storage import unpack
from catalog.relations.rules import links
from chassis.addresses import parsed
from chassis.database import rows_affected
from chassis.guard import Guard
from chassis.ids import uuid7

Held = asyncpg.pool.PoolConnectionProxy
AT_ONCE: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Titles that somebody has named are asked before all others of a host."""


class CannotGather(Exception):
    """What a check is made of is not there any more."""


@dataclass(slots=True)
class Gathered:
    """The links of some titles: addresses by their digests, and where each stands."""

    urls: dict[bytes, str] = field(default_factory=dict)
    places: dict[tuple[bytes, str, UUID], tuple[UUID, str | None, str | None]] = field(default_factory=dict)

    def read(self, record: Record, kind: str, entity_id: UUID, title_id: UUID) -> None:
        """Every address of a record that can be kept."""
        for each in links(record):
            if len(each.url) <= LONGEST and "\0" not in each.url:
                digest = hashlib.sha256(each.url.encode()).digest()
                self.urls[digest] = each.url
                label = (each.label or each.material or "").replace("\0", "")[:500] or None
                self.places.setdefault((digest, kind, entity_id), (title_id, each.relation, label))


def gathered(titles: Sequence[Any], shelves: Sequence[Any]) -> Gathered:
    """The links of rows of titles, and of holdings that have records. Costs CPU."""
    found = Gathered()
    for row in titles:
        found.read(unpack(row["record"]), "title", row["id"], row["id"])
    for row in shelves:
        found.read(unpack(row["record"]), "holdings", row["id"], row["title_id"])
    return found


def named_host(url: str) -> str:
    """The host that an address names; empty where it cannot be read."""
    told = parsed(url)
    return (told.raw_host or "").lower() if told is not None else ""


def asked_host(url: str, guard: Guard) -> str:
    """The host that is asked; empty where none is."""
    return "" if guard.against(url) else named_host(url)


async def gather(connection: Held, check_id: UUID, guard: Guard, *, now: datetime) -> bool:
    """The next slice of a check's titles; whether there is more to gather."""
    row = await connection.fetchrow(sql.BEGIN, check_id)
    if row is None:
        return False
    source: dict[str, Any] = row["source"]
    told: list[Any] = [row["last_number"], SLICE]
    kind = None
    if source.get("title_ids"):
        told.append([UUID(each) for each in source["title_ids"]])
    elif source.get("list_id"):
        made_of = await connection.fetchrow(sql.LIST, UUID(source["list_id"]), row["requested_by"])
        if made_of is None:
            raise CannotGather(
                "The list that it is made of is not there any more, or is not shared any more."
            )
        kind = made_of["kind"]
        told += [UUID(source["list_id"]), made_of["generation"]]
    async with connection.transaction():
        titles = await connection.fetch(sql.slice_of(source, kind), *told)
        ids = [each["id"] for each in titles]
        shelves = await connection.fetch(sql.SHELVES, ids) if ids else []
        found = await asyncio.to_thread(gathered, titles, shelves)
        await connection.execute(sql.FORGET_PLACES, ids)
        await _keep(connection, found)
        count = await _put_in(connection, row, found, guard, now=now)
        more = len(titles) == SLICE
        last = titles[-1]["hrid"] if titles else row["last_number"]
        state = State.GATHERING if more else State.CHECKING
        kept = await connection.fetchval(sql.MOVE_ON, check_id, last, len(titles), count, state.value)
        if kept is None:  # cancelled meanwhile
            return False
    return more


async def _keep(connection: Held, found: Gathered) -> None:
    if not found.urls:
        return
    digests = sorted(found.urls)
    urls = [found.urls[each] for each in digests]
    hosts = [named_host(each) for each in urls]
    await connection.execute(sql.KEEP_LINKS, [uuid7() for _ in digests], digests, urls, hosts)
    places = list(found.places.items())
    await connection.execute(
        sql.KEEP_PLACES,
        [digest for (digest, _, _), _ in places],
        [kind for (_, kind, _), _ in places],
        [entity_id for (_, _, entity_id), _ in places],
        *([each[place] for _, each in places] for place in range(3)),
    )


async def _put_in(connection: Held, row: Any, found: Gathered, guard: Guard, *, now: datetime) -> int:
    """Have the links checked, each once; how many are new to this check."""
    if not found.urls:
        return 0
    digests = list(found.urls)
    hosts = [asked_host(found.urls[each], guard) for each in digests]
    await connection.execute(sql.HOSTS, hosts, now)
    soon = AT_ONCE if row["source"].get("title_ids") else now
    again = bool(row["source"].get("again"))
    return rows_affected(await connection.execute(sql.PUT_IN, row["id"], digests, hosts, soon, again))
