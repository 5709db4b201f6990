"""Agreements are entered and replaced as a whole, lines are added and changed: each change a version and an event."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from chassis import outbox
from chassis.database import Connection
from chassis.ids import uuid7
from chassis.problems import Invalid, NotFound, Reason, Refused
from contracts.erm import AgreementChanged, AgreementFacts, AgreementLineFacts, AgreementPeriodFacts
from erm.agreements import queries
from erm.agreements.queries import Agreement
from erm.agreements.rules import Days, Flaw, entry_of, period_flaws, status_flaws
from erm.agreements.wire import AgreementIn, CoverageIn, LineIn
from erm.coverage.rules import NotADay, Span, first_day, last_day
from erm.orders.queries import lines_in_sight
from erm.rows import change, insert, insert_many
from erm.units.rules import UNLIMITED, Standing


class AgreementUnknown(NotFound):
    """There is no such agreement."""

    code, title = "agreement-unknown", "There is no such agreement."


class LineUnknown(NotFound):
    """There is no such line."""

    code, title = "agreement-line-unknown", "There is no such line of an agreement."


class AgreementRefused(Refused):
    """The agreement cannot be so; every reason is given."""

    code, title = "agreement-refused", "The agreement cannot be so."


PARTS: Final = ("agreement_period", "agreement_organisation", "agreement_licence", "agreement_relation")
_NAMED: Final = {
    "agreement_organisation_organisation_id_fkey": ("organisation-unknown", "/organisations"),
    "agreement_licence_licence_id_fkey": ("licence-unknown", "/licences"),
    "agreement_relation_other_id_fkey": ("agreement-unknown", "/relations"),
}


async def locked(connection: Connection, agreement_id: UUID) -> Agreement:
    """An agreement under its lock; `AgreementUnknown`."""
    found = await queries.agreement(connection, agreement_id, lock=True)
    if found is None:
        raise AgreementUnknown
    return found


def _reasons(flaws: Sequence[Flaw]) -> list[Reason]:
    return [Reason(flaw.code, flaw.text, flaw.pointer, flaw.mend) for flaw in flaws]


def _judge(body: AgreementIn, before: str | None) -> None:
    """Raise `AgreementRefused` with everything that stands against it."""
    reasons = _reasons(status_flaws(before, body.status, body.close_reason))
    periods = [(Days(one.starts_on, one.ends_on), one.cancel_by) for one in body.periods]
    reasons += _reasons(period_flaws(periods))
    seen: set[Any] = set()
    keyed = [
        *(
            (("organisation", one.organisation_id, one.role), f"/organisations/{at}")
            for at, one in enumerate(body.organisations)
        ),
        *((("licence", one.licence_id), f"/licences/{at}") for at, one in enumerate(body.licences)),
        *(
            (("agreement", one.agreement_id, one.kind), f"/relations/{at}")
            for at, one in enumerate(body.relations)
        ),
    ]
    for key, pointer in keyed:
        if key in seen:
            reasons.append(Reason("named-twice", "It is named twice.", pointer, "Name it once."))
        seen.add(key)
    if sum(one.standing == "controlling" for one in body.licences) > 1:
        text = "More than one licence would govern it."
        reasons.append(Reason("several-governing-licences", text, "/licences", "Let one be controlling."))
    if reasons:
        raise AgreementRefused(reasons=reasons)


async def _write_parts(connection: Connection, agreement_id: UUID, body: AgreementIn) -> None:
    own = {"agreement_id": agreement_id}
    if any(one.agreement_id == agreement_id for one in body.relations):
        text = "An agreement has no relation to itself."
        raise Invalid(
            reasons=[Reason("agreement-related-to-itself", text, "/relations", "Name another one.")]
        )
    try:
        await insert_many(
            connection,
            "agreement_period",
            [own | {"position": at} | one.model_dump() for at, one in enumerate(body.periods)],
        )
        await insert_many(
            connection, "agreement_organisation", [own | one.model_dump() for one in body.organisations]
        )
        await insert_many(connection, "agreement_licence", [own | one.model_dump() for one in body.licences])
        await insert_many(
            connection,
            "agreement_relation",
            [
                own | {"other_id": one.agreement_id, "kind": one.kind, "note": one.note}
                for one in body.relations
            ],
        )
    except asyncpg.ForeignKeyViolationError as error:
        code, pointer = _NAMED.get(error.constraint_name or "", ("not-known", ""))
        raise Invalid(
            reasons=[Reason(code, "It names what is not known here.", pointer, "Name what there is.")]
        ) from error


def _facts(agreement: Agreement) -> AgreementFacts:
    return AgreementFacts(
        agreement_id=agreement.id,
        name=agreement.row["name"],
        status=agreement.row["status"],
        close_reason=agreement.row["close_reason"],
        periods=tuple(
            AgreementPeriodFacts(starts_on=row["starts_on"], ends_on=row["ends_on"])
            for row in agreement.periods
        ),
        licence_ids=tuple(
            row["licence_id"] for row in agreement.licences if row["standing"] == "controlling"
        ),
    )


async def _told(
    connection: Connection,
    agreement_id: UUID,
    what: str,
    now: datetime,
    line: AgreementLineFacts | None = None,
) -> Agreement:
    found = await queries.agreement(connection, agreement_id)
    assert found is not None
    event = AgreementChanged(
        version=found.row["version"],
        occurred_at=now,
        agreement_id=agreement_id,
        what=what,
        agreement=_facts(found),
        line=line,
    )
    await outbox.record(connection, [event])
    return found


def _values(body: AgreementIn) -> dict[str, Any]:
    return body.model_dump(exclude={"periods", "organisations", "licences", "relations"})


async def enter(connection: Connection, body: AgreementIn, *, now: datetime) -> Agreement:
    """A new agreement; `AgreementRefused`, `Invalid`."""
    _judge(body, None)
    agreement_id = uuid7()
    await insert(connection, "agreement", id=agreement_id, created_at=now, **_values(body))
    await _write_parts(connection, agreement_id, body)
    return await _told(connection, agreement_id, "entered", now)


async def replace(
    connection: Connection, agreement: Agreement, body: AgreementIn, *, now: datetime
) -> Agreement:
    """Put another text in the place of a locked agreement's; its lines stay."""
    _judge(body, agreement.row["status"])
    await change(connection, "agreement", agreement.id, **_values(body))
    for table in PARTS:
        await connection.execute(f"DELETE FROM {table} WHERE agreement_id = $1", agreement.id)  # noqa: S608 - our own names
    await _write_parts(connection, agreement.id, body)
    return await _told(connection, agreement.id, "changed", now)


