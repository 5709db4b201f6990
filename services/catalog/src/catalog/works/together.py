"""Many titles find their works at once: what an import brings is new and plain, and takes a few statements in all.

What comes of it is what `grouping.place` would have made of them one after the other.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from catalog.works.grouping import Connection, place
from chassis.ids import uuid7s_ahead

Keyed = tuple[UUID, list[str], bool]
"""A title, its keys, and whether it is gone."""
_HELD: Final = "SELECT title_id, keys FROM work_title WHERE title_id = ANY ($1::uuid[])"
_KNOWN: Final = """
SELECT k.key, w.created_at, w.id FROM work_key k JOIN work w ON w.id = k.work_id WHERE k.key = ANY ($1::text[])
"""
_TOUCH: Final = "UPDATE work SET version = version + 1, updated_at = $2 WHERE id = ANY ($1::uuid[])"

Known = dict[str, tuple[datetime, UUID]]
"""By key: when its work was made, and which it is."""


@dataclass(slots=True)
class Plain:
    """What is to be written of new titles that are of one work each."""

    made: dict[UUID, None] = field(default_factory=dict)
    """New works, in order."""
    put: list[tuple[UUID, UUID, list[str]]] = field(default_factory=list)
    keys: list[tuple[str, UUID]] = field(default_factory=list)
    touched: set[UUID] = field(default_factory=set)
    joined: set[UUID] = field(default_factory=set)
    """Works that have more titles by these."""
    minted: Iterator[UUID] = field(default_factory=uuid7s_ahead)

    def add(self, title_id: UUID, keys: Sequence[str], known: Known, now: datetime) -> bool:
        """Take a title, if it is of one work; whether it was taken. Its keys are known from then on."""
        found = [known[key] for key in keys if key in known]
        if len(found) > 1 and len(set(found)) > 1:
            return False
        if found:
            work = found[0]
            self.joined.add(work[1])
            if work[1] not in self.made:
                self.touched.add(work[1])
        else:
            work = now, next(self.minted)
            self.made[work[1]] = None
        self.put.append((title_id, work[1], list(keys)))
        for key in keys:
            if key not in known:
                known[key] = work
                self.keys.append((key, work[1]))
        return True

    async def write(self, connection: Connection, now: datetime) -> None:
        """Write it all."""
        for table, columns, rows in (
            ("work", ("id", "created_at", "updated_at"), [(work_id, now, now) for work_id in self.made]),
            ("work_title", ("title_id", "work_id", "keys"), self.put),
            ("work_key", ("key", "work_id"), self.keys),
        ):
            if rows:
                await connection.copy_records_to_table(table, records=rows, columns=columns)
        if self.touched:
            await connection.execute(_TOUCH, sorted(self.touched), now)


@dataclass(slots=True)
class Placed:
    """What has come of it."""

    loosened: set[UUID] = field(default_factory=set)
    """Works that may hold together no longer: they are to be regrouped."""
    joined: set[UUID] = field(default_factory=set)
    """Works that new titles have joined."""
    moved: list[UUID] = field(default_factory=list)
    """Titles that may have led works together."""
    known: list[UUID] = field(default_factory=list)
    """Titles that had a work before."""


async def place_all(
    connection: Connection, keyed: Sequence[Keyed], again: Collection[UUID], *, now: datetime
) -> Placed:
    """Let titles be of the works that their keys lead to, in this order.

    `again` are those that are looked at though their keys are as they were.
    """
    held = {
        row["title_id"]: row["keys"] for row in await connection.fetch(_HELD, [each[0] for each in keyed])
    }
    placed = Placed(known=list(held))
    new: list[Keyed] = []
    for each in keyed:
        title_id, keys, gone = each
        if title_id not in held:
            if not gone:
                new.append(each)
            continue
        if not gone and title_id not in again and held[title_id] == keys:
            continue
        await _place_new(connection, new, placed, now)
        new = []
        placed.moved.append(title_id)
        placed.loosened |= await place(
            connection, title_id, keys, gone=gone, again=title_id in again, now=now
        )
    await _place_new(connection, new, placed, now)
    return placed


async def _place_new(connection: Connection, new: Sequence[Keyed], placed: Placed, now: datetime) -> None:
    """New titles: those of one work together, those that make one of several by themselves."""
    plain, known = Plain(), await _known(connection, new)
    for place_of, (title_id, keys, _) in enumerate(new):
        if plain.add(title_id, keys, known, now):
            continue
        await plain.write(connection, now)
        placed.joined |= plain.joined
        placed.moved.append(title_id)
        placed.loosened |= await place(connection, title_id, keys, gone=False, again=False, now=now)
        plain, known = Plain(), await _known(connection, new[place_of + 1 :])
    await plain.write(connection, now)
    placed.joined |= plain.joined


async def _known(connection: Connection, titles: Sequence[Keyed]) -> Known:
    keys = list({key for each in titles for key in each[1]})
    if not keys:
        return {}
    return {row["key"]: (row["created_at"], row["id"]) for row in await connection.fetch(_KNOWN, keys)}
