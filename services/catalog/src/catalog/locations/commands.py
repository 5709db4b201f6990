"""Put a configuration in place, as a whole or not at all."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.locations import queries
from catalog.locations.documents import ConfigurationDoc, SectionDiff, difference
from catalog.numbers.commands import go_on_behind
from catalog.profiles.commands import unknown_specification
from chassis import outbox
from chassis.ids import uuid7
from chassis.problems import Invalid, Reason
from contracts.catalog import LocationChanged, LocationState

LOCK = text("SELECT version FROM configuration_state FOR UPDATE")


async def apply(
    session: AsyncSession,
    doc: ConfigurationDoc,
    *,
    dry_run: bool,
    now: datetime,
    flaws: Sequence[Reason] = (),
) -> tuple[int, bool, dict[str, SectionDiff]]:
    """Make the document true; version, whether anything was written, and what differed. `flaws` were found before."""
    await session.execute(LOCK)
    version, old = await queries.configuration(session)
    sections = difference(old, doc)
    reasons = [*flaws, *doc.flaws(), *await _still_used(session, sections, _of_another_kind(old, doc))]
    for place, profile in enumerate(doc.import_profiles or ()):
        reasons += await unknown_specification(session, profile, f"/import_profiles/{place}")
    if reasons:
        raise Invalid("The configuration is not sound; nothing was changed.", reasons=reasons)
    if dry_run or not sections:
        return version, False, sections

    await _raise_series(session, doc, sections)
    before = {state.location_id: state for state in await queries.locations(session)}
    await write(session, doc, sections)
    await session.execute(text("UPDATE configuration_state SET version = version + 1"))
    after = {state.location_id: state for state in await queries.locations(session)}
    await _announce(session, before, after, now)
    return version + 1, True, sections


async def _still_used(
    session: AsyncSession, sections: dict[str, SectionDiff], remade: Sequence[str]
) -> list[Reason]:
    def removed(section: str) -> list[str]:
        return sections[section].removed if section in sections else []

    used = await queries.in_use(
        session,
        locations=removed("locations"),
        material_types=removed("material_types"),
        loan_types=removed("loan_types"),
        statistical_codes=removed("statistical_codes"),
        damaged_statuses=removed("damaged_statuses"),
        digitisation_policies=removed("digitisation_policies"),
        custom_fields=[*removed("custom_fields"), *remade],
    )
    return [
        Reason(
            "still-in-use",
            f"{key!r} is still in use.",
            f"/{section}",
            "Keep it until nothing uses it; a location can be made inactive.",
        )
        for section, key in used
    ]


def _of_another_kind(old: ConfigurationDoc, new: ConfigurationDoc) -> list[str]:
    """Facts of the library's own that are to be made of something else, or of less than before."""
    before = {each.code: each for each in old.custom_fields or ()}
    return [
        each.code
        for each in new.custom_fields or ()
        if each.code in before
        and (each.kind != before[each.code].kind or not set(before[each.code].of) <= set(each.of))
    ]


async def _raise_series(
    session: AsyncSession, doc: ConfigurationDoc, sections: dict[str, SectionDiff]
) -> None:
    """Numbers go on behind where they are to begin."""
    if (diff := sections.get("record_numbers")) is None:
        return
    for series in doc.record_numbers or ():
        if series.key in (*diff.added, *diff.changed) and series.start > 1:
            await go_on_behind(session, series.code, series.start)


async def write(session: AsyncSession, doc: ConfigurationDoc, sections: dict[str, SectionDiff]) -> None:
    """Parents first on the way in, children first on the way out."""
    for name, statement in _PUT.items():
        rows = _rows(doc, sections, name)
        if rows:
            await session.execute(statement, rows)
    for name, statement in _DROP.items():
        if name in sections and sections[name].removed:
            await session.execute(statement, {"keys": sections[name].removed})


def _rows(doc: ConfigurationDoc, sections: dict[str, SectionDiff], name: str) -> list[dict[str, Any]]:
    if name not in sections:
        return []
    touched = {*sections[name].added, *sections[name].changed}
    return [{"id": uuid7(), **entry.row()} for entry in doc.section(name) if entry.key in touched]


