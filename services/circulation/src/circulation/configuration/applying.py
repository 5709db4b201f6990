"""How a configuration comes into force, by whichever door: checked, written as the next version, told of.

Whoever applies one holds the row of `reference` from the first look to the end, so that versions follow one
another without gaps and each is compared with the one it replaces.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import outbox
from chassis.ids import uuid7
from chassis.problems import Reason, ReasonOut
from circulation.configuration.merging import entries
from circulation.places.documents import ConfigurationDoc
from circulation.policies.rules import Flaw
from contracts.circulation import CalendarChanged, RulesActivated

_CURRENT = "SELECT r.version, c.document FROM reference r LEFT JOIN configuration_version c USING (version)"
_LOCK = text("SELECT FROM reference FOR UPDATE")


class SectionDiff(BaseModel):
    """What would change in one section, by code (rules: by line)."""

    added: list[str]
    changed: list[str]
    removed: list[str]


@dataclass(frozen=True, slots=True)
class Occasion:
    """Why a version comes into force."""

    by: str
    how: str
    """applied, scheduled, rolled-back or closing."""
    comment: str | None = None


async def current(session: AsyncSession, *, lock: bool = False) -> tuple[int, ConfigurationDoc]:
    """The configuration in force, locked against any other coming into force meanwhile."""
    if lock:
        await session.execute(_LOCK)
    row = (await session.execute(text(_CURRENT))).one()
    return row.version, ConfigurationDoc.model_validate(row.document or {})


def difference(old: ConfigurationDoc, new: ConfigurationDoc) -> dict[str, SectionDiff]:
    """Section by section, what differs."""
    told = {}
    before, after = entries(old), entries(new)
    for section in before:
        was, becomes = before[section], after[section]
        diff = SectionDiff(
            added=sorted(becomes.keys() - was.keys()),
            changed=sorted(code for code in becomes.keys() & was.keys() if becomes[code] != was[code]),
            removed=sorted(was.keys() - becomes.keys()),
        )
        if diff.added or diff.changed or diff.removed:
            told[section] = diff
    return told


def as_reasons(flaws: Iterable[Flaw]) -> list[Reason]:
    """Flaws as an answer tells them."""
    return [Reason(flaw.code, flaw.text, flaw.pointer) for flaw in flaws]


def as_warnings(doc: ConfigurationDoc) -> list[ReasonOut]:
    """What is sound, yet probably not meant."""
    return [ReasonOut(code=flaw.code, text=flaw.text, pointer=flaw.pointer) for flaw in doc.warnings()]


async def objections(session: AsyncSession, old: ConfigurationDoc, new: ConfigurationDoc) -> list[Reason]:
    """Everything against a new configuration: its flaws, and what would go though it is in use."""
    return as_reasons(new.flaws()) + await _in_use(session, old, new)


async def put_in_place(
    session: AsyncSession,
    old: ConfigurationDoc,
    new: ConfigurationDoc,
    occasion: Occasion,
    *,
    version: int,
    now: datetime,
) -> None:
    """Make this the version in force, and tell of it. The caller holds the lock and has found no objection."""
    for point in new.service_points:
        await session.execute(
            text(
                "INSERT INTO service_point (id, code) VALUES (:id, :code) "
                "ON CONFLICT (code) DO UPDATE SET active = true"
            ),
            {"id": uuid7(), "code": point.code},
        )
    await session.execute(
        text("UPDATE service_point SET active = false WHERE NOT (code = ANY (:codes))"),
        {"codes": [point.code for point in new.service_points]},
    )
    await session.execute(
        text(
            "INSERT INTO configuration_version (version, document, applied_at, applied_by, how, comment) "
            "VALUES (:version, CAST(:document AS jsonb), :at, :by, :how, :comment)"
        ),
        {
            "version": version,
            "document": new.model_dump_json(),
            "at": now,
            "by": occasion.by,
            "how": occasion.how,
            "comment": occasion.comment,
        },
    )
    await session.execute(text("UPDATE reference SET version = :version"), {"version": version})
    await outbox.publish(
        session,
        RulesActivated(
            version=version,
            occurred_at=now,
            rules_version=version,
            how=occasion.how,
            sections=tuple(difference(old, new)),
        ),
        *await _calendars_changed(session, old, new, now=now),
    )


_RAISE_CALENDAR = text(
    "UPDATE service_point SET calendar_version = calendar_version + 1 WHERE code = :code "
    "RETURNING id, calendar_version"
)


async def _calendars_changed(
    session: AsyncSession, old: ConfigurationDoc, new: ConfigurationDoc, *, now: datetime
) -> list[CalendarChanged]:
    before = {point.code: point.calendar for point in old.service_points}
    told = []
    for point in sorted(new.service_points, key=lambda point: point.code):
        if before.get(point.code) != point.calendar:
            row = (await session.execute(_RAISE_CALENDAR, {"code": point.code})).one()
            told.append(
                CalendarChanged(
                    version=row.calendar_version,
                    occurred_at=now,
                    service_point_id=row.id,
                    code=point.code,
                    zone=point.calendar.zone,
                )
            )
    return told


_IN_USE = text("""
SELECT 'patron_groups' AS section, g AS code FROM unnest(CAST(:groups AS text[])) AS g
WHERE EXISTS (SELECT FROM patron WHERE group_code = g)
UNION ALL
SELECT 'service_points', p.code FROM service_point p
WHERE p.code = ANY (:points) AND (
    EXISTS (SELECT FROM hold h WHERE h.pickup_id = p.id AND h.state IN ('waiting', 'in-transit', 'ready'))
    OR EXISTS (SELECT FROM item i WHERE i.transit_to = p.id AND i.state <> 'available'))
