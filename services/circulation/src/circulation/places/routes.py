"""Service points to read; the configuration to export, compare and apply."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import Tx
from chassis.ids import uuid7
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Unauthenticated, problems
from circulation.places.documents import CODED, CalendarDoc, ConfigurationDoc
from circulation.places.library import Library, NotConfigured, Shelf

router = new_router(tag="places")

MayRead = Annotated[Principal, Depends(may("configuration:read"))]
MayWrite = Annotated[Principal, Depends(may("configuration:write"))]


async def shelf_of(request: Request) -> Shelf:
    """The process's own."""
    found: Shelf = request.app.state.resources.own["shelf"]
    return found


TheShelf = Annotated[Shelf, Depends(shelf_of)]


async def current_library(shelf: TheShelf) -> Library:
    """The configuration as it now stands."""
    return await shelf.fresh()


TheLibrary = Annotated[Library, Depends(current_library)]


class ServicePointOut(BaseModel):
    """A desk."""

    id: UUID
    code: str
    name: str
    library: str
    serves: list[str]
    pickup: bool
    calendar: CalendarDoc


class ServicePointsOut(BaseModel):
    """Every desk."""

    items: list[ServicePointOut]


async def _document(session: AsyncSession) -> tuple[int, ConfigurationDoc]:
    row = (
        await session.execute(
            text(
                "SELECT r.version, c.document FROM reference r LEFT JOIN configuration_version c USING (version)"
            )
        )
    ).one()
    return row.version, ConfigurationDoc.model_validate(row.document or {})


@router.get("/v1/service-points", response_model=ServicePointsOut)
async def list_service_points(tx: Tx) -> ServicePointsOut:
    """Every desk with its opening hours."""
    _, doc = await _document(tx)
    ids = {row.code: row.id for row in await tx.execute(text("SELECT id, code FROM service_point"))}
    return ServicePointsOut(
        items=[
            ServicePointOut(
                id=ids[point.code],
                code=point.code,
                name=point.name,
                library=point.library,
                serves=point.serves or [point.library],
                pickup=point.pickup,
                calendar=point.calendar,
            )
            for point in doc.service_points
        ]
    )


@router.get("/v1/patron-groups", responses=problems(Unauthenticated, Forbidden))
async def list_patron_groups(
    tx: Tx, staff: Annotated[Principal, Depends(may("patrons:read"))]
) -> dict[str, list[dict[str, Any]]]:
    """Every patron group and its limits."""
    _, doc = await _document(tx)
    return {"items": [group.model_dump() for group in doc.patron_groups]}


@router.get(
    "/v1/configuration/circulation",
    response_model=ConfigurationDoc,
    responses=problems(Unauthenticated, Forbidden),
)
async def export_configuration(tx: Tx, _: MayRead, response: Response) -> ConfigurationDoc:
    """The whole configuration as one document."""
    version, doc = await _document(tx)
    etags.tag(response, version)
    return doc


class SectionDiff(BaseModel):
    """What would change in one section, by code (rules: by line)."""

    added: list[str]
    changed: list[str]
    removed: list[str]


class AppliedOut(BaseModel):
    """What was, or with `dry_run` would be, changed."""

    version: int
    applied: bool
    sections: dict[str, SectionDiff]


def difference(old: ConfigurationDoc, new: ConfigurationDoc) -> dict[str, SectionDiff]:
    """Section by section, what differs."""
    told = {}
    for section in (*CODED, "rules"):
        before, after = _keyed(getattr(old, section)), _keyed(getattr(new, section))
        diff = SectionDiff(
            added=sorted(after.keys() - before.keys()),
            changed=sorted(code for code in after.keys() & before.keys() if after[code] != before[code]),
            removed=sorted(before.keys() - after.keys()),
        )
        if diff.added or diff.changed or diff.removed:
            told[section] = diff
    if old.claim_resolution != new.claim_resolution:
        told["claim_resolution"] = SectionDiff(added=[], changed=[new.claim_resolution], removed=[])
    if old.currency != new.currency:
        told["currency"] = SectionDiff(added=[], changed=[new.currency], removed=[])
    return told


def _keyed(entries: list[Any]) -> dict[str, Any]:
    return {getattr(entry, "code", None) or f"line {line}": entry for line, entry in enumerate(entries, 1)}