_PUT = {
    "institutions": text(
        "INSERT INTO institution (id, code, name) VALUES (:id, :code, :name) "
        "ON CONFLICT (code) DO UPDATE SET name = excluded.name"
    ),
    "campuses": text(
        "INSERT INTO campus (id, code, name, institution_id) "
        "SELECT :id, :code, :name, id FROM institution WHERE code = :institution "
        "ON CONFLICT (code) DO UPDATE SET name = excluded.name, institution_id = excluded.institution_id"
    ),
    "libraries": text(
        "INSERT INTO library (id, code, name, campus_id) "
        "SELECT :id, :code, :name, id FROM campus WHERE code = :campus "
        "ON CONFLICT (code) DO UPDATE SET name = excluded.name, campus_id = excluded.campus_id"
    ),
    "locations": text(
        "INSERT INTO location (id, code, name, library_id, active) "
        "SELECT :id, :code, :name, id, :active FROM library WHERE code = :library "
        "ON CONFLICT (library_id, code) DO UPDATE SET name = excluded.name, active = excluded.active"
    ),
    "material_types": text(
        "INSERT INTO material_type (code, name) VALUES (:code, :name) "
        "ON CONFLICT (code) DO UPDATE SET name = excluded.name"
    ),
    "loan_types": text(
        "INSERT INTO loan_type (code, name) VALUES (:code, :name) "
        "ON CONFLICT (code) DO UPDATE SET name = excluded.name"
    ),
    "harvest_sets": text(
        "INSERT INTO oai_set "
        "(code, name, description, material_types, libraries, locations, languages, formats, query) "
        "VALUES (:code, :name, :description, CAST(:material_types AS text[]), CAST(:libraries AS text[]), "
        "CAST(:locations AS text[]), CAST(:languages AS text[]), CAST(:formats AS text[]), :query) "
        "ON CONFLICT (code) DO UPDATE SET name = excluded.name, description = excluded.description, "
        "material_types = excluded.material_types, libraries = excluded.libraries, locations = excluded.locations, "
        "languages = excluded.languages, formats = excluded.formats, query = excluded.query"
    ),
    "import_profiles": text(
        "INSERT INTO import_profile (code, document, updated_at, updated_by) "
        "VALUES (:code, CAST(:document AS jsonb), now(), 'configuration') "
        "ON CONFLICT (code) DO UPDATE SET version = import_profile.version + 1, document = excluded.document, "
        "updated_at = excluded.updated_at, updated_by = excluded.updated_by"
    ),
    "search_targets": text(
        "INSERT INTO search_target (code, document) VALUES (:code, CAST(:document AS jsonb)) "
        "ON CONFLICT (code) DO UPDATE SET document = excluded.document"
    ),
    "statistical_codes": text(
        "INSERT INTO statistical_code (code, name, kind) VALUES (:code, :name, :kind) "
        "ON CONFLICT (code) DO UPDATE SET name = excluded.name, kind = excluded.kind"
    ),
    "label_templates": text(
        "INSERT INTO label_template (code, document) VALUES (:code, CAST(:document AS jsonb)) "
        "ON CONFLICT (code) DO UPDATE SET document = excluded.document"
    ),
    "custom_fields": text(
        "INSERT INTO custom_field (code, document) VALUES (:code, CAST(:document AS jsonb)) "
        "ON CONFLICT (code) DO UPDATE SET document = excluded.document"
    ),
    "digitisation_policies": text(
        "INSERT INTO digitisation_policy (code, name) VALUES (:code, :name) "
        "ON CONFLICT (code) DO UPDATE SET name = excluded.name"
    ),
    "harvest_formats": text(
        "INSERT INTO oai_format (code, document) VALUES (:code, CAST(:document AS jsonb)) "
        "ON CONFLICT (code) DO UPDATE SET document = excluded.document"
    ),
    "record_numbers": text(
        "INSERT INTO number_series (code, prefix, start) VALUES (:code, :prefix, :start) "
        "ON CONFLICT (code) DO UPDATE SET prefix = excluded.prefix, start = excluded.start"
    ),
    "damaged_statuses": text(
        "INSERT INTO damaged_status (code, name) VALUES (:code, :name) "
        "ON CONFLICT (code) DO UPDATE SET name = excluded.name"
    ),
}
_DROP = {
    "harvest_formats": text("DELETE FROM oai_format WHERE code = ANY (:keys)"),
    "record_numbers": text("DELETE FROM number_series WHERE code = ANY (:keys)"),
    "label_templates": text("DELETE FROM label_template WHERE code = ANY (:keys)"),
    "custom_fields": text("DELETE FROM custom_field WHERE code = ANY (:keys)"),
    "digitisation_policies": text("DELETE FROM digitisation_policy WHERE code = ANY (:keys)"),
    "damaged_statuses": text("DELETE FROM damaged_status WHERE code = ANY (:keys)"),
    "statistical_codes": text("DELETE FROM statistical_code WHERE code = ANY (:keys)"),
    "search_targets": text("DELETE FROM search_target WHERE code = ANY (:keys)"),
    "import_profiles": text("DELETE FROM import_profile WHERE code = ANY (:keys)"),
    "harvest_sets": text("DELETE FROM oai_set WHERE code = ANY (:keys)"),
    "locations": text(
        "DELETE FROM location l USING library b "
        "WHERE b.id = l.library_id AND b.code || '/' || l.code = ANY (:keys)"
    ),
    "libraries": text("DELETE FROM library WHERE code = ANY (:keys)"),
    "campuses": text("DELETE FROM campus WHERE code = ANY (:keys)"),
    "institutions": text("DELETE FROM institution WHERE code = ANY (:keys)"),
    "material_types": text("DELETE FROM material_type WHERE code = ANY (:keys)"),
    "loan_types": text("DELETE FROM loan_type WHERE code = ANY (:keys)"),
}


async def _announce(
    session: AsyncSession,
    before: dict[UUID, LocationState],
    after: dict[UUID, LocationState],
    now: datetime,
) -> None:
    """Tell of each location whose facts, or whose place in the tree, are not what they were."""
    events = []
    for location_id, state in after.items():
        old = before.get(location_id)
        if old is None:
            events.append(_changed(state, now))
        elif old != state:
            events.append(_changed(state.model_copy(update={"version": old.version + 1}), now))
    for location_id, state in before.items():
        if location_id not in after:
            gone = state.model_copy(update={"active": False, "version": state.version + 1})
            events.append(_changed(gone, now))
    moved = [event.location_id for event in events if event.version > 1 and event.location_id in after]
    if moved:
        await session.execute(
            text("UPDATE location SET version = version + 1 WHERE id = ANY (:ids)"), {"ids": moved}
        )
    await outbox.publish(session, *events)


def _changed(state: LocationState, now: datetime) -> LocationChanged:
    return LocationChanged(
        version=state.version, occurred_at=now, location_id=state.location_id, location=state
    )