UNION ALL
SELECT 'loan_policies', l AS code FROM unnest(CAST(:loans AS text[])) AS l
WHERE EXISTS (SELECT FROM loan WHERE policy = l AND returned_at IS NULL)
UNION ALL
SELECT 'hold_policies', h AS code FROM unnest(CAST(:holds AS text[])) AS h
WHERE EXISTS (SELECT FROM hold WHERE policy = h AND position IS NOT NULL)
UNION ALL
SELECT 'currency', c AS code FROM unnest(CAST(:currencies AS text[])) AS c
WHERE EXISTS (SELECT FROM fee WHERE state = 'open' AND currency = c)
UNION ALL
SELECT 'lost_policies', l AS code FROM unnest(CAST(:lost AS text[])) AS l
WHERE EXISTS (SELECT FROM loan WHERE lost_policy = l AND returned_at IS NULL)
UNION ALL
SELECT 'fine_policies', f AS code FROM unnest(CAST(:fines AS text[])) AS f
WHERE EXISTS (SELECT FROM loan WHERE fine_policy = f AND returned_at IS NULL)
UNION ALL
SELECT 'registration/custom_fields', f AS code FROM unnest(CAST(:own AS text[])) AS f
WHERE EXISTS (SELECT FROM patron WHERE custom <> '{}' AND custom ? f)
UNION ALL
SELECT 'registration/tags', t AS code FROM unnest(CAST(:tags AS text[])) AS t
WHERE EXISTS (SELECT FROM patron WHERE tags <> '{}' AND tags @> ARRAY[t])
""")


async def _in_use(tx: AsyncSession, old: ConfigurationDoc, new: ConfigurationDoc) -> list[Reason]:
    """What would be removed while something still refers to it."""

    def gone(section: str) -> list[str]:
        return sorted({e.code for e in getattr(old, section)} - {e.code for e in getattr(new, section)})

    registered, registers = old.registration, new.registration
    kinds = {each.code: each.kind for each in registers.custom_fields}
    removed = {
        "own": [each.code for each in registered.custom_fields if kinds.get(each.code) != each.kind],
        "tags": sorted({each.code for each in registered.tags} - {each.code for each in registers.tags}),
        "groups": gone("patron_groups"),
        "lost": gone("lost_policies"),
        "points": gone("service_points"),
        "loans": gone("loan_policies"),
        "fines": gone("fine_policies"),
        "holds": gone("hold_policies"),
        "currencies": [] if old.currency == new.currency else [old.currency],
    }
    if not any(removed.values()):
        return []
    return [
        Reason(
            "still-in-use",
            f"{row.code!r} is still in use.",
            f"/{row.section}",
            "Keep it until nothing uses it.",
        )
        for row in await tx.execute(_IN_USE, removed)
    ]
