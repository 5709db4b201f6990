"""Titles of the knowledge base are entered, changed, merged and split; nothing they had is lost."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis import etags
from chassis.database import Connection
from chassis.ids import uuid7
from chassis.problems import Invalid, NotFound, Reason, Refused
from erm.instances import queries
from erm.instances.announcing import titles_changed
from erm.instances.entering import IdentifierIn, MergeIn, NewTitleIn, SplitIn, TitleIn, checked
from erm.instances.likeness import core_of
from erm.instances.rules import folded
from erm.packages.announcing import items_changed
from erm.rights import commands as rights
from erm.rows import change, insert, insert_many


class TitleUnknown(NotFound):
    """There is no such title in the knowledge base."""

    code, title = "title-instance-unknown", "There is no such title in the knowledge base."


class TitleRefused(Refused):
    """An identifier is another title's, or packages stand against merging or splitting."""

    code, title = "title-instance-refused", "This cannot be done with the title."


class ReviewUnknown(NotFound):
    """There is no such question."""

    code, title = "title-review-unknown", "There is no such question."


async def locked(connection: Connection, title_id: UUID) -> Any:
    """A title that nobody matches meanwhile; `TitleUnknown`, `TitleRefused` where it became another."""
    await connection.execute(queries.LOCK)
    row = (await queries.titles(connection, [title_id], lock=True)).get(title_id)
    if row is None:
        raise TitleUnknown
    if row["merged_into"] is not None:
        reason = Reason(
            "title-merged", f"It became {row['merged_into']}.", mend="Change that one, or split it off again."
        )
        raise TitleRefused(reasons=[reason])
    return row


def _values(body: TitleIn) -> dict[str, Any]:
    told = body.model_dump(exclude={"identifiers", "medium", "sibling_of"})
    return told | {"sort_name": folded(body.name), "core_name": core_of(body.name)}


_HELD = """
SELECT n.namespace, n.value, n.title_id FROM unnest($1::text[], $2::text[]) AS told (namespace, value)
JOIN title_identifier n ON n.namespace = told.namespace AND n.value = told.value AND NOT n.approved
WHERE n.medium = $3 AND n.title_id <> $4
"""


async def _identify(
    connection: Connection, title_id: UUID, medium: str, identifiers: Sequence[IdentifierIn]
) -> None:
    """Give a title these identifiers and no others; `TitleRefused` where one is another title's."""
    own = [each for each in identifiers if not each.approved]
    held = await connection.fetch(
        _HELD, [each.namespace for each in own], [each.value for each in own], medium, title_id
    )
    if held:
        raise TitleRefused(
            reasons=[
                Reason(
                    "identifier-taken",
                    f"{row['namespace']} {row['value']} is title {row['title_id']}'s.",
                    "/identifiers",
                    "Merge the two, take it from that one, or say that it is approved for both.",
                )
                for row in held
            ]
        )
    await connection.execute(
        "DELETE FROM title_identifier n WHERE title_id = $1 AND NOT EXISTS (SELECT FROM "
        "unnest($2::text[], $3::text[], $4::bool[]) AS told (namespace, value, approved) "
        "WHERE told.namespace = n.namespace AND told.value = n.value AND told.approved = n.approved)",
        title_id,
        [each.namespace for each in identifiers],
        [each.value for each in identifiers],
        [each.approved for each in identifiers],
    )
    there = {
        (row["namespace"], row["value"])
        for row in await connection.fetch(
            "SELECT namespace, value FROM title_identifier WHERE title_id = $1", title_id
        )
    }
    rows = [
        {"id": uuid7(), "title_id": title_id, "medium": medium, **each.model_dump()}
        for each in identifiers
        if (each.namespace, each.value) not in there
    ]
    await insert_many(connection, "title_identifier", rows)