@router.put(
    "/v1/configuration/circulation",
    response_model=AppliedOut,
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def apply_configuration(
    tx: Tx,
    by: MayWrite,
    body: ConfigurationDoc,
    now: Now,
    dry_run: Annotated[bool, Query(description="Only tell what would change")] = False,
) -> AppliedOut:
    """Put the configuration in place as a whole, or not at all: every flaw is told at once."""
    await tx.execute(text("SELECT version FROM reference FOR UPDATE"))
    version, old = await _document(tx)
    reasons = [Reason(flaw.code, flaw.text, flaw.pointer) for flaw in body.flaws()]
    reasons += await _in_use(tx, old, body)
    if reasons:
        raise Invalid("The configuration is not sound; nothing was changed.", reasons=reasons)
    sections = difference(old, body)
    if dry_run or not sections:
        return AppliedOut(version=version, applied=False, sections=sections)
    await _apply(tx, body, by, now, version + 1)
    return AppliedOut(version=version + 1, applied=True, sections=sections)


async def _apply(tx: AsyncSession, doc: ConfigurationDoc, by: Principal, now: Any, version: int) -> None:
    for point in doc.service_points:
        await tx.execute(
            text(
                "INSERT INTO service_point (id, code) VALUES (:id, :code) "
                "ON CONFLICT (code) DO UPDATE SET active = true"
            ),
            {"id": uuid7(), "code": point.code},
        )
    await tx.execute(
        text("UPDATE service_point SET active = false WHERE NOT (code = ANY (:codes))"),
        {"codes": [point.code for point in doc.service_points]},
    )
    await tx.execute(
        text(
            "INSERT INTO configuration_version (version, document, applied_at, applied_by) "
            "VALUES (:version, CAST(:document AS jsonb), :at, :by)"
        ),
        {"version": version, "document": doc.model_dump_json(), "at": now, "by": str(by.actor)},
    )
    await tx.execute(text("UPDATE reference SET version = :version"), {"version": version})


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
""")


async def _in_use(tx: AsyncSession, old: ConfigurationDoc, new: ConfigurationDoc) -> list[Reason]:
    """What would be removed while something still refers to it."""

    def gone(section: str) -> list[str]:
        return sorted({e.code for e in getattr(old, section)} - {e.code for e in getattr(new, section)})

    removed = {
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


class ConsideredOut(BaseModel):
    """A rule, and what became of it."""

    line: int
    won: bool
    matched: bool
    why: str
    loan: str
    fine: str
    hold: str
    lost: str | None = None


class ExplainedOut(BaseModel):
    """The facts, and every rule considered, the winner first."""

    rules_version: int
    facts: dict[str, str | None]
    rules: list[ConsideredOut]


@router.get(
    "/v1/rules:explain",
    response_model=ExplainedOut,
    responses=problems(Unauthenticated, Forbidden, NotFound, NotConfigured),
)
async def explain_rules(
    tx: Tx,
    library: TheLibrary,
    _: Annotated[Principal, Depends(may("configuration:read", "loans:read"))],
    item_id: UUID,
    patron_id: UUID | None = None,
    patron_group: Annotated[str | None, Query(max_length=60)] = None,
) -> ExplainedOut:
    """Which rule applies to this item for this patron or group, and why every other one does not."""
    item = (
        await tx.execute(
            text(
                "SELECT location, library, campus, institution, material_type, loan_type FROM item WHERE id = :id"
            ),
            {"id": item_id},
        )
    ).first()
    if item is None:
        raise NotFound("There is no such item.")
    if patron_id is not None:
        patron_group = await tx.scalar(
            text("SELECT group_code FROM patron WHERE id = :id"), {"id": patron_id}
        )
        if patron_group is None:
            raise NotFound("There is no such patron.")
    facts = {"patron_group": patron_group, **item._mapping}
    return ExplainedOut(rules_version=library.version, facts=facts, rules=told(library, facts))


def told(library: Library, facts: dict[str, str | None]) -> list[ConsideredOut]:
    """Every rule considered, on the wire."""
    return [
        ConsideredOut(
            line=each.rule.line,
            won=each.won,
            matched=each.matched,
            why=each.why,
            loan=each.rule.loan,
            fine=each.rule.fine,
            hold=each.rule.hold,
            lost=each.rule.lost,
        )
        for each in library.rules.explain(facts)
    ]
