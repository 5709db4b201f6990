"""Locations with their place in the tree, and the configuration as it stands."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.locations.documents import ConfigurationDoc
from contracts.catalog import LocationState

_TREE = """
SELECT l.id AS location_id, l.version, l.code, l.name, b.code AS library, b.name AS library_name,
    c.code AS campus, i.code AS institution, l.active
FROM location l JOIN library b ON b.id = l.library_id JOIN campus c ON c.id = b.campus_id
JOIN institution i ON i.id = c.institution_id
"""
_ALL = text(_TREE + " ORDER BY b.code, l.code")
_SOME = text(_TREE + " WHERE l.id = ANY (:ids) ORDER BY b.code, l.code")

_DOCUMENT = text("""
SELECT
    (SELECT version FROM configuration_state) AS version,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('code', code, 'name', name) ORDER BY code), '[]')
     FROM institution) AS institutions,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('code', c.code, 'name', c.name, 'institution', i.code)
        ORDER BY c.code), '[]') FROM campus c JOIN institution i ON i.id = c.institution_id) AS campuses,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('code', b.code, 'name', b.name, 'campus', c.code)
        ORDER BY b.code), '[]') FROM library b JOIN campus c ON c.id = b.campus_id) AS libraries,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('code', l.code, 'name', l.name, 'library', b.code,
        'active', l.active) ORDER BY b.code, l.code), '[]')
     FROM location l JOIN library b ON b.id = l.library_id) AS locations,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('code', code, 'name', name) ORDER BY code), '[]')
     FROM material_type) AS material_types,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('code', code, 'name', name) ORDER BY code), '[]')
     FROM loan_type) AS loan_types,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('code', code, 'name', name, 'description', description,
        'material_types', material_types, 'libraries', libraries, 'locations', locations, 'languages', languages,
        'formats', formats, 'query', query) ORDER BY code), '[]') FROM oai_set) AS harvest_sets,
    (SELECT coalesce(jsonb_agg(document || jsonb_build_object('code', code) ORDER BY code), '[]')
     FROM import_profile) AS import_profiles,
    (SELECT coalesce(jsonb_agg(document || jsonb_build_object('code', code) ORDER BY code), '[]')
     FROM search_target) AS search_targets,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('code', code, 'name', name, 'kind', kind) ORDER BY code), '[]')
     FROM statistical_code) AS statistical_codes,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('code', code, 'name', name) ORDER BY code), '[]')
     FROM damaged_status) AS damaged_statuses,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('code', code, 'name', name) ORDER BY code), '[]')
     FROM digitisation_policy) AS digitisation_policies,
    (SELECT coalesce(jsonb_agg(document || jsonb_build_object('code', code) ORDER BY code), '[]')
     FROM custom_field) AS custom_fields,
    (SELECT coalesce(jsonb_agg(document || jsonb_build_object('code', code) ORDER BY code), '[]')
     FROM label_template) AS label_templates,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('code', code, 'prefix', prefix, 'start', start) ORDER BY code), '[]')
     FROM number_series) AS record_numbers,
    (SELECT coalesce(jsonb_agg(document || jsonb_build_object('code', code) ORDER BY code), '[]')
     FROM oai_format) AS harvest_formats
""")


async def locations(session: AsyncSession) -> list[LocationState]:
    """Every location, by library and code."""
    return [LocationState(**row._mapping) for row in await session.execute(_ALL)]


async def locations_by_id(session: AsyncSession, ids: Sequence[UUID]) -> list[LocationState]:
    """Some locations."""
    return [LocationState(**row._mapping) for row in await session.execute(_SOME, {"ids": list(ids)})]


async def configuration(session: AsyncSession) -> tuple[int, ConfigurationDoc]:
    """The configuration and its version."""
    told: dict[str, Any] = dict((await session.execute(_DOCUMENT)).one()._mapping)
    version = told.pop("version")
    return version, ConfigurationDoc.model_validate(told)


_IN_USE = text("""
SELECT 'locations' AS section, b.code || '/' || l.code AS key FROM location l JOIN library b ON b.id = l.library_id
WHERE b.code || '/' || l.code = ANY (:locations) AND (
    EXISTS (SELECT FROM holdings h WHERE h.location_id = l.id)
    OR EXISTS (SELECT FROM holdings h WHERE h.temporary_location_id = l.id)
    OR EXISTS (SELECT FROM item i WHERE i.location_id = l.id)
    OR EXISTS (SELECT FROM item i WHERE i.permanent_location_id = l.id)
    OR EXISTS (SELECT FROM import_job j WHERE j.default_location_id = l.id))
UNION ALL
SELECT 'material_types', told FROM unnest(CAST(:material_types AS text[])) AS told
WHERE EXISTS (SELECT FROM item WHERE material_type = told)
UNION ALL
SELECT 'loan_types', told FROM unnest(CAST(:loan_types AS text[])) AS told
WHERE EXISTS (SELECT FROM item WHERE loan_type = told)
   OR EXISTS (SELECT FROM item WHERE temporary_loan_type = told)
UNION ALL
SELECT 'damaged_statuses', told FROM unnest(CAST(:damaged_statuses AS text[])) AS told
WHERE EXISTS (SELECT FROM item WHERE damaged_status = told)
UNION ALL
SELECT 'digitisation_policies', told FROM unnest(CAST(:digitisation_policies AS text[])) AS told
WHERE EXISTS (SELECT FROM holdings WHERE digitisation_policy = told)
UNION ALL
SELECT 'statistical_codes', told FROM unnest(CAST(:statistical_codes AS text[])) AS told
WHERE EXISTS (SELECT FROM item WHERE statistical_codes <> '{}' AND statistical_codes @> ARRAY[told])
   OR EXISTS (SELECT FROM holdings WHERE statistical_codes <> '{}' AND statistical_codes @> ARRAY[told])
   OR EXISTS (SELECT FROM title WHERE statistical_codes <> '{}' AND statistical_codes @> ARRAY[told])
UNION ALL
SELECT 'custom_fields', told FROM unnest(CAST(:custom_fields AS text[])) AS told
WHERE EXISTS (SELECT FROM item WHERE custom <> '{}' AND custom ? told)
   OR EXISTS (SELECT FROM title WHERE custom <> '{}' AND custom ? told)
""")


async def in_use(
    session: AsyncSession,
    *,
    locations: list[str],
    material_types: list[str],
    loan_types: list[str],
    statistical_codes: list[str],
    damaged_statuses: list[str],
    digitisation_policies: list[str],
    custom_fields: list[str],
) -> list[tuple[str, str]]:
    """Which of these are referred to: (section, key)."""
    told = {
        "locations": locations,
        "material_types": material_types,
        "loan_types": loan_types,
        "statistical_codes": statistical_codes,
        "damaged_statuses": damaged_statuses,
        "digitisation_policies": digitisation_policies,
        "custom_fields": custom_fields,
    }
    if not any(told.values()):
        return []
    rows = await session.execute(_IN_USE, told)
    return [(row.section, row.key) for row in rows]
