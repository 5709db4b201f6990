"""Patrons are registered and changed: the row, its numbers, its names as they are searched, the event."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import cast, func, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import etags, outbox
from chassis.ids import uuid7
from chassis.problems import Invalid, NotFound, Reason, Refused
from circulation.patrons.tables import Patron
from circulation.places.library import Library
from circulation.registration.details import as_kept, with_statistics
from circulation.registration.own import abroad, facts_after, tags_after
from circulation.registration.rules import Span, birthday, filing_name, name_words, wrongs
from contracts.circulation import PatronCreated, PatronUpdated


class IdentifierTaken(Refused):
    """Another patron has this barcode, external id or identifier, or had this card."""

    code, title = "identifier-taken", "Another patron has this barcode, external id or identifier."


NAMES: Final = ("family_name", "given_name", "preferred_name", "sort_name", "name_forms")
NEVER_EMPTY: Final = (
    "group",
    "family_name",
    "active",
    "name_forms",
    "addresses",
    "emails",
    "phones",
    "identifiers",
    "statistics",
    "custom",
    "tags",
)
OWN: Final = ("custom", "tags")
"""What a library has decided upon itself."""
UNIQUE: Final = {
    "patron_barcode": "/barcode",
    "patron_external_id": "/external_id",
    "patron_identifier_once": "/identifiers",
}
"""Unique indexes, and the fields that they keep apart."""

_TAKEN = text("""
SELECT '/barcode' AS at, false AS former FROM patron WHERE barcode = :barcode AND id <> :me
UNION ALL
SELECT '/barcode', true FROM patron_identifier WHERE kind = 'barcode' AND value = :barcode AND patron_id <> :me
UNION ALL
SELECT '/external_id', false FROM patron WHERE external_id = :external_id AND id <> :me
UNION ALL
SELECT '/external_id', true FROM patron_identifier
WHERE kind = 'external-id' AND value = :external_id AND patron_id <> :me
UNION ALL
SELECT '/identifiers/' || (told.place - 1), false
FROM unnest(CAST(:kinds AS text[]), CAST(:values AS text[])) WITH ORDINALITY AS told (kind, value, place)
JOIN patron_identifier i ON i.kind = told.kind AND i.value = told.value AND i.patron_id <> :me
ORDER BY at
""")
_REPLACED = text("""
INSERT INTO patron_identifier (id, patron_id, kind, value, state, since)
VALUES (:id, :me, 'barcode', :value, 'replaced', :now) ON CONFLICT DO NOTHING
""")
_TAKEN_UP_AGAIN = text(
    "DELETE FROM patron_identifier WHERE patron_id = :me AND kind = :kind AND value = :value"
)
_DROP = text("""
DELETE FROM patron_identifier i WHERE patron_id = :me AND state = 'current' AND NOT EXISTS (
    SELECT FROM unnest(CAST(:kinds AS text[]), CAST(:values AS text[])) AS told (kind, value)
    WHERE told.kind = i.kind AND told.value = i.value)
""")
_ADD = text("""
INSERT INTO patron_identifier (id, patron_id, kind, value, state, since)
SELECT :id, :me, CAST(:kind AS text), CAST(:value AS text), 'current', :now
WHERE NOT EXISTS (SELECT FROM patron_identifier WHERE patron_id = :me AND kind = :kind AND value = :value)
""")
_COMES_OF_AGE = text("""
UPDATE patron_guarantee SET ends_on = least(until_on, CAST(:of_age AS date)), version = version + 1
WHERE ward_id = :me AND ended_at IS NULL AND ends_on IS DISTINCT FROM least(until_on, CAST(:of_age AS date))
""")
"""Whoever answers for a patron does so until they come of age."""
_CURRENT = text(
    "SELECT kind, value FROM patron_identifier WHERE patron_id = :me AND state = 'current' ORDER BY kind, value"
)


def own_after(
    library: Library,
    before: Mapping[str, Any],
    told: Mapping[str, Any],
    *,
    whole: bool = False,
    demand: bool = True,
) -> tuple[dict[str, Any], list[Reason]]:
    """The library's own facts and the tags, as far as they are told, and all that is wrong with them."""
    after: dict[str, Any] = {}
    wrong: list[Reason] = []
    registration = library.registration
    if told.get("custom") is not None:
        changes = (dict.fromkeys(before["custom"]) if whole else {}) | told["custom"]
        after["custom"], reasons = facts_after(
            registration.custom_fields, before["custom"], changes, demand=demand
        )
        wrong += reasons
    if told.get("tags") is not None:
        after["tags"], reasons = tags_after(registration.tags, before["tags"], told["tags"])
        wrong += reasons
    return after, wrong


