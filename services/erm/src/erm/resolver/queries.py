"""Everything that decides about a citation, in one statement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

import asyncpg

from chassis.database import Connection
from erm.agreements.queries import days_of
from erm.agreements.rules import Days, Line, standing
from erm.coverage.rules import Span, Statement
from erm.packages.queries import statement
from erm.platforms.access import Method, Way
from erm.resolver.rules import Candidate, Refusal, Right
from erm.rights.rules import RightStatus

_WAYS: Final = """
WITH known AS MATERIALIZED (
    SELECT DISTINCT t.work_id FROM unnest($1::text[], $2::text[]) AS asked (namespace, value)
    JOIN title_identifier n ON n.namespace = asked.namespace AND n.value = asked.value
    JOIN title_instance t ON t.id = n.title_id
), ways AS (
    SELECT t.id AS title_id, t.name AS title, t.kind, f.id AS platform_id, f.name AS platform,
        f.link_templates AS templates, f.proxied, f.proxy_prefix,
        f.access_methods, f.simultaneous_users, pt.id AS platform_title_id, i.id AS item_id,
        p.id AS package_id, p.name AS package, coalesce(i.url, pt.url) AS url, i.listed ->> 'title_id' AS title_key,
        i.access_start_on, i.access_end_on, NULL::uuid AS right_id
    FROM known k
    JOIN title_instance t ON t.work_id = k.work_id AND t.merged_into IS NULL
    JOIN platform_title pt ON pt.title_id = t.id
    JOIN platform f ON f.id = pt.platform_id AND f.state = 'active'
    LEFT JOIN (package_item i JOIN package p ON p.id = i.package_id AND p.state = 'current')
        ON i.platform_title_id = pt.id
    ORDER BY i.id, pt.id LIMIT 500  -- in more packages than that no title is
), stays AS (
    SELECT t.id AS title_id, t.name AS title, t.kind, f.id AS platform_id, f.name AS platform,
        f.link_templates AS templates, f.proxied, f.proxy_prefix,
        f.access_methods, f.simultaneous_users, NULL::uuid AS platform_title_id,
        NULL::uuid AS item_id, NULL::uuid AS package_id, NULL AS package, coalesce(pt.url, was.url) AS url,
        was.title_key, NULL::date AS access_start_on, NULL::date AS access_end_on, r.id AS right_id
    FROM known k
    JOIN title_instance t ON t.work_id = k.work_id AND t.merged_into IS NULL
    JOIN perpetual_right r ON r.title_id = t.id AND r.status <> 'lost'
    JOIN platform f ON f.id = r.platform_id AND f.state = 'active'
    LEFT JOIN platform_title pt ON pt.title_id = t.id AND pt.platform_id = f.id
    LEFT JOIN LATERAL (SELECT i.url, i.listed ->> 'title_id' AS title_key FROM package_item i
        WHERE i.platform_title_id = pt.id ORDER BY i.removed_at DESC NULLS FIRST, i.id LIMIT 1) was ON true
    ORDER BY r.id LIMIT 100
)
SELECT w.*,
    (SELECT jsonb_build_object('right_id', r.id, 'status', r.status, 'start_on', r.start_on, 'end_on', r.end_on,
            'start_volume', r.start_volume, 'end_volume', r.end_volume,
            'start_issue', NULL, 'end_issue', NULL, 'agreement_id', a.id, 'agreement', a.name,
            'licence_id', e.id, 'licence', e.name, 'terms', coalesce(e.counts, '[]'))
        FROM perpetual_right r LEFT JOIN agreement a ON a.id = r.agreement_id
        LEFT JOIN agreement_licence g ON g.agreement_id = a.id AND g.standing = 'controlling'
        LEFT JOIN licence e ON e.id = g.licence_id WHERE r.id = w.right_id) AS perpetual,
    (SELECT coalesce(jsonb_agg(to_jsonb(c) ORDER BY c.ordinal), '[]') FROM coverage_statement c
        WHERE c.item_id = w.item_id) AS statements,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('line_id', l.id, 'agreement_id', a.id, 'agreement', a.name,
            'status', a.status, 'active_from', l.active_from, 'active_to', l.active_to, 'suppressed', l.suppressed,
            'coverage', l.coverage, 'licence_id', e.id, 'licence', e.name, 'terms', coalesce(e.counts, '[]'),
            'periods', (SELECT coalesce(jsonb_agg(jsonb_build_array(d.starts_on, d.ends_on)), '[]')
                FROM agreement_period d WHERE d.agreement_id = a.id)) ORDER BY l.id), '[]')
        FROM agreement_line l JOIN agreement a ON a.id = l.agreement_id
        LEFT JOIN agreement_licence g ON g.agreement_id = a.id AND g.standing = 'controlling'
        LEFT JOIN licence e ON e.id = g.licence_id
        WHERE l.package_id = w.package_id OR l.item_id = w.item_id OR l.platform_title_id = w.platform_title_id
    ) AS lines
