"""What became of a package and of the titles in it is told as it then stands; each event is one version."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter

from chassis import outbox
from chassis.database import Connection
from contracts.erm import CoverageFacts, PackageChanged, PackageFacts, PackageItemFacts, PackageItemsChanged

MOST: Final = 250
"""Titles in one event."""
_RAISE: Final = "UPDATE package SET version = version + $2 WHERE id = $1 RETURNING *"
_COVERAGE: Final = ", ".join(f"'{name}', c.{name}" for name in CoverageFacts.model_fields)
_ITEMS: Final = f"""
SELECT json_agg(json_build_object('item_id', i.id, 'item_version', i.version, 'what', told.what, 'title_id', t.id,
    'work_id', t.work_id, 'name', t.name, 'kind', t.kind, 'platform_id', pt.platform_id, 'url', coalesce(i.url, pt.url),
    'access_start_on', i.access_start_on, 'access_end_on', i.access_end_on,
    'identifiers', (SELECT coalesce(json_agg(DISTINCT n.namespace || ':' || n.value), '[]') FROM title_instance s
        JOIN title_identifier n ON n.title_id = s.id WHERE s.work_id = t.work_id),
    'coverage', (SELECT coalesce(json_agg(json_build_object({_COVERAGE}) ORDER BY c.ordinal), '[]')
        FROM coverage_statement c WHERE c.item_id = i.id)) ORDER BY told.at)::text AS items
FROM unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS told (id, what, at)
JOIN package_item i ON i.id = told.id JOIN platform_title pt ON pt.id = i.platform_title_id
JOIN title_instance t ON t.id = pt.title_id
GROUP BY (told.at - 1) / {MOST} ORDER BY (told.at - 1) / {MOST}
"""  # noqa: S608 - our own text
"""As JSON, in pages: a list brings a hundred thousand, and nobody here has to look into them."""
_PAGE: Final = TypeAdapter(tuple[PackageItemFacts, ...])


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
    ids = sorted(happened)
    rows = await connection.fetch(_ITEMS, ids, [happened[each] for each in ids])
    pages = [_PAGE.validate_json(row["items"]) for row in rows]
    package = await connection.fetchrow(_RAISE, package_id, len(pages))
    assert package is not None
    first = package["version"] - len(pages) + 1
    await outbox.record(
        connection,
        [
            PackageItemsChanged(
                version=version, occurred_at=now, package_id=package_id, load_id=load_id, items=page
            )
            for version, page in enumerate(pages, first)
        ],
    )
