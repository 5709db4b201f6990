"""What became of a package and of the titles in it is told as it then stands; each event is one version."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from chassis import outbox
from chassis.database import Connection
from contracts.erm import CoverageFacts, PackageChanged, PackageFacts, PackageItemFacts, PackageItemsChanged
from erm.packages.queries import STATEMENTS

MOST: Final = 250
"""Titles in one event."""
_RAISE: Final = "UPDATE package SET version = version + $2 WHERE id = $1 RETURNING *"
_ITEMS: Final = f"""
SELECT i.id AS item_id, i.version AS item_version, t.id AS title_id, t.work_id, t.name, t.kind, pt.platform_id,
    coalesce(i.url, pt.url) AS url, i.access_start_on, i.access_end_on, {STATEMENTS},
    (SELECT coalesce(array_agg(DISTINCT n.namespace || ':' || n.value), '{{}}') FROM title_instance s
        JOIN title_identifier n ON n.title_id = s.id WHERE s.work_id = t.work_id) AS identifiers
FROM package_item i JOIN platform_title pt ON pt.id = i.platform_title_id
JOIN title_instance t ON t.id = pt.title_id
WHERE i.id = ANY ($1::uuid[]) ORDER BY i.id
"""  # noqa: S608 - our own text


def facts(row: Any) -> PackageFacts:
    """As events tell of it."""
    told = {name: row[name] for name in PackageFacts.model_fields if name != "package_id"}
    return PackageFacts(package_id=row["id"], **told)


async def package_changed(
    connection: Connection,
    row: Any,
    what: str,
    now: datetime,
    *,
    load_id: UUID | None = None,
    counts: dict[str, int] | None = None,
) -> None:
    """Tell of a package whose row has its new version already."""
    event = PackageChanged(
        version=row["version"],
        occurred_at=now,
        package_id=row["id"],
        what=what,
        package=facts(row),
        load_id=load_id,
        counts=counts,
    )
    await outbox.record(connection, [event])


async def items_changed(
    connection: Connection,
    package_id: UUID,
    happened: Mapping[UUID, str],
    now: datetime,
    *,
    load_id: UUID | None = None,
) -> None:
    """Tell what happened to titles of a package, by the id of their items: `added`, `changed` …"""
    if not happened:
        return
    rows = await connection.fetch(_ITEMS, list(happened))
    told = [_item(row, happened[row["item_id"]]) for row in rows]
    pages = [told[at : at + MOST] for at in range(0, len(told), MOST)]
    package = await connection.fetchrow(_RAISE, package_id, len(pages))
    assert package is not None
    first = package["version"] - len(pages) + 1
    await outbox.record(
        connection,
        [
            PackageItemsChanged(
                version=version, occurred_at=now, package_id=package_id, load_id=load_id, items=tuple(page)
            )
            for version, page in enumerate(pages, first)
        ],
    )


def _item(row: asyncpg.Record, what: str) -> PackageItemFacts:
    told = dict(row)
    coverage = tuple(_coverage(each) for each in told.pop("statements"))
    names = tuple(told.pop("identifiers"))
    return PackageItemFacts.model_construct(**told, identifiers=names, what=what, coverage=coverage)


def _coverage(told: Mapping[str, Any]) -> CoverageFacts:
    return CoverageFacts.model_construct(**{name: told[name] for name in CoverageFacts.model_fields})