def own_told(
    library: Library, custom: Mapping[str, Any], tags: Sequence[str], changed: Collection[str]
) -> dict[str, Any]:
    """What an event tells of them: of those that changed, what is no fact of the person."""
    registration = library.registration
    facts, borne = abroad(registration.custom_fields, registration.tags, custom, tags)
    told: dict[str, Any] = {"custom": facts, "tags": borne}
    return {name: value for name, value in told.items() if name in changed}


def reasons_of(library: Library, told: Mapping[str, Any], now: datetime) -> list[Reason]:
    """Everything that the configuration has against it."""
    found = wrongs(
        library.registration.allowed(library.groups.keys()),
        today=now.date(),
        group=told.get("group"),
        birth_on=told.get("birth_on"),
        statistics=told.get("statistics"),
        addresses=[Span(each["valid_from"], each["valid_to"]) for each in told.get("addresses") or ()],
        identifiers=[(each["kind"], each["value"]) for each in told.get("identifiers") or ()],
    )
    return [Reason(each.code, each.text, each.pointer, each.mend) for each in found]


async def _taken(tx: AsyncSession, me: UUID, told: Mapping[str, Any]) -> list[Reason]:
    numbers = told.get("identifiers") or ()
    asked = {
        "me": me,
        "barcode": told.get("barcode"),
        "external_id": told.get("external_id"),
        "kinds": [each["kind"] for each in numbers],
        "values": [each["value"] for each in numbers],
    }
    return [_taken_reason(row.at, former=row.former) for row in (await tx.execute(_TAKEN, asked)).unique()]


def _taken_reason(pointer: str, *, former: bool = False) -> Reason:
    text = "This was another patron's once." if former else "This is another patron's."
    return Reason("identifier-taken", text, pointer)


async def register(tx: AsyncSession, library: Library, told: dict[str, Any], *, now: datetime) -> UUID:
    """A new patron; raises with everything that is wrong, and with every number that is another's."""
    patron_id = uuid7()
    told |= {"custom": told.get("custom") or {}, "tags": told.get("tags") or []}
    own, wrong = own_after(library, {"custom": {}, "tags": []}, told)
    await _judge(tx, library, patron_id, told, now, wrong)
    told |= own
    numbers = told.pop("identifiers")
    told["statistics"] = with_statistics({}, told["statistics"])
    patron = Patron(id=patron_id, created_at=now, **as_kept(told))
    _name(patron)
    tx.add(patron)
    await _flushed(tx)
    await _number(tx, patron_id, numbers, now)
    await _still_free(tx, patron_id, told)
    event = PatronCreated(
        version=1,
        occurred_at=now,
        patron_ref=patron_id,
        patron_group=patron.group,
        **own_told(library, patron.custom, patron.tags, [name for name in OWN if told[name]]),
    )
    await outbox.publish(tx, event)
    return patron_id