# --- lines ---


def _covered(told: Sequence[CoverageIn]) -> list[dict[str, Any]]:
    """Our own coverage as it is kept; `Invalid` with everything that cannot be."""
    reasons: list[Reason] = []
    kept: list[dict[str, Any]] = []
    spans: list[Span] = []
    for at, one in enumerate(told):
        span = {}
        for name, text, read in (("start_on", one.starts, first_day), ("end_on", one.ends, last_day)):
            where = f"/coverage/{at}/{'starts' if name == 'start_on' else 'ends'}"
            try:
                span[name] = None if text is None else read(text)
            except NotADay:
                reasons.append(Reason("day-wrong", f"{text} is no day.", where, "Give one of the calendar."))
        if len(span) < 2:
            continue
        first, last = span["start_on"], span["end_on"]
        if first is not None and last is not None and last < first:
            reasons.append(
                Reason("ends-before-it-starts", "It ends before it starts.", f"/coverage/{at}/ends")
            )
            continue
        if any(Span(first, last).within(other) is not None for other in spans):
            text = "It has days in common with one before."
            reasons.append(Reason("coverage-overlaps", text, f"/coverage/{at}", "Say it in one."))
        spans.append(Span(first, last))
        kept.append(one.model_dump() | span)
    if reasons:
        raise Invalid(reasons=reasons)
    return [one | {"start_on": _iso(one["start_on"]), "end_on": _iso(one["end_on"])} for one in kept]


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


_RESOURCE: Final = {"package": "package_id", "package-item": "item_id", "platform-title": "platform_title_id"}
_LINE: Final = ("authority", "reference", "description", "active_from", "active_to", "suppressed", "note")


def _line_values(body: LineIn) -> dict[str, Any]:
    named = dict.fromkeys(_RESOURCE.values())
    if body.resource in _RESOURCE:
        named[_RESOURCE[body.resource]] = body.resource_id
    told = {name: getattr(body, name) for name in _LINE}
    return {"resource": body.resource, "coverage": _covered(body.coverage), **named, **told}


