"""Licences are entered and replaced as a whole, each change a version and an event; the vocabulary is looked after."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from chassis import outbox
from chassis.database import Connection
from chassis.ids import uuid7
from chassis.problems import Invalid, NotFound, Reason, Refused
from contracts.erm import LicenceChanged, LicenceFacts, LicenceTermFacts
from erm.licences import queries
from erm.licences.queries import Licence
from erm.licences.rules import BASE, stretches, value_flaw
from erm.licences.wire import AmendmentIn, LicenceIn, LicenceTermIn, TermIn
from erm.rows import change, insert, insert_many


class LicenceUnknown(NotFound):
    """There is no such licence."""

    code, title = "licence-unknown", "There is no such licence."


class TermUnknown(NotFound):
    """The vocabulary has no such term."""

    code, title = "licence-term-unknown", "There is no such term."


class TermInUse(Refused):
    """Licences say something that would not fit any more; they are named."""

    code, title = "licence-term-in-use", "Licences say something of this term that would not fit any more."


def facts(licence: Licence) -> LicenceFacts:
    """As events tell of it: everything that readers and other services go by, for every day."""
    row = licence.row
    return LicenceFacts(
        licence_id=licence.id,
        name=row["name"],
        status=row["status"],
        starts_on=row["starts_on"],
        ends_on=row["ends_on"],
        terms=tuple(
            LicenceTermFacts(
                term=stretch.said.term,
                use=stretch.said.use,
                value=stretch.said.value,
                note=None if stretch.said.internal else stretch.said.public_note,
                amendment=stretch.said.source,
                starts_on=stretch.starts_on,
                ends_on=stretch.ends_on,
            )
            for stretch in stretches(licence.texts)
        ),
    )


async def locked(connection: Connection, licence_id: UUID) -> Licence:
    """A licence under its lock; `LicenceUnknown`."""
    found = await queries.licence(connection, licence_id, lock=True)
    if found is None:
        raise LicenceUnknown
    return found


def _term_rows(
    licence_id: UUID,
    number: int,
    terms: Sequence[TermIn],
    vocabulary: dict[str, dict[str, Any]],
    pointer: str,
    reasons: list[Reason],
) -> list[dict[str, Any]]:
    """Rows of terms; what is wrong with them is added to the reasons."""
    rows: dict[str, dict[str, Any]] = {}
    for at, told in enumerate(terms):
        where = f"{pointer}/terms/{at}"
        term = vocabulary.get(told.term)
        if term is None:
            text = f"There is no term {told.term}."
            reasons.append(
                Reason("licence-term-unknown", text, f"{where}/term", "PUT /v1/licence-terms/CODE first.")
            )
            continue
        if told.term in rows:
            reasons.append(
                Reason("licence-term-repeated", "It is said twice.", f"{where}/term", "Say it once.")
            )
        if told.value is not None and (flaw := value_flaw(term["kind"], term["choices"], told.value)):
            reasons.append(Reason("licence-term-value-wrong", flaw, f"{where}/value"))
        rows[told.term] = {
            "licence_id": licence_id,
            "amendment": number,
            "term": told.term,
            "value": told.value,
            "use_rule": told.use,
            "public_note": told.public_note,
            "internal_note": told.internal_note,
            "internal": told.internal,
        }
    return list(rows.values())


def _amendment_row(licence_id: UUID, number: int, told: AmendmentIn) -> dict[str, Any]:
    values = told.model_dump(exclude={"terms"})
    return {"licence_id": licence_id, "number": number, **values}


async def _write_parts(connection: Connection, licence_id: UUID, body: LicenceIn) -> None:
    texts = (body.terms, *(told.terms for told in body.amendments))
    vocabulary = await queries.kept(connection, [said.term for terms in texts for said in terms])
    reasons: list[Reason] = []
    rows = _term_rows(licence_id, BASE, body.terms, vocabulary, "", reasons)
    for number, told in enumerate(body.amendments, 1):
        pointer = f"/amendments/{number - 1}"
        rows += _term_rows(licence_id, number, told.terms, vocabulary, pointer, reasons)
    if reasons:
        raise Invalid(reasons=reasons)
    await insert_many(
        connection,
        "licence_amendment",
        [_amendment_row(licence_id, number, told) for number, told in enumerate(body.amendments, 1)],
    )
    await insert_many(connection, "licence_term_value", rows)


def _values(body: LicenceIn) -> dict[str, Any]:
    return body.model_dump(exclude={"terms", "amendments"})


def _licensor_unknown() -> Invalid:
    text = "There is no such organisation."
    return Invalid(reasons=[Reason("organisation-unknown", text, "/licensor_id", "Name one that there is.")])


async def _told(connection: Connection, licence_id: UUID, what: str, now: datetime) -> Licence:
    found = await queries.licence(connection, licence_id)
    assert found is not None
    told = facts(found)
    counts = [term.model_dump(mode="json") for term in told.terms]
    await connection.execute("UPDATE licence SET counts = $2 WHERE id = $1", licence_id, counts)
    event = LicenceChanged(
        version=found.row["version"], occurred_at=now, licence_id=licence_id, what=what, licence=told
    )
    await outbox.record(connection, [event])
    return found


async def enter(connection: Connection, body: LicenceIn, *, now: datetime) -> Licence:
    """A new licence; `Invalid` with everything that is wrong with it."""
    licence_id = uuid7()
    try:
        await insert(connection, "licence", id=licence_id, created_at=now, counts=[], **_values(body))
    except asyncpg.ForeignKeyViolationError as error:
        raise _licensor_unknown() from error
    await _write_parts(connection, licence_id, body)
    return await _told(connection, licence_id, "entered", now)


async def replace(connection: Connection, licence: Licence, body: LicenceIn, *, now: datetime) -> Licence:
    """Put another text in the place of a locked licence's, amendments and terms with it."""
    try:
        await change(connection, "licence", licence.id, **_values(body))
    except asyncpg.ForeignKeyViolationError as error:
        raise _licensor_unknown() from error
    await connection.execute("DELETE FROM licence_term_value WHERE licence_id = $1", licence.id)
    await connection.execute("DELETE FROM licence_amendment WHERE licence_id = $1", licence.id)
    await _write_parts(connection, licence.id, body)
    return await _told(connection, licence.id, "changed", now)