async def change(
    tx: AsyncSession,
    library: Library,
    patron_id: UUID,
    told: dict[str, Any],
    *,
    expected: int,
    now: datetime,
    whole: bool = False,
) -> list[str]:
    """Change a registration as RFC 7396 says (lists whole, statistics by category); what was changed.

    `whole`: what is told takes the place of all there is.
    """
    patron = await tx.get(Patron, patron_id, with_for_update=True)
    if patron is None:
        raise NotFound("There is no such patron.")
    etags.guard(expected=expected, found=patron.version)
    bare = [name for name in NEVER_EMPTY if name in told and told[name] is None]
    empty = [Reason("value-missing", f"{name} cannot be empty.", f"/{name}") for name in bare]
    borne = {"custom": patron.custom, "tags": patron.tags}
    own, wrong = own_after(library, borne, told, whole=whole)
    await _judge(tx, library, patron_id, told, now, [*empty, *wrong])
    numbers = told.pop("identifiers", None)
    stored = as_kept(told) | own
    if "statistics" in stored:
        stored["statistics"] = with_statistics({} if whole else patron.statistics, told["statistics"])
    before = patron.barcode
    changed = [name for name, value in stored.items() if getattr(patron, name) != value]
    for name in changed:
        setattr(patron, name, stored[name])
    if numbers is not None:
        present = [(row.kind, row.value) for row in await tx.execute(_CURRENT, {"me": patron_id})]
        if sorted(present) != sorted((each["kind"], each["value"]) for each in numbers):
            changed.append("identifiers")
    if not changed:
        return []
    patron.version += 1
    patron.guard += 1
    if not set(changed).isdisjoint(NAMES):
        _name(patron)
    await _flushed(tx)
    if "identifiers" in changed:
        await _number(tx, patron_id, numbers or [], now)
    if "birth_on" in changed:
        until_age = library.registration.guarantors_until_age
        born_on = stored["birth_on"]
        of_age = birthday(born_on, until_age) if born_on is not None and until_age is not None else None
        await tx.execute(_COMES_OF_AGE, {"me": patron_id, "of_age": of_age})
    if "barcode" in changed and before is not None:
        await tx.execute(_REPLACED, {"id": uuid7(), "me": patron_id, "value": before, "now": now})
    for kind, name in (("barcode", "barcode"), ("external-id", "external_id")):
        if name in changed and stored[name] is not None:
            await tx.execute(_TAKEN_UP_AGAIN, {"me": patron_id, "kind": kind, "value": stored[name]})
    await _still_free(tx, patron_id, told)
    event = PatronUpdated(
        version=patron.version,
        occurred_at=now,
        patron_ref=patron_id,
        patron_group=patron.group,
        changed=tuple(changed),
        active=patron.active if "active" in changed else None,
        **own_told(library, patron.custom, patron.tags, changed),
    )
    await outbox.publish(tx, event)
    return changed


async def _judge(
    tx: AsyncSession,
    library: Library,
    me: UUID,
    told: Mapping[str, Any],
    now: datetime,
    reasons: Sequence[Reason] = (),
) -> None:
    wrong = [*reasons, *reasons_of(library, told, now)]
    taken = await _taken(tx, me, told)
    if wrong:
        raise Invalid(reasons=[*wrong, *taken])
    if taken:
        raise IdentifierTaken(reasons=taken)


def _name(patron: Patron) -> None:
    patron.name_key = filing_name(
        family=patron.family_name, given=patron.given_name, sort_name=patron.sort_name
    )
    words = searched_words(
        patron.family_name, patron.given_name, patron.preferred_name, patron.sort_name, patron.name_forms
    )
    patron.name_words = func.array_to_tsvector(cast(words, ARRAY(TEXT)))


def searched_words(
    family: str,
    given: str | None,
    preferred: str | None,
    sort: str | None,
    forms: Sequence[Mapping[str, Any]],
) -> list[str]:
    """Every word of every name."""
    others = [name for form in forms for name in (form["family_name"], form.get("given_name"))]
    return name_words([family, given, preferred, sort, *others])


async def _number(tx: AsyncSession, me: UUID, numbers: Sequence[Mapping[str, str]], now: datetime) -> None:
    kinds, values = [each["kind"] for each in numbers], [each["value"] for each in numbers]
    await tx.execute(_DROP, {"me": me, "kinds": kinds, "values": values})
    try:
        for each in numbers:
            await tx.execute(
                _ADD, {"id": uuid7(), "me": me, "kind": each["kind"], "value": each["value"], "now": now}
            )
    except IntegrityError as error:
        raise _as_taken(error) from error


async def _still_free(tx: AsyncSession, me: UUID, told: Mapping[str, Any]) -> None:
    """Nobody gave up this card between our look and our write: our own write has waited for theirs."""
    if taken := await _taken(tx, me, {name: told.get(name) for name in ("barcode", "external_id")}):
        raise IdentifierTaken(reasons=taken)


async def _flushed(tx: AsyncSession) -> None:
    try:
        await tx.flush()
    except IntegrityError as error:
        raise _as_taken(error) from error


def _as_taken(error: IntegrityError) -> Exception:
    name = getattr(getattr(error.orig, "__cause__", None), "constraint_name", None)
    if name not in UNIQUE:
        return error
    return IdentifierTaken(reasons=[_taken_reason(UNIQUE[name])])