def _line_facts(line_id: UUID, body: LineIn) -> AgreementLineFacts:
    return AgreementLineFacts(
        line_id=line_id,
        resource=body.resource,
        **body.model_dump(
            include={"resource_id", "authority", "reference", "active_from", "active_to", "suppressed"}
        ),
    )


async def _entry(
    connection: Connection,
    agreement_id: UUID,
    line_id: UUID,
    what: str,
    body: LineIn,
    actor: str,
    now: datetime,
) -> None:
    await insert(
        connection,
        "entitlement_entry",
        id=uuid7(),
        agreement_id=agreement_id,
        line_id=line_id,
        what=what,
        line=body.model_dump(mode="json"),
        at=now,
        actor=actor,
    )


async def _write_line(
    connection: Connection, line_id: UUID, body: LineIn, write: Any, standing: Standing
) -> None:
    """Write a line and its orders; `Invalid` for what it names and is not there, or not for whoever writes it. Orders
    that they may not see stay as they are."""
    try:
        async with connection.transaction():
            await write
    except asyncpg.ForeignKeyViolationError as error:
        text = f"There is no {body.resource} {body.resource_id}."
        raise Invalid(
            reasons=[Reason("resource-unknown", text, "/resource_id", "Name one that there is.")]
        ) from error
    wanted = list(dict.fromkeys(body.order_line_ids))
    if set(wanted) - await lines_in_sight(connection, wanted, standing):
        text = "There is no such order line."
        raise Invalid(
            reasons=[Reason("order-line-unknown", text, "/order_line_ids", "Name those that there are.")]
        )
    before = [row["order_line_id"] for row in await connection.fetch(_ORDERED, line_id)]
    seen = await lines_in_sight(connection, before, standing)
    await connection.execute(_NOT_ORDERED, line_id, list(seen))
    await insert_many(
        connection, "agreement_line_order", [{"line_id": line_id, "order_line_id": one} for one in wanted]
    )


_ORDERED = "SELECT order_line_id FROM agreement_line_order WHERE line_id = $1"
_NOT_ORDERED = "DELETE FROM agreement_line_order WHERE line_id = $1 AND order_line_id = ANY ($2::uuid[])"


async def _raised(connection: Connection, agreement: Agreement) -> None:
    await change(connection, "agreement", agreement.id)


def _refuse_closed(agreement: Agreement) -> None:
    if agreement.row["status"] == "closed":
        text = "The agreement is closed."
        raise AgreementRefused(
            reasons=[Reason("agreement-closed", text, mend="Reopen it, or enter another one.")]
        )


async def add_line(
    connection: Connection,
    agreement: Agreement,
    body: LineIn,
    *,
    actor: str,
    now: datetime,
    standing: Standing = UNLIMITED,
) -> UUID:
    """A line of a locked agreement; its id. `AgreementRefused` where that is closed, `Invalid`."""
    _refuse_closed(agreement)
    line_id = uuid7()
    values = _line_values(body) | {"id": line_id, "agreement_id": agreement.id, "created_at": now}
    await _write_line(connection, line_id, body, insert(connection, "agreement_line", **values), standing)
    await _entry(connection, agreement.id, line_id, "added", body, actor, now)
    await _raised(connection, agreement)
    await _told(connection, agreement.id, "line-added", now, _line_facts(line_id, body))
    return line_id


async def change_line(
    connection: Connection,
    agreement: Agreement,
    before: Mapping[str, Any],
    body: LineIn,
    *,
    actor: str,
    now: datetime,
    standing: Standing = UNLIMITED,
) -> None:
    """Put another text in the place of a line of a locked agreement. What it is of stays: its history tells of that.

    A line of a closed agreement may be changed, too: that it ended is entered late, as often as not.
    """
    values = _line_values(body)
    moved = [
        name
        for name in ("resource", *_RESOURCE.values(), "authority", "reference")
        if values[name] != before[name]
    ]
    if moved:
        text = "A line stays with what it is of."
        mend = "End it, and add another."
        raise AgreementRefused(reasons=[Reason("line-resource-fixed", text, "/resource", mend)])
    line_id: UUID = before["id"]
    written = change(connection, "agreement_line", line_id, **values)
    await _write_line(connection, line_id, body, written, standing)
    what = entry_of((before["suppressed"], before["active_to"]), (body.suppressed, body.active_to))
    await _entry(connection, agreement.id, line_id, what, body, actor, now)
    await _raised(connection, agreement)
    await _told(connection, agreement.id, "line-changed", now, _line_facts(line_id, body))
