"""Packages are entered and changed; titles come into them by hand (lists bring the rest)."""

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from chassis import etags
from chassis.database import Connection
from chassis.ids import uuid7
from chassis.problems import Invalid, NotFound, Reason, Refused
from erm.instances.queries import LOCK
from erm.packages import queries
from erm.packages.announcing import items_changed, package_changed
from erm.packages.entering import (
    ItemChange,
    ItemIn,
    PackageIn,
    access_reasons,
    coverage_reasons,
    coverage_rows,
)
from erm.rows import change, insert, insert_many


class PackageUnknown(NotFound):
    """There is no such package."""

    code, title = "package-unknown", "There is no such package."


class PackageTaken(Refused):
    """The source has a package with this reference already."""

    code, title = "package-taken", "The source has a package with this reference already."


class ItemUnknown(NotFound):
    """There is no such title in a package."""

    code, title = "package-item-unknown", "There is no such title in a package."


class ItemListed(Refused):
    """The package has this title on this platform already, or its list says what is to be changed here."""

    code, title = "package-item-listed", "The package, or its list, has this already."


def _refused(error: asyncpg.PostgresError, body: PackageIn) -> Refused | Invalid:
    if isinstance(error, asyncpg.UniqueViolationError):
        reason = Reason(
            "package-taken",
            f"{body.source} has a package {body.reference} already.",
            "/reference",
            "Change that one instead.",
        )
        return PackageTaken(reasons=[reason])
    what = "platform" if "platform" in (error.constraint_name or "") else "provider"
    known = "platform" if what == "platform" else "organisation"
    return Invalid(reasons=[Reason(f"{known}-unknown", f"There is no such {known}.", f"/{what}_id")])


async def package(connection: Connection | asyncpg.Pool, package_id: UUID, *, lock: bool = False) -> Any:
    """Its row; `PackageUnknown`."""
    row = await connection.fetchrow(
        f"SELECT * FROM package WHERE id = $1{' FOR UPDATE' if lock else ''}",  # noqa: S608 - our own words
        package_id,
    )
    if row is None:
        raise PackageUnknown
    return row


def _values(body: PackageIn) -> dict[str, Any]:
    told = body.model_dump()
    return told | {"content_types": sorted(set(told["content_types"]))}


async def enter(connection: Connection, body: PackageIn, *, now: datetime) -> Any:
    """Enter a package; `PackageTaken`."""
    package_id = uuid7()
    try:
        await insert(connection, "package", id=package_id, created_at=now, **_values(body))
    except (asyncpg.UniqueViolationError, asyncpg.ForeignKeyViolationError) as error:
        raise _refused(error, body) from error
    row = await package(connection, package_id)
    await package_changed(connection, row, "entered", now)
    return row


async def change_package(
    connection: Connection, package_id: UUID, body: PackageIn, *, expected: int, now: datetime
) -> Any:
    """Replace what is told of a package; `PackageTaken`."""
    found = await package(connection, package_id, lock=True)
    etags.guard(expected=expected, found=found["version"])
    try:
        await change(connection, "package", package_id, **_values(body))
    except (asyncpg.UniqueViolationError, asyncpg.ForeignKeyViolationError) as error:
        raise _refused(error, body) from error
    row = await package(connection, package_id)
    await package_changed(connection, row, "changed", now)
    return row


_TITLE = "SELECT * FROM title_instance WHERE id = $1 FOR KEY SHARE"
_ON_PLATFORM = """
INSERT INTO platform_title (id, title_id, platform_id, url) VALUES ($1, $2, $3, $4)
ON CONFLICT (title_id, platform_id) DO UPDATE SET url = coalesce(platform_title.url, excluded.url) RETURNING id
"""


async def add_item(connection: Connection, package_id: UUID, body: ItemIn, *, now: datetime) -> UUID:
    """Put a title into a package by hand; `Invalid`, `ItemListed`."""
    await connection.execute(LOCK)
    found = await package(connection, package_id, lock=True)
    title = await connection.fetchrow(_TITLE, body.title_id)
    reasons = coverage_reasons(body.coverage) + access_reasons(body.access_start_on, body.access_end_on)
    if title is None or title["merged_into"] is not None:
        mend = None if title is None else f"It became {title['merged_into']}."
        reasons.append(Reason("title-unknown", "There is no such title.", "/title_id", mend))
    platform_id = body.platform_id or found["platform_id"]
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM platform WHERE id = $1)", platform_id):
        reasons.append(Reason("platform-unknown", "There is no such platform.", "/platform_id"))
    if reasons:
        raise Invalid(reasons=reasons)
    assert title is not None
    item_id = uuid7()
    place = await connection.fetchval(_ON_PLATFORM, uuid7(), title["id"], platform_id, body.url)
    try:
        await insert(
            connection,
            "package_item",
            id=item_id,
            package_id=package_id,
            platform_title_id=place,
            key=f"hand:{item_id}",
            listed={},
            sort_name=title["sort_name"],
            origin="hand",
            created_at=now,
            **body.model_dump(include={"url", "access_start_on", "access_end_on", "note"}),
        )
    except asyncpg.UniqueViolationError as error:
        reason = Reason("title-in-package", "It is in the package on this platform.", "/title_id")
        raise ItemListed(reasons=[reason]) from error
    await insert_many(connection, "coverage_statement", coverage_rows(item_id, body.coverage))
    await items_changed(connection, package_id, {item_id: "added"}, now)
    return item_id


async def change_item(
    connection: Connection, item_id: UUID, body: ItemChange, *, expected: int, now: datetime
) -> None:
    """Replace what a library says of a title in a package; `Invalid`, `ItemListed`."""
    await connection.execute(LOCK)
    package_id = await connection.fetchval("SELECT package_id FROM package_item WHERE id = $1", item_id)
    if package_id is None:
        raise ItemUnknown
    await package(connection, package_id, lock=True)
    found = await queries.item(connection, item_id)
    assert found is not None
    etags.guard(expected=expected, found=found["version"])
    reasons = coverage_reasons(body.coverage or ()) + access_reasons(body.access_start_on, body.access_end_on)
    if reasons:
        raise Invalid(reasons=reasons)
    listed = found["origin"] == "list"
    if listed and (body.coverage is not None or body.url not in (None, found["url"])):
        raise ItemListed(
            reasons=[
                Reason(
                    "kept-by-list",
                    "Its address and coverage are its list's.",
                    "/coverage" if body.coverage is not None else "/url",
                    "Say otherwise in an agreement's line, or ask the provider to mend the list.",
                )
            ]
        )
    told = body.model_dump(include={"access_start_on", "access_end_on", "note"})
    if not listed:
        told["url"] = body.url
    await change(connection, "package_item", item_id, **told)
    if body.coverage is not None:
        await connection.execute("DELETE FROM coverage_statement WHERE item_id = $1", item_id)
        await insert_many(connection, "coverage_statement", coverage_rows(item_id, body.coverage))
    await items_changed(connection, package_id, {item_id: "changed"}, now)