async def _precedes(connection: Connection, title_id: UUID, preceded_by: UUID | None) -> None:
    """`Invalid` unless the title before is there and is another one."""
    if preceded_by is None:
        return
    known = await connection.fetchval("SELECT EXISTS (SELECT FROM title_instance WHERE id = $1)", preceded_by)
    if not known or preceded_by == title_id:
        raise Invalid(reasons=[Reason("title-unknown", "There is no such other title.", "/preceded_by")])


async def enter(connection: Connection, body: NewTitleIn, *, now: datetime) -> Any:
    """Enter a title that no list has brought; `Invalid`, `TitleRefused`."""
    identifiers = checked(body.identifiers)
    await connection.execute(queries.LOCK)
    title_id = work_id = uuid7()
    if body.sibling_of is not None:
        sibling = await queries.title(connection, body.sibling_of)
        if sibling is None:
            raise Invalid(reasons=[Reason("title-unknown", "There is no such title.", "/sibling_of")])
        work_id = sibling["work_id"]
    await _precedes(connection, title_id, body.preceded_by)
    await insert(
        connection,
        "title_instance",
        id=title_id,
        work_id=work_id,
        medium=body.medium,
        created_at=now,
        **_values(body),
    )
    await _identify(connection, title_id, body.medium, identifiers)
    await titles_changed(connection, [title_id], "entered", now)
    return await queries.title(connection, title_id)


async def change_title(
    connection: Connection, title_id: UUID, body: TitleIn, *, expected: int, now: datetime
) -> Any:
    """Replace what is told of a title; `Invalid`, `TitleRefused`."""
    identifiers = checked(body.identifiers)
    found = await locked(connection, title_id)
    etags.guard(expected=expected, found=found["version"])
    await _precedes(connection, title_id, body.preceded_by)
    await change(connection, "title_instance", title_id, **_values(body))
    await _identify(connection, title_id, found["medium"], identifiers)
    await titles_changed(connection, [title_id], "changed", now)
    return await queries.title(connection, title_id)


_BOTH_LISTED = """
SELECT p.id, p.name FROM package_item i JOIN platform_title pt ON pt.id = i.platform_title_id
JOIN package p ON p.id = i.package_id WHERE pt.title_id = ANY ($1::uuid[])
GROUP BY p.id, p.name, pt.platform_id HAVING count(*) > 1 ORDER BY p.id LIMIT 20
"""
_MOVE_ITEMS = """
UPDATE package_item i SET platform_title_id = stays.id, version = i.version + 1
FROM platform_title goes JOIN platform_title stays
    ON stays.platform_id = goes.platform_id AND stays.title_id = $1
WHERE goes.title_id = ANY ($2::uuid[]) AND i.platform_title_id = goes.id
RETURNING i.id, i.package_id
"""
_PLACES = """
INSERT INTO platform_title (id, title_id, platform_id, url)
SELECT DISTINCT ON (platform_id) gen_random_uuid(), $1, platform_id, url FROM platform_title
WHERE title_id = ANY ($2::uuid[]) ORDER BY platform_id, id
ON CONFLICT (title_id, platform_id) DO UPDATE SET url = coalesce(platform_title.url, excluded.url)
"""
_IDENTIFIERS = """
UPDATE title_identifier SET title_id = $1 WHERE id IN (
    SELECT DISTINCT ON (namespace, value) id FROM title_identifier n WHERE n.title_id = ANY ($2::uuid[])
    AND NOT EXISTS (SELECT FROM title_identifier mine
        WHERE mine.title_id = $1 AND mine.namespace = n.namespace AND mine.value = n.value)
    ORDER BY namespace, value, approved)
"""
_REST = "DELETE FROM title_identifier WHERE title_id = ANY ($1::uuid[])"
_SUCCESSORS = """
UPDATE title_instance SET preceded_by = NULLIF($1, id), version = version + 1
WHERE preceded_by = ANY ($2::uuid[]) AND NOT id = ANY ($2::uuid[]) RETURNING id
"""
_SIBLINGS = """
UPDATE title_instance t SET work_id = $1, version = version + 1 WHERE t.work_id = ANY ($2::uuid[])
    AND t.work_id <> $1 AND NOT t.id = ANY ($3::uuid[]) AND NOT EXISTS (
    SELECT FROM title_instance other WHERE other.work_id = t.work_id AND other.medium = $4
        AND other.merged_into IS NULL AND NOT other.id = ANY ($3::uuid[]))
RETURNING id
"""
"""What is left of a work goes along, unless another title of the medium stays in it."""
_MERGED = """
UPDATE title_instance SET merged_into = $1, preceded_by = NULL, work_id = $3, version = version + 1
WHERE id = ANY ($2::uuid[]) OR merged_into = ANY ($2::uuid[]) RETURNING id
"""
_TRANSFERS = "UPDATE title_transfer SET title_id = $1 WHERE title_id = ANY ($2::uuid[])"
_SETTLE = """
UPDATE title_review SET state = 'settled', settled_at = $2, settled_by = $3, note = coalesce(note, 'merged'),
    version = version + 1
WHERE state = 'open' AND title_id = ANY ($1::uuid[]) AND other_id = ANY ($1::uuid[])
"""