def _in_use(rows: Sequence[Any], pointer: str, text: str) -> TermInUse:
    return TermInUse(
        reasons=[
            Reason(
                "licence-term-in-use",
                f"{text} {row['name']} ({row['id']}).",
                pointer,
                "Change it there first.",
            )
            for row in rows
        ]
    )


_TERM_LOCK = "SELECT version, kind FROM licence_term WHERE code = $1 FOR UPDATE"
_TERM_WRITE = """
UPDATE licence_term SET version = version + 1, name = $2, category = $3, kind = $4, choices = $5, weight = $6,
    shown = $7, standard = $8 WHERE code = $1
"""


async def lock_term(connection: Connection, code: str) -> asyncpg.Record | None:
    """A term's kind and version under its lock: whoever enters a licence with it waits (its key is referred to)."""
    return await connection.fetchrow(_TERM_LOCK, code)


async def enter_term(connection: Connection, code: str, body: LicenceTermIn) -> None:
    """A new term of the vocabulary."""
    await insert(connection, "licence_term", code=code, **body.model_dump())


async def change_term(connection: Connection, code: str, before: asyncpg.Record, body: LicenceTermIn) -> None:
    """Change a locked term; its kind stays while licences say something of it, and so do the choices they name."""
    if body.kind != before["kind"]:
        if rows := await queries.saying(connection, code):
            raise _in_use(rows, "/kind", "It is said in")
    elif body.choices and (rows := await queries.choosing_others(connection, code, body.choices)):
        raise _in_use(rows, "/choices", "Another choice is named in")
    await connection.execute(
        _TERM_WRITE,
        code,
        *(
            getattr(body, name)
            for name in ("name", "category", "kind", "choices", "weight", "shown", "standard")
        ),
    )


async def remove_term(connection: Connection, code: str) -> None:
    """Take a locked term out of the vocabulary that no licence says anything of."""
    if rows := await queries.saying(connection, code):
        raise _in_use(rows, "/code", "It is said in")
    await connection.execute("DELETE FROM licence_term WHERE code = $1", code)