FROM (SELECT * FROM ways UNION ALL SELECT * FROM stays) w
"""
_KNOWN: Final = """
SELECT EXISTS (SELECT FROM unnest($1::text[], $2::text[]) AS asked (namespace, value)
    JOIN title_identifier n ON n.namespace = asked.namespace AND n.value = asked.value)
"""
_SHOWN: Final = "SELECT code, name FROM licence_term WHERE shown ORDER BY weight, code LIMIT 500"


@dataclass(frozen=True, slots=True)
class Found:
    """What the knowledge base has to say."""

    candidates: tuple[Candidate, ...]
    known: bool
    """It has heard of the title, be it anywhere or nowhere."""


def _day(told: str | None) -> date | None:
    return None if told is None else date.fromisoformat(told)


def _own(told: Mapping[str, Any]) -> Statement:
    return Statement(
        Span(_day(told["start_on"]), _day(told["end_on"])),
        start_volume=told["start_volume"],
        start_issue=told["start_issue"],
        end_volume=told["end_volume"],
        end_issue=told["end_issue"],
    )


def _right(told: Mapping[str, Any], today: date) -> Right:
    line = Line(
        told["status"],
        days_of(told["periods"]),
        Days(_day(told["active_from"]), _day(told["active_to"])),
        told["suppressed"],
    )
    return Right(
        UUID(told["line_id"]),
        UUID(told["agreement_id"]),
        told["agreement"],
        tuple(standing(line, today)),
        tuple(_own(each) for each in told["coverage"]),
        _id(told["licence_id"]),
        told["licence"],
        tuple(told["terms"]),
    )


def _perpetual(told: Mapping[str, Any]) -> Right:
    return Right(
        None,
        _id(told["agreement_id"]),
        told["agreement"],
        () if told["status"] == RightStatus.CONFIRMED else (Refusal.NOT_CONFIRMED,),
        (_own(told),),
        _id(told["licence_id"]),
        told["licence"],
        tuple(told["terms"]),
        UUID(told["right_id"]),
    )


def _id(told: str | None) -> UUID | None:
    return UUID(told) if told else None


def _candidate(row: Mapping[str, Any], today: date) -> Candidate:
    same = ("title_id", "title", "kind", "platform_id", "platform", "proxied", "proxy_prefix", "item_id")
    access = (Way(Method(each["method"]), each.get("sign_in_url")) for each in row["access_methods"])
    return Candidate(
        **{name: row[name] for name in (*same, "package_id", "package", "url", "title_key")},
        access=tuple(access),
        simultaneous_users=row["simultaneous_users"],
        templates=tuple(row["templates"]),
        listed=Span(row["access_start_on"], row["access_end_on"]),
        statements=tuple(statement(each) for each in row["statements"]),
        rights=(
            tuple(_right(each, today) for each in row["lines"])
            if row["perpetual"] is None
            else (_perpetual(row["perpetual"]),)
        ),
    )


async def ways(
    connection: Connection | asyncpg.Pool, identifiers: Sequence[tuple[str, str]], today: date
) -> Found:
    """Where titles with any of these identifiers (namespace, value) lie, and what agreements say of them today.

    Siblings in the other medium are found by each other's numbers.
    """
    if not identifiers:
        return Found((), known=False)
    told = ([name for name, _ in identifiers], [value for _, value in identifiers])
    rows = await connection.fetch(_WAYS, *told)
    known = bool(rows) or await connection.fetchval(_KNOWN, *told)
    return Found(tuple(_candidate(dict(row), today) for row in rows), known=known)


async def shown_terms(connection: Connection | asyncpg.Pool) -> dict[str, str]:
    """The terms that readers see beside a link, by code."""
    return {row["code"]: row["name"] for row in await connection.fetch(_SHOWN)}