async def merge(connection: Connection, title_id: UUID, body: MergeIn, *, by: str, now: datetime) -> Any:
    """Make titles one: identifiers, places and what packages hold go over, and the old ids lead on.

    `Invalid` for titles that are not there, of another kind or medium; `TitleRefused` where a package lists two of
    them: for their provider they are two titles.
    """
    stays = await locked(connection, title_id)
    gone = sorted(set(body.title_ids))
    others = await queries.titles(connection, gone, lock=True)
    reasons = []
    for at, each in enumerate(body.title_ids):
        row = others.get(each)
        if row is None or row["merged_into"] is not None or each == title_id:
            reasons.append(Reason("title-unknown", "There is no such other title.", f"/title_ids/{at}"))
        elif (row["kind"], row["medium"]) != (stays["kind"], stays["medium"]):
            reasons.append(
                Reason(
                    "title-differs",
                    f"It is a {row['kind']} ({row['medium']}).",
                    f"/title_ids/{at}",
                    "Print and online are siblings of one work, not one title.",
                )
            )
    if reasons:
        raise Invalid(reasons=reasons)
    if both := await connection.fetch(_BOTH_LISTED, [title_id, *gone]):
        raise TitleRefused(
            reasons=[
                Reason(
                    "both-in-package",
                    f"Package {row['name']} has both on one platform.",
                    "/title_ids",
                    "Settle it with the provider of the list: for it they are two titles.",
                )
                for row in both
            ]
        )
    await connection.execute(_PLACES, title_id, gone)
    moved = await connection.fetch(_MOVE_ITEMS, title_id, gone)
    await connection.execute(_IDENTIFIERS, title_id, gone)
    await connection.execute(_REST, gone)
    works = [row["work_id"] for row in others.values()]
    followed = await connection.fetch(_SUCCESSORS, title_id, gone)
    siblings = await connection.fetch(_SIBLINGS, stays["work_id"], works, [title_id, *gone], stays["medium"])
    merged = await connection.fetch(_MERGED, title_id, gone, stays["work_id"])
    touched = {row["id"] for row in (*followed, *siblings)} - {title_id}
    if all(row["id"] != title_id for row in followed):
        await change(connection, "title_instance", title_id)
    await connection.execute(_SETTLE, [title_id, *gone], now, by)
    await rights.follow(connection, gone, title_id, actor=by, now=now)
    await connection.execute(_TRANSFERS, title_id, gone)
    await titles_changed(connection, [row["id"] for row in merged], "merged", now, others=[title_id])
    await titles_changed(connection, [title_id], "absorbed", now, others=gone)
    await titles_changed(connection, sorted(touched), "changed", now)
    await _tell_items(connection, moved, now)
    return await queries.title(connection, title_id)


async def _tell_items(connection: Connection, moved: Sequence[Any], now: datetime) -> None:
    """Tell of what packages hold that now names another title; packages in the order of their ids."""
    by_package: dict[UUID, dict[UUID, str]] = {}
    for row in moved:
        by_package.setdefault(row["package_id"], {})[row["id"]] = "changed"
    for package_id in sorted(by_package):
        await items_changed(connection, package_id, by_package[package_id], now)


_SPLIT_PLACES = """
INSERT INTO platform_title (id, title_id, platform_id, url)
SELECT gen_random_uuid(), $1, platform_id, url FROM platform_title
WHERE title_id = $2 AND platform_id = ANY ($3::uuid[])
RETURNING platform_id
"""
_SPLIT_ITEMS = """
UPDATE package_item i SET platform_title_id = new.id, version = i.version + 1
FROM platform_title old JOIN platform_title new ON new.platform_id = old.platform_id AND new.title_id = $1
WHERE old.title_id = $2 AND i.platform_title_id = old.id
RETURNING i.id, i.package_id
"""
_COPY = """
INSERT INTO title_instance (id, work_id, name, sort_name, core_name, kind, medium, publisher, first_author,
    first_editor, edition, volume, published_print, published_online, split_from, created_at)
SELECT $1, $2, $3, $4, $7, kind, medium, publisher, first_author, first_editor, edition, volume, published_print,
    published_online, id, $6 FROM title_instance WHERE id = $5
"""


async def split(connection: Connection, title_id: UUID, body: SplitIn, *, now: datetime) -> Any:
    """Take what belongs to another title out of one: identifiers, and its places on platforms; the new title.

    `Invalid` for what is not this title's, or nothing at all.
    """
    found = await locked(connection, title_id)
    mine = {UUID(each["id"]) for each in found["identifiers"]}
    reasons = [
        Reason("identifier-unknown", "It is no identifier of this title.", f"/identifier_ids/{at}")
        for at, each in enumerate(body.identifier_ids)
        if each not in mine
    ]
    if not body.identifier_ids and not body.platform_ids:
        reasons.append(
            Reason(
                "nothing-to-split",
                "Nothing belongs to the other title.",
                "",
                "Name identifiers or platforms.",
            )
        )
    new_id = uuid7()
    name = body.name or found["name"]
    work_id = found["work_id"] if body.same_work else new_id
    await connection.execute(_COPY, new_id, work_id, name, folded(name), title_id, now, core_of(name))
    places = await connection.fetch(_SPLIT_PLACES, new_id, title_id, sorted(set(body.platform_ids)))
    there = {row["platform_id"] for row in places}
    reasons += [
        Reason("platform-unknown", "The title is not on this platform.", f"/platform_ids/{at}")
        for at, each in enumerate(body.platform_ids)
        if each not in there
    ]
    if reasons:
        raise Invalid(reasons=reasons)
    moved = await connection.fetch(_SPLIT_ITEMS, new_id, title_id)
    await connection.execute(
        "UPDATE title_identifier SET title_id = $1 WHERE id = ANY ($2::uuid[])", new_id, body.identifier_ids
    )
    await change(connection, "title_instance", title_id)
    await titles_changed(connection, [title_id], "split", now, others=[new_id])
    await titles_changed(connection, [new_id], "split-off", now, others=[title_id])
    await _tell_items(connection, moved, now)
    return await queries.title(connection, new_id)


async def settle(connection: Connection, review_id: UUID, note: str | None, *, by: str, now: datetime) -> Any:
    """The match is right as it is, or was set right; `ReviewUnknown`. One that is settled stays as it is."""
    await connection.execute(
        "UPDATE title_review SET state = 'settled', settled_at = $2, settled_by = $3, note = $4, "
        "version = version + 1 WHERE id = $1 AND state = 'open'",
        review_id,
        now,
        by,
        note,
    )
    row = await connection.fetchrow("SELECT * FROM title_review WHERE id = $1", review_id)
    if row is None:
        raise ReviewUnknown
    return row
